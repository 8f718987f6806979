#include <gtest/gtest.h>

#include <limits>

#include "runtime/comm/hello.h"

namespace sedma::runtime {
namespace {

Hello hello(const std::string& host, std::vector<std::string> isas = {"AVX2", "SSE2"}) {
  Hello hello;
  hello.version = "1.2.3 (abc)";
  hello.facts.host = host;
  hello.isas = std::move(isas);
  hello.dead_after_seconds = 5;
  return hello;
}

TEST(Hello, EverythingIsReadAsItWasWritten) {
  Hello mine = hello("n7");
  mine.status = Status(Code::unavailable, "no board \"x\"\n");
  RankFacts& facts = mine.facts;
  facts.uri = "emulator:TaOx-HfOx?arrays=3";
  facts.content = ~std::uint64_t{5};
  facts.isa = "AVX2";
  hal::Capabilities& board = facts.capabilities;
  board.board_id = "b1";
  board.material = "TaOx-HfOx";
  board.cell = hal::Cell::one_t_n_r;
  board.unselected = hal::Unselected::third;
  board.arrays = 64;
  board.rows = 256;
  board.cols = 128;
  board.levels = 100;
  board.g_min_siemens = 1e-6 / 3;
  board.g_max_siemens = 1e-4;
  board.cell_volts = {0.1, 3, 0.01};
  board.read_volts = {-std::numeric_limits<double>::infinity(), 0.2, 0};
  board.dac_bits = 8;
  board.adc_bits = 255;
  board.features = 0xffffffff;
  facts.mask.board_id = "b1";
  facts.mask.word_lines = {{1, 2}, {3, 4}};
  facts.mask.bit_lines = {{5, 6}};
  facts.mask.cells = {{7, 8, 9}};

  const auto read = read_hello(write_hello(mine));
  ASSERT_TRUE(read.ok()) << read.status().to_string();
  EXPECT_EQ(read->status.to_string(), mine.status.to_string());
  EXPECT_EQ(read->version, mine.version);
  EXPECT_EQ(read->isas, mine.isas);
  EXPECT_EQ(read->facts.host, "n7");
  EXPECT_EQ(read->facts.uri, facts.uri);
  EXPECT_EQ(read->facts.content, facts.content);
  const hal::Capabilities& other = read->facts.capabilities;
  EXPECT_EQ(other.board_id, "b1");
  EXPECT_EQ(other.cell, board.cell);
  EXPECT_EQ(other.unselected, board.unselected);
  EXPECT_EQ(other.g_min_siemens, board.g_min_siemens) << "to the last bit";
  EXPECT_EQ(other.read_volts.min, board.read_volts.min);
  EXPECT_TRUE(other.gate_volts.empty());
  EXPECT_EQ(other.cols, 128u);
  EXPECT_EQ(other.adc_bits, 255);
  EXPECT_EQ(other.features, board.features);
  EXPECT_EQ(read->facts.mask.word_lines, facts.mask.word_lines);
  EXPECT_EQ(read->facts.mask.bit_lines, facts.mask.bit_lines);
  EXPECT_EQ(read->facts.mask.cells, facts.mask.cells);
  EXPECT_EQ(write_hello(*read), write_hello(mine));
}

TEST(Hello, DamagedFactsAreRefused) {
  const std::string good = write_hello(hello("n1"));
  for (std::size_t size = 0; size < good.size(); ++size) EXPECT_EQ(read_hello(good.substr(0, size)).status().code(), Code::data_corrupt);
}

TEST(Hello, FirstRankThatCannotTakePartSpeaksForAll) {
  std::vector<Hello> ranks = {hello("a"), hello("b"), hello("c")};
  EXPECT_TRUE(check_hellos(ranks).ok());
  ranks[2].status = Status(Code::unavailable, "no board");
  EXPECT_EQ(check_hellos(ranks).to_string(), "unavailable: rank 2 on host c: no board");
  ranks[1].status = Status(Code::data_corrupt, "bad file");
  EXPECT_EQ(check_hellos(ranks).to_string(), "data_corrupt: rank 1 on host b: bad file");
}

TEST(Hello, DifferentVersionsAndDeadlinesAreRefused) {
  std::vector<Hello> ranks = {hello("a"), hello("b")};
  ranks[1].version = "1.2.4 (abc)";
  EXPECT_EQ(check_hellos(ranks).code(), Code::unsupported);
  ranks[1] = hello("b");
  ranks[1].dead_after_seconds = 4;
  EXPECT_EQ(check_hellos(ranks).code(), Code::invalid_argument);
}

TEST(Hello, BestInstructionSetOfAllIsUsed) {
  EXPECT_EQ(common_isa({hello("a", {"AVX3", "AVX2", "SSE2"}), hello("b", {"AVX2", "SSE2"})}).value(), "AVX2");
  EXPECT_EQ(common_isa({hello("a", {"SSE2"}), hello("b", {"AVX2", "SSE2"})}).value(), "SSE2");
  const Status none = common_isa({hello("a", {"NEON"}), hello("b", {"AVX2", "SSE2"})}).status();
  EXPECT_EQ(none.to_string(),
            "unsupported: the ranks have no instruction set in common (rank 0 on host a: NEON; rank 1 on host b: AVX2, SSE2)");
}

}  // namespace
}  // namespace sedma::runtime

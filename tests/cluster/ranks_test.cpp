// One matrix on the boards of several ranks: the same bits as on one, the costs that were foretold, and one end for all.

#include <unistd.h>

#include <array>

#include "calibration/hdf5.h"
#include "runtime/matrix_file.h"
#include "tests/cluster/cluster_program.h"

namespace sedma::test {
namespace {

std::string host_name() {
  std::array<char, 256> text{};
  return ::gethostname(text.data(), text.size() - 1) == 0 ? text.data() : "";
}

Arguments plus(Arguments all, const Arguments& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

class SameBits : public RanksOfOneHost {
 protected:
  // 1 rank without mpirun gives the digest that all others must have; threads change as ranks do.
  void expect_same(const std::string& matrix, const std::string& board, const Arguments& how,
                   const std::vector<unsigned>& ranks = {1, 2, 3, 4, 7}) const {
    const Arguments arguments = plus({"multiply", "--matrix", matrix, "--device", board, "--no-reference", "--json", "-"}, how);
    const json alone = run_json(arguments, {{"OMP_NUM_THREADS", "2"}});
    ASSERT_TRUE(alone.contains("y_digest"));
    for (const unsigned count : ranks) {
      const json r = run_ranks(count, arguments, {{"OMP_NUM_THREADS", count % 2 == 0 ? "2" : "1"}});
      ASSERT_TRUE(r.is_object());
      ASSERT_EQ(r.at("y_digest"), alone.at("y_digest")) << count << " ranks";
      ASSERT_EQ(r.at("ranks").size(), count);
      EXPECT_TRUE(r.at("losses").empty()) << r.at("losses");
      std::uint64_t tiles = 0;
      for (const json& rank : r.at("ranks")) tiles += rank.at("tiles").get<std::uint64_t>();
      EXPECT_EQ(tiles, r.at("plan").at("tiles").get<std::uint64_t>()) << count << " ranks";
    }
  }
};

TEST_F(SameBits, OfADenseMatrix) {
  expect_same(put_matrix("dense.mtx", 150, 170, 1), "emulator:TaOx-HfOx?rows=32&cols=32&read_noise=0.01", {"--batch", "3"});
}

TEST_F(SameBits, OfADenseMatrixWithSlices) {
  expect_same(put_matrix("dense.mtx", 150, 170, 1), "emulator:EpiRAM?rows=64&cols=64", {"--slices", "2", "--batch", "2"});
}

TEST_F(SameBits, OfASparseMatrixInOffsetEncoding) {
  expect_same(put_matrix("sparse.mtx", 300, 280, 0.02), "emulator:TaOx-HfOx?rows=32&cols=32", {"--encoding", "offset", "--batch", "2"});
}

TEST_F(SameBits, OfProductsOneAfterAnother) {
  expect_same(put_matrix("sparse.mtx", 150, 170, 0.1), "emulator:TaOx-HfOx?rows=32&cols=32&read_noise=0.01",
              {"--batch", "7", "--each", "2"}, {1, 2, 3});
}

// Four arrays of one rank do not hold it; 28 of seven ranks need fewer turns.
TEST_F(SameBits, InTurns) {
  expect_same(put_matrix("sparse.mtx", 150, 170, 0.1), "emulator:TaOx-HfOx?rows=32&cols=32&arrays=4", {"--slices", "1", "--batch", "2"});
}

TEST_F(SameBits, WithLineResistance) {
  expect_same(put_matrix("dense.mtx", 70, 60, 1), "emulator:AlOx-HfO2?rows=32&cols=32&wires=exact", {"--slices", "1"}, {1, 2, 3, 7});
}

TEST_F(SameBits, OfClusteredRows) {
  expect_same("gallery:fem9?n=24", "emulator:TaOx-HfOx?rows=64&cols=64", {"--passes", "21", "--partition", "clustered", "--sharing", "1"});
}
TEST_F(SameBits, OfTheStaticLayout) {
  expect_same("gallery:laplace5?n=12", "emulator:TaOx-HfOx?rows=64&cols=64", {"--passes", "21", "--partition", "static"});
}
TEST_F(SameBits, OfAGallery) { expect_same("gallery:fem9?n=24", "emulator:TaOx-HfOx?rows=64&cols=64", {"--passes", "21"}); }

// More values than are held: every rank reads its own part of the file.
TEST_F(SameBits, OfAFileThatIsStreamed) {
  constexpr std::uint64_t side = 2900;
  static_assert(side * side > runtime::ReadLimits{}.held_values);
  std::vector<float> values(side * side);
  std::uint32_t state = 1;
  for (float& value : values) value = static_cast<float>(state = state * 1664525u + 1013904223u) * 0x1p-31f - 1.0f;
  auto writer = calibration::hdf5::Writer::create(directory_ / "a.h5", false);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->write<float>("/m", std::span<const float>(values), {side, side}).ok());
  ASSERT_TRUE(writer->commit().ok());
  expect_same(directory_ / "a.h5", "emulator:EpiRAM", {"--encoding", "offset", "--passes", "4"}, {1, 2, 3});
}

class Ranks : public RanksOfOneHost {};

TEST_F(Ranks, BoardsMayDiffer) {
  const std::string matrix = put_matrix("dense.mtx", 150, 170, 1);
  const Arguments common = {"multiply", "--matrix", matrix, "--batch", "8", "--json", "-"};
  const json alike = run_ranks(3, plus(common, {"--device", "emulator:TaOx-HfOx?rows=64&cols=64"}));
  const json mixed =
      run_ranks(3, plus(common, {"--device", "emulator:TaOx-HfOx?rows=64&cols=64&arrays=8", "--device",
                                 "emulator:TaOx-HfOx?rows=48&cols=96&arrays=16", "--device", "emulator:EpiRAM?rows=64&cols=64&arrays=16"}));
  ASSERT_TRUE(alike.is_object() && mixed.is_object());
  const double error = alike.at("error").at("relative_l2");
  EXPECT_GT(error, 0);
  EXPECT_LT(mixed.at("error").at("relative_l2").get<double>(), 2 * error);
  for (const json& rank : mixed.at("ranks")) EXPECT_GT(rank.at("tiles").get<int>(), 0) << mixed.at("ranks");
}

TEST_F(Ranks, ADryRunSaysWhatARunDoes) {
  for (const Arguments& how : {Arguments{"--batch", "4"}, Arguments{"--batch", "5", "--each", "2", "--slices", "1"}}) {
    const Arguments arguments = plus(
        {"multiply", "--matrix", put_matrix("sparse.mtx", 300, 280, 0.05), "--device", "emulator:TaOx-HfOx?rows=32&cols=32", "--json", "-"},
        how);
    const json dry = run_ranks(3, plus(arguments, {"--dry-run"})), real = run_ranks(3, arguments);
    ASSERT_TRUE(dry.is_object() && real.is_object());
    ASSERT_EQ(dry.at("ranks").size(), 3u);
    ASSERT_EQ(real.at("ranks").size(), 3u);
    std::uint64_t writes = 0, products = 0;
    for (std::size_t rank = 0; rank < 3; ++rank) {
      const json &foretold = dry.at("ranks")[rank], &done = real.at("ranks")[rank];
      for (const char* key : {"rank", "tiles", "messages_sent", "messages_received", "bytes_sent", "bytes_received"})
        EXPECT_EQ(foretold.at(key), done.at(key)) << key << " of rank " << rank;
      writes += foretold.at("programs").get<std::uint64_t>() + foretold.at("reads").get<std::uint64_t>();
      products += foretold.at("products").get<std::uint64_t>();
    }
    EXPECT_EQ(writes, real.at("programming").at("commands").get<std::uint64_t>());
    EXPECT_EQ(products, real.at("multiply").at("commands").get<std::uint64_t>());
    EXPECT_GE(dry.at("cost").at("worst_case").at("pulses").get<double>(), real.at("programming").at("pulses").get<double>());
    EXPECT_NEAR(dry.at("cost").at("expected").at("pulses").get<double>(), real.at("programming").at("pulses").get<double>(),
                0.2 * real.at("programming").at("pulses").get<double>());
  }
}

TEST_F(Ranks, OnlyTheFirstPrintsAndWrites) {
  Process job = start(
      3, {"multiply", "--matrix", put_matrix("small.mtx", 40, 30, 1), "--device", "emulator:TaOx-HfOx", "--output", directory_ / "y.npy"});
  const Ran ran = job.wait(60);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.out.find("xxh3-128"), ran.out.rfind("xxh3-128")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "xxh3-128")) << ran.out;
  EXPECT_EQ(directory_.names().size(), 2u) << "the matrix and y";
}

class RefusedByOneRank : public RanksOfOneHost {
 protected:
  // All ranks end within 5 s, one line says why, and nothing is left.
  void expect_end(const Arguments& arguments, const std::string& reason) const {
    const std::size_t files = directory_.names().size();
    Process job = start(4, arguments);
    ASSERT_TRUE(job.says("sedma:", 30)) << job.out();
    const auto said = std::chrono::steady_clock::now();
    const Ran ran = job.wait(30);
    EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - said).count(), 5) << ran.err;
    EXPECT_TRUE(ran.exit_code == 1 || ran.exit_code == 2) << ran.exit_code;
    EXPECT_TRUE(ran.out.empty()) << ran.out;
    const std::size_t first = ran.err.find(reason);
    EXPECT_NE(first, std::string::npos) << ran.err;
    EXPECT_EQ(ran.err.find("sedma:"), ran.err.rfind("sedma:")) << "said more than once:\n" << ran.err;
    EXPECT_TRUE(wait_until(2, [&] { return job.pids().empty(); })) << "somebody is left running";
    EXPECT_EQ(directory_.names().size(), files) << "a partial file was left behind";
  }
};

TEST_F(RefusedByOneRank, ABoardThatDoesNotExist) {
  const std::string good = "emulator:TaOx-HfOx";
  const json hosts = {{host_name(), {good, good, "emulator:NoSuchMaterial", good}}};
  expect_end({"multiply", "--matrix", put_matrix("small.mtx", 40, 30, 1), "--hosts", directory_.put("hosts.json", hosts.dump()), "--json",
              directory_ / "run.json"},
             "NoSuchMaterial");
}

TEST_F(RefusedByOneRank, AMatrixThatIsNotThere) {
  expect_end({"multiply", "--matrix", directory_ / "absent.mtx", "--device", "emulator:TaOx-HfOx", "--json", directory_ / "run.json"},
             "absent.mtx");
}

TEST_F(RefusedByOneRank, AsManyBoardsAsRanksOrOne) {
  expect_end({"multiply", "--matrix", put_matrix("small.mtx", 40, 30, 1), "--device", "emulator:EpiRAM", "--device", "emulator:EpiRAM",
              "--output", directory_ / "y.npy"},
             "2 devices for 4 ranks");
}

}  // namespace
}  // namespace sedma::test

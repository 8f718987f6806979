// sedma memory, and files of patterns. Seconds: 4.
#include <gtest/gtest.h>

#include "calibration/hdf5.h"
#include "cli/memory_file.h"
#include "tests/cli/program.h"
#include "tests/runtime/pattern_testing.h"

namespace sedma::test {
namespace {

using calibration::hdf5::Writer;
using runtime::EpisodicMemory;
using runtime::Pattern;

class MemoryCommand : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    store_ = directory_ / "memory.sqlite";
  }
  void fill(std::uint64_t count) const {
    auto memory = EpisodicMemory::open(store_).value();
    for (std::uint64_t number = 0; number < count; ++number) memory->remember(pattern_number(number));
    ASSERT_TRUE(memory->flush().ok());
  }
  Ran memory(Arguments arguments) const {
    arguments.insert(arguments.begin(), "memory");
    return run(arguments, {{"SEDMA_MEMORY", store_}});
  }
  std::string store_;
};

TEST_F(MemoryCommand, ExportsAndImportsBitForBit) {
  fill(40);
  const std::string file = directory_ / "learnt.h5", other = directory_ / "other.sqlite";
  ASSERT_EQ(memory({"export", file}).exit_code, 0);
  const Ran imported = memory({"import", file, "--memory", other});
  ASSERT_EQ(imported.exit_code, 0) << imported.err;
  EXPECT_TRUE(contains(imported.out, "40 patterns")) << imported.out;
  const auto copy = EpisodicMemory::open(other).value();
  ASSERT_EQ(copy->stats().patterns, 40u);
  for (std::uint64_t number = 0; number < 40; ++number)
    EXPECT_TRUE(same(*copy->find(key_of(pattern_number(number))), pattern_number(number)));
}

TEST_F(MemoryCommand, ListsShowsForgetsAndCounts) {
  fill(12);
  const Pattern pattern = pattern_number(5);
  const std::string key = key_of(pattern).hex();
  const Ran listed = memory({"list"});
  EXPECT_TRUE(contains(listed.out, key.substr(0, 12))) << listed.out << listed.err;
  const json all = json::parse(memory({"list", "--json", "--material", pattern.context.material}).out);
  EXPECT_GT(all.size(), 0u);
  EXPECT_LT(all.size(), 12u);
  for (const json& each : all) EXPECT_EQ(each["material"], pattern.context.material);
  const json shown = json::parse(memory({"show", key.substr(0, 10), "--json"}).out);
  EXPECT_EQ(shown["found_vector_joules"], pattern.found.vector_joules);
  EXPECT_TRUE(contains(memory({"show", key}).out, "programming_seconds"));
  EXPECT_EQ(memory({"show", "zz"}).exit_code, 2);
  EXPECT_EQ(memory({"forget"}).exit_code, 2);
  EXPECT_EQ(memory({"forget", "--all"}).exit_code, 2);
  EXPECT_EQ(json::parse(memory({"stats", "--json"}).out)["patterns"], 12);
  EXPECT_EQ(memory({"forget", key}).exit_code, 0);
  EXPECT_EQ(json::parse(memory({"stats", "--json"}).out)["patterns"], 11);
  EXPECT_EQ(memory({"forget", "--all", "--yes"}).exit_code, 0);
  EXPECT_EQ(json::parse(memory({"stats", "--json"}).out)["patterns"], 0);
  EXPECT_TRUE(contains(memory({"--help"}).out, "Examples:"));
  EXPECT_TRUE(contains(memory({"import", "--help"}).out, "Examples:"));
}

TEST_F(MemoryCommand, CsvQuotesWhatItMust) {
  fill(3);
  const std::string file = directory_ / "learnt.csv";
  ASSERT_EQ(memory({"export", file}).exit_code, 0);
  const std::string text = testing::bytes_of(file);
  EXPECT_EQ(text.rfind("pattern_key,material,", 0), 0u);
  EXPECT_TRUE(contains(text, ",found_vector_joules,"));
  EXPECT_TRUE(contains(text, "\"material \"\"")) << text;
  EXPECT_EQ(memory({"export", directory_ / "learnt.txt"}).exit_code, 2);
}

TEST_F(MemoryCommand, WhereThereIsNoMemoryItSaysSoAndMakesNone) {
  for (const char* verb : {"list", "stats"}) {
    const Ran ran = memory({verb});
    EXPECT_EQ(ran.exit_code, 1);
    EXPECT_TRUE(contains(ran.err, store_)) << ran.err;
  }
  EXPECT_TRUE(directory_.names().empty());
}

// Any change of a file is found before anything of it is used.
TEST_F(MemoryCommand, NoDamagedFileIsImported) {
  std::vector<Pattern> patterns;
  for (std::uint64_t number = 0; number < 5; ++number) patterns.push_back(pattern_number(number));
  const std::string file = directory_ / "learnt.h5";
  ASSERT_TRUE(cli::write_patterns_hdf5(file, patterns).ok());
  ASSERT_TRUE(cli::read_patterns_hdf5(file).ok());
  const std::string whole = testing::bytes_of(file);
  for (std::uint64_t trial = 0; trial < 300; ++trial) {
    std::string damaged = whole;
    const std::uint32_t at = trial % 4 == 0 ? pick(trial, 1, 60) : 512 + pick(trial, 1, static_cast<std::uint32_t>(whole.size()) - 512);
    if (trial % 3 == 0)
      damaged.resize(at);
    else
      damaged[at] ^= static_cast<char>(1u << pick(trial, 2, 8));
    directory_.put("damaged.h5", damaged);
    const auto read = cli::read_patterns_hdf5(directory_ / "damaged.h5");
    EXPECT_FALSE(read.ok()) << trial << " at " << at;
  }
  fill(2);
  EXPECT_EQ(memory({"import", directory_ / "damaged.h5"}).exit_code, 1);
  EXPECT_EQ(json::parse(memory({"stats", "--json"}).out)["patterns"], 2);
}

// Files with an intact seal whose content is wrong: nothing of them is taken.
TEST_F(MemoryCommand, AWrongPatternKeepsAllOut) {
  fill(2);
  const auto& fields = runtime::pattern_fields();
  for (std::size_t spoilt = 0; spoilt < fields.size(); ++spoilt) {
    const std::string file = directory_ / "spoilt.h5";
    Writer writer = Writer::create(file, true).value();
    for (std::size_t k = 0; k < fields.size(); ++k) {
      const std::string name = "/patterns/" + fields[k].name;
      if (k == spoilt && spoilt % 3 == 0) continue;  // absent
      const std::uint64_t rows = k == spoilt && spoilt % 3 == 1 ? 3 : 2;
      if (fields[k].type == runtime::FieldType::text) {
        const std::uint8_t letter = k == spoilt ? 7 : '0';
        const std::vector<std::uint8_t> bytes(rows * 16, letter);
        ASSERT_TRUE(writer.write<std::uint8_t>(name, bytes, {rows, 16}).ok());
      } else {
        const std::vector<double> values(rows, k == spoilt ? -1e308 : 0.5);
        ASSERT_TRUE(writer.write<double>(name, values, {rows}).ok());
      }
    }
    ASSERT_TRUE(writer.number_attribute("/", "sedma_patterns", 1).ok());
    ASSERT_TRUE(writer.commit().ok());
    const auto read = cli::read_patterns_hdf5(file);
    ASSERT_FALSE(read.ok()) << fields[spoilt].name;
    EXPECT_TRUE(contains(read.status().message(), file)) << read.status().message();
  }
  EXPECT_EQ(memory({"import", directory_ / "spoilt.h5"}).exit_code, 1);
  EXPECT_EQ(json::parse(memory({"stats", "--json"}).out)["patterns"], 2);
}

}  // namespace
}  // namespace sedma::test

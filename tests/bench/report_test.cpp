// The report: its form in JSON and Markdown, and the program that writes it.

#include "bench/report.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>
#include <vector>

#include "bench/measure.h"
#include "tests/cli/program.h"

namespace sedma::bench {
namespace {

using test::contains;
using test::json;

Report small_report() {
  Report report;
  report.machine = this_machine();
  report.effort = "quick";
  Row row;
  row.name = "noisy_product";
  row.rows = row.cols = 128;
  row.batch = 64;
  row.threads = 2;
  row.wires = "exact";
  row.noise = "level";
  row.path = "integer";
  row.isa = "AVX2";
  row.seconds = 3e-6;
  row.reference = 2e-6;
  row.scaling = Scaling{1.5, 1.6, 1.7};
  report.rows.push_back(row);
  Row loop;
  loop.name = "fma_loop";
  loop.seconds = 1e-3;
  report.rows.push_back(loop);
  return report;
}

TEST(Report, RatioIsSecondsOverReference) {
  const Report report = small_report();
  EXPECT_DOUBLE_EQ(report.rows[0].ratio().value(), 1.5);
  EXPECT_FALSE(report.rows[1].ratio().has_value());
  const json rows = to_json(report)["rows"];
  EXPECT_DOUBLE_EQ(rows[0]["ratio"], 1.5);
  EXPECT_TRUE(rows[1]["ratio"].is_null() && rows[1]["reference"].is_null() && rows[1]["wires"].is_null());
}

TEST(Report, MarkdownHasOneTableANameAndTheScalings) {
  Report report = small_report();
  report.machine.load_at_start = 0.1;
  const std::string text = to_markdown(report);
  for (const char* part : {"## noisy_product", "## fma_loop", "## Threads against one", "| 1.5 |", "the series"})
    EXPECT_TRUE(contains(text, part)) << part;
  EXPECT_FALSE(contains(text, "was not idle"));
  report.machine.load_at_start = 3;
  EXPECT_TRUE(contains(to_markdown(report), "was not idle (load 3.00"));
}

TEST(Report, MemoryLevelsFollowTheCaches) {
  Machine machine;
  EXPECT_EQ(level_of(machine, 1000), "");
  machine.caches = {{1, 1000}, {2, 100000}};
  EXPECT_EQ(level_of(machine, 1000), "L1");
  EXPECT_EQ(level_of(machine, 1001), "L2");
  EXPECT_EQ(level_of(machine, 100001), "memory");
}

class BenchReport : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("SEDMA_BENCH_REPORT");
    if (path == nullptr) GTEST_SKIP() << "SEDMA_BENCH_REPORT does not name the program `bench_report`";
    program_ = path;
  }
  test::Ran run(const test::Arguments& arguments) const { return test::Child(program_, arguments, {}).wait(); }
  std::string program_;
  testing::TemporaryDirectory directory_;
};

void check_row(const json& row) {
  for (const char* key : {"name", "rows", "cols", "batch", "threads", "wires", "noise", "path", "isa", "seconds", "reference", "ratio"})
    ASSERT_TRUE(row.contains(key)) << key << " " << row;
  const std::string name = row["name"];
  const auto& names = row_names();
  EXPECT_TRUE(std::find(names.begin(), names.end(), name) != names.end()) << name;
  EXPECT_GT(row["seconds"].get<double>(), 0) << row;
  EXPECT_GE(row["spread"].get<double>(), 1) << row;
  const bool compared = name == "noisy_product" || name == "sgemv" || name == "sgemm";
  EXPECT_EQ(row["reference"].is_number(), compared) << row;
  if (compared) {
    EXPECT_NEAR(row["ratio"].get<double>() * row["reference"].get<double>(), row["seconds"].get<double>(), 1e-12) << row;
  }
  if (name != "noisy_product") return;
  EXPECT_TRUE(row["wires"] == "none" || row["wires"] == "exact") << row;
  EXPECT_TRUE(row["noise"] == "level" || row["noise"] == "constant") << row;
  EXPECT_TRUE(row["path"] == "float" || row["path"] == "integer") << row;
  for (const char* key : {"scaling", "fma_scaling", "read_scaling"}) EXPECT_EQ(row[key].is_number(), row["threads"] > 1) << row;
}

TEST_F(BenchReport, SmokeWritesEveryName) {
  const std::string json_path = directory_ / "bench.json", markdown_path = directory_ / "bench.md";
  const test::Ran ran = run({"--smoke", "--threads", "1,2", "--json", json_path, "--markdown", markdown_path});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const json report = json::parse(testing::bytes_of(json_path));
  EXPECT_EQ(report["format"], "sedma-bench-1");
  EXPECT_EQ(report["effort"], "smoke");
  EXPECT_FALSE(report["commit"].get<std::string>().empty());
  for (const char* key :
       {"cpu", "cores", "caches", "kernel", "compiler", "isa", "openblas", "openblas_core", "environment", "load_at_start"})
    EXPECT_TRUE(report["machine"].contains(key)) << key;
  std::set<std::string> found;
  for (const json& row : report["rows"]) {
    check_row(row);
    found.insert(row["name"]);
  }
  for (const std::string& name : row_names()) EXPECT_EQ(found.count(name), 1u) << name;
  const std::string markdown = testing::bytes_of(markdown_path);
  for (const std::string& name : found) EXPECT_TRUE(contains(markdown, "## " + name)) << name;
  EXPECT_EQ(ran.out, "");
}

TEST_F(BenchReport, ExitCodesTellUsageFromFailure) {
  EXPECT_EQ(run({"--smoke", "--filter", "nothing"}).exit_code, 2);
  EXPECT_EQ(run({"--threads", "0"}).exit_code, 2);
  EXPECT_EQ(run({"--no-such-option"}).exit_code, 2);
  EXPECT_EQ(run({"--help"}).exit_code, 0);
  const test::Ran ran = run({"--smoke", "--json", directory_ / "absent/bench.json"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(contains(ran.err, "absent")) << ran.err;
}

TEST_F(BenchReport, NothingButARegularFileIsReplaced) {
  const std::string fifo = directory_ / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  for (const char* option : {"--json", "--markdown"}) {
    const test::Ran ran = run({"--smoke", "--filter", "fma_loop", option, fifo});
    EXPECT_EQ(ran.exit_code, 1) << option;
    EXPECT_TRUE(contains(ran.err, "not a regular file")) << ran.err;
    EXPECT_TRUE(std::filesystem::is_fifo(fifo)) << option;
  }
  EXPECT_EQ(directory_.names(), std::vector<std::string>{"fifo"});
}

TEST_F(BenchReport, TheTablesGoToStdoutAndAFilterLeavesRestOut) {
  const test::Ran ran = run({"--smoke", "--filter", "fma_loop,sgemv", "--threads", "1"});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(contains(ran.out, "## fma_loop") && contains(ran.out, "## sgemv")) << ran.out;
  EXPECT_FALSE(contains(ran.out, "## noisy_product") || contains(ran.out, "## sgemm")) << ran.out;
}

}  // namespace
}  // namespace sedma::bench

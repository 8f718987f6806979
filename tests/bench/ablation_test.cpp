// The oracle, the rows and the intervals of an ablation.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "bench/ablation_boards.h"
#include "bench/ablation_cache.h"
#include "bench/ablation_policies.h"
#include "bench/ablation_report.h"
#include "bench/ablation_statistics.h"
#include "kernels/random.h"
#include "runtime/gallery.h"
#include "tests/cli/program.h"

namespace sedma::bench {
namespace {

using test::contains;
using test::json;

TEST(AblationStatistics, QuantilesAreNearestRanks) {
  const std::vector<double> values = {5, 1, 4, 2, 3};
  EXPECT_EQ(quantile(values, 0.5), 3);
  EXPECT_EQ(quantile(values, 0.2), 1);
  EXPECT_EQ(quantile(values, 0.95), 5);
  EXPECT_EQ(quantile(values, 1), 5);
}

// The interval of a mean holds the true mean in about 95 % of samples; the percentile bootstrap of 40 values holds it a little less often.
TEST(AblationStatistics, IntervalsHoldTheTruthAsOftenAsTheySay) {
  const auto mean = [](const std::vector<double>& values) {
    double sum = 0;
    for (const double v : values) sum += v;
    return sum / static_cast<double>(values.size());
  };
  int held = 0;
  constexpr int samples = 300;
  for (int s = 0; s < samples; ++s) {
    std::vector<double> values;
    for (std::uint32_t i = 0; i < 40; ++i)
      values.push_back(kernels::uniform(kernels::philox({5}, kernels::Use::test, i, static_cast<std::uint64_t>(s))[0]));
    const Interval interval = bootstrap(values, mean, static_cast<std::uint64_t>(s));
    EXPECT_LE(interval.low, interval.value);
    EXPECT_LE(interval.value, interval.high);
    held += interval.low <= 0.5 && 0.5 <= interval.high ? 1 : 0;
  }
  EXPECT_NEAR(static_cast<double>(held) / samples, 0.94, 0.045);
  EXPECT_EQ(bootstrap({2, 2, 2}, mean).high, 2);
}

/// A small matrix on a small board, and a handful of choices.
struct Tiny {
  hal::Registry registry = cli::make_registry();
  TrueBoard board = TrueBoard::make(registry, "EpiRAM", "arrays=8&rows=32&cols=32", "c2c_scale=0.5", 3).value();
  std::unique_ptr<runtime::MatrixSource> matrix = runtime::open_gallery("gallery:iperturb?n=12").value();
  std::size_t batch = 24, programmings = 2;
  std::vector<double> x = runtime::random_inputs(7, batch, 12), reference = std::vector<double>(batch * 12);
  runtime::Candidates candidates;
  Tiny() {
    EXPECT_TRUE(matrix->multiply(x, reference, batch).ok());
    for (const std::uint32_t passes : {5u, 50u}) {
      for (const std::uint32_t tile : {8u, 16u}) {
        runtime::TunedChoice writing;
        writing.choice.passes = passes;
        writing.choice.tile_rows = writing.choice.tile_cols = tile;
        candidates.writings.push_back(writing);
      }
    }
    candidates.conversions = {{1, 1}, {0.5, 1}};
    candidates.lambdas = {false};
  }
  OracleCase work(double loosest) const {
    return {*matrix, [this](std::uint64_t draw) { return board.open(draw); }, x, reference, batch, programmings, loosest};
  }
};

constexpr auto unwatched = [](std::size_t, std::size_t) { return true; };

runtime::Goal goal_of(double target, std::uint64_t horizon) {
  runtime::Goal goal;
  goal.target_error = target;
  goal.horizon_vectors = horizon;
  return goal;
}

// Brute force: every choice in a session of its own, programmed for it alone.
TEST(AblationOracle, FindsWhatBruteForceFinds) {
  const Tiny tiny;
  const OracleTable table = try_all(tiny.work(INFINITY), tiny.candidates, unwatched).value();
  EXPECT_EQ(table.writings, 4u);
  EXPECT_EQ(table.choices, 8u);
  ASSERT_EQ(table.trials.size(), 8u);
  for (const Trial& trial : table.trials) {
    std::vector<double> errors;
    double writing = 0, multiplying = 0;  // joules
    for (std::uint64_t draw = 0; draw < tiny.programmings; ++draw) {
      const auto device = tiny.board.open(draw).value();
      runtime::SessionOptions options;
      options.choice = trial.choice.choice;
      runtime::Session session = runtime::Session::open(*device, *tiny.matrix, options).value();
      ASSERT_TRUE(session.set_conversion(trial.choice.choice.conversion).ok());
      const auto product = session.multiply(tiny.x, tiny.batch).value();
      for (const double error : vector_errors(product.y, tiny.reference, tiny.batch)) errors.push_back(error);
      writing += session.programming().joules.total();
      multiplying += session.multiplying().joules.total();
    }
    EXPECT_EQ(trial.found.vectors, errors.size());
    EXPECT_NEAR(trial.found.error_p95, quantile(errors, 0.95), 1e-9);
    EXPECT_NEAR(trial.found.programming_joules * static_cast<double>(tiny.programmings) / writing, 1, 1e-9);
    EXPECT_NEAR(trial.found.vector_joules * static_cast<double>(errors.size()) / multiplying, 1, 1e-6);
  }
  for (const std::uint64_t horizon : {1u, 1000000u}) {
    const Trial* best = best_of(table, goal_of(0.2, horizon), tiny.board.capabilities());
    for (const Trial& trial : table.trials) {
      if (trial.found.error_p95 > 0.2) continue;
      ASSERT_NE(best, nullptr);
      EXPECT_LE(runtime::objective_value(goal_of(0.2, horizon), best->found, tiny.board.capabilities()),
                runtime::objective_value(goal_of(0.2, horizon), trial.found, tiny.board.capabilities()));
    }
  }
  EXPECT_EQ(best_of(table, goal_of(1e-9, 1), tiny.board.capabilities()), nullptr);
}

// Two draws of a board are two boards: the same choice comes out differently, and the same draw comes out the same.
TEST(AblationBoards, EveryDrawHasItsOwnNoise) {
  const Tiny tiny;
  const auto product_on = [&](std::uint64_t draw) {
    const auto device = tiny.board.open(draw).value();
    return runtime::Session::open(*device, *tiny.matrix, {})->multiply(tiny.x, tiny.batch)->y;
  };
  const std::vector<double> first = product_on(0);
  EXPECT_EQ(first, product_on(0));
  EXPECT_NE(first, product_on(1));
}

TEST(AblationOracle, ChoicesThatMeetNoTargetAreLeftOutAndNoOthers) {
  const Tiny tiny;
  const OracleTable all = try_all(tiny.work(INFINITY), tiny.candidates, unwatched).value();
  std::vector<double> errors;
  for (const Trial& trial : all.trials) errors.push_back(trial.found.error_p95);
  const double loosest = quantile(errors, 0.5);
  const OracleTable some = try_all(tiny.work(loosest), tiny.candidates, unwatched).value();
  const auto meet = std::count_if(errors.begin(), errors.end(), [loosest](double e) { return e <= loosest; });
  EXPECT_EQ(some.trials.size(), static_cast<std::size_t>(meet));
  EXPECT_EQ(some.choices, all.choices);
}

TEST(AblationOracle, TilesLargerThanTheMatrixAreOneChoice) {
  Tiny tiny;
  for (runtime::TunedChoice& writing : tiny.candidates.writings) writing.choice.tile_rows = writing.choice.tile_rows == 8 ? 12 : 16;
  for (runtime::TunedChoice& writing : tiny.candidates.writings) writing.choice.tile_cols = writing.choice.tile_rows;
  EXPECT_EQ(try_all(tiny.work(INFINITY), tiny.candidates, unwatched)->writings, 2u);
}

TEST(AblationOracle, ACachedTableIsTheTable) {
  const Tiny tiny;
  const testing::TemporaryDirectory directory;
  const OracleCache cache(directory / "oracle.jsonl");
  const std::string key = oracle_key(tiny.work(INFINITY), tiny.board.uri(), tiny.candidates);
  EXPECT_FALSE(cache.find(key, tiny.candidates)->has_value());
  OracleTable table = try_all(tiny.work(INFINITY), tiny.candidates, unwatched).value();
  ASSERT_TRUE(cache.add(key, table, tiny.candidates).ok());
  const auto found = cache.find(key, tiny.candidates).value();
  ASSERT_TRUE(found.has_value());
  ASSERT_EQ(found->trials.size(), table.trials.size());
  for (std::size_t k = 0; k < table.trials.size(); ++k) {
    EXPECT_TRUE(found->trials[k].choice == table.trials[k].choice);
    EXPECT_EQ(found->trials[k].found.error_p95, table.trials[k].found.error_p95);
  }
  EXPECT_TRUE(still_true(*found, tiny.work(INFINITY), tiny.candidates).value());
  for (Trial& trial : table.trials) trial.found.programming_joules *= 1.01;
  EXPECT_FALSE(still_true(table, tiny.work(INFINITY), tiny.candidates).value());
  EXPECT_NE(key, oracle_key(tiny.work(0.1), tiny.board.uri(), tiny.candidates));
}

TEST(AblationPolicies, AdaptedIsFromTheRunOnThatAllAreGood) {
  RunRecord good, dear, wrong;
  good.objective = 1.04;
  good.met_share = dear.met_share = 0.95;
  dear.objective = 1.06;
  wrong.objective = 1;
  wrong.met_share = 0.94;
  EXPECT_EQ(runs_to_adapt({good, good}, 1), 1u);
  EXPECT_EQ(runs_to_adapt({wrong, good, good}, 1), 2u);
  EXPECT_EQ(runs_to_adapt({good, dear, good}, 1), 3u);
  EXPECT_EQ(runs_to_adapt({good, wrong}, 1), 3u);
}

class BenchAblation : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("SEDMA_BENCH_ABLATION");
    if (path == nullptr) GTEST_SKIP() << "SEDMA_BENCH_ABLATION does not name the program `bench_ablation`";
    program_ = path;
  }
  test::Ran run(const test::Arguments& arguments) const { return test::Child(program_, arguments, {}).wait(); }
  std::string program_;
  testing::TemporaryDirectory directory_;
};

// Every case is a row or left out, and rows agree with themselves.
TEST_F(BenchAblation, RowsAddUp) {
  const std::string path = directory_ / "rows.json";
  const test::Ran ran = run({"--matrix",
                             "gallery:iperturb?n=12",
                             "gallery:iperturb?n=9",
                             "--materials",
                             "TaOx-HfOx",
                             "--seeds",
                             "1",
                             "--runs",
                             "2",
                             "--target-error",
                             "1e-1,1e-9",
                             "--batch",
                             "16",
                             "--each",
                             "8",
                             "--judged",
                             "20",
                             "--device-options",
                             "arrays=4&rows=32&cols=32",
                             "--json",
                             path});
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  const json report = json::parse(testing::bytes_of(path));
  EXPECT_EQ(report["format"], "sedma-ablation-1");
  EXPECT_EQ(report["left_out"].size(), 2u) << "nothing meets 1e-9";
  ASSERT_EQ(report["rows"].size(), 2u * 6u);
  for (const json& row : report["rows"]) {
    EXPECT_NEAR(row["regret"].get<double>(), row["objective"].get<double>() / row["oracle_objective"].get<double>() - 1, 1e-9) << row;
    EXPECT_GE(row["runs_to_adapt"].get<int>(), 1);
    EXPECT_LE(row["runs_to_adapt"].get<int>(), 3);
    EXPECT_EQ(row["runs"].size(), row["policy"] == "oracle" ? 0u : 2u);
    for (const json& each : row["runs"])
      EXPECT_NEAR(each["met_share"].get<double>(), 1 - each["off_target"].get<double>() / 16, 1e-9) << each;
  }
  EXPECT_TRUE(contains(ran.out, "regret") && contains(ran.out, "bootstrap")) << ran.out;
}

TEST_F(BenchAblation, WrongUsageIsNamed) {
  EXPECT_EQ(run({"--matrix", "gallery:iperturb?n=9", "--policies", "best"}).exit_code, 2);
  EXPECT_EQ(run({"--seeds", "1"}).exit_code, 2);
  const test::Ran ran = run({"--matrix", "gallery:iperturb?n=9", "--materials", "Unobtainium", "--seeds", "1"});
  EXPECT_EQ(ran.exit_code, 2) << ran.err;
  EXPECT_TRUE(contains(ran.err, "Unobtainium")) << ran.err;
}

}  // namespace
}  // namespace sedma::bench

// What a tuner decides in made-up worlds where the truth is known. Together about 5 s.
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/runtime/tuner_world.h"

namespace sedma::runtime {
namespace {

using testing::LawPrior;
using testing::Numbers;
using testing::RunResult;
using testing::World;

Goal target(double error, std::uint64_t horizon) {
  Goal goal;
  goal.target_error = error;
  goal.horizon_vectors = horizon;
  return goal;
}

double quantile(std::vector<double> values, double p) {
  std::sort(values.begin(), values.end());
  return values[std::min(values.size() - 1, static_cast<std::size_t>(p * static_cast<double>(values.size())))];
}

TEST(Tuner, ComesNearTheOracleWithinTenRunsAndMeetsTheTarget) {
  std::vector<double> regrets, met;
  const double errors[] = {3e-2, 1e-2, 5e-3, 3e-3};
  for (std::uint64_t number = 0; number < 60; ++number) {
    const World world(100 + number, 1000 + number, 0.35);
    const Goal goal = target(errors[number % 4], 1024);
    const std::optional<double> best = testing::oracle(world, goal);
    if (!best) continue;
    LawPrior prior(Numbers{}, world.matrix, world.board);
    Tuner tuner(prior, nullptr, world.board, Mask{}, Policy{});
    RunResult result;
    for (std::uint64_t run = 0; run < 10; ++run) result = testing::run_on(world, tuner, goal, run, 64);
    regrets.push_back(result.value / *best - 1);
    met.push_back(1 - static_cast<double>(result.off_target) / static_cast<double>(result.vectors));
  }
  ASSERT_GE(regrets.size(), 30u);
  double share = 0;
  for (const double m : met) share += m / static_cast<double>(met.size());
  EXPECT_LE(quantile(regrets, 0.5), 0.05);
  EXPECT_GE(share, 0.95);
}

TEST(Tuner, NeverPassesTheBudgetOfPulses) {
  for (std::uint64_t number = 0; number < 20; ++number) {
    const World world(300 + number, 2000 + number, 0.35);
    LawPrior prior(Numbers{}, world.matrix, world.board);
    Tuner tuner(prior, nullptr, world.board, Mask{}, Policy{});
    Goal goal = target(1e-2, 256);
    goal.pulses_budget = static_cast<std::uint64_t>(world.matrix.rows * world.matrix.cols * 120);
    for (std::uint64_t run = 0; run < 4; ++run)
      EXPECT_LE(testing::run_on(world, tuner, goal, run, 32).pulses, static_cast<double>(goal.pulses_budget));
  }
}

TEST(Tuner, SaysWhenNothingMeetsTheTarget) {
  const World world(1, 1, 0);
  LawPrior prior(Numbers{}, world.matrix, world.board);
  Tuner tuner(prior, nullptr, world.board, Mask{}, Policy{});
  const Result<Proposal> proposal = tuner.propose(world.context(), target(1e-7, 100));
  ASSERT_TRUE(proposal.ok());
  EXPECT_LT(proposal->met_probability, 0.01);
  EXPECT_NE(proposal->reason.find("nothing is likely to meet"), std::string::npos) << proposal->reason;
  EXPECT_FALSE(proposal->exploring);
}

TEST(Tuner, RefusesABoardThatIsTooSmallAndATargetThatIsNone) {
  const World world(1, 1, 0);
  hal::Capabilities board = world.board;
  board.arrays = 0;
  LawPrior prior(Numbers{}, world.matrix, board);
  Tuner tuner(prior, nullptr, board, Mask{}, Policy{});
  EXPECT_EQ(tuner.propose(world.context(), target(1e-2, 100)).status().code(), Code::out_of_range);
  EXPECT_EQ(tuner.propose(world.context(), target(-1, 100)).status().code(), Code::invalid_argument);
}

TEST(Tuner, ProposesTheSameFromTheSameKnowledge) {
  const World world(5, 5, 0.3);
  std::vector<double> values;
  for (int time = 0; time < 2; ++time) {
    LawPrior prior(Numbers{}, world.matrix, world.board);
    Tuner tuner(prior, nullptr, world.board, Mask{}, Policy{});
    for (std::uint64_t run = 0; run < 3; ++run) values.push_back(testing::run_on(world, tuner, target(1e-2, 256), run, 16).value);
  }
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(values[i], values[i + 3]);
}

TEST(Tuner, FindsAStepWithinAFewProductsAndNotWithoutShortTermMemory) {
  for (const char* name : {"full", "no-short-term"}) {
    const World world(6, 6, 0.1);
    LawPrior prior(Numbers{}, world.matrix, world.board);
    Tuner tuner(prior, nullptr, world.board, Mask{}, policy_named(name).value());
    const Goal goal = target(1e-2, 2048);
    for (std::uint64_t run = 0; run < 3; ++run) testing::run_on(world, tuner, goal, run, 32);
    const RunResult result = testing::run_on(world, tuner, goal, 9, 32,
                                             [](int product, int since) { return product >= 32 && since >= product - 31 ? 1.5 : 1.0; });
    if (std::string(name) == "full") {
      EXPECT_LE(result.products_off, 8);
    } else {
      EXPECT_GE(result.products_off, 20);
    }
  }
}

// What relaxation does within a day: nothing can make up for it but writing again, and none of it is the choice's fault.
TEST(Tuner, CellsThatWentFarOffAreWrittenAgainAndNotHeldAgainstTheirChoice) {
  const World world(6, 6, 0.1);
  LawPrior prior(Numbers{}, world.matrix, world.board);
  Tuner tuner(prior, nullptr, world.board, Mask{}, Policy{});
  const Goal goal = target(1e-2, 2048);
  TunedChoice usual;
  for (std::uint64_t run = 0; run < 5; ++run) usual = testing::run_on(world, tuner, goal, run, 32).first.choice;
  const RunResult stepped = testing::run_on(world, tuner, goal, 9, 32,
                                            [](int product, int since) { return product >= 32 && since >= product - 31 ? 25.0 : 1.0; });
  EXPECT_EQ(stepped.writings, 2);
  EXPECT_LE(stepped.products_off, 1);
  EXPECT_TRUE(testing::run_on(world, tuner, goal, 10, 32).first.choice == usual);
}

TEST(Tuner, UsesPatternsOfAnotherPriorForTheVerySameChoiceOnly) {
  const World world(7, 7, 0.3), other(7, 8, 0.3);
  LawPrior prior(Numbers{}, world.matrix, world.board);
  Result<std::unique_ptr<EpisodicMemory>> memory = EpisodicMemory::open("none");
  ASSERT_TRUE(memory.ok());
  Tuner fresh(prior, nullptr, world.board, Mask{}, Policy{});
  const Proposal alone = fresh.propose(world.context(), target(1e-2, 256)).value();
  Pattern pattern;
  pattern.context = other.context();
  pattern.choice = alone.choice;
  pattern.predicted = other.truth(alone.choice);
  pattern.found = other.truth(alone.choice);
  pattern.found.error_p95 *= 3;
  pattern.found.checked = pattern.found.vectors = 64;
  pattern.prior_version = prior_version + 1;
  (*memory)->remember(pattern);
  Tuner foreign(prior, memory->get(), world.board, Mask{}, Policy{});
  EXPECT_TRUE(foreign.propose(world.context(), target(1e-2, 256))->choice == alone.choice);
  pattern.context = world.context();
  (*memory)->remember(pattern);
  Tuner same(prior, memory->get(), world.board, Mask{}, Policy{});
  EXPECT_FALSE(same.propose(world.context(), target(1e-2, 256))->choice == alone.choice);
}

TEST(Policy, AreFoundByNameOrListed) {
  EXPECT_EQ(policy_named("static")->partition, Partition::fixed);
  EXPECT_FALSE(policy_named("no-long-term")->long_term);
  EXPECT_NE(policy_named("x").status().message().find("no-short-term"), std::string::npos);
}

}  // namespace
}  // namespace sedma::runtime

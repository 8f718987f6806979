// A run under a goal: what it does with proposals, what it counts, what it hands out. The proposals are a script's, so that every turn of a
// run can be met; the tuner's own are tried in tuner_test.cpp.

#include <algorithm>
#include <cmath>
#include <deque>
#include <numeric>
#include <random>

#include "runtime/memory/chooser.h"
#include "runtime/memory/product_checks.h"
#include "tests/runtime/counting_device.h"
#include "tests/runtime/support.h"

namespace sedma::runtime {
namespace {

using test::CountingDevice;

Proposal proposal_of(const Choice& choice, bool exploring = false, bool reprogram = true) {
  Proposal proposal;
  proposal.choice.choice = choice;
  proposal.exploring = exploring;
  proposal.reprogram = reprogram;
  return proposal;
}

struct Observed {
  TunedChoice choice;
  Outcome outcome;
};

/// Proposes what it is told, the last over and over, and asks for another where it is told.
class Script final : public Chooser {
 public:
  std::deque<Proposal> proposals;
  std::function<bool(const Moment&)> restless = [](const Moment&) { return false; };
  std::vector<Observed> observed;
  std::vector<Moment> moments;
  int begun = 0, asked = 0;

  void begin_run() override { ++begun; }
  Result<Proposal> propose(const Context&, const Goal&) override {
    ++asked;
    Proposal next = proposals.front();
    if (proposals.size() > 1) proposals.pop_front();
    return next;
  }
  void observe(const Context&, const TunedChoice& choice, const Outcome& outcome) override { observed.push_back({choice, outcome}); }
  bool notice(const Moment& moment) override {
    moments.push_back(moment);
    return restless(moment);
  }
};

/// A board, a matrix, vectors, and what a run of them handed out.
class TunedRunTest : public ::testing::Test {
 protected:
  TunedRunTest() : TunedRunTest(test::random_matrix(40, 30, 0.5, 3), "emulator:TaOx-HfOx?arrays=16&rows=64&cols=64&seed=5", 48) {}
  TunedRunTest(Matrix matrix, const std::string& uri, std::size_t batch)
      : device_(test::open_device(uri)), matrix_(std::move(matrix)), batch_(batch), x_(random_inputs(9, batch, matrix_.cols())) {}

  TunedRequest request() {
    TunedRequest request{matrix_, {}, [this](const SessionOptions& options) { return Session::open(device_, matrix_, options); }, {}, {}};
    request.goal.target_error = 0.1;
    request.x = x_;
    request.batch = batch_;
    request.each = 4;
    request.take = [this](std::size_t first, Product&& product) {
      EXPECT_EQ(first * matrix_.rows(), y_.size()) << "products come in order, each vector once";
      y_.insert(y_.end(), product.y.begin(), product.y.end());
      return Status();
    };
    return request;
  }

  std::vector<double> errors() const {
    const std::vector<double> exact = test::reference(matrix_, x_, batch_);
    std::vector<double> errors;
    for (std::size_t v = 0; v < y_.size() / matrix_.rows(); ++v)
      errors.push_back(
          compare(std::span(y_).subspan(v * matrix_.rows(), matrix_.rows()), std::span(exact).subspan(v * matrix_.rows(), matrix_.rows()))
              .relative_l2);
    return errors;
  }

  CountingDevice device_;
  Matrix matrix_;
  std::size_t batch_;
  std::vector<double> x_, y_;
};

Choice good_choice() {
  Choice choice;
  choice.passes = 21;
  return choice;
}

// Outputs far above the full scale of the converters: wrong by most of their size.
Choice clipping() {
  Choice choice = good_choice();
  choice.conversion.headroom = 1.0 / 64;
  return choice;
}

TEST_F(TunedRunTest, OneChoiceGivesTheSessionsOwnProductsAndCosts) {
  Script script;
  script.proposals = {proposal_of(good_choice())};
  const auto report = run_chosen(request(), script);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  CountingDevice again(test::open_device("emulator:TaOx-HfOx?arrays=16&rows=64&cols=64&seed=5"));
  SessionOptions options;
  options.choice = good_choice();
  auto session = Session::open(again, matrix_, options).value();
  std::vector<double> y;
  ASSERT_TRUE(session
                  .multiply_each(x_, batch_, 4,
                                 [&](std::size_t, Product&& product) {
                                   y.insert(y.end(), product.y.begin(), product.y.end());
                                   return Status();
                                 })
                  .ok());
  EXPECT_EQ(y_, y);
  EXPECT_EQ(script.begun, 1);
  EXPECT_EQ(script.asked, 1);
  ASSERT_EQ(report->episodes.size(), 1u);
  ASSERT_EQ(script.observed.size(), 1u);
  const Outcome& found = report->episodes[0].found;
  EXPECT_EQ(found.vectors, batch_);
  EXPECT_EQ(found.pulses, static_cast<double>(session.programming().pulses));
  EXPECT_EQ(found.programming_joules, session.programming().joules.total());
  EXPECT_DOUBLE_EQ(found.vector_joules, session.multiplying().joules.total() / static_cast<double>(batch_));
  EXPECT_DOUBLE_EQ(found.vector_seconds, session.multiplying().seconds / static_cast<double>(batch_));
  EXPECT_EQ(found.memory_efficiency, memory_efficiency(session.plan(), session.layouts()));
  EXPECT_EQ(script.observed[0].outcome.error_p95, found.error_p95);
  EXPECT_TRUE(report->target_met);
}

TEST_F(TunedRunTest, WithAReferenceEveryVectorIsChecked) {
  Script script;
  script.proposals = {proposal_of(good_choice())};
  const std::vector<double> exact = test::reference(matrix_, x_, batch_);
  TunedRequest asked = request();
  asked.reference = exact;
  const auto report = run_chosen(asked, script);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  std::vector<double> sorted = errors();
  EXPECT_EQ(report->total.checked, batch_);
  EXPECT_EQ(report->total.error_median, median_of(sorted));
  std::sort(sorted.begin(), sorted.end());
  EXPECT_EQ(report->total.error_p95, sorted[45]);  // of 48: the 46th is the first that 95 % do not pass
  EXPECT_EQ(report->check_seconds, 0);
}

TEST_F(TunedRunTest, AShareIsCheckedAndSpreadOverTheRun) {
  Script script;
  script.proposals = {proposal_of(good_choice())};
  TunedRequest asked = request();
  asked.check_share = 0.25;
  const auto report = run_chosen(asked, script);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  // One of four, and all of the first 32 vectors of a new programming.
  EXPECT_EQ(report->total.checked, 32u + 4u);
  const std::vector<double> all = errors();
  std::vector<double> looked_at;
  for (std::size_t v = 0; v < batch_; ++v)
    if (v < 32 || v % 4 == 0) looked_at.push_back(all[v]);
  EXPECT_EQ(report->total.error_median, median_of(looked_at));
  EXPECT_EQ(report->total.error_p95, percentile_95(looked_at));
  for (const Moment& moment : script.moments) EXPECT_GE(moment.checked, 1u);
}

TEST_F(TunedRunTest, ProductsOffTargetAreNotHandedOutByExploring) {
  Script script;
  script.proposals = {proposal_of(good_choice()), proposal_of(clipping(), true, false)};
  script.restless = [&](const Moment&) { return script.moments.size() == 3; };
  const auto report = run_chosen(request(), script);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  ASSERT_EQ(report->episodes.size(), 3u);
  const Episode& explored = report->episodes[1];
  EXPECT_TRUE(explored.proposal.exploring);
  EXPECT_FALSE(explored.programmed);
  EXPECT_FALSE(explored.handed_out);
  EXPECT_EQ(explored.found.vectors, 4u);
  EXPECT_EQ(explored.found.checked, 4u) << "every vector of an exploring product is checked";
  EXPECT_GT(explored.found.error_median, 0.2);
  EXPECT_EQ(explored.programming.pulses, 0u);
  EXPECT_GT(explored.multiplying.joules.total(), 0);
  EXPECT_EQ(explored.found.pulses, report->episodes[0].found.pulses) << "the programming that it used";
  EXPECT_EQ(report->repeated_vectors, 4u);
  EXPECT_EQ(report->episodes[2].proposal.choice, report->episodes[0].proposal.choice);
  for (const double error : errors()) EXPECT_LE(error, 0.1);
  EXPECT_EQ(report->total.vectors, batch_);
  EXPECT_EQ(y_.size(), batch_ * matrix_.rows());
}

TEST_F(TunedRunTest, WhatIsOffTargetIsMultipliedAgainOnceTheTunerKnowsBetter) {
  Script script;
  script.proposals = {proposal_of(clipping()), proposal_of(good_choice(), false, false)};
  script.restless = [](const Moment& moment) { return moment.off_target > 0; };
  const auto report = run_chosen(request(), script);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  ASSERT_EQ(report->episodes.size(), 2u);
  EXPECT_FALSE(report->episodes[1].programmed);
  EXPECT_EQ(report->repeated_vectors, 4u);
  for (const double error : errors()) EXPECT_LE(error, 0.1);
  EXPECT_TRUE(report->target_met);
}

TEST_F(TunedRunTest, WithNothingBetterToProposeProductsAreHandedOutAsTheyAre) {
  Script script;
  script.proposals = {proposal_of(clipping(), false, false)};
  script.restless = [](const Moment&) { return true; };
  const auto report = run_chosen(request(), script);
  ASSERT_TRUE(report.ok()) << report.status().to_string();
  EXPECT_EQ(report->repeated_vectors, 0u);
  EXPECT_FALSE(report->target_met);
  EXPECT_GT(report->total.error_p95, 0.1);
  EXPECT_EQ(device_.totals().pulses, report->episodes.front().programming.pulses) << "written once";
}

// Whatever is proposed, every vector is handed out once and in order, and the episodes' costs are the device's.
TEST(TunedRun, CostsOfEpisodesAddUpToTheDevices) {
  for (std::uint32_t trial = 0; trial < 12; ++trial) {
    SCOPED_TRACE(trial);
    std::mt19937 random(trial);
    const auto pick = [&](std::uint32_t least, std::uint32_t most) { return std::uniform_int_distribution(least, most)(random); };
    const Matrix matrix = test::random_matrix(pick(3, 60), pick(3, 60), 0.4, trial);
    CountingDevice device(test::open_device("emulator:EpiRAM?arrays=64&rows=64&cols=64&read_noise=0.02"));
    const std::size_t batch = pick(1, 40);
    const std::vector<double> x = random_inputs(trial, batch, matrix.cols());
    Script script;
    for (int k = 0; k < 20; ++k) {
      Choice choice = pick(0, 1) == 0 ? good_choice() : clipping();
      choice.passes = pick(0, 2) == 0 ? 5 : 21;
      choice.tile_rows = choice.tile_cols = pick(0, 2) == 0 ? 16 : 32;
      script.proposals.push_back(proposal_of(choice, pick(0, 2) == 0, pick(0, 2) == 0));
    }
    script.restless = [&](const Moment&) { return pick(0, 2) == 0; };
    TunedRequest request{matrix, {}, [&](const SessionOptions& options) { return Session::open(device, matrix, options); }, {}, {}};
    request.goal.target_error = 0.05;
    request.x = x;
    request.batch = batch;
    request.each = pick(0, 5);
    std::size_t next = 0;
    request.take = [&](std::size_t first, Product&& product) {
      EXPECT_EQ(first, next);
      next += product.batch;
      return Status();
    };
    int sessions = 0;
    request.leave = [&](const Session&) { ++sessions; };
    const auto report = run_chosen(request, script);
    ASSERT_TRUE(report.ok()) << report.status().to_string();
    EXPECT_EQ(next, batch);
    const hal::Stats device_totals = device.totals();
    EXPECT_EQ(report->programming.pulses, device_totals.pulses);
    EXPECT_EQ(report->programming.commands + report->multiplying.commands, device.commands());
    EXPECT_EQ(report->programming.conversions + report->multiplying.conversions, device_totals.conversions);
    const double joules = device_totals.joules.total();
    EXPECT_NEAR(report->programming.joules.total() + report->multiplying.joules.total(), joules, 1e-9 * joules);
    std::uint64_t vectors = 0, written = 0;
    for (const Episode& episode : report->episodes) {
      vectors += episode.found.vectors;
      written += episode.programmed ? 1 : 0;
      EXPECT_EQ(episode.programmed, episode.programming.pulses > 0);
    }
    EXPECT_EQ(vectors, batch + report->repeated_vectors);
    EXPECT_LE(sessions, static_cast<int>(written));
    EXPECT_EQ(script.observed.size(), static_cast<std::size_t>(std::count_if(report->episodes.begin(), report->episodes.end(),
                                                                             [](const Episode& e) { return e.found.vectors > 0; })));
  }
}

TEST_F(TunedRunTest, WhatWasFoundBeforeAFailureIsRemembered) {
  Script script;
  script.proposals = {proposal_of(good_choice())};
  TunedRequest asked = request();
  asked.take = [](std::size_t first, Product&&) { return first < 8 ? Status() : Status(Code::unavailable, "the disk is full"); };
  const auto report = run_chosen(asked, script);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.status().message(), "the disk is full");
  ASSERT_EQ(script.observed.size(), 1u);
  EXPECT_EQ(script.observed[0].outcome.vectors, 12u);
  EXPECT_GE(script.observed[0].outcome.checked, 8u);
  EXPECT_GT(script.observed[0].outcome.error_p95, 0);
}

class LostBoard : public TunedRunTest {
 protected:
  LostBoard()
      : TunedRunTest(test::random_matrix(20, 20, 0.5, 3), "faulty:emulator:EpiRAM?arrays=4&rows=64&cols=64&fault.lost_after=8", 40) {}
};

TEST_F(LostBoard, LeavesWhatItHadShown) {
  Script script;
  script.proposals = {proposal_of(good_choice())};
  const auto report = run_chosen(request(), script);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.status().code(), Code::unavailable);
  ASSERT_EQ(script.observed.size(), 1u);
  EXPECT_EQ(script.observed[0].outcome.vectors * matrix_.rows(), y_.size());
  EXPECT_GT(script.observed[0].outcome.vectors, 0u);
}

TEST_F(TunedRunTest, RefusesWhatDoesNotFitBeforeAnyPulse) {
  Script script;
  script.proposals = {proposal_of(good_choice())};
  TunedRequest short_batch = request();
  short_batch.batch = 47;
  EXPECT_EQ(run_chosen(short_batch, script).status().code(), Code::invalid_argument);
  TunedRequest short_reference = request();
  short_reference.reference = std::span(x_).first(7);
  EXPECT_EQ(run_chosen(short_reference, script).status().code(), Code::invalid_argument);
  for (const double share : {0.0, -1.0, 1.5, std::nan("")}) {
    TunedRequest asked = request();
    asked.check_share = share;
    EXPECT_EQ(run_chosen(asked, script).status().code(), Code::invalid_argument);
  }
  EXPECT_EQ(device_.commands(), 0u);
  EXPECT_EQ(script.asked, 0);
}

TEST_F(TunedRunTest, ABudgetIsMetByTheWholeHorizon) {
  Script script;
  script.proposals = {proposal_of(good_choice())};
  TunedRequest asked = request();
  asked.goal = {};
  asked.goal.joules_budget = 1;
  asked.goal.horizon_vectors = batch_;
  const auto first = run_chosen(asked, script);
  ASSERT_TRUE(first.ok()) << first.status().to_string();
  EXPECT_TRUE(first->target_met);
  const double spent = first->programming.joules.total() + first->multiplying.joules.total();
  asked.goal.joules_budget = spent * 1.01;
  asked.goal.horizon_vectors = 1000 * batch_;
  y_.clear();
  const auto second = run_chosen(asked, script);
  ASSERT_TRUE(second.ok()) << second.status().to_string();
  EXPECT_FALSE(second->target_met);
}

TEST(ProductChecks, PercentilesAreByNearestRank) {
  EXPECT_EQ(percentile_95({}), 0);
  EXPECT_EQ(percentile_95({3}), 3);
  std::vector<double> values(100);
  std::iota(values.rbegin(), values.rend(), 1);
  EXPECT_EQ(percentile_95(values), 95);
  values.resize(20);
  std::iota(values.rbegin(), values.rend(), 1);
  EXPECT_EQ(percentile_95(values), 19);
  EXPECT_EQ(median_of(values), 10.5);
}

}  // namespace
}  // namespace sedma::runtime

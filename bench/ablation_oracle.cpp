#include "bench/ablation_oracle.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <set>
#include <tuple>

#include "bench/ablation_statistics.h"

namespace sedma::bench {
namespace {

using runtime::Outcome;
using runtime::Session;
using runtime::StageCost;

constexpr std::array of_programming = {
    &Outcome::programming_joules, &Outcome::programming_seconds, &Outcome::pulses, &Outcome::unconverged, &Outcome::arrays,
    &Outcome::memory_efficiency};
constexpr std::size_t first_look = 16;  // vectors after which hopeless choices are given up

// The tile sizes that a plan really has: larger ones than the matrix are the same choice.
using Writing = std::tuple<kernels::Encoding, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>;
Writing writing_of(const runtime::Plan& plan) {
  return {plan.choice.encoding, plan.choice.slices, plan.choice.passes, plan.tile_rows, plan.tile_cols};
}

std::size_t misses_allowed(std::size_t batch) {
  return batch - static_cast<std::size_t>(std::ceil(0.95 * static_cast<double>(batch) - 1e-9));
}

Outcome written(const Session& session) {
  Outcome outcome;
  const StageCost& cost = session.programming();
  outcome.programming_joules = cost.joules.total();
  outcome.programming_seconds = cost.seconds;
  outcome.pulses = static_cast<double>(cost.pulses);
  outcome.unconverged = static_cast<double>(cost.unconverged) / static_cast<double>(std::max<std::uint64_t>(cost.cells, 1));
  const auto layouts = session.layouts();
  outcome.arrays = layouts.front().arrays;
  outcome.memory_efficiency = runtime::memory_efficiency(session.plan(), layouts);
  return outcome;
}

/// One writing on fresh boards, each programmed when it is first asked for: most choices are given up on the first.
class Programmings {
 public:
  static Result<Programmings> open(const OracleCase& work, const runtime::Choice& choice) {
    Programmings made(work, choice);
    SEDMA_RETURN_IF_ERROR(made.add());
    return made;
  }
  /// Not programmed by this.
  const Session& first() const { return *sessions_.front(); }
  Result<Session*> programmed(std::size_t k) {
    while (sessions_.size() <= k) SEDMA_RETURN_IF_ERROR(add());
    while (programmed_ <= k) SEDMA_RETURN_IF_ERROR(sessions_[programmed_++]->program());
    return sessions_[k].get();
  }

 private:
  Programmings(const OracleCase& work, const runtime::Choice& choice) : work_(&work) { options_.choice = choice; }
  Status add() {
    SEDMA_ASSIGN_OR_RETURN(std::unique_ptr<hal::Device> board, work_->open_board(boards_.size()));
    SEDMA_ASSIGN_OR_RETURN(Session session, Session::open(*board, work_->matrix, options_));
    boards_.push_back(std::move(board));
    sessions_.push_back(std::make_unique<Session>(std::move(session)));
    return {};
  }

  const OracleCase* work_;
  runtime::SessionOptions options_;
  std::vector<std::unique_ptr<hal::Device>> boards_;
  std::vector<std::unique_ptr<Session>> sessions_;
  std::size_t programmed_ = 0;
};

/// The vectors of a case under one choice, over all its programmings.
class Judge {
 public:
  explicit Judge(const OracleCase& work) : work_(work) {}

  /// Whether so many vectors failed already that the rest need not be tried.
  bool hopeless() const { return misses_ > misses_allowed(work_.batch * work_.programmings); }

  /// All vectors on one programming, unless the choice turns out hopeless.
  Status multiply(Session& session) {
    const StageCost before = session.multiplying();
    for (std::size_t first = 0; first < work_.batch && !hopeless();) {
      const std::size_t count = first == 0 ? std::min(first_look, work_.batch) : work_.batch - first;
      SEDMA_RETURN_IF_ERROR(multiply(session, first, count));
      first += count;
    }
    const Outcome outcome = written(session);
    for (double Outcome::*const figure : of_programming) sum_.*figure += outcome.*figure;
    sum_.vector_joules += session.multiplying().joules.total() - before.joules.total();
    sum_.vector_seconds += session.multiplying().seconds - before.seconds;
    return {};
  }

  /// @pre all programmings were multiplied with
  Outcome finish() const {
    Outcome outcome = sum_;
    const auto times = static_cast<double>(work_.programmings);
    for (double Outcome::*const figure : of_programming) outcome.*figure /= times;
    outcome.vectors = outcome.checked = errors_.size();
    outcome.vector_joules /= static_cast<double>(errors_.size());
    outcome.vector_seconds /= static_cast<double>(errors_.size());
    outcome.error_p95 = quantile(errors_, 0.95);
    outcome.error_median = quantile(errors_, 0.5);
    outcome.lambda = lambdas_.empty() ? 0 : quantile(lambdas_, 0.5);
    return outcome;
  }

 private:
  Status multiply(Session& session, std::size_t first, std::size_t count) {
    const std::size_t cols = work_.matrix.cols(), rows = work_.matrix.rows();
    SEDMA_ASSIGN_OR_RETURN(const runtime::Product product, session.multiply(work_.x.subspan(first * cols, count * cols), count));
    for (const double error : vector_errors(product.y, work_.reference.subspan(first * rows, count * rows), count)) {
      errors_.push_back(error);
      misses_ += error <= work_.loosest_error ? 0 : 1;
    }
    lambdas_.insert(lambdas_.end(), product.lambdas.begin(), product.lambdas.end());
    return {};
  }

  const OracleCase& work_;
  std::vector<double> errors_, lambdas_;
  std::size_t misses_ = 0;
  Outcome sum_;
};

Status try_choice(const OracleCase& work, Programmings& programmings, const runtime::TunedChoice& choice, OracleTable& table) {
  Judge judge(work);
  for (std::size_t k = 0; k < work.programmings && !judge.hopeless(); ++k) {
    SEDMA_ASSIGN_OR_RETURN(Session* const session, programmings.programmed(k));
    SEDMA_RETURN_IF_ERROR(session->set_conversion(choice.choice.conversion));
    SEDMA_RETURN_IF_ERROR(session->set_lambda({choice.adaptive_lambda, 0, 0}));
    SEDMA_RETURN_IF_ERROR(judge.multiply(*session));
  }
  if (judge.hopeless()) return {};
  const Outcome outcome = judge.finish();
  table.least_error = std::min(table.least_error, outcome.error_p95);
  if (outcome.error_p95 <= work.loosest_error) table.trials.push_back({choice, outcome});
  return {};
}

Status try_writing(const OracleCase& work, Programmings& programmings, const runtime::Candidates& candidates,
                   const runtime::TunedChoice& writing, OracleTable& table) {
  for (const runtime::Conversion& conversion : candidates.conversions) {
    for (const bool lambda : candidates.lambdas) {
      runtime::TunedChoice choice = writing;
      choice.choice.conversion = conversion;
      choice.adaptive_lambda = lambda;
      SEDMA_RETURN_IF_ERROR(try_choice(work, programmings, choice, table));
    }
  }
  return {};
}

}  // namespace

std::vector<double> vector_errors(std::span<const double> y, std::span<const double> reference, std::size_t batch) {
  std::vector<double> errors;
  const std::size_t rows = y.size() / batch;
  for (std::size_t b = 0; b < batch; ++b)
    errors.push_back(runtime::compare(y.subspan(b * rows, rows), reference.subspan(b * rows, rows)).relative_l2);
  return errors;
}

Result<OracleTable> try_all(const OracleCase& work, const runtime::Candidates& candidates, const OracleWatch& watch) {
  const auto begin = std::chrono::steady_clock::now();
  OracleTable table;
  std::set<Writing> seen;
  for (std::size_t k = 0; k < candidates.writings.size(); ++k) {
    if (!watch(k, candidates.writings.size())) return Status(Code::aborted, "the search for the best choice was interrupted");
    const runtime::TunedChoice& writing = candidates.writings[k];
    SEDMA_ASSIGN_OR_RETURN(Programmings programmings, Programmings::open(work, writing.choice));
    if (!seen.insert(writing_of(programmings.first().plan())).second) continue;
    ++table.writings;
    if (programmings.first().layouts().front().turns > 1) {
      ++table.impossible;
      continue;
    }
    table.choices += candidates.conversions.size() * candidates.lambdas.size();
    SEDMA_RETURN_IF_ERROR(try_writing(work, programmings, candidates, writing, table));
  }
  table.host_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  return table;
}

const Trial* best_of(const OracleTable& table, const runtime::Goal& goal, const hal::Capabilities& board) {
  const Trial* best = nullptr;
  double least = INFINITY;
  for (const Trial& trial : table.trials) {
    if (trial.found.error_p95 > goal.target_error.value_or(INFINITY)) continue;
    const double value = runtime::objective_value(goal, trial.found, board);
    if (value >= least) continue;
    least = value;
    best = &trial;
  }
  return best;
}

runtime::Candidates subsample(const runtime::Candidates& candidates, std::size_t n) {
  runtime::Candidates some = candidates;
  some.writings.clear();
  for (std::size_t k = 0; k < candidates.writings.size(); k += n) some.writings.push_back(candidates.writings[k]);
  return some;
}

}  // namespace sedma::bench

#include "bench/ablation_oracle.h"

#include <algorithm>
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

/// The vectors of a case under one choice.
class Judge {
 public:
  explicit Judge(const OracleCase& work) : work_(work) {}

  /// Whether so many vectors failed already that the rest need not be tried.
  bool hopeless() const {
    const auto off = std::count_if(errors_.begin(), errors_.end(), [this](double e) { return !(e <= work_.loosest_error); });
    return static_cast<std::size_t>(off) > misses_allowed(work_.batch);
  }
  bool complete() const { return errors_.size() == work_.batch; }

  Status multiply(Session& session, std::size_t count) {
    const std::size_t first = errors_.size(), cols = work_.matrix.cols(), rows = work_.matrix.rows();
    count = std::min(count, work_.batch - first);
    if (count == 0) return {};
    SEDMA_ASSIGN_OR_RETURN(const runtime::Product product, session.multiply(work_.x.subspan(first * cols, count * cols), count));
    for (const double error : vector_errors(product.y, work_.reference.subspan(first * rows, count * rows), count))
      errors_.push_back(error);
    lambdas_.insert(lambdas_.end(), product.lambdas.begin(), product.lambdas.end());
    return {};
  }

  void finish(Outcome& outcome) const {
    outcome.vectors = outcome.checked = errors_.size();
    outcome.error_p95 = quantile(errors_, 0.95);
    outcome.error_median = quantile(errors_, 0.5);
    outcome.lambda = lambdas_.empty() ? 0 : quantile(lambdas_, 0.5);
  }

 private:
  const OracleCase& work_;
  std::vector<double> errors_, lambdas_;
};

Status try_choice(const OracleCase& work, Session& session, const runtime::TunedChoice& choice, Outcome outcome, OracleTable& table) {
  SEDMA_RETURN_IF_ERROR(session.set_conversion(choice.choice.conversion));
  SEDMA_RETURN_IF_ERROR(session.set_lambda({choice.adaptive_lambda, 0, 0}));
  const StageCost before = session.multiplying();
  Judge judge(work);
  SEDMA_RETURN_IF_ERROR(judge.multiply(session, first_look));
  if (!judge.hopeless()) SEDMA_RETURN_IF_ERROR(judge.multiply(session, work.batch));
  if (!judge.complete()) return {};
  judge.finish(outcome);
  const auto vectors = static_cast<double>(work.batch);
  outcome.vector_joules = (session.multiplying().joules.total() - before.joules.total()) / vectors;
  outcome.vector_seconds = (session.multiplying().seconds - before.seconds) / vectors;
  table.least_error = std::min(table.least_error, outcome.error_p95);
  if (outcome.error_p95 <= work.loosest_error) table.trials.push_back({choice, outcome});
  return {};
}

Status try_writing(const OracleCase& work, Session& session, const runtime::Candidates& candidates, const runtime::TunedChoice& writing,
                   OracleTable& table) {
  SEDMA_RETURN_IF_ERROR(session.program());
  const Outcome outcome = written(session);
  for (const runtime::Conversion& conversion : candidates.conversions) {
    for (const bool lambda : candidates.lambdas) {
      runtime::TunedChoice choice = writing;
      choice.choice.conversion = conversion;
      choice.adaptive_lambda = lambda;
      SEDMA_RETURN_IF_ERROR(try_choice(work, session, choice, outcome, table));
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
    SEDMA_ASSIGN_OR_RETURN(const std::unique_ptr<hal::Device> board, work.open_board());
    runtime::SessionOptions options;
    options.choice = writing.choice;
    SEDMA_ASSIGN_OR_RETURN(Session session, Session::open(*board, work.matrix, options));
    if (!seen.insert(writing_of(session.plan())).second) continue;
    ++table.writings;
    if (session.layouts().front().turns > 1) {
      ++table.impossible;
      continue;
    }
    table.choices += candidates.conversions.size() * candidates.lambdas.size();
    SEDMA_RETURN_IF_ERROR(try_writing(work, session, candidates, writing, table));
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

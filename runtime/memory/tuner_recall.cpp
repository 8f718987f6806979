// What a tuner recalls, believes, and remembers.

#include <algorithm>
#include <chrono>
#include <cmath>
#include <map>
#include <tuple>

#include "runtime/memory/tuner_state.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t most_recalled = 96;
constexpr double p95_scatter = 2.11;     // sd of a 95th percentile of n normal numbers: 2.11 sigma / sqrt(n)
constexpr double median_scatter = 1.25;  // of their median
constexpr double least_scatter = 0.02;   // of log(error) between vectors

/// Scatter of log(error) between vectors, from its median and its 95th percentile.
double vector_scatter(const Outcome& outcome) {
  if (!(outcome.error_median > 0) || !(outcome.error_p95 > outcome.error_median)) return least_scatter;
  return std::max(least_scatter, std::log(outcome.error_p95 / outcome.error_median) / 1.645);
}

bool usable(double x) { return std::isfinite(x) && x > 0; }

std::int64_t utc_seconds_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

/// Equal numbers for equal things, from 1 on.
template <class Thing>
class Numbers {
 public:
  std::uint32_t of(const Thing& thing) { return known_.try_emplace(thing, static_cast<std::uint32_t>(known_.size() + 1)).first->second; }

 private:
  std::map<Thing, std::uint32_t> known_;
};

}  // namespace

std::vector<Recalled> Tuner::Impl::recall(const Context& context) const {
  std::vector<Recalled> recalled;
  if (policy.long_term && memory != nullptr)
    recalled = memory->all();
  else
    for (const Pattern& pattern : seen) recalled.push_back({key_of(pattern.context, pattern.choice), 0, &pattern});
  const auto foreign = [&](const Recalled& r) {
    return r.pattern->context.material != context.material || r.pattern->context.profile != context.profile;
  };
  recalled.erase(std::remove_if(recalled.begin(), recalled.end(), foreign), recalled.end());
  const FeatureVector here = feature_vector(context);
  for (Recalled& r : recalled) {
    const FeatureVector there = feature_vector(r.pattern->context);
    double squared = 0;
    for (std::size_t i = 0; i < here.size(); ++i) squared += (double{there[i]} - here[i]) * (double{there[i]} - here[i]);
    r.distance = std::sqrt(squared);
  }
  const auto order = [&](const Recalled& r) {
    const Context& there = r.pattern->context;
    return std::make_tuple(there.board != context.board, there.matrix.content != context.matrix.content, r.distance, r.key);
  };
  std::sort(recalled.begin(), recalled.end(), [&](const Recalled& a, const Recalled& b) { return order(a) < order(b); });
  if (recalled.size() > most_recalled) recalled.resize(most_recalled);
  return recalled;
}

Situation Tuner::Impl::believe(const Context& context, std::vector<Recalled>& recalled) {
  belief.clear();
  Numbers<std::string> boards;
  Numbers<std::uint64_t> matrices;
  Situation here;
  here.profile = 1;
  here.board = boards.of(context.board);
  here.matrix = matrices.of(context.matrix.content);
  here.context = feature_vector(context);
  std::vector<Recalled> used;
  for (const Recalled& r : recalled) {
    const Pattern& pattern = *r.pattern;
    Outcome predicted = pattern.predicted;
    if (pattern.prior_version != prior_version) {
      // Predictions of another prior say nothing; what was measured of this very choice here still does.
      if (r.key != key_of(context, pattern.choice)) continue;
      Result<Outcome> anew = prior.predict(pattern.choice);
      if (!anew.ok()) continue;
      predicted = std::move(anew).value();
    }
    Situation at = here;
    at.board = boards.of(pattern.context.board);
    at.matrix = matrices.of(pattern.context.matrix.content);
    at.context = feature_vector(pattern.context);
    at.choice = choice_vector(pattern.choice, board);
    const auto times = static_cast<double>(std::max<std::uint64_t>(pattern.evidence, 1));
    CostRatios ratios = costs_of(pattern.found);
    const CostRatios expected = costs_of(predicted);
    bool costs_known = true;
    for (std::size_t i = 0; i < ratios.size(); ++i) {
      costs_known = costs_known && usable(ratios[i]) && usable(expected[i]);
      ratios[i] = std::log(ratios[i] / expected[i]);
    }
    if (costs_known) belief.learn_costs(at, ratios, times);
    if (pattern.found.checked == 0 || !usable(pattern.found.error_p95) || !usable(predicted.error_p95)) continue;
    const double sd = p95_scatter * vector_scatter(pattern.found) / std::sqrt(static_cast<double>(pattern.found.checked));
    belief.learn_error(at, std::log(pattern.found.error_p95 / predicted.error_p95), sd * sd + 1e-4, times);
    used.push_back(r);
  }
  recalled = std::move(used);
  if (policy.short_term) {
    std::vector<Level> levels = run.levels;
    if (const std::optional<Level> now = level_now()) levels.push_back(*now);
    for (const Level& level : levels) belief.learn_error(level.at, level.log_ratio, level.variance, 1);
  }
  here.stepped = policy.short_term && run.stepped;
  belief.solve(here);
  return here;
}

std::optional<Level> Tuner::Impl::level_now() const {
  if (!run.now || !usable(run.now->proposal.prior.error_median)) return std::nullopt;
  double sum = 0, weights = 0;
  for (std::size_t back = 0; back < working.steady(); ++back) {
    const Moment& moment = working.newest(back);
    if (moment.checked == 0 || !usable(moment.error)) continue;
    sum += static_cast<double>(moment.checked) * std::log(moment.error);
    weights += static_cast<double>(moment.checked);
  }
  if (weights == 0) return std::nullopt;
  Level level{run.now->at, sum / weights - std::log(run.now->proposal.prior.error_median), 0};
  level.at.stepped = run.stepped;
  const double scatter = median_scatter * vector_scatter(run.now->proposal.prior);
  level.variance = scatter * scatter / weights + 4e-4;
  return level;
}

void Tuner::Impl::observe(const Context& context, const TunedChoice& choice, const Outcome& outcome) {
  Pattern pattern;
  pattern.context = context;
  pattern.choice = choice;
  pattern.prior_version = prior_version;
  pattern.found = outcome;
  pattern.used_utc_seconds = utc_seconds_now();
  // Where the prior fails, what was found is still worth keeping: of the very same choice it can be used later.
  if (Result<Outcome> predicted = prior.predict(choice); predicted.ok()) pattern.predicted = std::move(predicted).value();
  if (run.now && !run.now->observed && run.now->proposal.choice == choice) {
    if (run.now->proposal.reprogram) run.pulses += outcome.pulses - run.now->proposal.corrected.pulses;
    run.now->observed = true;
    // Cells that changed after they were written tell nothing of what the choice does when it is written.
    if (run.now->in_force.cells == run.stepped_cells) return;
  }
  reward(choice, outcome);
  if (policy.long_term && memory != nullptr) {
    memory->remember(pattern);
    return;
  }
  if (seen.size() == WorkingMemory::capacity) seen.erase(seen.begin());
  seen.push_back(pattern);
}

void Tuner::Impl::reward(const TunedChoice& choice, const Outcome& found) {
  if (!policy.long_term || memory == nullptr || !run.now || !(run.now->proposal.choice == choice) || found.checked == 0) return;
  const Proposal& proposal = run.now->proposal;
  if (!usable(found.error_p95) || !usable(proposal.prior.error_p95) || !usable(proposal.corrected.error_p95)) return;
  const double gained =
      std::abs(std::log(found.error_p95 / proposal.prior.error_p95)) - std::abs(std::log(found.error_p95 / proposal.corrected.error_p95));
  if (!(gained > 0)) return;
  for (const PatternKey& key : run.now->recalled) memory->reward(key, gained / static_cast<double>(run.now->recalled.size()));
}

}  // namespace sedma::runtime

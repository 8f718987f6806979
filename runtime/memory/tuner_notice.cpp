// What a tuner sees while products are made.

#include <algorithm>
#include <cmath>

#include "runtime/memory/tuner_state.h"

namespace sedma::runtime {
namespace {

// Cumulative log likelihood ratio of 30 % of vectors off target against 7 %: all off in 5 vectors, by chance once in thousands.
const double off_weight = std::log(0.3 / 0.07), on_weight = std::log(0.7 / 0.93);
constexpr double off_alarm = 6.5;
constexpr double trial_alarm = 1.0;                         // a trial gives way to the sure choice as soon as it looks wrong
constexpr double surprise_sd = 0.7, least_surprise = 0.05;  // of log(error) against what was expected
constexpr std::uint64_t enough_checked = 8;

}  // namespace

bool Tuner::Impl::notice(const Moment& moment) {
  run.vectors += static_cast<double>(moment.vectors);
  if (run.now) {
    run.joules += static_cast<double>(moment.vectors) * run.now->proposal.corrected.vector_joules;
    run.seconds += static_cast<double>(moment.vectors) * run.now->proposal.corrected.vector_seconds;
  }
  if (moment.vectors > 0) run.product_vectors = static_cast<double>(moment.vectors);
  working.remember(moment);
  if (!policy.short_term || !run.now) return false;
  if (run.trial) {
    // One product on the same cells: what it showed is kept, then what was in force before is in force again.
    if (const std::optional<Level> level = level_now()) run.levels.push_back(*level);
    run.now = run.before;
    run.trial = false;
    working.clear();
    return true;
  }
  run.checked += moment.checked;
  if (moment.checked > 0) {
    const auto off = static_cast<double>(moment.off_target), on = static_cast<double>(moment.checked) - off;
    run.off_target = std::max(0.0, run.off_target + off * off_weight + on * on_weight);
  }
  const Proposal& now = run.now->proposal;
  const bool worth_an_alarm = goal.target_error && (now.exploring || now.met_probability >= 0.5);
  const bool off = worth_an_alarm && run.off_target > (now.exploring ? trial_alarm : off_alarm);
  if (working.stepped() || (off && working.confirm_leap())) {
    run.stepped = true;
    run.stepped_cells = run.now->in_force.cells;
    return true;
  }
  if (off) return true;
  if (run.checked < std::max(run.milestone, enough_checked)) return false;
  while (run.milestone <= run.checked) run.milestone *= 4;
  if (run.curious) return true;
  const std::optional<Level> level = level_now();
  if (!level) return false;
  const double expected = std::log(now.corrected.error_p95 / now.prior.error_p95);
  return std::abs(level->log_ratio - expected) > std::max(least_surprise, surprise_sd * now.error_sd);
}

}  // namespace sedma::runtime

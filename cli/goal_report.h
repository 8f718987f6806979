#pragma once
// What was recalled, predicted and chosen for a goal, and what came out, as JSON and as text.

#include <string>

#include "cli/output_file.h"
#include "cli/tuning_options.h"
#include "runtime/memory/tuned_run.h"

namespace sedma::cli {

/// A run, or a proposal alone: then tuned.total.vectors is 0.
struct GoalReport {
  const TuningOptions& options;
  runtime::Goal goal;
  std::string policy;
  runtime::EpisodicStats memory;  ///< at the end
  std::size_t patterns_before = 0;
  const runtime::TunedReport& tuned;
};

/// {"goal", "policy", "memory", "episodes", "total", "target_met", "repeated_vectors", "check_seconds", "tuning_seconds", "flags"}
Json goal_json(const GoalReport& report);
/// "error 1.00e-02 for the least energy: 64 x 64 tiles, ...; met, 8.20e-03"
std::string goal_line(const GoalReport& report);
/// "error 1.20e-02 in 95 % of 8 vectors checked; asked for 1.00e-02"
std::string outcome_line(const GoalReport& report);
/// --explain: tables of what was recalled and predicted, the reasons, and the options that give the last choice.
std::string explanation(const GoalReport& report);

}  // namespace sedma::cli

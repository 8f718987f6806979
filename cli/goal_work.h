#pragma once
// `sedma multiply` with a goal: the tuner chooses, the memory is asked and told.

#include "cli/multiply_work.h"

namespace sedma::cli {

/// Dry run (the proposal alone), or products and results.
Ending carry_out_goal(const MultiplyWork& work, JsonTarget& json, Progress& progress);

}  // namespace sedma::cli

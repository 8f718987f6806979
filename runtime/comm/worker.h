#pragma once
// A rank at work: does what the coordinator asks, on its own device.

#include <functional>
#include <memory>

#include "runtime/comm/job.h"
#include "runtime/workbench.h"

namespace sedma::runtime {

class Engine;

/// Works until the coordinator ends the job, and returns its verdict: ok, or why the job failed; unavailable (rank 0 is silent for good).
/// Rank 0 runs one too, in a thread of its own. Exceptions become messages to the coordinator, never leave.
Status serve_rank(const Job& job);

}  // namespace sedma::runtime

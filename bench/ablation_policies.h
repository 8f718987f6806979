#pragma once
// Runs of a policy on one matrix after another, as a user makes them.

#include <functional>
#include <optional>
#include <vector>

#include "bench/ablation_boards.h"
#include "bench/ablation_oracle.h"
#include "runtime/memory/tuned_run.h"

namespace sedma::bench {

/// Something that happens in the middle of a run: time passes on the board, and cells that relax do.
struct Step {
  double idle_seconds = 0;
  double after = 0.5;  ///< share of the run's vectors multiplied before it
};

struct SequenceRequest {
  const runtime::MatrixSource& matrix;
  const TrueBoard& board;
  runtime::Policy policy;
  runtime::Goal goal;
  std::size_t runs = 10, batch = 64, each = 16;  ///< vectors of a run, of one product
  std::optional<Step> step;
  std::function<bool()> go_on;  ///< polled; false ends the work with `aborted`
};

/// What one run came to.
struct RunRecord {
  runtime::Outcome total;          ///< errors over every vector handed out, judged here and not by the tuner
  double objective = 0;            ///< of the goal, exploring and writing included, at what the vectors of this run cost
  double joules = 0, seconds = 0;  ///< spent on the device
  double met_share = 0;            ///< of the vectors, errors <= target
  std::size_t off_target = 0, off_target_after_step = 0;  ///< vectors
  std::size_t programmings = 0, episodes = 0;
  bool explored = false;
  runtime::TunedChoice choice;  ///< of the last episode
  double tuning_seconds = 0;    ///< host
  bool met() const noexcept { return met_share >= 0.95; }
};

/// `runs` runs of one tuner on fresh boards, each with noise and vectors of its own that no oracle saw; patterns are recalled from `memory`
/// and remembered there (nullptr: none). The tuner checks 1/16 of the vectors (at least 8 a run); all are judged. Errors: of the tuned
/// runs.
Result<std::vector<RunRecord>> run_sequence(const SequenceRequest& request, runtime::EpisodicMemory* memory);

/// A memory in this process that holds what `filled` hold, but for patterns of the matrix of this content.
Result<std::unique_ptr<runtime::EpisodicMemory>> memory_without(const std::vector<const runtime::EpisodicMemory*>& filled,
                                                                std::uint64_t content);

/// The first run (from 1) from which on every run meets the target at a regret of at most 5 %; the number of runs + 1 if there is none.
std::size_t runs_to_adapt(const std::vector<RunRecord>& runs, double oracle_objective);

}  // namespace sedma::bench

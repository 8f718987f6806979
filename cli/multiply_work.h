#pragma once
// What `sedma multiply` does once its matrix, vectors and boards are there, alone or as rank 0 of a job.

#include "cli/board.h"
#include "cli/ending.h"
#include "cli/multiply_report.h"
#include "cli/progress.h"
#include "runtime/comm/job.h"

namespace sedma::cli {

struct MultiplyWork {
  const MultiplyOptions& options;
  const std::vector<std::string>& argv;
  const runtime::SessionOptions& session;
  const runtime::MatrixSource& matrix;
  Board& board;
  const hal::Limits& limits;
  std::span<const double> x;
  std::size_t batch;
  double load_seconds;
  const runtime::Job* job;  ///< nullptr: alone
  const Stopwatch& total;
};

/// Of what will be written, before anything is done. Errors: of the files.
Status check_outputs(const MultiplyOptions& options, const JsonTarget& json);
/// Dry run, or product and results.
Ending carry_out(const MultiplyWork& work, JsonTarget& json, Progress& progress);
/// Where a signal ended a run whose log says how to go on, that is as it should be: says so on stderr and ends well.
Ending unless_resumable(const MultiplyOptions& options, const Ending& ending, Progress& progress);

}  // namespace sedma::cli

#pragma once
// What `sedma multiply` does once its matrix, vectors and boards are there, alone or as rank 0 of a job.

#include <optional>

#include "backends/replay/record.h"
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

/// What else a run has to say: a member of its JSON, and text below its table.
struct Addition {
  std::string key;
  Json json;
  std::string text;
};

Result<runtime::Session> open_session(const MultiplyWork& work, const runtime::SessionOptions& options);
/// `session`: what the report speaks of; it must outlive the context.
MultiplyContext context_of(const MultiplyWork& work, const runtime::SessionOptions& session);
/// Everything is ready before the first file gets its name, so that a failure leaves none. Errors: of the files; aborted by a signal.
Status write_results(const MultiplyContext& context, const JobReport& job, const std::optional<Addition>& addition, JsonTarget& json);
Ending dry_run(const MultiplyContext& context, const MultiplyWork& work, const std::optional<Addition>& addition, JsonTarget& json);
/// Puts a recorder before the board where one is wanted; nullptr where not. A job's ranks have their own.
backends::RecordingDevice* start_recording(const MultiplyWork& work);

/// Of what will be written, before anything is done. Errors: of the files.
Status check_outputs(const MultiplyOptions& options, const JsonTarget& json);
/// Dry run, or product and results.
Ending carry_out(const MultiplyWork& work, JsonTarget& json, Progress& progress);
/// Where a signal ended a run whose log says how to go on, that is as it should be: says so on stderr and ends well.
Ending unless_resumable(const MultiplyOptions& options, const Ending& ending, Progress& progress);

}  // namespace sedma::cli

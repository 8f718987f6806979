#pragma once
// One matrix on one board or on those of all ranks, start to end, with what it cost here and there: the work of `multiply`, of each point
// of `sweep` and of each line of `demo`.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/progress.h"
#include "runtime/run_log.h"
#include "runtime/session.h"

namespace sedma::cli {

/// Seconds on the host.
struct WallSeconds {
  double load = 0, program = 0, multiply = 0, reference = 0, total = 0;
};

/// Products that were made one after another.
struct Sequence {
  std::uint64_t products = 0;      ///< of this run
  std::uint64_t each = 0;          ///< vectors in each
  double largest_gap_seconds = 0;  ///< on the host, between two products
  std::uint64_t resumed_from = 0;  ///< vectors that an earlier run had multiplied
};

struct JobReport {
  runtime::Plan plan;
  std::vector<runtime::Layout> layouts;  ///< of every rank
  runtime::StageCost programming, multiplying;
  runtime::Product product;
  Sequence sequence;
  std::vector<runtime::RankReport> ranks;
  std::vector<runtime::Loss> losses;
  std::vector<runtime::TileHash> tile_hashes;
  std::optional<runtime::ProductError> error;  ///< of the whole batch against a product in double precision, unless it was not wanted
  std::vector<double> vector_errors;           ///< relative l2 of every vector alone
  WallSeconds wall;                            ///< without load and total
  double median_error() const;                 ///< of vector_errors
};

/// Where a run that can be continued keeps its results, and as what.
struct LogRequest {
  std::string directory;
  bool resume = false;
  runtime::RunIdentity identity;
};

/// What is to be done.
struct JobRequest {
  const runtime::MatrixSource& matrix;
  const runtime::SessionOptions& session;
  std::function<Result<runtime::Session>(const runtime::SessionOptions& options)> open;
  hal::Device* device = nullptr;   ///< cancelled when a signal comes; nullptr: the session sees to it
  std::span<const double> x = {};  ///< [batch, cols]
  std::size_t batch = 0;
  std::size_t each = 0;  ///< vectors of one product; 0: all
  bool with_reference = true;
  std::optional<LogRequest> log = {};
  /// Hands out what came of it, last but for the log's own end: what is noted as done is done.
  std::function<Status(JobReport& report)> deliver = {};
};

/// The request of one device.
JobRequest job_on(hal::Device& device, const runtime::MatrixSource& matrix, const runtime::SessionOptions& session,
                  std::span<const double> x, std::size_t batch);

/// Fills in `error` and `vector_errors`. `reference`: the exact product, [batch, rows].
void add_errors(JobReport& report, std::span<const double> reference);

/// Seconds since the start of the program's work.
class Stopwatch {
 public:
  double seconds() const { return std::chrono::duration<double>(Clock::now() - begin_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point begin_ = Clock::now();
};

/// y = A x in double, [batch, rows]. Errors: of the matrix; aborted where a signal asked to stop.
Result<std::vector<double>> reference_product(const runtime::MatrixSource& matrix, std::span<const double> x, std::size_t batch,
                                              Progress& progress);

/// Programs an open session's tiles, multiplies and compares. With a log every product is durable before the next is asked for, and a
/// signal is obeyed between two products. Errors: of Session, of RunLog and of the matrix; aborted where a signal asked to stop (with a
/// log: it says how far the run is and can be resumed).
Result<JobReport> run_job(const JobRequest& request, Progress& progress);

}  // namespace sedma::cli

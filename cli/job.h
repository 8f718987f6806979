#pragma once
// One matrix on one device, start to end, with what it cost here and there: the work of `multiply` and of each line of `demo`.

#include <optional>
#include <span>
#include <vector>

#include "cli/progress.h"
#include "runtime/session.h"

namespace sedma::cli {

/// Seconds on the host.
struct WallSeconds {
  double load = 0, program = 0, multiply = 0, reference = 0, total = 0;
};

struct JobReport {
  runtime::Plan plan;
  runtime::StageCost programming, multiplying;
  runtime::Product product;
  std::optional<runtime::ProductError> error;  ///< of the whole batch against a product in double precision, unless it was not wanted
  std::vector<double> vector_errors;           ///< relative l2 of every vector alone
  WallSeconds wall;                            ///< without load and total
  double median_error() const;                 ///< of vector_errors
};

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

/// Programs an open session's tiles, multiplies and compares. Errors: of Session and of the matrix; aborted where a signal asked to stop.
Result<JobReport> run_job(hal::Device& device, const runtime::MatrixSource& matrix, const runtime::SessionOptions& options,
                          std::span<const double> x, std::size_t batch, bool with_reference, Progress& progress);

}  // namespace sedma::cli

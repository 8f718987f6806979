#include "cli/job.h"

#include <algorithm>
#include <string_view>

#include "cli/interrupt.h"

namespace sedma::cli {
namespace {

// Shares the host's time out between writing and multiplying: with several turns both happen inside Session::multiply().
class StageClock {
 public:
  explicit StageClock(WallSeconds& wall) : wall_(&wall) {}
  void add(bool programming) {
    const double now = watch_.seconds();
    (programming ? wall_->program : wall_->multiply) += now - last_;
    last_ = now;
  }

 private:
  WallSeconds* wall_;
  Stopwatch watch_;
  double last_ = 0;
};

}  // namespace

Result<std::vector<double>> reference_product(const runtime::MatrixSource& matrix, std::span<const double> x, std::size_t batch,
                                              Progress& progress) {
  std::vector<double> exact(batch * matrix.rows());
  const auto watch_rows = [&](std::uint64_t done, std::uint64_t total) {
    progress.update("reference", done, total);
    return interrupted() == 0;
  };
  SEDMA_RETURN_IF_ERROR(matrix.multiply(x, exact, batch, watch_rows));
  return exact;
}

void add_errors(JobReport& report, std::span<const double> reference) {
  const std::span<const double> y = report.product.y;
  const std::size_t rows = report.product.rows;
  report.error = runtime::compare(y, reference);
  report.vector_errors.clear();
  for (std::size_t begin = 0; begin < y.size(); begin += rows)
    report.vector_errors.push_back(runtime::compare(y.subspan(begin, rows), reference.subspan(begin, rows)).relative_l2);
}

double JobReport::median_error() const {
  std::vector<double> sorted = vector_errors;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t n = sorted.size();
  if (n == 0) return 0;
  return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

Result<JobReport> run_job(hal::Device& device, const runtime::MatrixSource& matrix, const runtime::SessionOptions& options,
                          std::span<const double> x, std::size_t batch, bool with_reference, Progress& progress) {
  JobReport report;
  StageClock clock(report.wall);
  runtime::SessionOptions watched = options;
  watched.progress = [&](const char* stage, std::uint64_t done, std::uint64_t total) {
    clock.add(std::string_view(stage) == "program");
    progress.update(stage, done, total);
    if (interrupted() == 0) return true;
    device.cancel();  // what is under way must not keep the session waiting
    return false;
  };
  const CancelOnInterrupt guard(device);
  SEDMA_ASSIGN_OR_RETURN(runtime::Session session, runtime::Session::open(device, matrix, watched));
  SEDMA_RETURN_IF_ERROR(session.program());
  clock.add(true);
  SEDMA_ASSIGN_OR_RETURN(report.product, session.multiply(x, batch));
  clock.add(false);
  report.plan = session.plan();
  report.programming = session.programming();
  report.multiplying = session.multiplying();
  if (!with_reference) return report;
  const Stopwatch watch;
  SEDMA_ASSIGN_OR_RETURN(const std::vector<double> exact, reference_product(matrix, x, batch, progress));
  add_errors(report, exact);
  report.wall.reference = watch.seconds();
  return report;
}

}  // namespace sedma::cli

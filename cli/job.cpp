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

void compare_with_reference(JobReport& report, const runtime::Matrix& matrix, std::span<const double> x, std::size_t batch) {
  const Stopwatch watch;
  std::vector<double> exact(batch * matrix.rows());
  matrix.multiply(x, exact, batch);
  const std::span<const double> y = report.product.y, reference = exact;
  report.error = runtime::compare(y, reference);
  for (std::size_t b = 0; b < batch; ++b) {
    const std::size_t begin = b * matrix.rows();
    report.vector_errors.push_back(runtime::compare(y.subspan(begin, matrix.rows()), reference.subspan(begin, matrix.rows())).relative_l2);
  }
  report.wall.reference = watch.seconds();
}

}  // namespace

double JobReport::median_error() const {
  std::vector<double> sorted = vector_errors;
  std::sort(sorted.begin(), sorted.end());
  const std::size_t n = sorted.size();
  if (n == 0) return 0;
  return n % 2 == 1 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

Result<JobReport> run_job(hal::Device& device, const runtime::Matrix& matrix, const runtime::SessionOptions& options,
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
  if (with_reference) compare_with_reference(report, matrix, x, batch);
  return report;
}

}  // namespace sedma::cli

#include "cli/job.h"

#include <algorithm>
#include <string_view>

#include "calibration/file_io.h"
#include "cli/interrupt.h"
#include "cli/units.h"

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

// Signals end a run with a log between two products; only if the product takes longer than this, within it.
constexpr double patience_seconds = 10;

class StopRule {
 public:
  explicit StopRule(bool between_products) : between_products_(between_products) {}
  bool within_product() {
    if (interrupted() == 0) return false;
    if (!since_) since_.emplace();
    return !between_products_ || since_->seconds() > patience_seconds;
  }

 private:
  bool between_products_;
  std::optional<Stopwatch> since_;
};

std::string host_of(const runtime::Session& session) {
  const auto ranks = session.ranks();
  return ranks.empty() ? "" : ranks.front().host;
}

// The log of a run and what must be written to it when.
class Keeper {
 public:
  static Result<std::optional<Keeper>> open(const std::optional<LogRequest>& request, runtime::Session& session, Progress& progress) {
    if (!request) return std::optional<Keeper>();
    auto log = request->resume ? runtime::RunLog::resume(request->directory, request->identity)
                               : runtime::RunLog::create(request->directory, request->identity);
    if (!log.ok()) return log.status();
    Keeper keeper(std::move(log).value());
    keeper.standing_.coordinator_host = host_of(session);
    if (request->resume) {
      session.continue_from(keeper.standing_.vectors_done, keeper.standing_.programmings);
      keeper.restore(session, progress);
    }
    return std::optional<Keeper>(std::move(keeper));
  }

  std::uint64_t vectors_done() const { return standing_.vectors_done; }
  Result<std::vector<double>> products() const { return log_.products(); }

  Status begin(runtime::Session& session) {
    SEDMA_RETURN_IF_ERROR(session.save(log_.cells_path(standing_.starts)));
    standing_.state = runtime::RunStanding::State::running;
    standing_.programmings = 1;  // however often that one is repeated
    return log_.note(standing_);
  }
  Status keep(const runtime::Session& session, std::uint64_t first, const runtime::Product& product) {
    SEDMA_RETURN_IF_ERROR(log_.append(first, product.y));
    standing_.vectors_done = first + product.batch;
    standing_.lost_hosts.clear();
    for (const auto& loss : session.losses())
      if (!loss.returned) standing_.lost_hosts.push_back(loss.host);
    return log_.note(standing_);
  }
  // The first thing that went wrong is what is reported.
  Status end(const Status& outcome) {
    using State = runtime::RunStanding::State;
    standing_.state = outcome.ok() ? State::done : outcome.code() == Code::aborted ? State::stopped : State::failed;
    standing_.message = outcome.message();
    const Status noted = log_.note(standing_);
    return outcome.ok() ? noted : outcome;
  }

 private:
  explicit Keeper(runtime::RunLog log) : log_(std::move(log)), standing_(log_.standing()) {}
  // The state of the last start, or of the one before; without either all cells are written again, which gives the same ones.
  void restore(runtime::Session& session, Progress& progress) {
    for (const std::uint64_t back : {1u, 2u}) {
      if (standing_.starts <= back) return;
      const Status restored = session.restore(log_.cells_path(standing_.starts - back));
      if (restored.ok()) return;
      if (restored.code() != Code::unavailable) progress.interject(restored.message() + "; it is not used");
    }
  }

  runtime::RunLog log_;
  runtime::RunStanding standing_;
};

// All products, one after another, into report.product.
Status multiply_all(const JobRequest& request, runtime::Session& session, std::optional<Keeper>& keeper, JobReport& report) {
  const std::size_t rows = request.matrix.rows(), cols = request.matrix.cols();
  report.product = {request.batch, rows, std::vector<double>(request.batch * rows), {}};
  std::size_t done = 0;
  if (keeper) {
    SEDMA_ASSIGN_OR_RETURN(const std::vector<double> before, keeper->products());
    std::copy(before.begin(), before.end(), report.product.y.begin());
    done = keeper->vectors_done();
  }
  Sequence& sequence = report.sequence;
  sequence.each = request.each != 0 ? request.each : request.batch;
  sequence.resumed_from = done;
  if (done == request.batch) return {};
  std::optional<Stopwatch> last;
  const auto take = [&](std::size_t first, runtime::Product&& product) -> Status {
    if (last) sequence.largest_gap_seconds = std::max(sequence.largest_gap_seconds, last->seconds());
    last.emplace();
    ++sequence.products;
    first += done;
    std::copy(product.y.begin(), product.y.end(), report.product.y.begin() + static_cast<std::ptrdiff_t>(first * rows));
    if (keeper) SEDMA_RETURN_IF_ERROR(keeper->keep(session, first, product));
    if (interrupted() == 0 || first + product.batch == request.batch) return {};
    return Status(Code::aborted, "interrupted");
  };
  return session.multiply_each(request.x.subspan(done * cols), request.batch - done, sequence.each, take);
}

// What is left once all is multiplied: the account, the comparison, the results.
Status conclude(const JobRequest& request, const runtime::Session& session, Progress& progress, JobReport& report) {
  report.plan = session.plan();
  report.layouts = session.layouts();
  report.programming = session.programming();
  report.multiplying = session.multiplying();
  report.ranks = session.ranks();
  report.losses = session.losses();
  report.tile_hashes = session.tile_hashes();
  if (request.with_reference) {
    const Stopwatch watch;
    SEDMA_ASSIGN_OR_RETURN(const std::vector<double> exact, reference_product(request.matrix, request.x, request.batch, progress));
    add_errors(report, exact);
    report.wall.reference = watch.seconds();
  }
  progress.clear();
  return request.deliver ? request.deliver(report) : Status();
}

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

JobRequest job_on(hal::Device& device, const runtime::MatrixSource& matrix, const runtime::SessionOptions& session,
                  std::span<const double> x, std::size_t batch) {
  const auto open = [&device, &matrix](const runtime::SessionOptions& options) { return runtime::Session::open(device, matrix, options); };
  JobRequest request{matrix, session, open};
  request.device = &device;
  request.x = x;
  request.batch = batch;
  return request;
}

Result<JobReport> run_job(const JobRequest& request, Progress& progress) {
  JobReport report;
  StageClock clock(report.wall);
  StopRule stop(request.log.has_value());
  runtime::SessionOptions watched = request.session;
  watched.keep_cells = request.log.has_value();
  watched.progress = [&](const char* stage, std::uint64_t done, std::uint64_t total) {
    clock.add(std::string_view(stage) == "program");
    progress.update(stage, done, total);
    if (!stop.within_product()) return true;
    if (request.device != nullptr) request.device->cancel();  // what is under way must not keep the session waiting
    return false;
  };
  std::optional<CancelOnInterrupt> guard;
  if (request.device != nullptr && !request.log) guard.emplace(*request.device);
  SEDMA_ASSIGN_OR_RETURN(runtime::Session session, request.open(watched));
  SEDMA_ASSIGN_OR_RETURN(std::optional<Keeper> keeper, Keeper::open(request.log, session, progress));
  Status outcome;
  if (!keeper || keeper->vectors_done() < request.batch) {
    outcome = session.program();
    clock.add(true);
    if (outcome.ok() && keeper) outcome = keeper->begin(session);
  }
  if (outcome.ok()) outcome = multiply_all(request, session, keeper, report);
  clock.add(false);
  if (outcome.ok()) outcome = conclude(request, session, progress, report);
  if (keeper) outcome = keeper->end(outcome);
  if (!outcome.ok()) return outcome;
  return report;
}

}  // namespace sedma::cli

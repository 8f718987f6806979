#include "bench/ablation_policies.h"

#include <algorithm>
#include <cmath>

#include "bench/ablation_statistics.h"
#include "kernels/random.h"
#include "runtime/memory/context.h"

namespace sedma::bench {
namespace {

using runtime::TunedReport;
using runtime::TunedRequest;

constexpr double adapted_regret = 0.05;
constexpr std::uint64_t first_run_draw = 1000000;  // the oracle judges on the draws from 0

/// The products of one run, judged as they are handed out.
class Scores {
 public:
  Scores(const SequenceRequest& request, hal::Device& device, std::span<const double> reference)
      : request_(request), device_(device), reference_(reference) {}

  Status take(std::size_t first, const runtime::Product& product) {
    const std::size_t rows = request_.matrix.rows();
    for (const double error : vector_errors(product.y, reference_.subspan(first * rows, product.batch * rows), product.batch)) {
      errors_.push_back(error);
      const bool off = !(error <= *request_.goal.target_error);
      off_target_ += off ? 1 : 0;
      off_after_ += off && stepped_ ? 1 : 0;
    }
    if (!request_.step || stepped_) return {};
    if (static_cast<double>(errors_.size()) < request_.step->after * static_cast<double>(request_.batch)) return {};
    stepped_ = true;
    return device_.run(hal::Idle{request_.step->idle_seconds}).status();
  }

  void finish(RunRecord& record) const {
    record.total.vectors = record.total.checked = errors_.size();
    record.total.error_p95 = quantile(errors_, 0.95);
    record.total.error_median = quantile(errors_, 0.5);
    record.off_target = off_target_;
    record.off_target_after_step = off_after_;
    record.met_share = 1 - static_cast<double>(off_target_) / static_cast<double>(errors_.size());
  }

 private:
  const SequenceRequest& request_;
  hal::Device& device_;
  std::span<const double> reference_;
  std::vector<double> errors_;
  std::size_t off_target_ = 0, off_after_ = 0;
  bool stepped_ = false;
};

RunRecord record_of(const SequenceRequest& request, const TunedReport& report, const Scores& scores) {
  RunRecord record;
  record.total = report.total;
  scores.finish(record);
  record.objective = runtime::objective_value(request.goal, record.total, request.board.capabilities());
  record.joules = report.programming.joules.total() + report.multiplying.joules.total();
  record.seconds = report.programming.seconds + report.multiplying.seconds;
  record.tuning_seconds = report.tuning_seconds;
  record.episodes = report.episodes.size();
  for (const runtime::Episode& episode : report.episodes) {
    record.programmings += episode.programmed ? 1 : 0;
    record.explored = record.explored || episode.proposal.exploring;
    record.choice = episode.proposal.choice;
  }
  return record;
}

// Vectors of run `run`; the oracle's come from the seed of the board itself.
std::vector<double> vectors_of(const SequenceRequest& request, std::size_t run) {
  const kernels::Key key = kernels::derive(kernels::derive({request.board.seed()}, 0x72756e), run);
  return runtime::random_inputs(key.value, request.batch, request.matrix.cols());
}

Result<RunRecord> run_once(const SequenceRequest& request, std::size_t run, const runtime::Context& context, runtime::Tuner& tuner) {
  SEDMA_ASSIGN_OR_RETURN(const std::unique_ptr<hal::Device> device, request.board.open(first_run_draw + run));
  const std::vector<double> x = vectors_of(request, run);
  std::vector<double> reference(request.batch * request.matrix.rows());
  SEDMA_RETURN_IF_ERROR(request.matrix.multiply(x, reference, request.batch));
  Scores scores(request, *device, reference);
  runtime::SessionOptions base;
  base.progress = [&request](const char*, std::uint64_t, std::uint64_t) { return request.go_on(); };
  TunedRequest tuned{.matrix = request.matrix, .base = base, .open = {}, .context = context, .goal = request.goal, .x = x, .take = {}};
  tuned.open = [&](const runtime::SessionOptions& options) { return runtime::Session::open(*device, request.matrix, options); };
  tuned.batch = request.batch;
  tuned.each = request.each;
  tuned.take = [&](std::size_t first, runtime::Product&& product) { return scores.take(first, product); };
  SEDMA_ASSIGN_OR_RETURN(const TunedReport report, runtime::run_tuned(tuned, tuner));
  return record_of(request, report, scores);
}

}  // namespace

Result<std::vector<RunRecord>> run_sequence(const SequenceRequest& request, runtime::EpisodicMemory* memory) {
  const TrueBoard& board = request.board;
  const runtime::Mask mask;
  SEDMA_ASSIGN_OR_RETURN(const std::unique_ptr<runtime::Prior> prior,
                         runtime::Prior::open(request.matrix, board.capabilities(), mask, board.model()));
  runtime::Tuner tuner(*prior, memory, board.capabilities(), mask, request.policy);
  const runtime::Context context = runtime::context_of(prior->features(), board.capabilities(), mask, board.model(), 0);
  std::vector<RunRecord> records;
  for (std::size_t run = 0; run < request.runs; ++run) {
    if (!request.go_on()) return Status(Code::aborted, "interrupted");
    SEDMA_ASSIGN_OR_RETURN(RunRecord record, run_once(request, run, context, tuner));
    records.push_back(record);
  }
  return records;
}

Result<std::unique_ptr<runtime::EpisodicMemory>> memory_without(const std::vector<const runtime::EpisodicMemory*>& filled,
                                                                std::uint64_t content) {
  SEDMA_ASSIGN_OR_RETURN(std::unique_ptr<runtime::EpisodicMemory> memory, runtime::EpisodicMemory::open("none"));
  for (const runtime::EpisodicMemory* other : filled)
    for (const runtime::Recalled& recalled : other->all())
      if (recalled.pattern->context.matrix.content != content) memory->remember(*recalled.pattern);
  return memory;
}

std::size_t runs_to_adapt(const std::vector<RunRecord>& runs, double oracle_objective) {
  std::size_t first = runs.size();
  while (first > 0 && runs[first - 1].met() && runs[first - 1].objective <= (1 + adapted_regret) * oracle_objective) --first;
  return first + 1;
}

}  // namespace sedma::bench

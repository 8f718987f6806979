#include "cli/goal_work.h"

#include <fmt/format.h>

#include <filesystem>

#include "cli/goal_report.h"
#include "cli/interrupt.h"
#include "cli/units.h"
#include "runtime/memory/context.h"

namespace sedma::cli {
namespace {

using Memory = std::unique_ptr<runtime::EpisodicMemory>;

bool is_server(const std::string& where) { return where.find("://") != std::string::npos; }

// A dry run leaves no file behind.
std::string memory_place(const MultiplyOptions& options, const runtime::Policy& policy) {
  if (!policy.long_term) return "none";
  const std::string where = options.tuning.memory.empty() ? runtime::default_memory_path() : options.tuning.memory;
  std::error_code ignored;
  if (options.dry_run && !is_server(where) && !std::filesystem::exists(where, ignored)) return "none";
  return where;
}

// A memory that cannot be had is no reason not to multiply.
Result<Memory> open_memory(const std::string& where, Progress& progress) {
  runtime::EpisodicOptions options;
  options.log = [&progress](const std::string& sentence) { progress.interject(sentence); };
  auto memory = runtime::EpisodicMemory::open(where, options);
  if (memory.ok() || memory.status().code() == Code::invalid_argument) return memory;
  progress.interject(memory.status().message() + "; this run goes on without long-term memory");
  return runtime::EpisodicMemory::open("none", options);
}

// Of all ranks: the arrays of every board are there to be used.
hal::Capabilities board_of(const MultiplyWork& work) {
  hal::Capabilities board = work.board.device->capabilities();
  if (work.job == nullptr) return board;
  board.arrays = 0;
  for (const runtime::RankFacts& rank : work.job->ranks) board.arrays += rank.capabilities.arrays;
  return board;
}

// Unknown where the board has no sensor, or one that fails: products are possible without.
double temperature_of(hal::Device& device) {
  double kelvin = std::numeric_limits<double>::quiet_NaN();
  if (!device.capabilities().has(hal::Feature::senses_temperature)) return kelvin;
  std::vector<hal::Reading> readings;
  if (!device.run(hal::SelfTest{&readings}).ok()) return kelvin;
  for (const hal::Reading& reading : readings)
    if (reading.name == "temperature_kelvin") kelvin = reading.value;
  return kelvin;
}

/// All that proposing takes. Not moved: its parts refer to each other.
struct Advice {
  hal::Capabilities board;
  runtime::Policy policy;
  runtime::Goal goal;
  runtime::DeviceModel model;
  Memory memory;
  std::size_t patterns_before = 0;
  std::unique_ptr<runtime::Prior> prior;
  runtime::Context context;
  std::unique_ptr<runtime::Tuner> tuner;
};

Status prepare(const MultiplyWork& work, Progress& progress, Advice& advice) {
  const TuningOptions& options = work.options.tuning;
  advice.board = board_of(work);
  advice.policy = policy_of(options);
  if (work.job != nullptr) advice.policy.adaptive_lambda = false;  // rank 0 does not know the noise of the other ranks' outputs
  SEDMA_ASSIGN_OR_RETURN(advice.goal, goal_of(options, work.batch, work.limits));
  SEDMA_ASSIGN_OR_RETURN(advice.model, device_model(work.board));
  SEDMA_ASSIGN_OR_RETURN(advice.memory, open_memory(memory_place(work.options, advice.policy), progress));
  advice.patterns_before = advice.memory->stats().patterns;
  runtime::PriorOptions prior_options;
  prior_options.age_seconds = work.session.wait_seconds;
  progress.announce("predicting what choices cost and how wrong they are");
  SEDMA_ASSIGN_OR_RETURN(advice.prior, runtime::Prior::open(work.matrix, advice.board, work.session.mask, advice.model, prior_options));
  advice.context = runtime::context_of(advice.prior->features(), advice.board, work.session.mask, advice.model, work.session.wait_seconds);
  advice.tuner = std::make_unique<runtime::Tuner>(*advice.prior, advice.policy.long_term ? advice.memory.get() : nullptr, advice.board,
                                                  work.session.mask, advice.policy);
  return {};
}

GoalReport report_of(const MultiplyWork& work, const Advice& advice, const runtime::TunedReport& tuned) {
  return {work.options.tuning, advice.goal, advice.policy.name, advice.memory->stats(), advice.patterns_before, tuned};
}

runtime::SessionOptions session_of(const MultiplyWork& work, const runtime::TunedChoice& choice) {
  runtime::SessionOptions session = work.session;
  session.choice = choice.choice;
  session.lambda = {};
  session.lambda.adaptive = choice.adaptive_lambda;
  return session;
}

Ending propose_only(const MultiplyWork& work, Advice& advice, JsonTarget& json, Progress& progress) {
  auto proposal = advice.tuner->propose(advice.context, advice.goal);
  progress.clear();
  if (!proposal.ok()) return Ending::of_request(proposal.status());
  const runtime::SessionOptions session = session_of(work, proposal->choice);
  runtime::TunedReport tuned;
  tuned.episodes.push_back(runtime::episode_of(std::move(proposal).value()));
  const GoalReport report = report_of(work, advice, tuned);
  MultiplyContext context = context_of(work, session);
  context.goal = goal_line(report);
  return dry_run(context, work, Addition{"tuning", goal_json(report), explanation(report)}, json);
}

/// What the sessions of a run leave for its report.
void note(const runtime::Session& session, JobReport& job) {
  job.plan = session.plan();
  job.layouts = session.layouts();
  job.ranks = session.ranks();
  job.tile_hashes = session.tile_hashes();
  job.losses.insert(job.losses.end(), session.losses().begin(), session.losses().end());
}

class GoalRun {
 public:
  GoalRun(const MultiplyWork& work, Advice& advice, Progress& progress) : work_(work), advice_(advice), progress_(progress) {}

  Result<runtime::TunedReport> run() {
    const std::size_t rows = work_.matrix.rows();
    if (work_.job == nullptr) advice_.context.temperature_kelvin = temperature_of(*work_.board.device);
    std::vector<double> exact;
    if (!work_.options.no_reference) {
      const Stopwatch watch;
      SEDMA_ASSIGN_OR_RETURN(exact, reference_product(work_.matrix, work_.x, work_.batch, progress_));
      job.wall.reference = watch.seconds();
    }
    job.product = {work_.batch, rows, std::vector<double>(work_.batch * rows), {}};
    job.sequence.each = work_.options.each.value_or(static_cast<std::uint32_t>(work_.batch));
    std::optional<CancelOnInterrupt> guard;
    if (work_.job == nullptr) guard.emplace(*work_.board.device);
    clock_.emplace();
    auto tuned = runtime::run_tuned(request(exact), *advice_.tuner);
    if (!tuned.ok()) return tuned;
    job.wall.multiply = clock_->seconds() - job.wall.program - tuned->tuning_seconds - tuned->check_seconds;
    job.programming = tuned->programming;
    job.multiplying = tuned->multiplying;
    if (!exact.empty()) add_errors(job, exact);
    return tuned;
  }

  JobReport job;

 private:
  runtime::TunedRequest request(std::span<const double> exact) {
    runtime::TunedRequest request{work_.matrix,
                                  work_.session,
                                  [this](const runtime::SessionOptions& options) {
                                    last_ = clock_->seconds();
                                    return open_session(work_, options);
                                  },
                                  advice_.context,
                                  advice_.goal,
                                  work_.x,
                                  work_.batch,
                                  work_.options.each.value_or(0)};
    request.reference = exact;
    request.base.progress = [this](const char* stage, std::uint64_t done, std::uint64_t total) {
      const double now = clock_->seconds();
      if (std::string_view(stage) == "program") job.wall.program += now - last_;
      last_ = now;
      progress_.update(stage, done, total);
      if (interrupted() == 0) return true;
      if (work_.job == nullptr) work_.board.device->cancel();
      return false;
    };
    request.take = [this](std::size_t first, runtime::Product&& product) -> Status {
      if (gap_) job.sequence.largest_gap_seconds = std::max(job.sequence.largest_gap_seconds, gap_->seconds());
      gap_.emplace();
      ++job.sequence.products;
      std::copy(product.y.begin(), product.y.end(), job.product.y.begin() + static_cast<std::ptrdiff_t>(first * product.rows));
      return interrupted() == 0 ? Status() : Status(Code::aborted, "interrupted");
    };
    request.leave = [this](const runtime::Session& session) { note(session, job); };
    return request;
  }

  const MultiplyWork& work_;
  Advice& advice_;
  Progress& progress_;
  std::optional<Stopwatch> clock_, gap_;
  double last_ = 0;
};

}  // namespace

Ending carry_out_goal(const MultiplyWork& work, JsonTarget& json, Progress& progress) {
  Advice advice;
  if (const Status ready = prepare(work, progress, advice); !ready.ok()) return Ending::of_request(ready);
  if (work.options.dry_run) return propose_only(work, advice, json, progress);
  backends::RecordingDevice* const recorder = start_recording(work);
  GoalRun run(work, advice, progress);
  const auto tuned = run.run();
  progress.clear();
  if (const Status kept = advice.memory->flush(); !kept.ok()) progress.interject(kept.message() + "; what this run has learnt is lost");
  if (!tuned.ok()) return Ending::of_request(tuned.status());
  if (recorder != nullptr) SEDMA_RETURN_IF_ERROR(recorder->flush());
  run.job.wall.load = work.load_seconds;
  run.job.wall.total = work.total.seconds();
  const GoalReport report = report_of(work, advice, *tuned);
  const runtime::SessionOptions session = session_of(work, tuned->episodes.back().proposal.choice);
  MultiplyContext context = context_of(work, session);
  context.goal = goal_line(report);
  const std::string text = work.options.tuning.explain ? explanation(report) : "";
  SEDMA_RETURN_IF_ERROR(write_results(context, run.job, Addition{"tuning", goal_json(report), text}, json));
  if (tuned->target_met) return {};
  const std::string missed = "the goal was not met: " + outcome_line(report);
  if (work.options.tuning.strict) return {exit_failed, missed};
  progress.interject(missed);
  return {};
}

}  // namespace sedma::cli

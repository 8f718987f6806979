#include "cli/multiply_work.h"

#include <fmt/format.h>
#include <xxhash.h>

#include "cli/budget.h"
#include "cli/dry_run.h"
#include "cli/goal_work.h"
#include "cli/interrupt.h"
#include "cli/units.h"
#include "runtime/matrix_file.h"

namespace sedma::cli {

Result<runtime::Session> open_session(const MultiplyWork& work, const runtime::SessionOptions& options) {
  if (work.job != nullptr) return runtime::Session::open(*work.job, work.matrix, options);
  return runtime::Session::open(*work.board.device, work.matrix, options);
}

MultiplyContext context_of(const MultiplyWork& work, const runtime::SessionOptions& session) {
  return {work.options, session, work.matrix, work.board, work.batch, work.argv, work.job, ""};
}

Ending dry_run(const MultiplyContext& context, const MultiplyWork& work, const std::optional<Addition>& addition, JsonTarget& json) {
  const auto session = open_session(work, context.session);
  if (!session.ok()) return Ending::of_request(session.status());
  const auto told = foretell(context, *session);
  if (!told.ok()) return Ending::of_request(told.status());
  if (!json.takes_stdout()) SEDMA_RETURN_IF_ERROR(print(dry_run_text(context, *told) + (addition ? addition->text : "")));
  Json all = dry_run_json(context, *told);
  if (addition) all[addition->key] = addition->json;
  SEDMA_RETURN_IF_ERROR(json.prepare(all));
  return json.commit();
}

Status write_results(const MultiplyContext& context, const JobReport& job, const std::optional<Addition>& addition, JsonTarget& json) {
  if (interrupted() != 0) return Status(Code::aborted, "interrupted");
  Json all = multiply_json(context, job);
  if (addition) all[addition->key] = addition->json;
  SEDMA_RETURN_IF_ERROR(json.prepare(all));
  if (!context.options.output.empty())
    SEDMA_RETURN_IF_ERROR(runtime::write_block(context.options.output, {job.product.batch, job.product.rows, job.product.y}));
  if (!json.takes_stdout()) SEDMA_RETURN_IF_ERROR(print(multiply_text(context, job) + (addition ? addition->text : "")));
  return json.commit();
}

backends::RecordingDevice* start_recording(const MultiplyWork& work) {
  if (work.options.record.empty() || work.job != nullptr) return nullptr;
  auto recorder = std::make_unique<backends::RecordingDevice>(std::move(work.board.device), work.options.record);
  backends::RecordingDevice* const known = recorder.get();
  work.board.device = std::move(recorder);
  return known;
}

namespace {

// All that decides y beside the matrix and the vectors. Hosts and ranks do not.
runtime::RunIdentity identity_of(const MultiplyWork& work) {
  const MultiplyOptions& o = work.options;
  const runtime::Choice& c = work.session.choice;
  runtime::RunIdentity identity;
  identity.matrix = work.matrix.name();
  identity.content = work.matrix.content();
  identity.inputs = XXH3_64bits(work.x.data(), work.x.size_bytes());
  identity.vectors = work.batch;
  identity.rows = work.matrix.rows();
  identity.each = o.each.value_or(0);
  const Json text = {{"devices", o.devices},
                     {"hosts", o.hosts},
                     {"seed", o.seed},
                     {"mask", o.mask},
                     {"tile", {c.tile_rows, c.tile_cols}},
                     {"partition", name(c.partition)},
                     {"headroom", c.conversion.headroom},
                     {"repeats", c.conversion.repeats},
                     {"sharing", c.sharing},
                     {"encoding", name(c.encoding)},
                     {"scale", name(c.scale)},
                     {"slices", c.slices},
                     {"products", work.session.products},
                     {"passes", c.passes},
                     {"tolerance_levels", c.tolerance_levels},
                     {"lambda", work.session.lambda.value},
                     {"lambda_adaptive", work.session.lambda.adaptive},
                     {"wait_seconds", work.session.wait_seconds}};
  identity.options = text.dump();
  return identity;
}

JobRequest request_of(const MultiplyWork& work) {
  const auto open = [&work](const runtime::SessionOptions& options) { return open_session(work, options); };
  JobRequest request{work.matrix, work.session, open};
  request.device = work.job == nullptr ? work.board.device.get() : nullptr;
  request.x = work.x;
  request.batch = work.batch;
  request.each = work.options.each.value_or(0);
  request.with_reference = !work.options.no_reference;
  if (!work.options.log.empty()) request.log = LogRequest{work.options.log, work.options.resume, identity_of(work)};
  return request;
}

Result<std::optional<Addition>> budget_of(const MultiplyWork& work, Progress& progress) {
  if (!work.options.budget) return std::optional<Addition>();
  const BoardRequest board{work.options.device, work.limits, work.options.seed};
  auto report =
      run_budget(make_registry(), {board, work.matrix, work.session, work.x, work.batch, work.options.streams.value_or(32)}, progress);
  progress.clear();
  if (!report.ok()) return report.status();
  return std::optional<Addition>({"budget", budget_json(*report), budget_text(*report)});
}

}  // namespace

Status check_outputs(const MultiplyOptions& options, const JsonTarget& json) {
  SEDMA_RETURN_IF_ERROR(json.check());
  if (options.dry_run) return {};
  if (!options.output.empty()) SEDMA_RETURN_IF_ERROR(check_product_writable(options.output));
  return options.record.empty() ? Status() : check_writable(options.record);
}

Ending carry_out(const MultiplyWork& work, JsonTarget& json, Progress& progress) {
  if (work.options.tuning.wanted()) return carry_out_goal(work, json, progress);
  if (work.options.dry_run) return dry_run(context_of(work, work.session), work, {}, json);
  // A recording tells what was done to a board: it begins where nothing is left to be refused, and is kept if the run fails.
  if (!work.options.record.empty())
    if (const auto possible = open_session(work, work.session); !possible.ok()) return Ending::of_request(possible.status());
  backends::RecordingDevice* const recorder = start_recording(work);
  JobRequest request = request_of(work);
  request.deliver = [&](JobReport& report) -> Status {
    if (recorder != nullptr) SEDMA_RETURN_IF_ERROR(recorder->flush());  // its destructor could not say that the disk is full
    SEDMA_ASSIGN_OR_RETURN(const std::optional<Addition> budget, budget_of(work, progress));
    report.wall.load = work.load_seconds;
    report.wall.total = work.total.seconds();
    return write_results(context_of(work, work.session), report, budget, json);
  };
  const auto job = run_job(request, progress);
  progress.clear();
  return job.ok() ? Ending() : Ending::of_request(job.status());
}

Ending unless_resumable(const MultiplyOptions& options, const Ending& ending, Progress& progress) {
  if (ending.exit_code() == exit_ok || options.log.empty()) return ending;
  const auto standing = runtime::RunLog::standing(options.log);
  if (!standing.ok() || !*standing || (*standing)->state != runtime::RunStanding::State::stopped) return ending;
  progress.interject(fmt::format("stopped after {}; it can be resumed: add --resume", count((*standing)->vectors_done, "vector")));
  return {};
}

}  // namespace sedma::cli

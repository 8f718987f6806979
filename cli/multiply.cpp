// sedma multiply: one matrix, one board, a batch of vectors.

#include "backends/replay/record.h"
#include "cli/budget.h"
#include "cli/budget_sources.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/multiply_flags.h"
#include "cli/multiply_report.h"
#include "runtime/matrix_file.h"

namespace sedma::cli {
namespace {

Status check_outputs(const MultiplyOptions& options, const JsonTarget& json) {
  SEDMA_RETURN_IF_ERROR(json.check());
  if (options.dry_run) return {};
  if (!options.output.empty()) SEDMA_RETURN_IF_ERROR(check_product_writable(options.output));
  return options.record.empty() ? Status() : check_writable(options.record);
}

Ending dry_run(const MultiplyContext& context, JsonTarget& json) {
  const hal::Capabilities& board = context.board.device->capabilities();
  const auto session = runtime::Session::open(*context.board.device, context.matrix, context.session);
  if (!session.ok()) return Ending::of_request(session.status());
  const Forecast told = forecast(session->plan(), context.matrix, board, context.session.products, context.batch);
  if (!json.takes_stdout()) SEDMA_RETURN_IF_ERROR(print(dry_run_text(context, session->plan(), told)));
  SEDMA_RETURN_IF_ERROR(json.prepare(dry_run_json(context, session->plan(), told)));
  return json.commit();
}

// Before the board is opened: it may be one that cannot be taken apart.
Status check_budget(const hal::Registry& registry, const MultiplyOptions& options, const BoardRequest& request) {
  if (!options.budget) return {};
  SEDMA_ASSIGN_OR_RETURN(const hal::Uri uri, effective_uri(registry, request));
  return sources_on(uri).status();
}

// Everything is ready before the first file gets its name, so that a failure leaves none.
Status write_results(const MultiplyContext& context, const JobReport& job, const std::optional<BudgetReport>& budget, JsonTarget& json) {
  if (interrupted() != 0) return Status(Code::aborted, "interrupted");
  Json all = multiply_json(context, job);
  if (budget) all["budget"] = budget_json(*budget);
  SEDMA_RETURN_IF_ERROR(json.prepare(all));
  if (!context.options.output.empty())
    SEDMA_RETURN_IF_ERROR(runtime::write_block(context.options.output, {job.product.batch, job.product.rows, job.product.y}));
  if (!json.takes_stdout()) SEDMA_RETURN_IF_ERROR(print(multiply_text(context, job) + (budget ? budget_text(*budget) : "")));
  return json.commit();
}

// A recording tells what was done to a board: it begins where nothing is left to be refused, and is kept if the run fails.
Result<backends::RecordingDevice*> start_recording(const MultiplyContext& context, Board& board) {
  if (context.options.record.empty()) return nullptr;
  SEDMA_RETURN_IF_ERROR(runtime::Session::open(*board.device, context.matrix, context.session).status());
  auto recorder = std::make_unique<backends::RecordingDevice>(std::move(board.device), context.options.record);
  backends::RecordingDevice* const known = recorder.get();
  board.device = std::move(recorder);
  return known;
}

Ending run_multiply(const MultiplyOptions& options, const std::vector<std::string>& argv) {
  const Stopwatch total;
  Progress progress;
  auto session = session_options(options);
  if (!session.ok()) return Ending::of_request(session.status());
  JsonTarget json(options.json);
  if (const Status writable = check_outputs(options, json); !writable.ok()) return Ending::of_request(writable);
  auto inputs = load(options, progress);
  if (!inputs.ok()) return inputs.status();
  if (const Status agrees = check_batch(options, *inputs); !agrees.ok()) return Ending::of_request(agrees);
  catch_interrupts();
  const hal::Registry registry = make_registry();
  const BoardRequest request{options.device, inputs->limits, options.seed};
  if (const Status possible = check_budget(registry, options, request); !possible.ok()) return Ending::of_request(possible);
  auto board = open_board(registry, request);
  if (!board.ok()) return Ending::of_request(board.status());
  SEDMA_RETURN_IF_ERROR(inputs->mask.validate(board->device->capabilities()).with_context(options.mask));
  session->mask = std::move(inputs->mask);
  const MultiplyContext context{options, *session, *inputs->matrix, *board, inputs->batch, argv};
  if (options.dry_run) return dry_run(context, json);
  const auto recorder = start_recording(context, *board);
  if (!recorder.ok()) return Ending::of_request(recorder.status());
  auto job = run_job(*board->device, *inputs->matrix, *session, inputs->x, inputs->batch, !options.no_reference, progress);
  progress.clear();
  if (!job.ok()) return Ending::of_request(job.status());
  if (*recorder != nullptr) SEDMA_RETURN_IF_ERROR((*recorder)->flush());  // its destructor could not say that the disk is full
  std::optional<BudgetReport> budget;
  if (options.budget) {
    auto report =
        run_budget(registry, {request, *inputs->matrix, *session, inputs->x, inputs->batch, options.streams.value_or(32)}, progress);
    progress.clear();
    if (!report.ok()) return Ending::of_request(report.status());
    budget = std::move(report).value();
  }
  job->wall.load = inputs->seconds;
  job->wall.total = total.seconds();
  return write_results(context, *job, budget, json);
}

void add_outcome(CLI::App& command, MultiplyOptions& o) {
  add_option(command, "--output", o.output, "the products, one a row: .npy, .mtx or .h5[:/dataset]")->type_name("FILE");
  add_option(command, "--json", o.json, "everything about the run; -: to stdout, and nothing else there")->type_name("FILE|-");
  add_option(command, "--record", o.record,
             "keep the device's commands and answers, to be opened as replay:FILE; kept too if the run fails")
      ->type_name("FILE");
  add_flag(command, "--dry-run", o.dry_run, "only say what would be done: plan, submissions, most pulses");
  add_flag(command, "--budget", o.budget,
           "how much of the error each source causes: many more runs of an emulator, each without one of them");
  add_option(command, "--streams", o.streams, "random streams (seeds) of --budget; default 32")
      ->check(CLI::Range(2u, 10000u))
      ->type_name("N");
  add_flag(command, "--no-reference", o.no_reference, "do not compute the error against a product in double precision");
}

}  // namespace

Command add_multiply(CLI::App& program, const std::vector<std::string>& argv) {
  CLI::App* command = program.add_subcommand("multiply", "Multiply a matrix on a board and say what it cost and how wrong it is");
  command->footer(
      examples({"sedma multiply --matrix bcsstk02.mtx --device emulator:TaOx-HfOx",
                "sedma multiply --matrix bcsstk02.mtx --device 'emulator:EpiRAM?adc_bits=12' --correction residual --slices 2 --batch 8",
                "sedma multiply --matrix bcsstk02.mtx --device 'emulator:TaOx-HfOx?read_noise=0.02' --batch 8 --budget",
                "sedma multiply --matrix a.npy --input x.npy --device emulator:Ag-aSi --output y.h5 --json run.json",
                "sedma multiply --matrix a.mtx --device 'emulator:EpiRAM?arrays=4' --limits board.json --dry-run",
                "sedma multiply --matrix a.mtx --device emulator:Ag-aSi --json - | jq .error"}));
  const auto options = std::make_shared<MultiplyOptions>();
  add_subject_options(*command, *options);
  add_session_options(*command, *options);
  add_board_options(*command, *options);
  add_outcome(*command, *options);
  return {command, [options, argv] { return run_multiply(*options, argv); }};
}

}  // namespace sedma::cli

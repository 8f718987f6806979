// sedma multiply: one matrix, one board, a batch of vectors.

#include <fmt/format.h>

#include "backends/replay/record.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/limits_file.h"
#include "cli/multiply_report.h"
#include "cli/units.h"
#include "runtime/mask.h"
#include "runtime/matrix_file.h"

namespace sedma::cli {
namespace {

// What a run reads from files, all of it before a device is open: reading HDF5 forks, and must do so before there are threads.
struct Inputs {
  runtime::Matrix matrix;
  runtime::Mask mask;
  hal::Limits limits;
  std::size_t batch = 0;
  std::vector<double> x;  // [batch, cols]
  double seconds = 0;
};

Status check_outputs(const MultiplyOptions& options, const JsonTarget& json) {
  SEDMA_RETURN_IF_ERROR(json.check());
  if (options.dry_run) return {};
  if (!options.output.empty()) SEDMA_RETURN_IF_ERROR(check_product_writable(options.output));
  return options.record.empty() ? Status() : check_writable(options.record);
}

Result<Inputs> load(const MultiplyOptions& options, Progress& progress) {
  constexpr std::uint64_t long_to_read = 64u << 20;
  const Stopwatch watch;
  Inputs inputs;
  SEDMA_ASSIGN_OR_RETURN(inputs.limits, read_limits(options.limits));
  if (!options.mask.empty()) {
    SEDMA_ASSIGN_OR_RETURN(inputs.mask, runtime::read_mask(options.mask));
  }
  if (const auto size = calibration::file_size(options.matrix); size.ok() && *size > long_to_read)
    progress.announce(fmt::format("reading {} ({})", printable(options.matrix), bytes(*size)));
  SEDMA_ASSIGN_OR_RETURN(inputs.matrix, runtime::read_matrix(options.matrix));
  progress.clear();
  if (options.input.empty()) {
    inputs.batch = options.batch.value_or(1);
    inputs.x = runtime::random_inputs(options.effective_input_seed(), inputs.batch, inputs.matrix.cols());
  } else {
    SEDMA_ASSIGN_OR_RETURN(runtime::DenseBlock block, runtime::read_block(options.input, inputs.matrix.cols()));
    inputs.batch = block.rows;
    inputs.x = std::move(block.values);
  }
  inputs.seconds = watch.seconds();
  return inputs;
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

// Everything is ready before the first file gets its name, so that a failure leaves none.
Status write_results(const MultiplyContext& context, const JobReport& job, JsonTarget& json) {
  if (interrupted() != 0) return Status(Code::aborted, "interrupted");
  SEDMA_RETURN_IF_ERROR(json.prepare(multiply_json(context, job)));
  if (!context.options.output.empty())
    SEDMA_RETURN_IF_ERROR(runtime::write_block(context.options.output, {job.product.batch, job.product.rows, job.product.y}));
  if (!json.takes_stdout()) SEDMA_RETURN_IF_ERROR(print(multiply_text(context, job)));
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
  if (options.batch && *options.batch != inputs->batch)
    return Ending::usage(fmt::format("--batch is {}, but {} holds {}", *options.batch, options.input, count(inputs->batch, "vector")));
  catch_interrupts();
  const hal::Registry registry = make_registry();
  auto board = open_board(registry, {options.device, inputs->limits, options.seed});
  if (!board.ok()) return Ending::of_request(board.status());
  SEDMA_RETURN_IF_ERROR(inputs->mask.validate(board->device->capabilities()).with_context(options.mask));
  session->mask = std::move(inputs->mask);
  const MultiplyContext context{options, *session, inputs->matrix, *board, inputs->batch, argv};
  if (options.dry_run) return dry_run(context, json);
  const auto recorder = start_recording(context, *board);
  if (!recorder.ok()) return Ending::of_request(recorder.status());
  auto job = run_job(*board->device, inputs->matrix, *session, inputs->x, inputs->batch, !options.no_reference, progress);
  progress.clear();
  if (!job.ok()) return Ending::of_request(job.status());
  if (*recorder != nullptr) SEDMA_RETURN_IF_ERROR((*recorder)->flush());  // its destructor could not say that the disk is full
  job->wall.load = inputs->seconds;
  job->wall.total = total.seconds();
  return write_results(context, *job, json);
}

void add_what(CLI::App& command, MultiplyOptions& o) {
  add_option(command, "--matrix", o.matrix, "Matrix Market, Harwell-Boeing, NumPy .npy or HDF5 (file.h5:/dataset)")
      ->required()
      ->type_name("FILE");
  add_option(command, "--device", o.device, "the board, e.g. emulator:TaOx-HfOx?adc_bits=10; sedma devices lists them")
      ->required()
      ->type_name("URI");
  add_option(command, "--batch", o.batch, "random vectors to multiply; default 1")->check(CLI::Range(1u, 1000000u))->type_name("K");
  add_option(command, "--input", o.input, "vectors to multiply, one a row, from a file of any format above")->type_name("FILE");
  add_option(command, "--input-seed", o.input_seed, "of the random vectors; default as --seed")->check(non_negative())->type_name("N");
  add_option(command, "--seed", o.seed, "default of the URI's seed= and of --input-seed")
      ->check(non_negative())
      ->capture_default_str()
      ->type_name("N");
}

std::string tile_mistake(std::string& text) {
  TileSize tile;
  return lexical_cast(text, tile) ? "" : fmt::format("'{}' is not ROWSxCOLS, two whole numbers > 0 such as 64x32", text);
}

void add_how(CLI::App& command, MultiplyOptions& o) {
  add_option(command, "--correction", o.correction,
             "none, products (x is written on the board for every x) or residual (slices hold what was written wrong)")
      ->check(CLI::IsMember({"none", "products", "residual"}))
      ->type_name("KIND");
  add_option(command, "--slices", o.slices, "residual slices; more than 0 means --correction residual, whose default is 1")
      ->check(CLI::Range(0u, 16u))
      ->type_name("K");
  add_option(command, "--lambda", o.lambda, "smooth the product: second-order denoising; 0: off")
      ->check(non_negative())
      ->capture_default_str()
      ->type_name("VALUE");
  add_option(command, "--passes", o.passes, "write-verify rounds at most")
      ->check(CLI::Range(1u, 100000u))
      ->capture_default_str()
      ->type_name("N");
  add_option(command, "--tolerance", o.tolerance, "stop writing a cell within so many levels of its target")
      ->check(CLI::Range(1e-6, 1e6))
      ->capture_default_str()
      ->type_name("LEVELS");
  add_option(command, "--tile", o.tile, "largest tile, in matrix rows and columns; default: what an array holds")
      ->check(CLI::Validator(tile_mistake, ""))
      ->type_name("ROWSxCOLS");
  add_option(command, "--encoding", o.encoding, "two cells a value (pair), or one and a shared reference line (offset)")
      ->check(CLI::IsMember({"pair", "offset"}))
      ->capture_default_str()
      ->type_name("KIND");
  add_option(command, "--scale", o.scale, "one scale and converter range for each output, or for the tile")
      ->check(CLI::IsMember({"output", "tile"}))
      ->capture_default_str()
      ->type_name("PER");
  add_option(command, "--mask", o.mask, "bad lines and cells to go around, JSON")->type_name("FILE");
  add_option(command, "--limits", o.limits, "what may reach the chip, JSON with the fields of hal::Limits")->type_name("FILE");
}

void add_outcome(CLI::App& command, MultiplyOptions& o) {
  add_option(command, "--output", o.output, "the products, one a row: .npy, .mtx or .h5[:/dataset]")->type_name("FILE");
  add_option(command, "--json", o.json, "everything about the run; -: to stdout, and nothing else there")->type_name("FILE|-");
  add_option(command, "--record", o.record,
             "keep the device's commands and answers, to be opened as replay:FILE; kept too if the run fails")
      ->type_name("FILE");
  add_flag(command, "--dry-run", o.dry_run, "only say what would be done: plan, submissions, most pulses");
  add_flag(command, "--no-reference", o.no_reference, "do not compute the error against a product in double precision");
}

}  // namespace

Command add_multiply(CLI::App& program, const std::vector<std::string>& argv) {
  CLI::App* command = program.add_subcommand("multiply", "Multiply a matrix on a board and say what it cost and how wrong it is");
  command->footer(
      examples({"sedma multiply --matrix bcsstk02.mtx --device emulator:TaOx-HfOx",
                "sedma multiply --matrix bcsstk02.mtx --device 'emulator:EpiRAM?adc_bits=12' --correction residual --slices 2 --batch 8",
                "sedma multiply --matrix a.npy --input x.npy --device emulator:Ag-aSi --output y.h5 --json run.json",
                "sedma multiply --matrix a.mtx --device 'emulator:EpiRAM?arrays=4' --limits board.json --dry-run",
                "sedma multiply --matrix a.mtx --device emulator:Ag-aSi --json - | jq .error"}));
  const auto options = std::make_shared<MultiplyOptions>();
  add_what(*command, *options);
  add_how(*command, *options);
  add_outcome(*command, *options);
  return {command, [options, argv] { return run_multiply(*options, argv); }};
}

}  // namespace sedma::cli

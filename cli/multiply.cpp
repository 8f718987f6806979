// sedma multiply: one matrix, one board or those of all ranks of a job, a batch of vectors.

#include "cli/budget_sources.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/multiply_flags.h"
#include "cli/multiply_ranks.h"
#include "cli/multiply_work.h"
#include "cli/rank_devices.h"
#include "runtime/mpi_environment.h"

namespace sedma::cli {
namespace {

// Before the board is opened: it may be one that cannot be taken apart.
Status check_budget(const hal::Registry& registry, const MultiplyOptions& options, const BoardRequest& request) {
  if (!options.budget) return {};
  SEDMA_ASSIGN_OR_RETURN(const hal::Uri uri, effective_uri(registry, request));
  return sources_on(uri).status();
}

Ending multiply_alone(const MultiplyOptions& options, const std::vector<std::string>& argv, Progress& progress) {
  const Stopwatch total;
  auto session = session_options(options);
  if (!session.ok()) return Ending::of_request(session.status());
  JsonTarget json(options.json);
  if (const Status writable = check_outputs(options, json); !writable.ok()) return Ending::of_request(writable);
  auto inputs = load(options, progress);
  if (!inputs.ok()) return inputs.status();
  if (const Status agrees = check_batch(options, inputs->batch); !agrees.ok()) return Ending::of_request(agrees);
  catch_interrupts();
  const hal::Registry registry = make_registry();
  const BoardRequest request{options.device, inputs->limits, options.seed};
  if (const Status possible = check_budget(registry, options, request); !possible.ok()) return Ending::of_request(possible);
  auto board = open_board(registry, request);
  if (!board.ok()) return Ending::of_request(board.status());
  SEDMA_RETURN_IF_ERROR(inputs->mask.validate(board->device->capabilities()).with_context(options.mask));
  session->mask = std::move(inputs->mask);
  if (const auto model = emulated_model(*board)) session->read_noise = {model->cell.read_noise, model->cell.read_floor_siemens};
  const MultiplyWork work{options,   argv,          *session,        *inputs->matrix, *board, inputs->limits,
                          inputs->x, inputs->batch, inputs->seconds, nullptr,         total};
  return carry_out(work, json, progress);
}

Ending run_multiply(const MultiplyOptions& options, const std::vector<std::string>& argv) {
  const auto launched = runtime::launched();
  if (launched && launched->size > 1) return multiply_on_ranks(options, argv, *launched);
  Progress progress;
  MultiplyOptions alone = options;
  const auto device = device_of_rank(options, RankPlace{});
  if (!device.ok()) return Ending::of_request(device.status());
  alone.device = *device;
  return unless_resumable(alone, multiply_alone(alone, argv, progress), progress);
}

void add_outcome(CLI::App& command, MultiplyOptions& o) {
  add_option(command, "--output", o.output, "the products, one a row: .npy, .mtx or .h5[:/dataset]")->type_name("FILE");
  add_option(command, "--json", o.json, "everything about the run; -: to stdout, and nothing else there")->type_name("FILE|-");
  add_option(command, "--record", o.record,
             "keep the device's commands and answers, to be opened as replay:FILE; kept too if the run fails")
      ->type_name("FILE");
  add_flag(command, "--dry-run", o.dry_run, "only say what would be done: plan, submissions, messages, pulses, energy and time");
  add_flag(command, "--budget", o.budget,
           "how much of the error each source causes: many more runs of an emulator, each without one of them");
  add_option(command, "--streams", o.streams, "random streams (seeds) of --budget; default 32")
      ->check(CLI::Range(2u, 10000u))
      ->type_name("N");
  add_flag(command, "--no-reference", o.no_reference, "do not compute the error against a product in double precision");
}

void add_job(CLI::App& command, MultiplyOptions& o) {
  add_option(command, "--device", o.devices,
             "the board, e.g. emulator:TaOx-HfOx?adc_bits=10; sedma devices lists them. Under mpirun once for all ranks, or once for each; "
             "%r is the rank, %h the host")
      ->allow_extra_args(false)
      ->type_name("URI");
  add_option(command, "--hosts", o.hosts, R"(boards of every host instead of --device, JSON: {"n0": "URI", "n1": ["URI", "URI"]})")
      ->type_name("FILE");
  add_option(command, "--dead-after", o.dead_after, "a rank silent for so long is lost, and its tiles move to others")
      ->check(CLI::Range(0.1, 3600.0))
      ->capture_default_str()
      ->type_name("SECONDS");
  add_option(command, "--each", o.each, "vectors of one product, of --batch or --input in all; default: all in one")
      ->check(CLI::Range(1u, 1000000u))
      ->type_name("K");
  add_option(command, "--log", o.log,
             "keep every product and the boards' state durably here, so that --resume can go on; a file system that every host sees")
      ->type_name("DIRECTORY");
  add_flag(command, "--resume", o.resume, "go on with the run that --log holds");
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
                "sedma multiply --matrix a.mtx --device emulator:Ag-aSi --json - | jq .error",
                "mpirun -n 4 --hostfile hosts sedma multiply --matrix a.h5 --device emulator:EpiRAM --batch 64",
                "sedma multiply --matrix bcsstk02.mtx --device emulator:EpiRAM --batch 64 --target-error 0.01 --explain",
                "sedma run -n 4 --hostfile hosts -- multiply --matrix a.h5 --device emulator:EpiRAM --batch 200 --each 1 --log run1"}));
  const auto options = std::make_shared<MultiplyOptions>();
  add_subject_options(*command, *options);
  add_job(*command, *options);
  add_session_options(*command, *options);
  add_board_options(*command, *options);
  add_outcome(*command, *options);
  add_tuning_options(*command, options->tuning);
  return {command, [options, argv, command] {
            options->tuning.decided = decided_options(*command);
            return run_multiply(*options, argv);
          }};
}

}  // namespace sedma::cli

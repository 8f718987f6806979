// sedma sweep: one matrix at every point of a grid of device and session options.

#include <fmt/ranges.h>

#include "cli/board.h"
#include "cli/command.h"
#include "cli/inputs.h"
#include "cli/interrupt.h"
#include "cli/multiply_flags.h"
#include "cli/sweep_report.h"
#include "cli/units.h"
#include "runtime/digest.h"
#include "runtime/process.h"

namespace sedma::cli {
namespace {

struct Options {
  MultiplyOptions base;
  std::vector<std::string> over, flags;  // flags: keys of session options that the command line sets for all points
  std::string csv;
};

// A board and what the session on it shall do.
struct PointRequest {
  BoardRequest board;
  runtime::SessionOptions session;
};

Result<PointRequest> request_at(const Sweep& sweep, const Point& point, const Inputs& inputs) {
  SEDMA_ASSIGN_OR_RETURN(const MultiplyOptions options, options_at(sweep.axes, point, sweep.options));
  PointRequest request{{options.device, inputs.limits, options.seed}, {}};
  SEDMA_ASSIGN_OR_RETURN(request.session, session_options(options));
  request.session.mask = inputs.mask;
  return request;
}

// What a point's board and session refuse, they refuse before anything runs.
Status check_point(const hal::Registry& registry, const Sweep& sweep, const Point& point, const Inputs& inputs) {
  if (interrupted() != 0) return Status(Code::aborted, "interrupted");
  SEDMA_ASSIGN_OR_RETURN(const PointRequest request, request_at(sweep, point, inputs));
  SEDMA_ASSIGN_OR_RETURN(const Board board, open_board(registry, request.board));
  SEDMA_RETURN_IF_ERROR(inputs.mask.validate(board.device->capabilities()).with_context(sweep.options.mask));
  return runtime::Session::open(*board.device, *inputs.matrix, request.session).status();
}

Result<SweepPoint> run_point(const hal::Registry& registry, const Sweep& sweep, const Point& point, const Inputs& inputs,
                             std::span<const double> exact, Progress& progress) {
  const Stopwatch watch;
  SEDMA_ASSIGN_OR_RETURN(const PointRequest request, request_at(sweep, point, inputs));
  SEDMA_ASSIGN_OR_RETURN(const Board board, open_board(registry, request.board));
  SweepPoint result{point, board.uri, "", {}, 0};
  JobRequest job = job_on(*board.device, *inputs.matrix, request.session, inputs.x, inputs.batch);
  job.with_reference = false;
  SEDMA_ASSIGN_OR_RETURN(result.job, run_job(job, progress));
  add_errors(result.job, exact);
  result.y_digest = runtime::digest(result.job.product.y);
  result.job.product.y = {};
  result.wall = watch.seconds();
  return result;
}

Status run_points(const hal::Registry& registry, Sweep& sweep, const Inputs& inputs, Progress& progress) {
  const std::uint64_t points = count_points(sweep.axes);
  for (std::uint64_t k = 0; k < points; ++k) {
    const Point point = point_at(sweep.axes, k);
    progress.update("checking", k, points);
    SEDMA_RETURN_IF_ERROR(check_point(registry, sweep, point, inputs).with_context(describe(sweep.axes, point)));
  }
  SEDMA_ASSIGN_OR_RETURN(const std::vector<double> exact, reference_product(*inputs.matrix, inputs.x, inputs.batch, progress));
  for (std::uint64_t k = 0; k < points; ++k) {
    const Point point = point_at(sweep.axes, k);
    progress.set_label(fmt::format("point {} of {}, {}", k + 1, points, describe(sweep.axes, point)));
    auto result = run_point(registry, sweep, point, inputs, exact, progress);
    if (!result.ok()) return result.status().with_context(describe(sweep.axes, point));
    sweep.points.push_back(std::move(result).value());
  }
  progress.clear();
  return interrupted() == 0 ? Status() : Status(Code::aborted, "interrupted");
}

Status check_options(const Options& options, const std::vector<Axis>& axes) {
  for (const Axis& axis : axes)
    for (const std::string& flag : options.flags)
      if (axis.key == flag) return fail(Code::invalid_argument, "--over {} varies what --{} sets already", axis.key, flag);
  if (!options.csv.empty() && options.csv == options.base.json)
    return fail(Code::invalid_argument, "--csv and --json are the same {}", options.csv == "-" ? "stdout" : "file " + options.csv);
  return session_options(options.base).status();
}

Ending run_sweep(const Options& options, const std::vector<std::string>& argv) {
  const Stopwatch total;
  Progress progress;
  const auto device = hal::Uri::parse(options.base.device);
  if (!device.ok()) return Ending::of_request(device.status());
  const auto axes = parse_axes(options.over, *device);
  if (!axes.ok()) return Ending::of_request(axes.status());
  if (const Status agrees = check_options(options, *axes); !agrees.ok()) return Ending::of_request(agrees);
  TextTarget csv(options.csv);
  JsonTarget json(options.base.json);
  SEDMA_RETURN_IF_ERROR(csv.check());
  SEDMA_RETURN_IF_ERROR(json.check());
  const auto inputs = load(options.base, progress);
  if (!inputs.ok()) return inputs.status();
  if (const Status agrees = check_batch(options.base, inputs->batch); !agrees.ok()) return Ending::of_request(agrees);
  catch_interrupts();
  const hal::Registry registry = make_registry();
  Sweep sweep{options.base, *inputs->matrix, *axes, inputs->batch, {}};
  if (const Status done = run_points(registry, sweep, *inputs, progress); !done.ok()) return Ending::of_request(done);
  SEDMA_RETURN_IF_ERROR(csv.prepare(csv.wanted() ? sweep_csv(sweep) : ""));
  Json all = sweep_json(sweep);
  all["provenance"] = provenance_json(options.base.device, argv);
  all["wall_seconds"] = total.seconds();
  all["peak_bytes"] = runtime::peak_memory_bytes();
  SEDMA_RETURN_IF_ERROR(json.prepare(all));
  if (!csv.wanted() && !json.takes_stdout()) SEDMA_RETURN_IF_ERROR(print(sweep_text(sweep)));
  SEDMA_RETURN_IF_ERROR(csv.commit());
  return json.commit();
}

}  // namespace

Command add_sweep(CLI::App& program, const std::vector<std::string>& argv) {
  CLI::App* command = program.add_subcommand("sweep", "Multiply a matrix at every point of a grid of device and product options");
  command->footer(
      examples({"sedma sweep --matrix bcsstk02.mtx --device emulator:EpiRAM --over adc_bits=4:12 --over slices=0:2 --csv grid.csv",
                "sedma sweep --matrix a.mtx --device 'emulator:TaOx-HfOx?adc_bits=12' --over read_noise=0:0.05:0.01 --batch 8",
                "sedma sweep --matrix a.mtx --device emulator:Ag-aSi --over tile=16x16,32x32,64x64 --over encoding=pair,offset --json -",
                "sedma sweep --matrix a.mtx --device emulator:EpiRAM --over adc_bits=0,6:10:2 --over seed=1:5 --csv - | column -s, -t"}));
  const auto options = std::make_shared<Options>();
  add_subject_options(*command, options->base);
  add_option(*command, "--device", options->base.device, "the board, e.g. emulator:TaOx-HfOx?adc_bits=10; sedma devices lists them")
      ->required()
      ->type_name("URI");
  add_option(
      *command, "--over", options->over,
      fmt::format(
          "what to vary, once for each key: KEY=FROM:TO[:STEP], KEY=VALUE,VALUE or both, at most {} points in all. Keys: options of the "
          "device's URI (sedma devices lists them), and {}",
          count(most_points), fmt::join(session_option_keys(), ", ")))
      ->required()
      ->allow_extra_args(false)
      ->type_name("KEY=VALUES");
  add_session_options(*command, options->base);
  add_board_options(*command, options->base);
  add_option(*command, "--csv", options->csv, "a line for every point instead of the table; -: to stdout")->type_name("FILE|-");
  add_option(*command, "--json", options->base.json, "everything about every point; -: to stdout, and nothing else there")
      ->type_name("FILE|-");
  return {command, [command, options, argv] {
            for (const std::string& key : session_option_keys())
              if (command->count("--" + key) > 0) options->flags.push_back(key);
            return run_sweep(*options, argv);
          }};
}

}  // namespace sedma::cli

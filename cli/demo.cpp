// sedma demo: a real circuit matrix on the four published materials, with and without correction.

#include <fmt/format.h>
#include <glob.h>

#include <array>

#include "cli/board.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/limits_file.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/units.h"
#include "kernels/materials.h"
#include "runtime/digest.h"
#include "runtime/matrix_file.h"
#include "runtime/process.h"

namespace sedma::cli {
namespace {

struct Options {
  std::string matrix, limits_file, json;
  hal::Limits limits;
  std::uint32_t passes = 100;
  std::uint64_t seed = 1;
};

struct Line {
  Board board;
  std::uint32_t slices = 0;
  JobReport job;
  double wall = 0;
};

constexpr std::array<std::uint32_t, 3> slices_shown = {0, 1, 2};

// add32, a 4960 x 4960 circuit matrix, where Debian installs it on any architecture.
Result<std::string> default_matrix() {
  constexpr const char* pattern = "/usr/lib/*/superlu-dist/tests/EXAMPLE/big.rua";
  glob_t found{};
  const bool any = ::glob(pattern, 0, nullptr, &found) == 0 && found.gl_pathc > 0;
  std::string path = any ? found.gl_pathv[0] : "";
  ::globfree(&found);
  if (any) return path;
  return fail(Code::unavailable, "no {}: install the Debian package libsuperlu-dist-dev, or give a matrix with --matrix", pattern);
}

std::string correction_text(std::uint32_t slices) { return slices == 0 ? "none" : fmt::format("residual, {}", count(slices, "slice")); }

double pulses_per_useful_cell(const JobReport& job) {
  return job.plan.cells_useful == 0 ? 0 : static_cast<double>(job.programming.pulses) / static_cast<double>(job.plan.cells_useful);
}

Result<Line> run_line(const hal::Registry& registry, const Options& options, const runtime::Matrix& matrix, std::span<const double> x,
                      std::string_view material, std::uint32_t slices, Progress& progress) {
  const Stopwatch watch;
  Line line;
  line.slices = slices;
  SEDMA_ASSIGN_OR_RETURN(line.board, open_board(registry, {fmt::format("emulator:{}", material), options.limits, options.seed}));
  runtime::SessionOptions session;
  session.choice.slices = slices;
  session.choice.passes = options.passes;
  progress.set_label(fmt::format("{}, correction {}", material, correction_text(slices)));
  SEDMA_ASSIGN_OR_RETURN(line.job, run_job(job_on(*line.board.device, matrix, session, x, 1), progress));
  line.wall = watch.seconds();
  return line;
}

std::vector<std::string> row_of(const Line& line) {
  const JobReport& job = line.job;
  return {line.board.device->capabilities().material,
          correction_text(line.slices),
          scientific(job.error->relative_l2),
          si(job.programming.joules.total(), "J"),
          si(job.multiplying.joules.total(), "J"),
          si(job.programming.seconds, "s"),
          si(job.multiplying.seconds, "s"),
          fmt::format("{:.1f}", pulses_per_useful_cell(job)),
          percent(runtime::memory_efficiency(job.plan, job.layouts)),
          si(line.wall, "s")};
}

Json json_of(const Line& line) {
  const JobReport& job = line.job;
  const hal::Capabilities& board = line.board.device->capabilities();
  return {{"material", board.material},
          {"correction", {{"kind", line.slices == 0 ? "none" : "residual"}, {"slices", line.slices}, {"lambda", 0.0}}},
          {"error", error_json(job)},
          {"programming", programming_json(job.programming, job.plan.choice)},
          {"multiply", multiplying_json(job.multiplying)},
          {"pulses_per_useful_cell", pulses_per_useful_cell(job)},
          {"plan", plan_json(job.plan, job.layouts)},
          {"assumptions", assumptions_json(line.board.assumptions, board)},
          {"uri", line.board.uri},
          {"wall_seconds", line.wall},
          {"y_digest", runtime::digest(job.product.y)}};
}

std::string header(const runtime::Matrix& matrix, const Options& options, const Board& board) {
  const hal::Capabilities& c = board.device->capabilities();
  const std::string name = options.matrix.empty() ? "add32 (big.rua of libsuperlu-dist-dev)" : printable(matrix.name());
  return fmt::format("{}, {} x {}, {}, one random vector; arrays of {} x {}; {}, {}, transistor {}, {} passes, seed {}\n\n", name,
                     matrix.rows(), matrix.cols(), count(matrix.nonzeros(), "nonzero"), c.rows, c.cols, converters_text(c),
                     c2c_text(board.assumptions), board.assumptions && board.assumptions->transistor_ohms > 0 ? "on" : "off",
                     options.passes, options.seed);
}

Table empty_table() {
  constexpr auto right = Table::Align::right;
  return Table({{"material"},
                {"correction"},
                {"error", right},
                {"write energy", right},
                {"product energy", right},
                {"write time", right},
                {"product time", right},
                {"pulses/cell", right},
                {"memory", right},
                {"wall", right}});
}

constexpr const char* legend =
    "\nerror: relative l2 against a double-precision product. Energy and time are the emulated board's: writing the matrix once, and one\n"
    "product. pulses/cell: per cell that holds a nonzero entry. memory: those cells of all cells in the arrays used. wall: on this host.\n";

Ending run_demo(const Options& options, const std::vector<std::string>& argv) {
  const Stopwatch total;
  JsonTarget json(options.json);
  SEDMA_RETURN_IF_ERROR(json.check());
  std::string path = options.matrix;
  if (path.empty()) {
    SEDMA_ASSIGN_OR_RETURN(path, default_matrix());
  }
  SEDMA_ASSIGN_OR_RETURN(const runtime::Matrix matrix, runtime::read_matrix(path));
  const std::vector<double> x = runtime::random_inputs(options.seed, 1, matrix.cols());
  catch_interrupts();
  const hal::Registry registry = make_registry();
  Progress progress;
  Table table = empty_table();
  std::string text;
  Json result = {{"matrix", matrix_json(matrix)}, {"seed", options.seed}, {"runs", Json::array()}};
  for (const auto& material : kernels::published_materials())
    for (const std::uint32_t slices : slices_shown) {
      const auto line = run_line(registry, options, matrix, x, material.name, slices, progress);
      if (!line.ok()) return line.status().with_context(material.name);
      if (text.empty()) text = header(matrix, options, line->board);
      table.add(row_of(*line));
      result["runs"].push_back(json_of(*line));
    }
  progress.clear();
  result["provenance"] = provenance_json("", argv);
  result["wall_seconds"] = total.seconds();
  result["peak_bytes"] = runtime::peak_memory_bytes();
  if (!json.takes_stdout()) SEDMA_RETURN_IF_ERROR(print(text + table.to_string() + legend));
  SEDMA_RETURN_IF_ERROR(json.prepare(result));
  return json.commit();
}

}  // namespace

Command add_demo(CLI::App& program, const std::vector<std::string>& argv) {
  CLI::App* command = program.add_subcommand("demo", "Multiply a real matrix on four emulated materials, with and without correction");
  command->footer(examples({"sedma demo", "sedma demo --matrix bcsstk13.mtx --seed 3", "sedma demo --json demo.json"}));
  const auto options = std::make_shared<Options>();
  add_option(*command, "--matrix", options->matrix, "default: add32, a circuit of 4960 nodes, from the package libsuperlu-dist-dev")
      ->type_name("FILE");
  add_option(*command, "--passes", options->passes, "write-verify rounds at most")
      ->check(CLI::Range(1u, 100000u))
      ->capture_default_str()
      ->type_name("N");
  add_option(*command, "--seed", options->seed, "of boards and vector")->check(non_negative())->capture_default_str()->type_name("N");
  add_option(*command, "--limits", options->limits_file, "what may reach the boards, JSON with the fields of hal::Limits")
      ->type_name("FILE");
  add_option(*command, "--json", options->json, "every figure of every line; -: to stdout, and nothing else there")->type_name("FILE|-");
  return {command, [options, argv]() -> Ending {
            SEDMA_ASSIGN_OR_RETURN(options->limits, read_limits(options->limits_file));
            return run_demo(*options, argv);
          }};
}

}  // namespace sedma::cli

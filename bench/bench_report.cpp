// One report of how fast the kernels are on this machine, beside BLAS and beside what the machine itself can do.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>

#include "bench/measure.h"
#include "calibration/file_io.h"
#include "cli/ending.h"
#include "cli/output_file.h"
#include "cli/units.h"

namespace {

using namespace sedma;

constexpr const char* examples =
    "Examples:\n"
    "  bench_report --quick\n"
    "  bench_report --json bench.json --markdown bench.md\n"
    "  OMP_WAIT_POLICY=PASSIVE bench_report --quick    on a machine that others use: threads that wait then do not spin\n"
    "  OPENBLAS_CORETYPE=SkylakeX bench_report --quick --filter noisy_product --threads 1\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage.";

struct Options {
  std::string json, markdown;
  bool quick = false, smoke = false;
  double seconds = 0;  // 0: what fits the extent
  std::vector<std::string> names;
  std::vector<int> threads;
};

bench::Selection selection_of(const Options& options) {
  bench::Selection selection;
  selection.extent = options.smoke ? bench::Extent::smoke : options.quick ? bench::Extent::quick : bench::Extent::full;
  selection.effort.seconds = options.smoke ? 1e-3 : options.quick ? 0.2 : 0.5;
  if (options.smoke) selection.effort.least_rounds = 2;
  if (options.seconds > 0) selection.effort.seconds = options.seconds;
  selection.names = options.names;
  selection.threads = options.threads.empty() ? bench::usual_threads(bench::this_machine().cores) : options.threads;
  std::sort(selection.threads.begin(), selection.threads.end());
  selection.threads.erase(std::unique(selection.threads.begin(), selection.threads.end()), selection.threads.end());
  return selection;
}

void tell(const bench::Row& row) {
  const auto ratio = row.ratio();
  fmt::print(stderr, "{:16} {:5} x {:5} batch {:2} threads {} {:7} {:5} {:8} {:>8}{}\n", row.name, row.rows, row.cols, row.batch,
             row.threads, row.path, row.wires, row.noise, cli::si(row.seconds, "s"), ratio ? fmt::format("  ratio {:.3g}", *ratio) : "");
}

// Files are checked and made ready before the work, so that a path which cannot be written costs no minute; they get their names after it.
// A device or a directory is refused: the rename would put a file in its place.
Status make_ready(const std::string& path, std::optional<calibration::AtomicFile>& file) {
  if (path.empty()) return {};
  SEDMA_RETURN_IF_ERROR(cli::check_writable(path));
  SEDMA_ASSIGN_OR_RETURN(file, calibration::AtomicFile::create(path));
  return {};
}

Status report(const Options& options) {
  std::optional<calibration::AtomicFile> json, markdown;
  SEDMA_RETURN_IF_ERROR(make_ready(options.json, json));
  SEDMA_RETURN_IF_ERROR(make_ready(options.markdown, markdown));
  const bench::Report made = bench::measure(selection_of(options), tell);
  if (json) {
    SEDMA_RETURN_IF_ERROR(json->write(cli::to_text(bench::to_json(made))));
    SEDMA_RETURN_IF_ERROR(json->commit());
  }
  if (!markdown) return cli::print(bench::to_markdown(made));
  SEDMA_RETURN_IF_ERROR(markdown->write(bench::to_markdown(made)));
  return markdown->commit();
}

int run(int argc, char** argv) {
  Options options;
  CLI::App program("Measures SEDMA's kernels beside OpenBLAS, read bandwidth and a register-only FMA loop, and writes one report.",
                   "bench_report");
  program.footer(examples);
  program.add_option("--json", options.json, "write the rows as JSON")->type_name("FILE");
  program.add_option("--markdown", options.markdown, "write the tables as Markdown; default: stdout")->type_name("FILE");
  program.add_flag("--quick", options.quick, "128, 512, 1024 and 4096 at batch 1 and 64 only; below a minute on two cores");
  program.add_option("--filter", options.names, "only rows of these names, comma-separated")
      ->delimiter(',')
      ->type_name("NAME")
      ->check(CLI::IsMember(bench::row_names()));
  program.add_option("--threads", options.threads, "thread counts, comma-separated; default: 1, 2 and all cores")
      ->delimiter(',')
      ->type_name("N")
      ->check(CLI::Range(1, 1024));
  program.add_option("--seconds", options.seconds, "time for a row; default: 0.5, with --quick 0.2")
      ->type_name("S")
      ->check(CLI::PositiveNumber);
  program.add_flag("--smoke", options.smoke, "128 x 128 for a millisecond a row: that it runs")->group("");
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == cli::exit_ok ? cli::exit_ok : cli::exit_usage;
  }
  const Status status = report(options);
  if (status.ok()) return cli::exit_ok;
  fmt::print(stderr, "bench_report: {}\n", cli::printable(status.message()));
  return cli::exit_failed;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_report: {}\n", error.what());
    return sedma::cli::exit_failed;
  }
}

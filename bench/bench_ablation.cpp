// Which parts of the dual memory are worth what: policies beside an exhaustive oracle, on emulated boards.

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <exception>

#include "bench/ablation_study.h"
#include "cli/ending.h"
#include "cli/interrupt.h"
#include "cli/load_matrix.h"
#include "cli/output_file.h"
#include "cli/units.h"
#include "kernels/materials.h"

namespace {

using namespace sedma;
using Clock = std::chrono::steady_clock;

constexpr const char* examples =
    "Examples:\n"
    "  bench_ablation --matrix bcsstk02.mtx --materials TaOx-HfOx --seeds 1 --policies oracle\n"
    "  bench_ablation --matrix a.mtx b.mtx c.mtx --target-error 3e-2,1e-2 --horizon 10000 --oracle-cache oracle.jsonl --json rows.json\n"
    "  bench_ablation --matrix a.mtx b.mtx --true-board \"c2c_scale=1.4&nonlinearity=1.5\" --true-board "
    "\"c2c_scale=0.6&nonlinearity=0.7\"\n"
    "  bench_ablation --matrix a.mtx --device-options \"relaxation=techC\" --step 1e5 --batch 256 --policies full,no-short-term\n"
    "The oracle tries every choice by real runs on --programmings fresh boards; every run of a policy has a fresh board too. On matrices "
    "of more than --large-rows rows it tries every --large-share-th writing, with "
    "all\n"
    "conversions and lambdas. Regret: objective of the last run / the oracle's - 1, exploring included.\n"
    "Exit codes: 0 done, 1 failed, 2 wrong usage, 130 interrupted (rows so far are written).";

struct Options {
  std::vector<std::string> matrices;
  std::string json, objective = "energy";
  double step_seconds = 0;
  bench::StudyOptions study;
};

std::vector<std::string> all_materials() {
  std::vector<std::string> names;
  for (const kernels::Material& material : kernels::published_materials()) names.emplace_back(material.name);
  return names;
}

void add_options(CLI::App& program, Options& o) {
  bench::StudyOptions& s = o.study;
  s.materials = all_materials();
  s.policies = {"full", "no-long-term", "no-short-term", "fixed-lambda", "static-partition", "oracle"};
  s.targets = {3e-2, 1e-2, 3e-3, 1e-3};
  s.goal.horizon_vectors = 10000;
  program.add_option("--matrix", o.matrices, "matrix files or gallery:NAME")->required()->type_name("FILE...");
  program.add_option("--materials", s.materials, "comma-separated; default: all")->delimiter(',')->type_name("NAME");
  program.add_option("--policies", s.policies, "comma-separated; default: all")
      ->delimiter(',')
      ->type_name("NAME")
      ->check(CLI::IsMember(std::vector<std::string>(s.policies)));
  program.add_option("--seeds", s.seeds, "boards of each material; default: 10")->type_name("N")->check(CLI::Range(1, 100000));
  program.add_option("--target-error", s.targets, "relative l2, of 95 % of the vectors; default: 3e-2,1e-2,3e-3,1e-3")
      ->delimiter(',')
      ->type_name("E")
      ->check(CLI::PositiveNumber);
  program.add_option("--objective", o.objective, "energy, latency or cells; default: energy")
      ->check(CLI::IsMember({"energy", "latency", "cells"}));
  program.add_option("--horizon", s.goal.horizon_vectors, "vectors that one writing serves; default: 10000")
      ->type_name("VECTORS")
      ->check(CLI::Range(1.0, 1e15));
  program.add_option("--runs", s.runs, "of a policy on a matrix; default: 10")->type_name("N")->check(CLI::Range(1, 10000));
  program.add_option("--batch", s.batch, "vectors of a run; default: 64")->type_name("N")->check(CLI::Range(1, 1000000));
  program.add_option("--each", s.each, "vectors of a product; default: 16")->type_name("N")->check(CLI::Range(1, 1000000));
  program.add_option("--judged", s.judged, "vectors by which the oracle judges a choice; default: 64")
      ->type_name("N")
      ->check(CLI::Range(1, 1000000));
  program.add_option("--programmings", s.programmings, "fresh boards on which the oracle writes and judges a choice; default: 3")
      ->type_name("N")
      ->check(CLI::Range(1, 1000));
  program.add_option("--device-options", s.device_options, "options of every emulated board, e.g. \"arrays=64&read_noise=0.01\"");
  program.add_option("--true-board", s.true_options, "options in which the true board differs; repeated: seeds take turns")
      ->type_name("OPTIONS")
      ->take_all();
  program.add_option("--step", o.step_seconds, "seconds that pass in the middle of every run, for boards that relax")
      ->type_name("S")
      ->check(CLI::PositiveNumber);
  program.add_option("--large-rows", s.large_rows, "above them the oracle tries a part; default: 1000")->type_name("N");
  program.add_option("--large-share", s.large_share, "of large matrices it tries every Nth writing; default: 4")
      ->type_name("N")
      ->check(CLI::Range(1, 1000));
  program.add_option("--oracle-cache", s.oracle_cache, "keeps what the oracle found")->type_name("FILE");
  program.add_option("--json", o.json, "write the rows as JSON")->type_name("FILE");
}

/// A line whenever something else is being worked on, at most one a second.
class Teller {
 public:
  void operator()(const std::string& label, std::size_t done, std::size_t total) {
    const Clock::time_point now = Clock::now();
    if (done > 0 && now - last_ < std::chrono::seconds(1)) return;
    last_ = now;
    const double spent = std::chrono::duration<double>(now - begin_).count();
    const std::string left =
        done == 0 ? "" : fmt::format(", about {:.0f} s left", spent / static_cast<double>(done) * static_cast<double>(total - done));
    fmt::print(stderr, "bench_ablation: {}/{} {}{}\n", done, total, label, left);
  }

 private:
  Clock::time_point begin_ = Clock::now(), last_;
};

nlohmann::ordered_json settings_of(const Options& o) {
  const bench::StudyOptions& s = o.study;
  return {{"matrices", o.matrices},
          {"materials", s.materials},
          {"policies", s.policies},
          {"seeds", s.seeds},
          {"targets", s.targets},
          {"objective", o.objective},
          {"horizon_vectors", s.goal.horizon_vectors},
          {"runs", s.runs},
          {"batch", s.batch},
          {"each", s.each},
          {"judged", s.judged},
          {"programmings", s.programmings},
          {"device_options", s.device_options},
          {"true_boards", s.true_options},
          {"step_seconds", o.step_seconds},
          {"large_rows", s.large_rows},
          {"large_share", s.large_share}};
}

Result<bench::Matrices> load(const std::vector<std::string>& names) {
  bench::Matrices matrices;
  cli::Progress progress;
  for (const std::string& name : names) {
    SEDMA_ASSIGN_OR_RETURN(auto matrix, cli::load_matrix(name, progress));
    matrices.push_back(std::move(matrix));
  }
  return matrices;
}

Status write(const Options& options, const bench::Ablation& ablation, cli::JsonTarget& json) {
  SEDMA_RETURN_IF_ERROR(cli::print(bench::to_table(ablation)));
  if (options.json.empty()) return {};
  SEDMA_RETURN_IF_ERROR(json.prepare(bench::to_json(ablation, settings_of(options))));
  return json.commit();
}

cli::Ending work(Options& options) {
  cli::JsonTarget json(options.json);
  if (json.wanted())
    if (const Status status = json.check(); !status.ok()) return status;
  const auto matrices = load(options.matrices);
  if (!matrices.ok()) return matrices.status();
  cli::catch_interrupts();
  options.study.goal.objective = options.objective == "latency" ? runtime::Objective::latency
                                 : options.objective == "cells" ? runtime::Objective::cells
                                                                : runtime::Objective::energy;
  if (options.step_seconds > 0) options.study.step = bench::Step{options.step_seconds, 0.5};
  bench::Ablation ablation;
  const auto go_on = [] { return cli::interrupted() == 0; };
  const Status status = bench::run_study(options.study, *matrices, {Teller(), go_on}, ablation);
  ablation.interrupted = !go_on();
  if (!status.ok() && !ablation.interrupted) return cli::Ending::of_request(status);
  if (const Status written = write(options, ablation, json); !written.ok()) return written;
  return cli::unless_interrupted(cli::Ending(status));
}

int run(int argc, char** argv) {
  Options options;
  CLI::App program("Runs the policies of the dual memory beside an exhaustive oracle on emulated boards.", "bench_ablation");
  program.footer(examples);
  add_options(program, options);
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == cli::exit_ok ? cli::exit_ok : cli::exit_usage;
  }
  const cli::Ending ending = work(options);
  if (!ending.message().empty()) fmt::print(stderr, "bench_ablation: {}\n", cli::printable(ending.message()));
  return ending.exit_code();
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "bench_ablation: {}\n", error.what());
    return sedma::cli::exit_failed;
  }
}

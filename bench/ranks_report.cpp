// How products scale from one rank to two, beside what two pinned processes reach that touch no memory. Prints a table; nothing is gated.

#include <fmt/format.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "bench/roofline.h"

namespace {

using sedma::bench::FmaLoop;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

// Wall seconds of `processes` processes, each on a core of its own, with the same loops each.
double pinned_loops(int processes, int loops) {
  const auto begin = Clock::now();
  for (int core = 0; core < processes; ++core) {
    if (::fork() != 0) continue;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(core, &set);
    ::sched_setaffinity(0, sizeof set, &set);
    FmaLoop loop;
    for (int k = 0; k < loops; ++k) loop.run(1);
    ::_exit(loop.sum() > 0 ? 0 : 1);
  }
  for (int k = 0; k < processes; ++k) ::wait(nullptr);
  return seconds_since(begin);
}

struct Options {
  std::string program, matrix = "gallery:iperturb?n=8192", device = "emulator:TaOx-HfOx?arrays=2048";
  int batch = 64, products = 8, rounds = 3;
};

struct Run {
  double product_seconds = 1e300;  // of one product
  double waiting = 1;              // largest share of the ranks' time that is not work
};

// One run of the program; the fastest of all rounds is kept.
void run(const Options& o, const std::string& launcher, Run& best) {
  const std::string json = "ranks_report.json";
  const std::string command =
      fmt::format("{} '{}' multiply --matrix '{}' --device '{}' --passes 1 --batch {} --each {} --no-reference --json {} >/dev/null",
                  launcher, o.program, o.matrix, o.device, o.batch * o.products, o.batch, json);
  if (std::system(command.c_str()) != 0) {
    fmt::print(stderr, "failed: {}\n", command);
    std::exit(1);
  }
  std::ifstream file(json);
  const auto result = nlohmann::json::parse(file);
  file.close();
  std::remove(json.c_str());
  const double seconds = result["wall_seconds"]["multiply"].get<double>() / o.products;
  if (seconds >= best.product_seconds) return;
  best.product_seconds = seconds;
  best.waiting = 0;
  for (const auto& rank : result["ranks"]) {
    const double busy = rank["busy_seconds"], wait = rank["wait_seconds"];
    if (busy + wait > 0) best.waiting = std::max(best.waiting, wait / (busy + wait));
  }
}

int measure(int argc, char** argv) {
  Options o;
  CLI::App app("Products of one rank and of two, each on one core, beside two pinned processes that only multiply and add");
  app.add_option("program", o.program, "the program sedma")->required();
  app.add_option("--matrix", o.matrix)->capture_default_str();
  app.add_option("--device", o.device)->capture_default_str();
  app.add_option("--batch", o.batch, "vectors of a product")->capture_default_str();
  app.add_option("--products", o.products)->capture_default_str();
  app.add_option("--rounds", o.rounds)->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  if (::geteuid() == 0) {
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
  }
  constexpr int loops = 100;
  double one_loop = 1e300, two_loops = 1e300;
  Run one, two, threads;
  for (int round = 0; round < o.rounds; ++round) {
    one_loop = std::min(one_loop, pinned_loops(1, loops));
    two_loops = std::min(two_loops, pinned_loops(2, loops));
    run(o, "OMP_NUM_THREADS=1 taskset -c 0", one);
    run(o, "OMP_NUM_THREADS=1 mpirun -n 2 --bind-to core", two);
    run(o, "OMP_NUM_THREADS=2", threads);
  }
  const double fma = 2 * one_loop / two_loops, scaling = one.product_seconds / two.product_seconds;
  fmt::print("{}, {}, batch {}, fastest of {} rounds of {} products\n", o.matrix, o.device, o.batch, o.rounds, o.products);
  fmt::print("two pinned FMA processes      {:.2f} x one\n", fma);
  fmt::print("two ranks                     {:.2f} x one rank ({:.1f} ms, {:.1f} ms), {:.2f} of the FMA scaling\n", scaling,
             two.product_seconds * 1e3, one.product_seconds * 1e3, scaling / fma);
  fmt::print("two ranks                     {:.2f} x the time of one with two threads ({:.1f} ms)\n",
             two.product_seconds / threads.product_seconds, threads.product_seconds * 1e3);
  fmt::print("not at work, the idler rank   {:.1f} % of its time\n", two.waiting * 100);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return measure(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "ranks_report: {}\n", error.what());
    return 1;
  }
}

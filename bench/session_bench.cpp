// A matrix on an emulated board from end to end: programming, batches, beside OpenBLAS on the same dense matrix.

#include <benchmark/benchmark.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "backends/backends.h"
#include "bench/allocations.h"
#include "bench/blas_reference.h"
#include "hal/registry.h"
#include "kernels/random.h"
#include "runtime/matrix.h"
#include "runtime/session.h"

namespace sedma {
namespace {

double uniform(std::uint32_t row, std::uint32_t col) { return 2 * kernels::uniform(philox({30}, kernels::Use::test, row, col)[0]) - 1; }

runtime::Matrix dense(std::uint32_t side) {
  std::vector<double> values(std::size_t{side} * side);
  for (std::uint32_t r = 0; r < side; ++r) {
    for (std::uint32_t c = 0; c < side; ++c) values[std::size_t{r} * side + c] = uniform(r, c);
  }
  return runtime::Matrix::from_dense("dense", side, side, values).value();
}

// A stiffness matrix of the kind of bcsstk02: symmetric, positive definite, blocks coupled to their neighbours, entries over four decades.
runtime::Matrix stiffness(std::uint32_t side) {
  constexpr std::uint32_t band = 24;
  std::vector<runtime::Matrix::Entry> entries;
  std::vector<double> diagonal(side, 1.0);
  for (std::uint32_t r = 0; r < side; ++r) {
    for (std::uint32_t c = r + 1; c < std::min(side, r + band); ++c) {
      const double coupling = -std::pow(10.0, 2 * uniform(r, c));
      entries.push_back({r, c, coupling});
      entries.push_back({c, r, coupling});
      diagonal[r] -= coupling;
      diagonal[c] -= coupling;
    }
  }
  for (std::uint32_t r = 0; r < side; ++r) entries.push_back({r, r, diagonal[r]});
  return runtime::Matrix::from_entries("stiffness", side, side, std::move(entries)).value();
}

// A board with the converters, noise and spread that the products of the report have.
struct Bench {
  runtime::Matrix matrix;
  std::unique_ptr<hal::Device> device;
  std::optional<runtime::Session> session;

  explicit Bench(runtime::Matrix what, std::uint32_t passes = 21) : matrix(std::move(what)) {
    hal::Registry registry;
    backends::register_all(registry);
    auto opened = registry.open("emulator:TaOx-HfOx?arrays=16&rows=256&cols=512&read_noise=0.02&d2d=0.05&stuck=0.002");
    SEDMA_CHECK(opened.ok(), opened.status().to_string());
    device = std::move(opened).value();
    runtime::SessionOptions options;
    options.choice.passes = passes;
    auto made = runtime::Session::open(*device, matrix, options);
    SEDMA_CHECK(made.ok(), made.status().to_string());
    session.emplace(std::move(made).value());
  }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;
};

void program(benchmark::State& state, runtime::Matrix (*make)(std::uint32_t)) {
  Bench bench(make(static_cast<std::uint32_t>(state.range(0))));
  const std::uint64_t before = bench::allocations();
  for (auto iteration : state) {
    static_cast<void>(iteration);
    if (!bench.session->program().ok()) return state.SkipWithError("programming failed");
  }
  const runtime::StageCost& cost = bench.session->programming();
  state.counters["allocations"] = static_cast<double>(bench::allocations() - before) / static_cast<double>(state.iterations());
  state.counters["cells"] = static_cast<double>(cost.cells) / static_cast<double>(state.iterations());
  state.counters["pulses_per_cell"] = static_cast<double>(cost.pulses) / static_cast<double>(cost.cells);
}
BENCHMARK_CAPTURE(program, dense, dense)->Arg(256)->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK_CAPTURE(program, stiffness, stiffness)->Arg(66)->Arg(512)->Unit(benchmark::kMillisecond)->UseRealTime();

double seconds_since(std::chrono::steady_clock::time_point begin) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

void multiply(benchmark::State& state, runtime::Matrix (*make)(std::uint32_t)) {
  const auto side = static_cast<std::uint32_t>(state.range(0));
  const auto batch = static_cast<std::size_t>(state.range(1));
  Bench bench(make(side));
  const auto x = runtime::random_inputs(1, batch, side);
  if (!bench.session->multiply(x, batch).ok()) return state.SkipWithError("programming failed");
  bench::BlasReference reference(side, side, batch);
  reference.run(1, bench::Split::single);
  double best = std::numeric_limits<double>::max(), best_reference = best;
  std::uint64_t allocated = 0;
  for (auto iteration : state) {
    static_cast<void>(iteration);
    const std::uint64_t before = bench::allocations();
    auto begin = std::chrono::steady_clock::now();
    if (!bench.session->multiply(x, batch).ok()) return state.SkipWithError("the product failed");
    const double seconds = seconds_since(begin);
    allocated += bench::allocations() - before;
    state.SetIterationTime(seconds);
    best = std::min(best, seconds);
    begin = std::chrono::steady_clock::now();
    reference.run(1, bench::Split::single);
    best_reference = std::min(best_reference, seconds_since(begin));
  }
  state.counters["ratio"] = best / best_reference;
  state.counters["allocations"] = static_cast<double>(allocated) / static_cast<double>(state.iterations());
  state.counters["arrays"] = bench.session->layouts().front().arrays;
}
BENCHMARK_CAPTURE(multiply, dense, dense)->ArgsProduct({{256}, {1, 64}})->Unit(benchmark::kMicrosecond)->UseManualTime();
BENCHMARK_CAPTURE(multiply, stiffness, stiffness)->ArgsProduct({{66, 512}, {1, 64}})->Unit(benchmark::kMicrosecond)->UseManualTime();

}  // namespace
}  // namespace sedma

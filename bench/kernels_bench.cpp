// Products beside OpenBLAS, write-verify, effective matrices.

#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <limits>

#include "bench/allocations.h"
#include "bench/blas_reference.h"
#include "bench/product_case.h"
#include "bench/roofline.h"
#include "bench/wires_case.h"
#include "bench/write_case.h"

namespace sedma::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_of(const std::function<void()>& call, int calls) {
  const auto begin = Clock::now();
  for (int i = 0; i < calls; ++i) call();
  return std::chrono::duration<double>(Clock::now() - begin).count() / calls;
}

// An iteration is a sample of the product and one of its reference, so that both see the same machine; the time is the product's.
void noisy_product(benchmark::State& state, const ProductOptions& options) {
  const auto side = static_cast<std::size_t>(state.range(0)), batch = static_cast<std::size_t>(state.range(1));
  ProductCase product(side, side, batch, options);
  BlasReference reference(side, side, batch);
  const auto ours = [&] { product.run(); };
  const auto theirs = [&] { reference.run(1, Split::single); };
  ours();
  theirs();
  const int calls = static_cast<int>(std::clamp(20e-6 / seconds_of(ours, 1), 1.0, 100.0));
  double best = std::numeric_limits<double>::max(), best_reference = best;
  std::uint64_t allocated = 0, count = 0;
  for (auto iteration : state) {
    static_cast<void>(iteration);
    const std::uint64_t before = allocations();
    const double seconds = seconds_of(ours, calls);
    allocated += allocations() - before;
    count += static_cast<std::uint64_t>(calls);
    best = std::min(best, seconds);
    best_reference = std::min(best_reference, seconds_of(theirs, calls));
    state.SetIterationTime(seconds);
  }
  state.counters["ratio"] = best / best_reference;
  state.counters["allocations"] = static_cast<double>(allocated) / static_cast<double>(count);
  state.counters["bytes_per_cell"] = static_cast<double>(product.matrix_bytes()) / static_cast<double>(side * side);
}

void blas(benchmark::State& state) {
  const auto side = static_cast<std::size_t>(state.range(0)), batch = static_cast<std::size_t>(state.range(1));
  BlasReference reference(side, side, batch);
  for (auto iteration : state) {
    static_cast<void>(iteration);
    reference.run(1, Split::single);
    benchmark::DoNotOptimize(reference.amps().data());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(side * side * sizeof(float)));
}

void read_bandwidth(benchmark::State& state) {
  ReadBandwidth reader(static_cast<std::size_t>(state.range(0)));
  for (auto iteration : state) {
    static_cast<void>(iteration);
    reader.run(1);
    benchmark::DoNotOptimize(reader.sum());
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(reader.passes() * reader.bytes()));
}

void write_verify(benchmark::State& state) {
  const auto side = static_cast<std::size_t>(state.range(0));
  WriteCase write("TaOx-HfOx", side, 21);
  std::uint64_t allocated = 0;
  for (auto iteration : state) {
    static_cast<void>(iteration);
    write.reset();
    const std::uint64_t before = allocations();
    state.SetIterationTime(seconds_of([&] { write.run(1); }, 1));
    allocated += allocations() - before;
  }
  const auto cells = static_cast<double>(side * side), writes = static_cast<double>(state.iterations());
  state.counters["pulses_per_cell"] = static_cast<double>(write.totals().pulses) / cells;
  state.counters["reads_per_cell"] = static_cast<double>(write.totals().verify_reads) / cells;
  state.counters["allocations"] = static_cast<double>(allocated) / writes;
}

void effective_matrix(benchmark::State& state) {
  WiresCase wires(static_cast<std::size_t>(state.range(0)));
  for (auto iteration : state) {
    static_cast<void>(iteration);
    wires.run();
  }
}

void add_products() {
  for (const Path path : {Path::integer, Path::floating}) {
    for (const Wires wires : {Wires::none, Wires::exact}) {
      for (const Noise noise : {Noise::level, Noise::constant}) {
        const ProductOptions options{path, wires, noise};
        const std::string title = fmt::format("noisy_product/{}/wires_{}/{}", name(path), name(wires), name(noise));
        benchmark::RegisterBenchmark(title.c_str(), noisy_product, options)
            ->ArgsProduct({{128, 512, 1024}, {1, 64}})
            ->UseManualTime()
            ->Unit(benchmark::kMicrosecond);
      }
    }
  }
}

const bool added = [] {
  add_products();
  benchmark::RegisterBenchmark("blas", blas)->ArgsProduct({{128, 512, 1024}, {1, 64}})->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("read_bandwidth", read_bandwidth)
      ->RangeMultiplier(16)
      ->Range(1 << 16, 1 << 26)
      ->Unit(benchmark::kMicrosecond);
  benchmark::RegisterBenchmark("write_verify", write_verify)->Arg(256)->Arg(1024)->UseManualTime()->Unit(benchmark::kMillisecond);
  benchmark::RegisterBenchmark("effective_matrix", effective_matrix)->Arg(128)->Arg(256)->Unit(benchmark::kMillisecond);
  return true;
}();

}  // namespace
}  // namespace sedma::bench

// What a command costs on the host beside its work: checking, submitting, waiting, opening a board.

#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "backends/backends.h"
#include "bench/allocations.h"
#include "hal/device.h"
#include "hal/registry.h"

namespace sedma {
namespace {

constexpr std::uint32_t arrays = 64;

std::unique_ptr<hal::Device> open_board(const std::string& options) {
  hal::Registry registry;
  backends::register_all(registry);
  auto device = registry.open("emulator:TaOx-HfOx?arrays=64&rows=256&cols=256&" + options);
  SEDMA_CHECK(device.ok(), device.status().to_string());
  return std::move(device).value();
}

// A product of `side` x `side` cells of one array, with buffers of its own.
struct Product {
  std::vector<float> volts, amps;
  float full_scale = 1e-4f;
  hal::Mvm mvm;

  Product(std::uint32_t array, std::uint32_t side) : volts(side, 0.1f), amps(side) {
    mvm.array = {array};
    mvm.rows = mvm.cols = side;
    mvm.volts = hal::View<const float>(volts.data(), 1, side);
    mvm.amps = {amps.data(), 1, side};
    mvm.full_scale_amps = {&full_scale, 1};
  }
  Product(const Product&) = delete;
  Product& operator=(const Product&) = delete;
};

// Writes the first window of every array, so that a product reads cells that exist.
void write_arrays(hal::Device& device, std::uint32_t side) {
  const hal::Capabilities& able = device.capabilities();
  const std::vector<float> target(std::size_t{side} * side, static_cast<float>(0.5 * (able.g_min_siemens + able.g_max_siemens)));
  for (std::uint32_t array = 0; array < arrays; ++array) {
    hal::Program program;
    program.array = {array};
    program.siemens = {target.data(), side, side};
    program.tolerance_siemens = static_cast<float>(0.1 * able.g_range_siemens());
    program.max_pulses_per_cell = 1000;
    const auto written = device.run(program);
    SEDMA_CHECK(written.ok(), written.status().to_string());
  }
}

void count_allocations(benchmark::State& state, std::uint64_t before, double commands) {
  state.counters["allocations"] = static_cast<double>(bench::allocations() - before) / commands;
}

void submit_and_wait(benchmark::State& state, const std::string& options) {
  const auto side = static_cast<std::uint32_t>(state.range(0));
  const auto device = open_board(options);
  write_arrays(*device, side);
  Product product(0, side);
  benchmark::DoNotOptimize(device->run(product.mvm).ok());
  const std::uint64_t before = bench::allocations();
  for (auto iteration : state) {
    static_cast<void>(iteration);
    if (!device->run(product.mvm).ok()) return state.SkipWithError("the product failed");
  }
  count_allocations(state, before, static_cast<double>(state.iterations()));
}
BENCHMARK_CAPTURE(submit_and_wait, inline, "lanes=inline")->Arg(8)->Arg(64)->Arg(256)->UseRealTime();
BENCHMARK_CAPTURE(submit_and_wait, lanes, "lanes=threads")->Arg(8)->Arg(64)->Arg(256)->UseRealTime();

// One command on each of 64 arrays, then all are waited for; the time is that of all 64.
void in_flight(benchmark::State& state, const std::string& options) {
  const auto side = static_cast<std::uint32_t>(state.range(0));
  const auto device = open_board(options);
  write_arrays(*device, side);
  std::vector<std::unique_ptr<Product>> products;
  for (std::uint32_t array = 0; array < arrays; ++array) products.push_back(std::make_unique<Product>(array, side));
  std::vector<hal::Pending> pending;
  pending.reserve(arrays);
  const std::uint64_t before = bench::allocations();
  for (auto iteration : state) {
    static_cast<void>(iteration);
    for (const auto& product : products) {
      auto submitted = device->submit(product->mvm);
      if (!submitted.ok()) return state.SkipWithError("the submission failed");
      pending.push_back(std::move(submitted).value());
    }
    for (hal::Pending& each : pending) {
      if (!each.wait().ok()) return state.SkipWithError("the product failed");
    }
    pending.clear();
  }
  count_allocations(state, before, static_cast<double>(state.iterations()) * arrays);
  state.SetItemsProcessed(state.iterations() * arrays);
}
BENCHMARK_CAPTURE(in_flight, inline, "lanes=inline")->Arg(8)->Arg(64)->UseRealTime();
BENCHMARK_CAPTURE(in_flight, lanes, "lanes=threads")->Arg(8)->Arg(64)->UseRealTime();

void validate_product(benchmark::State& state) {
  const auto side = static_cast<std::uint32_t>(state.range(0));
  const auto device = open_board("lanes=inline");
  Product product(0, side);
  const hal::Command command = product.mvm;
  const std::uint64_t before = bench::allocations();
  for (auto iteration : state) {
    static_cast<void>(iteration);
    if (!validate(command, device->capabilities()).ok()) return state.SkipWithError("the command is refused");
  }
  count_allocations(state, before, static_cast<double>(state.iterations()));
}
BENCHMARK(validate_product)->Arg(8)->Arg(64)->Arg(256);

void validate_program(benchmark::State& state) {
  const auto side = static_cast<std::uint32_t>(state.range(0));
  const auto device = open_board("lanes=inline");
  const std::vector<float> target(std::size_t{side} * side, static_cast<float>(device->capabilities().g_max_siemens));
  hal::Program program;
  program.siemens = {target.data(), side, side};
  program.tolerance_siemens = 1e-8f;
  program.max_pulses_per_cell = 1;
  const hal::Command command = program;
  for (auto iteration : state) {
    static_cast<void>(iteration);
    if (!validate(command, device->capabilities()).ok()) return state.SkipWithError("the command is refused");
  }
  state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(target.size() * sizeof(float)));
}
BENCHMARK(validate_program)->Arg(64)->Arg(256);

void registry_open(benchmark::State& state, const std::string& options) {
  const std::uint64_t before = bench::allocations();
  for (auto iteration : state) {
    static_cast<void>(iteration);
    benchmark::DoNotOptimize(open_board(options));
  }
  count_allocations(state, before, static_cast<double>(state.iterations()));
}
BENCHMARK_CAPTURE(registry_open, inline, "lanes=inline")->UseRealTime();
BENCHMARK_CAPTURE(registry_open, lanes, "lanes=threads")->UseRealTime();

}  // namespace
}  // namespace sedma

// Lookups in a full long-term memory: 10,000 patterns, 16 features.

#include <benchmark/benchmark.h>

#include "kernels/random.h"
#include "runtime/memory/episodic.h"

namespace sedma {
namespace {

double fraction(std::uint64_t number, std::uint32_t what) {
  return kernels::uniform(kernels::philox(kernels::Key{number}, kernels::Use::test, what, 0)[0]);
}

runtime::Pattern pattern_number(std::uint64_t number) {
  runtime::Pattern pattern;
  runtime::MatrixFeatures& matrix = pattern.context.matrix;
  matrix.content = number % 200;
  matrix.rows = 10 + 5000 * fraction(matrix.content, 1);
  matrix.cols = 10 + 5000 * fraction(matrix.content, 2);
  matrix.density = fraction(matrix.content, 3);
  matrix.output_lag1 = fraction(matrix.content, 4);
  pattern.context.material = number % 2 == 0 ? "TaOx-HfOx" : "EpiRAM";
  pattern.context.adc_bits = static_cast<std::uint8_t>(6 + number % 5);
  pattern.context.age_seconds = 1e5 * fraction(number, 5);
  pattern.choice.choice.tile_rows = static_cast<std::uint32_t>(number);
  return pattern;
}

const runtime::EpisodicMemory& full_memory() {
  static const auto memory = [] {
    auto made = runtime::EpisodicMemory::open("none").value();
    for (std::uint64_t number = 0; number < 10000; ++number) made->remember(pattern_number(number));
    return made;
  }();
  return *memory;
}

void nearest8(benchmark::State& state) {
  const auto& memory = full_memory();
  std::vector<runtime::FeatureVector> points;
  for (std::uint64_t number = 20000; number < 20064; ++number) points.push_back(runtime::feature_vector(pattern_number(number).context));
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(memory.nearest(points[next++ % points.size()], 8));
}

void find_known(benchmark::State& state) {
  const auto& memory = full_memory();
  std::vector<runtime::PatternKey> keys;
  for (std::uint64_t number = 0; number < 10000; number += 7) {
    const runtime::Pattern pattern = pattern_number(number);
    keys.push_back(runtime::key_of(pattern.context, pattern.choice));
  }
  std::size_t next = 0;
  for (auto _ : state) benchmark::DoNotOptimize(memory.find(keys[next++ % keys.size()]));
}

void key_and_find(benchmark::State& state) {
  const auto& memory = full_memory();
  const runtime::Pattern pattern = pattern_number(77);
  for (auto _ : state) benchmark::DoNotOptimize(memory.find(runtime::key_of(pattern.context, pattern.choice)));
}

BENCHMARK(nearest8)->Unit(benchmark::kMicrosecond);
BENCHMARK(find_known)->Unit(benchmark::kMicrosecond);
BENCHMARK(key_and_find)->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace sedma

#pragma once
// Patterns made from a number, and whether two are the same.

#include <fmt/format.h>

#include <string>

#include "kernels/random.h"
#include "runtime/memory/episodic.h"
#include "runtime/memory/fields.h"

namespace sedma::test {

/// `what` numbers of one pattern are uniform in (0, 1).
inline double fraction(std::uint64_t seed, std::uint32_t what) {
  return kernels::uniform(kernels::philox(kernels::Key{seed}, kernels::Use::test, what, 0)[0]);
}
inline std::uint32_t pick(std::uint64_t seed, std::uint32_t what, std::uint32_t count) {
  return static_cast<std::uint32_t>(fraction(seed, what) * count);
}

/// Another context and choice for every number, of 4 materials, 7 boards and some 40 matrices.
inline runtime::Pattern pattern_number(std::uint64_t number) {
  runtime::Pattern pattern;
  runtime::MatrixFeatures& matrix = pattern.context.matrix;
  matrix.content = 0xfedcba9876543210u + pick(number, 1, 40);
  const std::uint64_t kind = matrix.content;
  matrix.rows = 10 + pick(kind, 2, 5000);
  matrix.cols = 10 + pick(kind, 3, 5000);
  matrix.density = fraction(kind, 4);
  matrix.nonzeros = matrix.density * matrix.rows * matrix.cols;
  matrix.bandwidth = fraction(kind, 5) / 3;
  matrix.dynamic_range = 6 * fraction(kind, 6);
  matrix.row_spread = 3 * fraction(kind, 7);
  matrix.row_peak = fraction(kind, 8);
  matrix.row_crowding = 1 + 20 * fraction(kind, 9);
  matrix.output_lag1 = 2 * fraction(kind, 10) - 1;
  pattern.context.material = fmt::format("material \"{}\", \xc3\xa9", pick(number, 11, 4));
  pattern.context.profile = pick(number, 12, 2) == 0 ? "published" : "chip's";
  pattern.context.board = fmt::format("board-{}", pick(number, 13, 7));
  pattern.context.arrays = 64;
  pattern.context.array_rows = pattern.context.array_cols = 128u << pick(number, 14, 2);
  pattern.context.dac_bits = static_cast<std::uint8_t>(pick(number, 15, 9));
  pattern.context.adc_bits = static_cast<std::uint8_t>(pick(number, 16, 9));
  if (pick(number, 17, 2) == 0) pattern.context.temperature_kelvin = 280 + 40 * fraction(number, 18);
  pattern.context.age_seconds = 1e5 * fraction(number, 19);
  runtime::Choice& choice = pattern.choice.choice;
  choice.partition = static_cast<runtime::Partition>(pick(number, 20, 3));
  choice.tile_rows = static_cast<std::uint32_t>(number);  // no two alike
  choice.tile_cols = 32u << pick(number, 21, 4);
  choice.encoding = static_cast<kernels::Encoding>(pick(number, 22, 2));
  choice.scale = static_cast<kernels::Scale>(pick(number, 23, 2));
  choice.slices = pick(number, 24, 3);
  choice.step_fraction = static_cast<float>(fraction(number, 25));
  choice.conversion.headroom = 0.125 + fraction(number, 26);
  pattern.choice.adaptive_lambda = pick(number, 27, 2) == 1;
  pattern.prior_version = 1;
  pattern.predicted.error_p95 = fraction(number, 28);
  pattern.predicted.vector_joules = 1e-9 * fraction(number, 29);
  pattern.found.vectors = 64;
  pattern.found.checked = 1 + pick(number, 30, 16);
  pattern.found.error_p95 = fraction(number, 31) / 3;
  pattern.found.error_median = pattern.found.error_p95 / 2;
  pattern.found.programming_joules = 1e-3 * fraction(number, 32);
  pattern.found.pulses = 1e6 * fraction(number, 33);
  pattern.found.vector_joules = 1e-9 * fraction(number, 34);
  pattern.found.memory_efficiency = fraction(number, 35);
  pattern.evidence = 1 + pick(number, 36, 5);
  pattern.usefulness = 3 * fraction(number, 37);
  pattern.used_utc_seconds = 1'790'000'000 + pick(number, 38, 1u << 20);
  return pattern;
}

inline runtime::PatternKey key_of(const runtime::Pattern& pattern) { return runtime::key_of(pattern.context, pattern.choice); }

/// Bit for bit.
inline bool same(const runtime::Pattern& a, const runtime::Pattern& b) { return runtime::fields_from(a) == runtime::fields_from(b); }

}  // namespace sedma::test

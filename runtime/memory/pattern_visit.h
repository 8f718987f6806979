#pragma once
// Walks over the members of contexts, choices and outcomes. Behind fields.h and key_of().

#include <cstdint>
#include <string>

#include "runtime/memory/pattern.h"

namespace sedma::runtime::detail {

/// What a number may be, ends included.
struct Bounds {
  double low, high;
};
inline constexpr Bounds any{-1e300, 1e300}, positive{0, 1e300}, share{0, 1};

/// A whole number that names something and is shown in hexadecimal.
template <class T>
struct Name64 {
  T& value;
};

// visit(name, unit, member, bounds); bounds count for floating-point members alone. What makes a context the one that it is:
template <class C, class Visit>
void visit_identity(C& context, const Visit& visit) {
  auto& matrix = context.matrix;
  visit("material", "", context.material, any);
  visit("profile", "", context.profile, any);
  visit("board", "", context.board, any);
  visit("matrix_content", "", Name64<decltype((matrix.content))>{matrix.content}, any);
  visit("matrix_rows", "", matrix.rows, positive);
  visit("matrix_cols", "", matrix.cols, positive);
  visit("matrix_nonzeros", "", matrix.nonzeros, positive);
  visit("matrix_density", "", matrix.density, share);
  visit("matrix_bandwidth", "", matrix.bandwidth, positive);
  visit("matrix_dynamic_range_decades", "", matrix.dynamic_range, positive);
  visit("matrix_row_spread_decades", "", matrix.row_spread, positive);
  visit("matrix_row_peak", "", matrix.row_peak, positive);
  visit("matrix_row_crowding", "", matrix.row_crowding, positive);
  visit("matrix_output_lag1", "", matrix.output_lag1, any);
  visit("arrays", "", context.arrays, any);
  visit("array_rows", "", context.array_rows, any);
  visit("array_cols", "", context.array_cols, any);
  visit("dac_bits", "", context.dac_bits, any);
  visit("adc_bits", "", context.adc_bits, any);
}

// What may be different next time.
template <class C, class Visit>
void visit_state(C& context, const Visit& visit) {
  visit("temperature_kelvin", "K", context.temperature_kelvin, positive);
  visit("age_seconds", "s", context.age_seconds, positive);
  visit("bad_cells_share", "", context.bad_cells, share);
}

template <class C, class Visit>
void visit_choice(C& tuned, const Visit& visit) {
  auto& choice = tuned.choice;
  visit("partitioning", "", choice.partition, any);
  visit("sharing", "", choice.sharing, any);
  visit("tile_rows", "", choice.tile_rows, any);
  visit("tile_cols", "", choice.tile_cols, any);
  visit("encoding", "", choice.encoding, any);
  visit("scale_per", "", choice.scale, any);
  visit("slices", "", choice.slices, any);
  visit("passes", "", choice.passes, any);
  visit("tolerance_levels", "", choice.tolerance_levels, positive);
  visit("step_fraction", "", choice.step_fraction, positive);
  visit("max_pulses_per_cell", "", choice.max_pulses_per_cell, any);
  visit("read_repeats", "", choice.read_repeats, any);
  visit("headroom", "", choice.conversion.headroom, positive);
  visit("repeats", "", choice.conversion.repeats, any);
  visit("adaptive_lambda", "", tuned.adaptive_lambda, any);
}

template <class O, class Visit>
void visit_outcome(O& outcome, const std::string& prefix, const Visit& visit) {
  visit(prefix + "vectors", "", outcome.vectors, any);
  visit(prefix + "runs", "", outcome.runs, any);
  visit(prefix + "checked_vectors", "", outcome.checked, any);
  visit(prefix + "error_p95", "", outcome.error_p95, positive);
  visit(prefix + "error_median", "", outcome.error_median, positive);
  visit(prefix + "programming_joules", "J", outcome.programming_joules, positive);
  visit(prefix + "programming_seconds", "s", outcome.programming_seconds, positive);
  visit(prefix + "programming_pulses", "", outcome.pulses, positive);
  visit(prefix + "vector_joules", "J", outcome.vector_joules, positive);
  visit(prefix + "vector_seconds", "s", outcome.vector_seconds, positive);
  visit(prefix + "unconverged_share", "", outcome.unconverged, share);
  visit(prefix + "arrays", "", outcome.arrays, positive);
  visit(prefix + "memory_efficiency", "", outcome.memory_efficiency, positive);
  visit(prefix + "lambda", "", outcome.lambda, positive);
}

template <class P, class Visit>
void visit_pattern(P& pattern, const Visit& visit) {
  visit_identity(pattern.context, visit);
  visit_state(pattern.context, visit);
  visit_choice(pattern.choice, visit);
  visit_outcome(pattern.predicted, "predicted_", visit);
  visit("prior_version", "", pattern.prior_version, any);
  visit_outcome(pattern.found, "found_", visit);
  visit("evidence", "", pattern.evidence, any);
  visit("usefulness", "", pattern.usefulness, positive);
  visit("used_utc_seconds", "s", pattern.used_utc_seconds, any);
}

}  // namespace sedma::runtime::detail

// Conformance of products: Ohm's law on what was read, and what follows from it.

#include <algorithm>
#include <cmath>

#include "hal/conformance_internal.h"

namespace sedma::hal::conformance {
namespace {

/// Multiplies with the full scale that just fits and compares with the cells as read.
Status check_fitted(Bench& bench, const Cells& cells, const Drives& drives, const std::string& what) {
  const Expected expected = expect(bench, cells, drives);
  const std::vector<float> scale = fitted(bench, expected);
  SEDMA_ASSIGN_OR_RETURN(const std::vector<float> amps, multiply(bench, drives, scale));
  return check_product(bench, expected, scale, amps, what);
}

Status check_sense(Bench& bench, Sense sense) {
  Window at = product_window(bench.board);
  if (at.cols < 2) {  // of a 2 x 2 board
    at.rows = 1;
    at.cols = 2;
    at.col = 0;
  }
  if (sense == Sense::pair) at.cols -= at.cols % 2;
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, prepare(bench, at));
  Drives drives = random_drives(bench, at, 9, 21);
  drives.sense = sense;
  return check_fitted(bench, cells, drives, sense == Sense::pair ? "sensed by pairs" : "sensed against the reference line");
}

/// What two measured products of the same inputs may differ by, each with its own conversion.
double between(const Bench& bench, const Expected& expected, std::size_t i, double scale) {
  const double noise = bench.board.has(Feature::deterministic) ? 0 : std::sqrt(2.0) * bench.tolerances.deviations * expected.sigma[i];
  return bench.tolerances.adc_step(scale) + noise + 2 * expected.rounding[i] + 0x1p-22 * scale;
}

/// `factor` times the same volts; the currents must follow.
Status check_scaled(Bench& bench, const Cells& cells, const Drives& drives, float factor) {
  Drives scaled = drives;
  for (float& v : scaled.volts) v *= factor;
  const Expected whole = expect(bench, cells, drives), part = expect(bench, cells, scaled);
  const std::vector<float> whole_scale = fitted(bench, whole), part_scale = fitted(bench, part);
  SEDMA_ASSIGN_OR_RETURN(const std::vector<float> y, multiply(bench, drives, whole_scale));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<float> z, multiply(bench, scaled, part_scale));
  const double f = static_cast<double>(factor);
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t j = i % whole.outputs;
    const double most = std::abs(f) * between(bench, whole, i, static_cast<double>(whole_scale[j])) +
                        between(bench, part, i, static_cast<double>(part_scale[j])) +
                        bench.tolerances.deviations * (std::abs(f) * whole.sigma[i] + part.sigma[i]);
    if (!(std::abs(static_cast<double>(z[i]) - f * static_cast<double>(y[i])) <= most))
      return found("{} times the volts give {} A instead of {} A at output {}; at most {} A may differ", factor, z[i], factor * y[i], j,
                   most);
  }
  return {};
}

}  // namespace

Status product_as_found(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  for (std::uint32_t array = 0; array < std::min(bench.board.arrays, 4u); ++array) {
    const Window at = window(bench.board, 12, 7, array, 3, 5);
    SEDMA_RETURN_IF_ERROR(check_works(bench, at, fmt::format("array {} as found", array)));
  }
  return {};
}

Status product_is_ohms_law(Bench& bench) {
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, prepare(bench, at));
  SEDMA_RETURN_IF_ERROR(check_fitted(bench, cells, random_drives(bench, at, 17, 20), "single"));
  // A part of what was programmed: rows outside of the window are grounded and drive nothing.
  if (at.rows < 3 || at.cols < 3) return {};
  Cells part{{at.array, at.row + at.rows / 3, at.col + 1, at.rows / 2, at.cols - 2}, {}};
  for (std::uint32_t r = 0; r < part.window.rows; ++r)
    for (std::uint32_t c = 0; c < part.window.cols; ++c)
      part.siemens.push_back(cells.at(part.window.row - at.row + r, part.window.col - at.col + c));
  return check_fitted(bench, part, random_drives(bench, part.window, 3, 22), "part of the programmed window");
}

Status sense_pair(Bench& bench) { return check_sense(bench, Sense::pair); }
Status sense_reference(Bench& bench) { return check_sense(bench, Sense::reference); }

Status linear(Bench& bench) {
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, prepare(bench, at));
  Drives drives = random_drives(bench, at, 5, 23);
  if (bench.board.read_volts.min <= -bench.board.read_volts.max) SEDMA_RETURN_IF_ERROR(check_scaled(bench, cells, drives, -1));
  SEDMA_RETURN_IF_ERROR(check_scaled(bench, cells, drives, 0));
  // Halves lie between the codes of some inputs; expect() allows for it.
  return check_scaled(bench, cells, drives, 0.5f);
}

Status rows_superpose(Bench& bench) {
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, prepare(bench, at));
  const Drives all = random_drives(bench, at, 1, 24);
  const Expected expected = expect(bench, cells, all);
  const std::vector<float> scale = fitted(bench, expected);
  SEDMA_ASSIGN_OR_RETURN(const std::vector<float> together, multiply(bench, all, scale));
  std::vector<double> sum(at.cols), most(at.cols);
  for (std::uint32_t r = 0; r < at.rows; ++r) {
    Drives one = all;
    std::fill(one.volts.begin(), one.volts.end(), 0.0f);
    one.volts[r] = all.volts[r];
    const Expected alone = expect(bench, cells, one);
    const std::vector<float> own = fitted(bench, alone);
    SEDMA_ASSIGN_OR_RETURN(const std::vector<float> amps, multiply(bench, one, own));
    for (std::uint32_t j = 0; j < at.cols; ++j) {
      sum[j] += static_cast<double>(amps[j]);
      most[j] +=
          bench.tolerances.adc_half_step(static_cast<double>(own[j])) + bench.tolerances.deviations * alone.sigma[j] + alone.rounding[j];
    }
  }
  for (std::uint32_t j = 0; j < at.cols; ++j) {
    const double allowed = most[j] + bench.tolerances.adc_half_step(static_cast<double>(scale[j])) +
                           bench.tolerances.deviations * expected.sigma[j] + expected.rounding[j] + 0x1p-22 * static_cast<double>(scale[j]);
    if (!(std::abs(sum[j] - static_cast<double>(together[j])) <= allowed))
      return found("output {}: rows one by one add to {} A, together they give {} A; at most {} A may differ", j, sum[j], together[j],
                   allowed);
  }
  return {};
}

Status batch_equals_singles(Bench& bench) {
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, prepare(bench, at));
  Drives batch = random_drives(bench, at, 6, 25);
  batch.vector = 40;
  const Expected expected = expect(bench, cells, batch);
  const std::vector<float> scale = fitted(bench, expected);
  SEDMA_ASSIGN_OR_RETURN(const std::vector<float> together, multiply(bench, batch, scale));
  for (std::size_t v = 0; v < batch.batch; ++v) {
    Drives one = batch;
    one.batch = 1;
    one.vector = batch.vector + v;
    one.volts.assign(batch.volts.begin() + static_cast<std::ptrdiff_t>(v * batch.inputs()),
                     batch.volts.begin() + static_cast<std::ptrdiff_t>((v + 1) * batch.inputs()));
    SEDMA_ASSIGN_OR_RETURN(const std::vector<float> alone, multiply(bench, one, scale));
    for (std::size_t j = 0; j < expected.outputs; ++j) {
      const std::size_t i = v * expected.outputs + j;
      const double most = between(bench, expected, i, static_cast<double>(scale[j]));
      if (!(std::abs(static_cast<double>(alone[j]) - static_cast<double>(together[i])) <= most))
        return found("vector {}, output {}: {} A in a batch, {} A alone; at most {} A may differ", v, j, together[i], alone[j], most);
    }
  }
  return {};
}

Status full_scale_per_output(Bench& bench) {
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, prepare(bench, at));
  const Drives drives = random_drives(bench, at, 9, 26);
  const Expected expected = expect(bench, cells, drives);
  std::vector<float> scale = fitted(bench, expected);
  SEDMA_ASSIGN_OR_RETURN(const std::vector<float> fit, multiply(bench, drives, scale));
  SEDMA_RETURN_IF_ERROR(check_product(bench, expected, scale, fit, "full scale fitted to each output"));
  // Neighbours with full scales that clip and that do not: one taken for the other shows.
  for (std::size_t j = 0; j < scale.size(); ++j) scale[j] *= j % 3 == 0 ? 0.5f : (j % 3 == 1 ? 3.0f : 0.2f);
  SEDMA_ASSIGN_OR_RETURN(const std::vector<float> mixed, multiply(bench, drives, scale));
  return check_product(bench, expected, scale, mixed, "full scales apart");
}

Status full_scale_shared(Bench& bench) {
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, prepare(bench, at));
  const Drives drives = random_drives(bench, at, 9, 27);
  const Expected expected = expect(bench, cells, drives);
  const std::vector<float> each = fitted(bench, expected);
  const float largest = *std::max_element(each.begin(), each.end());
  for (const float factor : {1.0f, 0.4f}) {
    const std::vector<float> shared{largest * factor};
    SEDMA_ASSIGN_OR_RETURN(const std::vector<float> amps, multiply(bench, drives, shared));
    SEDMA_RETURN_IF_ERROR(check_product(bench, expected, shared, amps, fmt::format("one full scale for all, {} of the largest", factor)));
  }
  return {};
}

Status saturation_clips(Bench& bench) {
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, prepare(bench, at));
  Drives drives = random_drives(bench, at, 2, 28);
  const float top = *std::max_element(drives.volts.begin(), drives.volts.end()),
              bottom = *std::min_element(drives.volts.begin(), drives.volts.end());
  for (std::size_t i = 0; i < drives.volts.size(); ++i) drives.volts[i] = i < drives.inputs() ? top : bottom;
  const Expected expected = expect(bench, cells, drives);
  std::vector<float> scale = fitted(bench, expected);
  for (std::size_t j = 0; j < scale.size(); ++j)
    scale[j] = static_cast<float>(0.25 * std::max(std::abs(expected.at(0, j)), static_cast<double>(scale[j]) * 0.1));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<float> amps, multiply(bench, drives, scale));
  SEDMA_RETURN_IF_ERROR(check_product(bench, expected, scale, amps, "all rows on, a quarter of the full scale that they need"));
  for (std::size_t i = 0; i < amps.size(); ++i)
    if (std::abs(amps[i]) > scale[i % expected.outputs] * (1 + 0x1p-20f))
      return found("output {} is {} A, beyond its full scale of {} A", i % expected.outputs, amps[i], scale[i % expected.outputs]);
  return {};
}

Status input_converter(Bench& bench) {
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, prepare(bench, at));
  Drives drives = random_drives(bench, at, 9, 29);
  for (std::size_t i = 0; i < drives.volts.size(); ++i)  // off the codes, towards 0
    drives.volts[i] *= 0.5f + static_cast<float>(mix(900 + i) >> 40) * 0x1p-25f;
  SEDMA_RETURN_IF_ERROR(check_fitted(bench, cells, drives, "volts between the codes of the input converter"));
  if (bench.board.dac_bits == 1) return {};  // has no code for 0
  std::fill(drives.volts.begin(), drives.volts.end(), 0.0f);
  return check_fitted(bench, cells, drives, "0 V");
}

Status transposed_product(Bench& bench) {
  const Window at = product_window(bench.board);
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, prepare(bench, at));
  SEDMA_RETURN_IF_ERROR(check_fitted(bench, cells, random_drives(bench, at, 9, 30, true), "volts on the bit lines"));
  return check_fitted(bench, cells, random_drives(bench, at, 2, 31), "volts on the word lines again");
}

}  // namespace sedma::hal::conformance

#include "kernels/encode.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace sedma::kernels {
namespace {

// Rounding a double to float may step over the bound it came from; a device then refuses the cell. These two round inwards.
float float_at_least(double bound) noexcept {
  const float rounded = static_cast<float>(bound);
  return static_cast<double>(rounded) < bound ? std::nextafter(rounded, std::numeric_limits<float>::infinity()) : rounded;
}
float float_at_most(double bound) noexcept {
  const float rounded = static_cast<float>(bound);
  return static_cast<double>(rounded) > bound ? std::nextafter(rounded, -std::numeric_limits<float>::infinity()) : rounded;
}

double largest(const double* row, std::size_t count) noexcept {
  double result = 0;
  for (std::size_t i = 0; i < count; ++i) result = std::max(result, std::abs(row[i]));
  return result;
}

// unit [outputs] by `scale`, then row_sum [outputs].
void find_units(hal::View<const double> tile, Scale scale, EncodedTile& out) {
  double whole = 0;
  for (std::size_t j = 0; j < tile.rows; ++j) {
    out.unit[j] = largest(tile.row(j), tile.cols);
    whole = std::max(whole, out.unit[j]);
  }
  for (std::size_t j = 0; j < tile.rows; ++j) {
    if (scale == Scale::tile) out.unit[j] = whole;
    if (out.unit[j] == 0) out.unit[j] = 1;
    double sum = 0;
    for (std::size_t i = 0; i < tile.cols; ++i) sum += std::abs(tile(j, i)) / out.unit[j];
    out.row_sum[j] = sum;
  }
}

// The conductance swing that a/unit = 1 makes between the two lines that are subtracted.
double swing_siemens(Encoding encoding, const Window& window) noexcept {
  const double range = window.g_max_siemens - window.g_min_siemens;
  return encoding == Encoding::pair ? range : range / 2;
}

}  // namespace

std::uint32_t bit_lines(Encoding encoding, std::uint32_t outputs) noexcept {
  return encoding == Encoding::pair ? 2 * outputs : outputs + 1;
}

std::uint32_t outputs_of(Encoding encoding, std::uint32_t lines) noexcept {
  if (encoding == Encoding::pair) return lines / 2;
  return lines > 0 ? lines - 1 : 0;
}

hal::Sense sense(Encoding encoding) noexcept { return encoding == Encoding::pair ? hal::Sense::pair : hal::Sense::reference; }

void encode_tile(hal::View<const double> tile, Encoding encoding, Scale scale, const Window& window, EncodedTile& out) {
  out.outputs = static_cast<std::uint32_t>(tile.rows);
  out.inputs = static_cast<std::uint32_t>(tile.cols);
  out.unit.assign(tile.rows, 1);
  out.row_sum.assign(tile.rows, 0);
  find_units(tile, scale, out);

  const std::size_t lines = bit_lines(encoding, out.outputs);
  const float lowest = float_at_least(window.g_min_siemens), highest = float_at_most(window.g_max_siemens);
  const double swing = swing_siemens(encoding, window);
  const double middle = window.g_min_siemens + swing;  // offset: swing is half the range
  const auto cell = [&](double siemens) { return std::clamp(static_cast<float>(siemens), lowest, highest); };
  // Every cell that carries no signal, the reference line included, stays at the value that stands for zero.
  out.siemens.assign(tile.cols * lines, cell(encoding == Encoding::pair ? window.g_min_siemens : middle));
  for (std::size_t j = 0; j < tile.rows; ++j) {
    for (std::size_t i = 0; i < tile.cols; ++i) {
      const double part = tile(j, i) / out.unit[j];
      float* const word_line = out.siemens.data() + i * lines;
      if (encoding == Encoding::offset) {
        word_line[j] = cell(middle + part * swing);
      } else {
        word_line[2 * j + (part < 0 ? 1 : 0)] = cell(window.g_min_siemens + std::abs(part) * swing);
      }
    }
  }
}

void decode_tile(hal::View<const float> siemens, Encoding encoding, const Window& window, std::span<const double> unit,
                 hal::View<double> tile) {
  const double swing = swing_siemens(encoding, window);
  const std::size_t reference = tile.rows;  // the line after the last output
  for (std::size_t j = 0; j < tile.rows; ++j) {
    const std::size_t plus = encoding == Encoding::pair ? 2 * j : j;
    const std::size_t minus = encoding == Encoding::pair ? 2 * j + 1 : reference;
    for (std::size_t i = 0; i < tile.cols; ++i) {
      const double difference = static_cast<double>(siemens(i, plus)) - static_cast<double>(siemens(i, minus));
      tile(j, i) = difference / swing * unit[j];
    }
  }
}

void full_scale(const EncodedTile& tile, Encoding encoding, const Window& window, double volts_max, std::span<float> amps) {
  const double full_cell = amps_per_unit(encoding, window, volts_max), least = least_full_scale(encoding, window, volts_max);
  for (std::size_t j = 0; j < tile.row_sum.size(); ++j) amps[j] = static_cast<float>(std::max(full_cell * tile.row_sum[j], least));
}

double least_full_scale(Encoding encoding, const Window& window, double volts_max) noexcept {
  return amps_per_unit(encoding, window, volts_max) / 127;
}

double amps_per_unit(Encoding encoding, const Window& window, double volts_max) noexcept {
  return swing_siemens(encoding, window) * volts_max;
}

double encode_input(std::span<const double> x, double volts_max, std::span<float> volts) {
  const double unit = largest(x.data(), x.size());
  if (unit == 0) {
    std::fill_n(volts.begin(), x.size(), 0.0f);
    return 1;
  }
  const float limit = float_at_most(volts_max);
  for (std::size_t i = 0; i < x.size(); ++i) volts[i] = std::clamp(static_cast<float>(x[i] / unit * volts_max), -limit, limit);
  return unit;
}

}  // namespace sedma::kernels

// The plain product that the fast one is compared with: one output at a time, no library. Path::integer in whole numbers, as crossbar.h and
// drive.h define them; Path::floating in double.
#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "hal/status.h"
#include "kernels/convert.h"
#include "kernels/drive.h"
#include "kernels/product_block.h"

namespace sedma::kernels {
namespace {

double normal(const ProductJob& job, std::size_t vector, std::size_t number) {
  const auto four = normals4(job.key, Use::read_noise, static_cast<std::uint32_t>(number / 4), job.vector + vector);
  return static_cast<double>(four[number % 4]);
}

double siemens_of(const ProductJob& job, std::size_t driven, std::size_t sensed, bool sd) {
  if (job.transpose) std::swap(driven, sensed);
  const auto row = static_cast<std::uint32_t>(job.row + driven), col = static_cast<std::uint32_t>(job.col + sensed);
  float value = 0;
  if (sd) {
    job.matrix->get_sd(row, col, {&value, 1, 1});
  } else {
    job.matrix->get(row, col, {&value, 1, 1});
  }
  return static_cast<double>(value);
}

double volts_of(const ProductJob& job, std::size_t vector, std::size_t i) {
  return static_cast<double>(quantize(job.volts(vector, i), job.converters.volts_max, job.converters.dac_bits));
}
double bent(const ProductJob& job, double volts) { return volts * (1 + job.cubic_per_square_volt * volts * volts); }

// Current of a sensed line and the variance of its noise.
struct Line {
  double amps = 0, variance = 0;
};

Line sense_line(const ProductJob& job, std::size_t vector, std::size_t sensed) {
  Line line;
  for (std::size_t i = 0; i < job.volts.cols; ++i) {
    const double volts = bent(job, volts_of(job, vector, i)), siemens = siemens_of(job, i, sensed, false);
    line.amps += volts * siemens;
    if (!job.noise.on()) continue;
    const double sd =
        job.matrix->has_sd() ? siemens_of(job, i, sensed, true) : std::hypot(job.noise.floor_siemens, job.noise.relative * siemens);
    line.variance += volts * volts * sd * sd;
  }
  return line;
}

double floating_output(const ProductJob& job, std::size_t vector, std::size_t j) {
  const std::size_t outputs = job.amps.cols;
  if (job.sense == hal::Sense::pair) {
    const Line plus = sense_line(job, vector, 2 * j), minus = sense_line(job, vector, 2 * j + 1);
    return plus.amps - minus.amps + std::sqrt(plus.variance + minus.variance) * normal(job, vector, j);
  }
  const Line line = sense_line(job, vector, j);
  const double amps = line.amps + std::sqrt(line.variance) * normal(job, vector, j);
  if (job.sense == hal::Sense::single) return amps;
  const Line reference = sense_line(job, vector, outputs);
  return amps - reference.amps - std::sqrt(reference.variance) * normal(job, vector, outputs);
}

// A vector's codes and squares, and what the squares stand for.
struct Codes {
  std::vector<std::int64_t> codes, squares;
  double sum = 0, unit = 1;
};

Codes codes_of(const ProductJob& job, std::size_t vector) {
  Codes all;
  std::vector<std::int64_t> blocks(job.volts.cols / layout::block_rows + 1, 0);
  for (std::size_t i = 0; i < job.volts.cols; ++i) {
    const auto code =
        static_cast<std::int64_t>(convert_code(job.volts(vector, i), job.converters.volts_max, half_codes(job.converters.dac_bits)));
    all.codes.push_back(code);
    all.sum += static_cast<double>(code * code);
    blocks[i / layout::block_rows] += code * code;
  }
  std::int64_t unit = 1;
  while ((*std::max_element(blocks.begin(), blocks.end()) + largest_square) / unit > largest_block) unit *= 2;
  all.unit = static_cast<double>(unit);
  std::array<std::int64_t, square_lanes> carried{};
  carried.fill(unit / 2);
  for (std::size_t i = 0; i < all.codes.size(); ++i) {
    const std::int64_t square = carried[i % square_lanes] + all.codes[i] * all.codes[i];
    all.squares.push_back(square / unit);
    carried[i % square_lanes] = square % unit;
  }
  return all;
}

// Whole-number sums of every line: means, then levels.
struct Sums {
  std::vector<double> mean, levels;
};

Sums sums_of(const ProductJob& job, const Codes& codes) {
  const ProductMatrix& matrix = *job.matrix;
  Sums sums;
  for (std::size_t c = 0; c < job.cols; ++c) {
    std::int64_t mean = 0, levels = 0;
    for (std::size_t r = 0; r < job.rows; ++r) {
      const std::size_t cell = layout::index(matrix.rows(), job.row + r, job.col + c);
      mean += codes.codes[r] * matrix.codes()[cell];
      levels += codes.squares[r] * (matrix.has_sd() ? level_of_sd(matrix.sd_codes()[cell]) : level_of_code(matrix.codes()[cell]));
    }
    sums.mean.push_back(static_cast<double>(mean));
    sums.levels.push_back(static_cast<double>(levels));
  }
  return sums;
}

// amps of a vector before the gain of the converters.
void integer_outputs(const ProductJob& job, std::size_t vector, std::span<float> amps) {
  const Codes codes = codes_of(job, vector);
  const Sums sums = sums_of(job, codes);
  const SenseJob<double, double> scale = integer_lines(job, codes.sum, codes.unit);
  const auto noise = [&](double levels, double lines, std::size_t number) {
    if (!job.noise.on()) return 0.0f;
    const auto variance = static_cast<float>(levels * scale.variance_factor + lines * scale.variance_floor);
    return std::sqrt(variance) * scale.noise_amps * static_cast<float>(normal(job, vector, number));
  };
  const std::size_t outputs = amps.size();
  for (std::size_t j = 0; j < outputs; ++j) {
    const bool pair = job.sense == hal::Sense::pair, reference = job.sense == hal::Sense::reference;
    double mean = pair ? sums.mean[2 * j] - sums.mean[2 * j + 1] : sums.mean[j];
    if (reference) mean -= sums.mean[outputs];
    const float shared = reference ? noise(sums.levels[outputs], 1, outputs) : 0.0f;
    const float own = pair ? noise(sums.levels[2 * j] + sums.levels[2 * j + 1], 2, j) : noise(sums.levels[j], 1, j);
    amps[j] = static_cast<float>(mean * scale.mean_amps);
    if (job.noise.on()) amps[j] += own - shared;
  }
}

float read_by_converter(const ProductJob& job, std::size_t j, float amps) {
  const float full_scale = job.full_scale_amps.empty() ? 0.0f : job.full_scale_amps[job.full_scale_amps.size() == 1 ? 0 : j];
  if (!job.adc_gain_error.empty()) amps += amps * job.adc_gain_error[j];
  if (!job.adc_offset.empty()) amps += job.adc_offset[j] * full_scale;
  return quantize(amps, full_scale, job.converters.adc_bits);
}

void add_energy(const ProductJob& job, std::size_t vector, std::span<const double> siemens, ProductTotals& totals) {
  for (std::size_t i = 0; i < job.volts.cols; ++i) {
    const double volts = volts_of(job, vector, i);
    totals.volts_squared += volts * volts;
    totals.volts_squared_conductance += volts * bent(job, volts) * siemens[i];
  }
}

}  // namespace

ProductTotals crossbar_product_reference(const ProductJob& job) {
  const bool integer = job.matrix->path() == Path::integer && !job.transpose;
  std::vector<double> siemens(job.volts.cols);
  driven_line_siemens(*job.matrix, job.row, job.col, job.rows, job.cols, job.transpose, siemens);
  ProductTotals totals;
  for (std::size_t v = 0; v < job.volts.rows; ++v) {
    const std::span<float> amps(job.amps.row(v), job.amps.cols);
    if (integer) {
      integer_outputs(job, v, amps);
    } else {
      for (std::size_t j = 0; j < amps.size(); ++j) amps[j] = static_cast<float>(floating_output(job, v, j));
    }
    for (std::size_t j = 0; j < amps.size(); ++j) amps[j] = read_by_converter(job, j, amps[j]);
    add_energy(job, v, siemens, totals);
  }
  totals.driven_rows = job.volts.rows * job.volts.cols;
  totals.conversions = job.amps.rows * job.amps.cols;
  return totals;
}

}  // namespace sedma::kernels

#include "kernels/crossbar.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "hal/status.h"
#include "kernels/convert.h"
#include "kernels/drive.h"
#include "kernels/product_block.h"
#include "kernels/product_layout.h"
#include "kernels/threads.h"

namespace sedma::kernels {
namespace {

void check(const ProductJob& job, const ProductShape& shape) {
  SEDMA_CHECK(job.matrix != nullptr);
  SEDMA_CHECK(std::uint64_t{job.row} + job.rows <= job.matrix->rows() && std::uint64_t{job.col} + job.cols <= job.matrix->cols(), job.row,
              job.col, job.rows, job.cols, job.matrix->rows(), job.matrix->cols());
  SEDMA_CHECK(shape.driven > 0 && job.volts.cols == shape.driven, job.volts.cols, shape.driven);
  SEDMA_CHECK(job.amps.rows == job.volts.rows && job.amps.cols == shape.outputs, job.amps.rows, job.amps.cols, job.volts.rows,
              shape.outputs);
  SEDMA_CHECK(!job.transpose || job.sense == hal::Sense::single);
  const bool scaled = job.converters.adc_bits != 0 || !job.adc_offset.empty();
  SEDMA_CHECK(!scaled || job.full_scale_amps.size() == 1 || job.full_scale_amps.size() == shape.outputs, job.full_scale_amps.size(),
              shape.outputs);
  SEDMA_CHECK(job.adc_gain_error.empty() || job.adc_gain_error.size() == shape.outputs, job.adc_gain_error.size(), shape.outputs);
  SEDMA_CHECK(job.adc_offset.empty() || job.adc_offset.size() == shape.outputs, job.adc_offset.size(), shape.outputs);
  SEDMA_CHECK(job.driven_siemens.empty() || job.driven_siemens.size() == shape.driven, job.driven_siemens.size(), shape.driven);
  if (job.matrix->path() == Path::floating) return;
  const unsigned bits = job.converters.dac_bits;
  SEDMA_CHECK(job.cubic_per_square_volt == 0 && (job.transpose || (bits >= 2 && bits <= 8)), job.cubic_per_square_volt, bits);
}

std::span<const double> driven_sums(const ProductJob& job, const ProductShape& shape, ProductScratch& scratch) {
  if (!job.driven_siemens.empty()) return job.driven_siemens;
  const std::span<double> sums(at_least(scratch.driven_siemens, shape.driven), shape.driven);
  driven_line_siemens(*job.matrix, job.row, job.col, job.rows, job.cols, job.transpose, sums);
  return sums;
}

}  // namespace

ProductShape shape_of(const ProductJob& job) noexcept {
  ProductShape shape{job.rows, job.cols, job.cols};
  if (job.transpose) std::swap(shape.driven, shape.sensed);
  shape.outputs = shape.sensed;
  if (job.sense == hal::Sense::pair) shape.outputs = shape.sensed / 2;
  if (job.sense == hal::Sense::reference && shape.sensed > 0) shape.outputs = shape.sensed - 1;
  return shape;
}

float quantize(float value, float full_scale, unsigned bits) noexcept {
  return bits == 0 ? value : convert(value, full_scale, half_codes(bits));
}

void driven_line_siemens(const ProductMatrix& matrix, std::uint32_t row, std::uint32_t col, std::uint32_t rows, std::uint32_t cols,
                         bool transpose, std::span<double> sums) noexcept {
  std::fill(sums.begin(), sums.end(), 0.0);
  std::array<float, 256> part{};
  for (std::uint32_t r = 0; r < rows; ++r) {
    for (std::uint32_t c = 0; c < cols; c += part.size()) {
      const std::size_t count = std::min<std::size_t>(part.size(), cols - c);
      matrix.get(row + r, col + c, {part.data(), 1, count});
      for (std::size_t i = 0; i < count; ++i) sums[transpose ? c + i : r] += static_cast<double>(part[i]);
    }
  }
}

ProductTotals& ProductTotals::operator+=(const ProductTotals& other) noexcept {
  volts_squared_conductance += other.volts_squared_conductance;
  volts_squared += other.volts_squared;
  driven_rows += other.driven_rows;
  conversions += other.conversions;
  return *this;
}

ProductTotals crossbar_product(const ProductJob& job, ProductScratch& scratch) {
  const ProductShape shape = shape_of(job);
  check(job, shape);
  const std::size_t batch = job.volts.rows;
  ProductTotals totals;
  totals.driven_rows = batch * shape.driven;
  totals.conversions = batch * shape.outputs;
  if (batch == 0 || shape.outputs == 0) return totals;
  const bool integer = job.matrix->path() == Path::integer && !job.transpose;
  const std::span<const double> siemens = driven_sums(job, shape, scratch);
  if (!integer) prepare_float_product(job, shape, scratch);
  for (std::size_t first = 0; first < batch; first += product_block) {
    const ProductBlock block{job, shape, siemens.data(), first, std::min(product_block, batch - first), scratch};
    totals += integer ? integer_product(block) : float_product(block);
  }
  return totals;
}

}  // namespace sedma::kernels

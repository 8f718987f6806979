#include "kernels/crossbar.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>

#include "hal/status.h"

namespace sedma::kernels {
namespace {

// The shape of a product: `driven` lines carry volts, `sensed` lines carry amps to `outputs` converters.
struct Shape {
  std::size_t driven, sensed, outputs;
};

Shape shape_of(const ProductJob& job) {
  Shape shape{job.siemens.rows, job.siemens.cols, job.siemens.cols};
  if (job.transpose) std::swap(shape.driven, shape.sensed);
  shape.outputs = shape.sensed;
  if (job.sense == hal::Sense::pair) shape.outputs = shape.sensed / 2;
  if (job.sense == hal::Sense::reference) shape.outputs = shape.sensed - 1;
  return shape;
}

void check(const ProductJob& job, const Shape& shape) {
  SEDMA_CHECK(job.volts.cols == shape.driven, job.volts.cols, shape.driven);
  SEDMA_CHECK(job.amps.rows == job.volts.rows && job.amps.cols == shape.outputs, job.amps.rows, job.amps.cols, job.volts.rows,
              shape.outputs);
  SEDMA_CHECK(!job.transpose || job.sense == hal::Sense::single);
  SEDMA_CHECK(job.converters.adc_bits == 0 || job.full_scale_amps.size() == 1 || job.full_scale_amps.size() == shape.outputs,
              job.full_scale_amps.size(), shape.outputs);
  SEDMA_CHECK(job.driven_siemens.empty() || job.driven_siemens.size() == shape.driven, job.driven_siemens.size(), shape.driven);
}

// Codes of a converter to either side of zero.
float half_codes(unsigned bits) noexcept { return static_cast<float>((1u << (bits - 1)) - 1); }

// One conversion. The value is clipped before it is scaled, and divided before it is multiplied, so that no full scale, however small or
// large, makes an overflow or 0/0. Adding and subtracting 1.5 * 2^23 rounds to the nearest integer, ties to even, in two plain operations
// that every instruction set has as a vector.
inline float convert(float value, float full_scale, float codes) noexcept {
  constexpr float rounder = 12582912.0f;
  const float below = value < full_scale ? value : full_scale;
  const float clipped = below > -full_scale ? below : -full_scale;
  const float code = (clipped / full_scale * codes + rounder) - rounder;
  return code / codes * full_scale;
}

// A block of the batch while it is computed: vectors [first, first + count).
struct Block {
  std::size_t first, count;
};

void apply_dac(const ProductJob& job, const Shape& shape, Block block, ProductScratch& scratch) {
  const unsigned bits = job.converters.dac_bits;
  const float volts_max = job.converters.volts_max;
  const float codes = bits == 0 ? 0.0f : half_codes(bits);
  for (std::size_t b = 0; b < block.count; ++b) {
    const float* const from = job.volts.row(block.first + b);
    float* const to = scratch.volts.data() + b * shape.driven;
    if (bits == 0) {
      std::copy_n(from, shape.driven, to);
    } else {
      for (std::size_t i = 0; i < shape.driven; ++i) to[i] = convert(from[i], volts_max, codes);
    }
  }
}

// out [count, sensed] = in [count, driven] * matrix (transposed: matrix^T).
void multiply(hal::View<const float> matrix, bool transpose, const Shape& shape, std::size_t count, const float* in, float* out) {
  const auto rows = static_cast<blasint>(matrix.rows), cols = static_cast<blasint>(matrix.cols);
  const auto stride = static_cast<blasint>(std::max(matrix.stride, matrix.cols));
  const auto driven = static_cast<blasint>(shape.driven), sensed = static_cast<blasint>(shape.sensed);
  if (count == 1) {
    cblas_sgemv(CblasRowMajor, transpose ? CblasNoTrans : CblasTrans, rows, cols, 1.0f, matrix.data, stride, in, 1, 0.0f, out, 1);
  } else {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, transpose ? CblasTrans : CblasNoTrans, static_cast<blasint>(count), sensed, driven, 1.0f, in,
                driven, matrix.data, stride, 0.0f, out, sensed);
  }
}

constexpr std::size_t lanes = 16;  // sums along a row run side by side so that they vectorise, in an order that depends on the shape only

float sum_of_squares(const float* row, const float* volts, std::size_t count) {
  float sums[lanes] = {};
  std::size_t c = 0;
  for (; c + lanes <= count; c += lanes) {
    for (std::size_t l = 0; l < lanes; ++l) {
      const float t = row[c + l] * volts[c + l];
      sums[l] += t * t;
    }
  }
  for (; c < count; ++c) sums[c % lanes] += row[c] * volts[c] * (row[c] * volts[c]);
  float total = 0;
  for (const float sum : sums) total += sum;
  return total;
}

// sum (G v)^2 of every sensed line for one vector, without storing squares; four rows at a time, so that the sums are loaded less often.
void variance_of_one(const ProductJob& job, const Shape& shape, const float* volts, float* variance) {
  const hal::View<const float>& siemens = job.siemens;
  if (job.transpose) {
    for (std::size_t r = 0; r < siemens.rows; ++r) variance[r] = sum_of_squares(siemens.row(r), volts, shape.driven);
    return;
  }
  std::fill_n(variance, shape.sensed, 0.0f);
  std::size_t r = 0;
  for (; r + 4 <= siemens.rows; r += 4) {
    const float *const row0 = siemens.row(r), *const row1 = siemens.row(r + 1), *const row2 = siemens.row(r + 2),
                       *const row3 = siemens.row(r + 3);
    const float v0 = volts[r], v1 = volts[r + 1], v2 = volts[r + 2], v3 = volts[r + 3];
    for (std::size_t c = 0; c < shape.sensed; ++c) {
      const float t0 = row0[c] * v0, t1 = row1[c] * v1, t2 = row2[c] * v2, t3 = row3[c] * v3;
      variance[c] += (t0 * t0 + t1 * t1) + (t2 * t2 + t3 * t3);
    }
  }
  for (; r < siemens.rows; ++r) {
    const float* const row = siemens.row(r);
    for (std::size_t c = 0; c < shape.sensed; ++c) variance[c] += row[c] * volts[r] * (row[c] * volts[r]);
  }
}

// The same for a block: the squares of the window (made once a product) times the squares of the volts.
void line_variance(const ProductJob& job, const Shape& shape, Block block, ProductScratch& scratch) {
  if (block.count == 1) {
    variance_of_one(job, shape, scratch.volts.data(), scratch.variance.data());
    return;
  }
  const std::size_t rows = job.siemens.rows, cols = job.siemens.cols;
  if (block.first == 0) {
    scratch.squares.resize(rows * cols);
    for (std::size_t r = 0; r < rows; ++r) {
      const float* const from = job.siemens.row(r);
      float* const to = scratch.squares.data() + r * cols;
      for (std::size_t c = 0; c < cols; ++c) to[c] = from[c] * from[c];
    }
  }
  const std::size_t volts = block.count * shape.driven;
  for (std::size_t i = 0; i < volts; ++i) scratch.squared_volts[i] = scratch.volts[i] * scratch.volts[i];
  multiply({scratch.squares.data(), rows, cols}, job.transpose, shape, block.count, scratch.squared_volts.data(), scratch.variance.data());
}

// Adds the read noise of vector `b` of the block to `amps` [outputs], whose lines were already subtracted.
void add_noise(const ProductJob& job, const Shape& shape, Block block, std::size_t b, ProductScratch& scratch, float* amps) {
  const auto relative = static_cast<float>(job.read_noise);
  const float* const variance = scratch.variance.data() + b * shape.sensed;
  float* const normals = scratch.normals.data();
  const std::size_t draws = job.sense == hal::Sense::reference ? shape.outputs + 1 : shape.outputs;
  fill_normals(job.key, Use::read_noise, job.vector + block.first + b, 0, {normals, draws});
  if (job.sense == hal::Sense::pair) {
    for (std::size_t j = 0; j < shape.outputs; ++j) amps[j] += relative * std::sqrt(variance[2 * j] + variance[2 * j + 1]) * normals[j];
    return;
  }
  const float shared = job.sense == hal::Sense::reference ? relative * std::sqrt(variance[shape.outputs]) * normals[shape.outputs] : 0.0f;
  for (std::size_t j = 0; j < shape.outputs; ++j) amps[j] += relative * std::sqrt(variance[j]) * normals[j] - shared;
}

void subtract_lines(hal::Sense sense, std::size_t outputs, const float* lines, float* amps) {
  switch (sense) {
    case hal::Sense::single: std::copy_n(lines, outputs, amps); return;
    case hal::Sense::pair:
      for (std::size_t j = 0; j < outputs; ++j) amps[j] = lines[2 * j] - lines[2 * j + 1];
      return;
    case hal::Sense::reference:
      for (std::size_t j = 0; j < outputs; ++j) amps[j] = lines[j] - lines[outputs];
      return;
  }
}

void apply_adc(const ProductJob& job, std::size_t outputs, float* amps) {
  if (job.converters.adc_bits == 0) return;
  const float codes = half_codes(job.converters.adc_bits);
  const float* const full_scale = job.full_scale_amps.data();
  if (job.full_scale_amps.size() == 1) {
    for (std::size_t j = 0; j < outputs; ++j) amps[j] = convert(amps[j], full_scale[0], codes);
  } else {
    for (std::size_t j = 0; j < outputs; ++j) amps[j] = convert(amps[j], full_scale[j], codes);
  }
}

void product_of_block(const ProductJob& job, const Shape& shape, Block block, ProductScratch& scratch) {
  apply_dac(job, shape, block, scratch);
  multiply(job.siemens, job.transpose, shape, block.count, scratch.volts.data(), scratch.lines.data());
  if (job.read_noise > 0) line_variance(job, shape, block, scratch);
  for (std::size_t b = 0; b < block.count; ++b) {
    float* const amps = job.amps.row(block.first + b);
    subtract_lines(job.sense, shape.outputs, scratch.lines.data() + b * shape.sensed, amps);
    if (job.read_noise > 0) add_noise(job, shape, block, b, scratch, amps);
    apply_adc(job, shape.outputs, amps);
  }
}

// Adds v^2 of the block's volts to the sums per driven line; summing over the batch first keeps the energy out of the inner loop.
void square_volts(const Shape& shape, Block block, ProductScratch& scratch) {
  for (std::size_t b = 0; b < block.count; ++b) {
    const float* const volts = scratch.volts.data() + b * shape.driven;
    double* const sums = scratch.driven_squares.data();
    for (std::size_t i = 0; i < shape.driven; ++i) sums[i] += static_cast<double>(volts[i]) * static_cast<double>(volts[i]);
  }
}

std::span<const double> driven_sums(const ProductJob& job, const Shape& shape, ProductScratch& scratch) {
  if (!job.driven_siemens.empty()) return job.driven_siemens;
  scratch.driven_siemens.resize(shape.driven);
  driven_line_siemens(job.siemens, job.transpose, scratch.driven_siemens);
  return scratch.driven_siemens;
}

}  // namespace

float quantize(float value, float full_scale, unsigned bits) noexcept {
  return bits == 0 ? value : convert(value, full_scale, half_codes(bits));
}

void driven_line_siemens(hal::View<const float> siemens, bool transpose, std::span<double> sums) noexcept {
  std::fill(sums.begin(), sums.end(), 0.0);
  for (std::size_t r = 0; r < siemens.rows; ++r) {
    const float* const row = siemens.row(r);
    if (transpose) {
      for (std::size_t c = 0; c < siemens.cols; ++c) sums[c] += static_cast<double>(row[c]);
      continue;
    }
    double part[lanes] = {};
    std::size_t c = 0;
    for (; c + lanes <= siemens.cols; c += lanes) {
      for (std::size_t l = 0; l < lanes; ++l) part[l] += static_cast<double>(row[c + l]);
    }
    for (; c < siemens.cols; ++c) part[c % lanes] += static_cast<double>(row[c]);
    for (const double sum : part) sums[r] += sum;
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
  use_single_threaded_blas();
  const Shape shape = shape_of(job);
  check(job, shape);
  const std::size_t batch = job.volts.rows, widest = std::min(batch, product_block);
  scratch.volts.resize(widest * shape.driven);
  scratch.lines.assign(widest * shape.sensed, 0.0f);
  scratch.driven_squares.assign(shape.driven, 0.0);
  if (job.read_noise > 0) {
    scratch.variance.assign(widest * shape.sensed, 0.0f);
    scratch.squared_volts.resize(widest * shape.driven);
    scratch.normals.resize(shape.outputs + 1);
  }
  for (std::size_t first = 0; first < batch; first += product_block) {
    const Block block{first, std::min(product_block, batch - first)};
    product_of_block(job, shape, block, scratch);
    square_volts(shape, block, scratch);
  }
  ProductTotals totals;
  const std::span<const double> sums = driven_sums(job, shape, scratch);
  for (std::size_t i = 0; i < shape.driven; ++i) {
    totals.volts_squared += scratch.driven_squares[i];
    totals.volts_squared_conductance += scratch.driven_squares[i] * sums[i];
  }
  totals.driven_rows = batch * shape.driven;
  totals.conversions = batch * shape.outputs;
  return totals;
}

void use_single_threaded_blas() noexcept {
  static const bool once = (openblas_set_num_threads(1), true);
  static_cast<void>(once);
}

}  // namespace sedma::kernels

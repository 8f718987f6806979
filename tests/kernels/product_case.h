#pragma once
// A crossbar product with all of its buffers, for the tests of it.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/crossbar.h"

namespace sedma::kernels {

/// 0 to count - 1.
inline std::uint32_t below(std::mt19937& generator, std::uint32_t count) { return static_cast<std::uint32_t>(generator() % count); }

struct CaseShape {
  std::size_t batch = 1, rows = 1, cols = 1;
  hal::Sense sense = hal::Sense::single;
  bool transpose = false;
  Path path = Path::integer;
  std::size_t padding = 0;             ///< elements between the rows of volts and amps, poisoned with NaN
  std::uint32_t row = 0, col = 0;      ///< of the window in the matrix
  std::uint32_t below = 0, right = 0;  ///< cells of the matrix after the window
  bool with_sd = false;
  unsigned seed = 1;
};

/// Upper bounds of random_shape(), each exclusive but for batch, rows and cols.
struct ShapeLimits {
  std::size_t batch = 20, rows = 40, cols = 100;
  std::uint32_t padding = 3, row = 5, col = 70, below = 3, right = 40;
};

/// A window anywhere in a matrix, sensed in any way; the caller sets path, transpose and with_sd.
inline CaseShape random_shape(std::mt19937& generator, unsigned seed, const ShapeLimits& most) {
  CaseShape shape;
  shape.batch = 1 + generator() % most.batch;
  shape.rows = 1 + generator() % most.rows;
  shape.cols = 1 + generator() % most.cols;
  shape.sense = static_cast<hal::Sense>(generator() % 3);
  if (shape.sense == hal::Sense::pair) shape.cols *= 2;
  if (shape.sense == hal::Sense::reference) shape.cols += 1;
  shape.padding = generator() % most.padding;
  shape.row = below(generator, most.row);
  shape.col = below(generator, most.col);
  shape.below = below(generator, most.below);
  shape.right = below(generator, most.right);
  shape.seed = seed;
  return shape;
}

inline constexpr double case_full_siemens = 1e-5;

struct ProductCase {
  CaseShape shape;
  ProductMatrix matrix;
  std::vector<float> siemens, sd, volts, full_scale;  ///< siemens, sd: of the window
  ProductJob job;

  /// The window does not depend on where it lies in its matrix, nor does what drives it.
  explicit ProductCase(const CaseShape& given) : shape(given) {
    std::mt19937 generator(shape.seed), around(shape.seed + 1);
    std::uniform_real_distribution<float> cell(1e-6f, 1e-5f), deviation(1e-8f, 2e-7f), volt(-0.5f, 0.5f);
    const auto rows = static_cast<std::uint32_t>(shape.rows), cols = static_cast<std::uint32_t>(shape.cols);
    matrix = ProductMatrix(shape.path, shape.row + rows + shape.below, shape.col + cols + shape.right, case_full_siemens,
                           shape.with_sd ? 2e-7 : 0);
    std::vector<float> everything(std::size_t{matrix.rows()} * matrix.cols());
    for (float& value : everything) value = cell(around);
    matrix.set(0, 0, {everything.data(), matrix.rows(), matrix.cols()});
    if (shape.with_sd) matrix.set_sd(0, 0, {everything.data(), matrix.rows(), matrix.cols()});
    siemens.resize(shape.rows * shape.cols);
    sd.resize(siemens.size());
    for (float& value : siemens) value = cell(generator);
    for (float& value : sd) value = deviation(generator);
    set_window();
    volts.assign(shape.batch * (driven() + shape.padding), std::numeric_limits<float>::quiet_NaN());
    for (std::size_t b = 0; b < shape.batch; ++b) {
      for (std::size_t i = 0; i < driven(); ++i) volts[b * (driven() + shape.padding) + i] = volt(generator);
    }
    for (std::size_t j = 0; j < outputs(); ++j)
      full_scale.push_back(1e-6f * static_cast<float>(driven()) * (0.5f + static_cast<float>(j % 3)));
    job.matrix = &matrix;
    job.row = shape.row;
    job.col = shape.col;
    job.rows = rows;
    job.cols = cols;
    job.volts = {volts.data(), shape.batch, driven(), driven() + shape.padding};
    job.full_scale_amps = full_scale;
    job.sense = shape.sense;
    job.transpose = shape.transpose;
    job.converters = {8, 8, 0.5f};
    job.key = derive(Key{shape.seed}, 1);
  }
  ProductCase(const ProductCase&) = delete;
  ProductCase& operator=(const ProductCase&) = delete;

  void set_window() {
    matrix.set(shape.row, shape.col, {siemens.data(), shape.rows, shape.cols});
    if (shape.with_sd) matrix.set_sd(shape.row, shape.col, {sd.data(), shape.rows, shape.cols});
  }
  std::size_t driven() const { return shape.transpose ? shape.cols : shape.rows; }
  std::size_t outputs() const {
    if (shape.transpose) return shape.rows;
    if (shape.sense == hal::Sense::pair) return shape.cols / 2;
    return shape.sense == hal::Sense::reference ? shape.cols - 1 : shape.cols;
  }
  std::size_t stride() const { return outputs() + shape.padding; }
  float step(std::size_t j) const {
    return job.converters.adc_bits == 0 ? 0.0f : full_scale[j] / static_cast<float>((1 << (job.converters.adc_bits - 1)) - 1);
  }
  std::vector<float> run(bool reference = false, ProductTotals* totals = nullptr) {
    std::vector<float> amps(shape.batch * stride(), -7.0f);
    job.amps = {amps.data(), shape.batch, outputs(), stride()};
    ProductScratch scratch;
    const ProductTotals found = reference ? crossbar_product_reference(job) : crossbar_product(job, scratch);
    if (totals != nullptr) *totals = found;
    return amps;
  }
  /// The batch in parts of `size` vectors, with one scratch.
  std::vector<float> run_in_parts(std::size_t size) {
    std::vector<float> amps(shape.batch * stride(), -7.0f);
    ProductScratch scratch;
    for (std::size_t b = 0; b < shape.batch; b += size) {
      const std::size_t count = std::min(size, shape.batch - b);
      ProductJob part = job;
      part.volts = {volts.data() + b * job.volts.stride, count, driven(), job.volts.stride};
      part.amps = {amps.data() + b * stride(), count, outputs(), stride()};
      part.vector = job.vector + b;
      crossbar_product(part, scratch);
    }
    return amps;
  }
  /// Within one step of the converter, float rounding and `noise_error` of the noise's sd (the variance is not exact).
  void expect_near(const std::vector<float>& fast, const std::vector<float>& plain, double noise_error = 0) const {
    const double rounding = 1e-6 * std::sqrt(static_cast<double>(driven())) * 1e-5;
    const double noise = 6.7 * noise_error * std::hypot(job.noise.relative * 1e-5, job.noise.floor_siemens) * 0.5 *
                         std::sqrt(2.0 * static_cast<double>(driven()));
    for (std::size_t b = 0; b < shape.batch; ++b) {
      for (std::size_t j = 0; j < stride(); ++j) {
        const std::size_t i = b * stride() + j;
        const double allowed = j < outputs() ? static_cast<double>(step(j)) * 1.001 + rounding + noise : 0;
        ASSERT_NEAR(fast[i], plain[i], allowed)
            << "vector " << b << " output " << j << " of " << shape.batch << " x " << shape.rows << " x " << shape.cols;
      }
    }
  }
};

}  // namespace sedma::kernels

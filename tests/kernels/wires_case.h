#pragma once
// A random array with line resistance and its transfer matrix.

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <random>
#include <vector>

#include "kernels/wires.h"

namespace sedma::kernels::test {

/// Conductances log-uniform over a decade around 1e-5 S; strided, with NaN between the rows.
struct WireCase {
  std::size_t rows, cols, padding;
  std::vector<float> siemens;
  Wires wires{0.237, 0.237, 0, 0};

  WireCase(std::size_t row_count, std::size_t col_count, unsigned seed, double zero_fraction = 0, std::size_t pad = 0)
      : rows(row_count), cols(col_count), padding(pad), siemens(row_count * (col_count + pad), std::numeric_limits<float>::quiet_NaN()) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<double> decade(-5.5, -4.5), uniform(0, 1);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < cols; ++j) {
        at(i, j) = uniform(generator) < zero_fraction ? 0.0f : static_cast<float>(std::pow(10.0, decade(generator)));
      }
    }
  }
  float& at(std::size_t i, std::size_t j) { return siemens[i * (cols + padding) + j]; }
  hal::View<const float> view() const { return {siemens.data(), rows, cols, cols + padding}; }

  /// [rows, cols] without gaps.
  std::vector<double> transfer(WireScratch& scratch) const {
    std::vector<double> out(rows * (cols + padding), -7.0);
    effective_matrix(view(), wires, {out.data(), rows, cols, cols + padding}, scratch);
    return without_gaps(out);
  }
  std::vector<double> transfer() const {
    WireScratch scratch;
    return transfer(scratch);
  }
  std::vector<double> reference() const {
    std::vector<double> out(rows * (cols + padding), -7.0);
    effective_matrix_reference(view(), wires, {out.data(), rows, cols, cols + padding});
    return without_gaps(out);
  }

 private:
  std::vector<double> without_gaps(const std::vector<double>& strided) const {
    std::vector<double> out;
    for (std::size_t i = 0; i < rows; ++i) {
      const auto row = strided.begin() + static_cast<std::ptrdiff_t>(i * (cols + padding));
      out.insert(out.end(), row, row + static_cast<std::ptrdiff_t>(cols));
    }
    return out;
  }
};

/// 2-norm of the difference over 2-norm, and largest difference over largest entry: the larger of the two.
inline double relative_difference(const std::vector<double>& found, const std::vector<double>& expected) {
  double difference = 0, norm = 0, largest_difference = 0, largest = 0;
  for (std::size_t k = 0; k < expected.size(); ++k) {
    const double d = std::abs(found[k] - expected[k]);
    difference += d * d;
    norm += expected[k] * expected[k];
    largest_difference = std::max(largest_difference, d);
    largest = std::max(largest, std::abs(expected[k]));
  }
  if (largest == 0) return largest_difference == 0 ? 0 : std::numeric_limits<double>::infinity();
  return std::max(std::sqrt(difference / norm), largest_difference / largest);
}

}  // namespace sedma::kernels::test

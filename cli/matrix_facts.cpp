#include "cli/matrix_facts.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace sedma::cli {
namespace {

using runtime::Matrix;

// Where (row, col) stands in the stored entries; nonzeros() if it is zero.
std::size_t find(const Matrix& matrix, std::uint32_t row, std::uint32_t col) {
  const auto columns = matrix.columns();
  const auto begin = columns.begin() + static_cast<std::ptrdiff_t>(matrix.row_offsets()[row]);
  const auto end = columns.begin() + static_cast<std::ptrdiff_t>(matrix.row_offsets()[row + 1]);
  const auto at = std::lower_bound(begin, end, col);
  return at != end && *at == col ? static_cast<std::size_t>(at - columns.begin()) : matrix.nonzeros();
}

void examine_symmetry(const Matrix& matrix, MatrixFacts& facts) {
  if (matrix.rows() != matrix.cols()) {
    facts.symmetry = Symmetry::not_square;
    return;
  }
  bool symmetric = true, skew = true;
  facts.symmetric_pattern = true;
  for (std::uint32_t row = 0; row < matrix.rows() && facts.symmetric_pattern; ++row)
    for (std::size_t k = matrix.row_offsets()[row]; k < matrix.row_offsets()[row + 1]; ++k) {
      const std::size_t mirrored = find(matrix, matrix.columns()[k], row);
      if (mirrored == matrix.nonzeros()) {
        facts.symmetric_pattern = false;
        break;
      }
      symmetric = symmetric && matrix.values()[k] == matrix.values()[mirrored];
      skew = skew && matrix.values()[k] == -matrix.values()[mirrored];
    }
  if (!facts.symmetric_pattern) return;
  facts.symmetry = symmetric ? Symmetry::symmetric : skew ? Symmetry::skew : Symmetry::general;
}

void examine_positions(const Matrix& matrix, MatrixFacts& facts) {
  std::vector<bool> seen(matrix.cols(), false);
  for (std::uint32_t row = 0; row < matrix.rows(); ++row) {
    const std::size_t begin = matrix.row_offsets()[row], end = matrix.row_offsets()[row + 1];
    if (begin == end) ++facts.empty_rows;
    for (std::size_t k = begin; k < end; ++k) {
      const std::uint32_t col = matrix.columns()[k];
      seen[col] = true;
      if (col < row) facts.lower_bandwidth = std::max(facts.lower_bandwidth, row - col);
      if (col > row) facts.upper_bandwidth = std::max(facts.upper_bandwidth, col - row);
    }
  }
  facts.empty_cols = static_cast<std::uint32_t>(std::count(seen.begin(), seen.end(), false));
}

void examine_values(const Matrix& matrix, MatrixFacts& facts) {
  if (matrix.nonzeros() == 0) return;
  facts.integer = facts.ones = true;
  facts.min_magnitude = INFINITY;
  for (const double value : matrix.values()) {
    facts.integer = facts.integer && value == std::trunc(value);
    facts.ones = facts.ones && value == 1;
    facts.min_magnitude = std::min(facts.min_magnitude, std::abs(value));
    facts.max_magnitude = std::max(facts.max_magnitude, std::abs(value));
  }
}

}  // namespace

MatrixFacts examine(const Matrix& matrix) {
  MatrixFacts facts;
  facts.density = static_cast<double>(matrix.nonzeros()) / (static_cast<double>(matrix.rows()) * static_cast<double>(matrix.cols()));
  facts.bytes = matrix.row_offsets().size_bytes() + matrix.columns().size_bytes() + matrix.values().size_bytes();
  examine_values(matrix, facts);
  examine_positions(matrix, facts);
  examine_symmetry(matrix, facts);
  return facts;
}

const char* name(Symmetry symmetry) noexcept {
  switch (symmetry) {
    case Symmetry::general: return "general";
    case Symmetry::symmetric: return "symmetric";
    case Symmetry::skew: return "skew-symmetric";
    case Symmetry::not_square: return "not square";
  }
  return "unknown";
}

}  // namespace sedma::cli

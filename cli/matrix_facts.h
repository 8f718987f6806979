#pragma once
// What can be told of a matrix by looking at its entries.

#include <cstdint>

#include "runtime/matrix.h"

namespace sedma::cli {

enum class Symmetry { general, symmetric, skew, not_square };

struct MatrixFacts {
  double density = 0;
  bool integer = false;                   ///< every entry is a whole number
  bool ones = false;                      ///< every entry is 1: a pattern
  Symmetry symmetry = Symmetry::general;  ///< by value
  bool symmetric_pattern = false;
  double min_magnitude = 0, max_magnitude = 0;  ///< of the entries != 0
  std::uint32_t lower_bandwidth = 0, upper_bandwidth = 0;
  std::uint32_t empty_rows = 0, empty_cols = 0;
  std::uint64_t bytes = 0;  ///< in this program's memory
};

/// Cost: nonzeros * log(nonzeros per row).
MatrixFacts examine(const runtime::Matrix& matrix);

const char* name(Symmetry symmetry) noexcept;

}  // namespace sedma::cli

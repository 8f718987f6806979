#pragma once
// What can be told of a matrix by looking at its entries.

#include <cstdint>

#include "cli/progress.h"
#include "hal/status.h"
#include "runtime/matrix_source.h"

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
  std::uint64_t bytes = 0;  ///< of this program's memory
};

/// One pass over the entries. Whether a matrix is symmetric is told by 64-bit fingerprints, sums of hashes of all (row, column, value) and
/// of all (column, row, value): a matrix that is not passes for one with a chance of about 2^-64. Errors: of for_each_row().
Result<MatrixFacts> examine(const runtime::MatrixSource& matrix, Progress& progress);

const char* name(Symmetry symmetry) noexcept;

}  // namespace sedma::cli

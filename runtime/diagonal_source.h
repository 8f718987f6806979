#pragma once
// Several matrices as one: on the blocks of a diagonal, so that one session holds them on one board.

#include <memory>
#include <span>
#include <vector>

#include "runtime/matrix_source.h"

namespace sedma::runtime {

/// diag(A, B, ...): part k is matrices[k]. The matrices must outlive it. content() of one matrix alone is that of the matrix itself.
/// Errors: invalid_argument (no matrix; more than 2^31 - 1 rows or columns in all), and those of reading the matrices.
Result<std::unique_ptr<MatrixSource>> diagonal_of(std::span<const MatrixSource* const> matrices);

}  // namespace sedma::runtime

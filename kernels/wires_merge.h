// Dense steps of the nested dissection on column-major lower triangles. Internal to kernels.
#pragma once

#include <cstddef>

#include "kernels/wires_blocks.h"

namespace sedma::kernels::dissection {

/// The lower triangle of `a` [n, n], column-major with `stride` from column to column, becomes its Cholesky factor.
void cholesky(double* a, std::size_t n, std::size_t stride) noexcept;

/// Doubles that merge() wants at `work`.
std::size_t merge_work(const Cut& cut) noexcept;

/// The conductance matrix of a block from those of its two parts: both are added up, the shared ports eliminated. All three are
/// column-major lower triangles without gaps; `merged` may overlap `first` and `second`, `work` must not.
void merge(const Cut& cut, const double* first, const double* second, double* merged, double* work) noexcept;

}  // namespace sedma::kernels::dissection

#pragma once
// The sums of a crossbar product in floats: own kernels for one vector, OpenBLAS for more. Internal to kernels.

#include <cstddef>

#include "hal/view.h"

namespace sedma::kernels {

/// mean[c] = sum over rows of v G, squares[c] = sum over rows of (v G)^2 (null: not wanted), for columns [begin, end), a multiple of 64 for
/// `begin`. The rows are summed in order in float, fused multiply-add where there is one. Vectorised.
void sum_columns(hal::View<const float> matrix, const float* volts, float* mean, float* squares, std::size_t begin,
                 std::size_t end) noexcept;
/// The same of rows [begin, end): sums along a row, side by side in the lanes of a vector.
void sum_rows(hal::View<const float> matrix, const float* volts, float* mean, float* squares, std::size_t begin, std::size_t end) noexcept;

/// Columns of a matrix product that one call of OpenBLAS computes. Its bits depend on the shape of a call, so the slabs are the same for
/// any number of threads.
inline constexpr std::size_t slab_cols = 256;
/// out [vectors, cols] = volts [vectors, rows] * matrix for the columns of slab number `slab`.
void multiply_slab(hal::View<const float> matrix, std::size_t vectors, const float* volts, float* out, std::size_t slab) noexcept;
/// out [vectors, rows] = volts [vectors, cols] * matrix^T for the rows of slab number `slab`.
void multiply_transposed_slab(hal::View<const float> matrix, std::size_t vectors, const float* volts, float* out,
                              std::size_t slab) noexcept;

}  // namespace sedma::kernels

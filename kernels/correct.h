#pragma once
// Corrections of a product y that need no device.

#include <span>

namespace sedma::kernels {

/// y <- (I + lambda L^T L)^-1 y, equation (5): L the first-difference matrix with free ends, L^T L tridiagonal with diagonal 1, 2, ..., 2,
/// 1 and off-diagonals -1. lambda >= 0; 0 leaves y as it is. O(n), in place; `scratch` holds y.size() doubles.
void denoise(std::span<double> y, double lambda, std::span<double> scratch) noexcept;

}  // namespace sedma::kernels

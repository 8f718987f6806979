#pragma once
// What denoising would do to the error of a product, estimated from the product alone.

#include <array>
#include <cstddef>
#include <span>

namespace sedma::kernels {

inline constexpr std::size_t risk_lanes = 8;
using RiskLanes = std::array<double, risk_lanes>;

/// Doubles of scratch that the functions below take.
constexpr std::size_t denoise_risk_scratch(std::size_t outputs) noexcept { return 3 * risk_lanes * outputs; }

/// Stein's unbiased risk estimate of several lambdas >= 0 at once: the expected |S p - y|^2 - |p - y|^2 for p = y + noise and
/// S = (I + lambda L^T L)^-1 of denoise(), below 0 where smoothing helps; units of p squared. The noise is independent, with the standard
/// deviation sd[i] in output i. With B = I - S and Sigma = diag(sd^2) it is |B p|^2 - 2 tr(B Sigma). The diagonal of B follows from two
/// sweeps, in sums and products of positive numbers: nothing cancels for small lambda. Squares of p and sd, [outputs], must neither
/// overflow nor vanish. Cost: O(outputs), about 25 ns an output for all lanes; allocates nothing. Source: C. Stein, Estimation of the mean
/// of a multivariate normal distribution, Ann. Statist. 9 (1981).
RiskLanes denoise_risk(std::span<const double> p, std::span<const double> sd, const RiskLanes& lambdas, std::span<double> scratch) noexcept;

/// Standard error of that estimate for one lambda, units of p squared: the variance of |B p|^2 over the noise is
/// 4 y^T B^2 Sigma B^2 y + 2 tr((B^2 Sigma)^2), estimated without bias by 4 p^T B^2 Sigma B^2 p - 2 tr((B^2 Sigma)^2), and taken to be no
/// less than its second term. Fourth powers of p and sd must neither overflow nor vanish. Cost: O(outputs), about 40 ns an output;
/// allocates nothing.
double denoise_risk_error(std::span<const double> p, std::span<const double> sd, double lambda, std::span<double> scratch) noexcept;

}  // namespace sedma::kernels

#include "kernels/denoise_risk.h"

#include <algorithm>
#include <cmath>

#include "hal/status.h"
#include "kernels/correct.h"

namespace sedma::kernels {
namespace {

constexpr std::size_t lanes = risk_lanes;

// tr((B^2 Sigma)^2). From S = (mu I + lambda L^T L)^-1 at mu = 1 follows S^2 = -dS/dmu, and S_ij = S_ii ratio_j ... ratio_(i-1) for j < i
// gives (S^2)_ij = S_ij (a_i + t_ij) with a_i = -S_ii' / S_ii and t_ij the sum of f_k' / (lambda + f_k) over k = j ... i - 1. The sums over
// j of (S_ij / S_ii)^2 variance_j times 1, t_ij and t_ij^2 go along with the sweep. `from_right`, `slopes`: scratch [outputs].
double squared_trace(std::span<const double> sd, double lambda, std::span<double> from_right, std::span<double> slopes) noexcept {
  const std::size_t n = sd.size();
  double g = 1, g_slope = 1;
  for (std::size_t i = n; i-- > 0;) {
    from_right[i] = g;
    slopes[i] = g_slope;
    const double ratio = lambda / (lambda + g);
    g = 1 + ratio * g;
    g_slope = 1 + ratio * ratio * g_slope;
  }
  double f = 1, f_slope = 1, zeroth = 0, first = 0, second = 0, trace = 0;
  for (std::size_t i = 0; i < n; ++i) {
    const double variance = sd[i] * sd[i], s = 1 / (f + from_right[i] - 1), a = s * (f_slope + slopes[i] - 1);
    const double diagonal = 1 - 2 * s + s * a, rest = a - 2;
    trace += variance * (diagonal * diagonal * variance + 2 * s * s * (rest * rest * zeroth + 2 * rest * first + second));
    const double pivot = lambda + f, ratio = lambda / pivot, step = f_slope / pivot, squared = ratio * ratio;
    zeroth += variance;
    second = squared * (second + 2 * step * first + step * step * zeroth);
    first = squared * (first + step * zeroth);
    zeroth *= squared;
    f = 1 + ratio * f;
    f_slope = 1 + squared * f_slope;
  }
  return std::max(trace, 0.0);
}

}  // namespace

// Every output is a node with 1 to ground and lambda to its neighbours: f_i is the conductance to ground seen from i over the left, g_i
// over the right, both with the node's own, so the pivots of the eliminations from both sides are lambda + f_i and lambda + g_i, and S_ii =
// 1 / (f_i + g_i - 1).
RiskLanes denoise_risk(std::span<const double> p, std::span<const double> sd, const RiskLanes& lambdas,
                       std::span<double> scratch) noexcept {
  const std::size_t n = p.size();
  SEDMA_CHECK(sd.size() == n && scratch.size() >= denoise_risk_scratch(n), sd.size(), scratch.size(), n);
  if (n < 2) return {};
  const RiskLanes lambda = lambdas;
  RiskLanes f, u;
  f.fill(1);
  u.fill(p[0]);
  for (std::size_t i = 0; i < n; ++i) {
    double* const keep = scratch.data() + i * 3 * lanes;  // f, 1 / pivot, the right-hand side after elimination
    const double next = i + 1 < n ? p[i + 1] : 0;
    for (std::size_t l = 0; l < lanes; ++l) {
      const double inverse = 1 / (lambda[l] + f[l]), ratio = lambda[l] * inverse;
      keep[l] = f[l];
      keep[lanes + l] = inverse;
      keep[2 * lanes + l] = u[l];
      f[l] = 1 + ratio * f[l];
      u[l] = next + ratio * u[l];
    }
  }
  RiskLanes g, smooth{}, risk{};
  g.fill(1);
  for (std::size_t i = n; i-- > 0;) {
    const double* const kept = scratch.data() + i * 3 * lanes;
    const double variance = sd[i] * sd[i], value = p[i];
    const bool last = i + 1 == n;  // its diagonal is 1 + lambda, so its pivot is f alone
    for (std::size_t l = 0; l < lanes; ++l) {
      const double inverse = last ? 1 / kept[l] : kept[lanes + l];
      smooth[l] = kept[2 * lanes + l] * inverse + lambda[l] * inverse * smooth[l];
      const double removed = value - smooth[l], around = (kept[l] - 1) + (g[l] - 1);
      risk[l] += removed * removed - 2 * around / (around + 1) * variance;
      g[l] = 1 + lambda[l] / (lambda[l] + g[l]) * g[l];
    }
  }
  return risk;
}

double denoise_risk_error(std::span<const double> p, std::span<const double> sd, double lambda, std::span<double> scratch) noexcept {
  const std::size_t n = p.size();
  SEDMA_CHECK(sd.size() == n && scratch.size() >= denoise_risk_scratch(n), sd.size(), scratch.size(), n);
  if (n < 2) return 0;
  const std::span<double> once = scratch.subspan(0, n), twice = scratch.subspan(n, n), rest = scratch.subspan(2 * n, n);
  const double trace = squared_trace(sd, lambda, once, twice);
  std::copy(p.begin(), p.end(), once.begin());
  denoise(once, lambda, rest);
  for (std::size_t i = 0; i < n; ++i) twice[i] = once[i] = p[i] - once[i];
  denoise(twice, lambda, rest);
  double removed = 0;
  for (std::size_t i = 0; i < n; ++i) removed += std::pow((once[i] - twice[i]) * sd[i], 2);
  return std::sqrt(std::max(4 * removed - 2 * trace, 2 * trace));
}

}  // namespace sedma::kernels

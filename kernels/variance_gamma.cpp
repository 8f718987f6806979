#include "kernels/variance_gamma.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <mutex>

namespace sedma::kernels {
namespace {

// In ln V the gamma density is exp(shape s - e^s), analytic and falling fast to both sides once the normal's tail cuts off small V: the
// trapezoidal rule converges exponentially.
constexpr double lowest_log_variance = -40;
constexpr double least_x = 1e-7;    // in standard deviations: nearer to 0 counts as 0
constexpr double grid_step = 0.02;  // of ln x, between which ln x is linear in ln t

}  // namespace

VarianceGammaTail::VarianceGammaTail(double shape) {
  const double step = 0.1 / std::sqrt(1 + shape);
  const double top = std::log(shape + 12 * std::sqrt(shape) + 45);
  const double norm = std::lgamma(shape);
  for (int i = 0; lowest_log_variance + i * step < top; ++i) {
    const double s = lowest_log_variance + i * step;
    const double weight = step * std::exp(shape * s - std::exp(s) - norm);
    if (weight > 1e-22) nodes_.push_back({std::sqrt(2 * std::exp(s) / shape), weight});
  }
}

double VarianceGammaTail::operator()(double x) const noexcept {
  double sum = 0;
  for (auto node = nodes_.rbegin(); node != nodes_.rend(); ++node) {
    const double z = x / node->scale;
    if (z > 7) break;
    sum += node->weight * std::erfc(z);
  }
  return sum;
}

VarianceGammaTable::VarianceGammaTable(double shape) : values_((octaves << piece_bits) + 2, 0.0f) {
  const VarianceGammaTail tail(shape);
  double log_x = std::log(least_x), log_t = std::log(std::min(1.0, tail(least_x)));
  double next_x = log_x, next_t = log_t;
  for (std::size_t i = (octaves << piece_bits); i-- > 0;) {  // t falls, x grows
    const auto bits = first_bits + (static_cast<std::uint32_t>(i) << index_shift);
    const double wanted = std::log(static_cast<double>(std::bit_cast<float>(bits)));
    if (wanted >= log_t && next_x == log_x) continue;  // below least_x
    while (next_t > wanted) {
      log_x = next_x, log_t = next_t;
      next_x += grid_step;
      next_t = std::log(tail(std::exp(next_x)));
    }
    values_[i] = static_cast<float>(std::exp(log_x + (next_x - log_x) * (log_t - wanted) / (log_t - next_t)));
  }
}

const VarianceGammaTable& variance_gamma_table(double shape) {
  static std::mutex mutex;
  static std::map<double, std::unique_ptr<const VarianceGammaTable>> tables;
  const std::scoped_lock lock(mutex);
  auto& table = tables[shape];
  if (table == nullptr) table = std::make_unique<const VarianceGammaTable>(shape);
  return *table;
}

}  // namespace sedma::kernels

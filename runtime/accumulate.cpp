#include "runtime/accumulate.h"

#include <algorithm>
#include <cmath>

namespace sedma::runtime {
namespace {
constexpr int fraction_bits = 60;
constexpr double largest_term = 0x1p120;  // leaves room for 64 such terms in 127 bits; a sound device stays below 2^60
}  // namespace

void Accumulator::set_bound(std::size_t b, std::size_t i, double bound) noexcept {
  // frexp: bound < 2^e. A bound of 0 (no entries) keeps exponent 0: nothing is ever added to it.
  int exponent = 0;
  if (bound > 0 && std::isfinite(bound)) std::frexp(bound, &exponent);
  exponents_[b * outputs_ + i] = std::isfinite(bound) ? exponent : 1024;
}

void Accumulator::add(std::size_t b, std::size_t i, double contribution) noexcept {
  const std::size_t k = b * outputs_ + i;
  const double scaled = std::nearbyint(std::ldexp(contribution, fraction_bits - exponents_[k]));
  sums_[k] += static_cast<Int128>(std::clamp(scaled, -largest_term, largest_term));
}

double Accumulator::value(std::size_t b, std::size_t i) const noexcept {
  const std::size_t k = b * outputs_ + i;
  return std::ldexp(static_cast<double>(sums_[k]), exponents_[k] - fraction_bits);
}

}  // namespace sedma::runtime

#include "runtime/accumulate.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>

namespace sedma::runtime {
namespace {

constexpr int fraction_bits = 60;
constexpr double largest_term = 0x1p120;  // leaves room for 64 such terms in 127 bits; a sound device stays below 2^60

// std::ldexp(value, k), by a multiplication where 2^k is a normal number.
double scaled(double value, int k) noexcept {
  if (k < -1022 || k > 1023) return std::ldexp(value, k);
  return value * std::bit_cast<double>(static_cast<std::uint64_t>(k + 1023) << 52);
}

// To the nearest whole number, ties to even: doubles from 2^52 on have no fraction.
double rounded(double value) noexcept {
  constexpr double no_fraction = 0x1p52;
  if (!(std::abs(value) < no_fraction)) return value;
  const double shift = std::copysign(no_fraction, value);
  return (value + shift) - shift;
}

// The e of 2^(e-1) <= bound < 2^e, as std::frexp gives it.
int exponent_above(double bound) noexcept {
  const auto biased = static_cast<int>(std::bit_cast<std::uint64_t>(bound) >> 52);
  if (biased > 0) return biased - 1022;
  int exponent = 0;
  std::frexp(bound, &exponent);
  return exponent;
}

// A contribution in units of 2^(exponent - 60).
inline Accumulator::Int128 units(double contribution, int exponent) noexcept {
  constexpr double fits_64_bits = 0x1p62;
  const double term = rounded(scaled(contribution, fraction_bits - exponent));
  if (std::abs(term) < fits_64_bits) return static_cast<std::int64_t>(term);
  return static_cast<Accumulator::Int128>(std::clamp(term, -largest_term, largest_term));
}

}  // namespace

// A bound of 0 (no entries) keeps exponent 0: nothing is ever added to it.
void Accumulator::set_bound(std::size_t b, std::size_t i, double bound) noexcept {
  exponents_[b * outputs_ + i] = !std::isfinite(bound) ? 1024 : bound > 0 ? exponent_above(bound) : 0;
}

void Accumulator::add(std::size_t b, std::size_t i, double contribution) noexcept {
  const std::size_t k = b * outputs_ + i;
  sums_[k] += units(contribution, exponents_[k]);
}

void Accumulator::add(std::size_t b, std::span<const std::uint32_t> outputs, std::span<const double> contributions) noexcept {
  Int128* const sums = sums_.data() + b * outputs_;
  const int* const exponents = exponents_.data() + b * outputs_;
  for (std::size_t k = 0; k < outputs.size(); ++k) sums[outputs[k]] += units(contributions[k], exponents[outputs[k]]);
}

double Accumulator::value(std::size_t b, std::size_t i) const noexcept {
  const std::size_t k = b * outputs_ + i;
  const auto low = static_cast<std::int64_t>(sums_[k]);
  const double sum = sums_[k] == low ? static_cast<double>(low) : static_cast<double>(sums_[k]);
  return scaled(sum, exponents_[k] - fraction_bits);
}

}  // namespace sedma::runtime

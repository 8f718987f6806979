#pragma once
// log, exp and the sine and cosine of an eighth turn as polynomials in float, from + - x only. The scalar functions below and the vector
// code use the same coefficients in the same order, so that every instruction set gives the same bits. Internal to kernels.

#include <bit>
#include <cstdint>

namespace sedma::kernels::poly {

inline constexpr float ln2 = 0.693147182f;
inline constexpr float log2_e = 1.44269502f;
// ln 2 in two parts, so that k * ln2_high is exact.
inline constexpr float ln2_high = 0.693359375f, ln2_low = -2.12194442e-4f;
// Adding and subtracting 1.5 * 2^23 rounds a float below 2^22 to the nearest whole number, ties to even.
inline constexpr float rounder = 12582912.0f;
inline constexpr float largest_count = 4194304.0f;
inline constexpr std::int32_t sqrt_half_bits = 0x3f3504f3;

// ln(1 + f) = f - f^2 / 2 + f^3 Q(f) on [sqrt(1/2) - 1, sqrt(2) - 1]: relative error 3e-8.
inline constexpr float log_q[7] = {0.333339095f, -0.250013381f, 0.199630648f, -0.165775895f, 0.149147585f, -0.142674461f, 0.0870040804f};
// exp(f) - 1 = f + f^2 Q(f) on +-ln(2) / 2: relative error 1.3e-8.
inline constexpr float exp_q[5] = {0.49999997f, 0.166665435f, 0.0416672006f, 0.008366514f, 0.00138825295f};
// sin(pi s / 4) = s S(s^2), cos(pi s / 4) = C(s^2) on [-1, 1]: 3e-9 and 3e-8.
inline constexpr float sin_s[4] = {0.785398185f, -0.0807454363f, 0.00249000103f, -3.5950452e-05f};
inline constexpr float cos_c[4] = {0.99999994f, -0.308424175f, 0.0158496834f, -0.000318727863f};

inline float clamp(float v, float low, float high) noexcept {
  v = v < low ? low : v;
  return v > high ? high : v;
}

template <int N>
float horner(float x, const float (&c)[N]) noexcept {
  float sum = c[N - 1];
  for (int i = N - 2; i >= 0; --i) sum = sum * x + c[i];
  return sum;
}

/// Nearest whole number, ties to even, of |v| <= largest_count.
inline float round_whole(float v) noexcept { return (v + rounder) - rounder; }

/// k ln 2 + ln(1 + f).
inline float log_sum(float k, float f) noexcept {
  const float square = f * f;
  float sum = (square * f) * horner(f, log_q);
  sum = sum - 0.5f * square;
  sum = f + sum;
  return sum + k * ln2;
}

/// v = 2^k m with m in [sqrt(1/2), sqrt(2)); v > 0 and normal.
struct Split {
  std::int32_t k;
  float m;
};
inline Split split(float v) noexcept {
  const auto bits = std::bit_cast<std::int32_t>(v);
  const std::int32_t k = (bits - sqrt_half_bits) >> 23;
  return {k, std::bit_cast<float>(bits - static_cast<std::int32_t>(static_cast<std::uint32_t>(k) << 23))};
}

/// ln(1 + v), accurate for small v; 1 + v is taken as at least 1e-12.
inline float log1p(float v) noexcept {
  float w = 1.0f + v;
  w = w < 1e-12f ? 1e-12f : w;
  const auto [k, m] = split(w);
  return log_sum(static_cast<float>(k), k == 0 ? v : m - 1.0f);
}

/// exp(v) - 1, accurate for small v; v is clamped to +-80.
inline float expm1(float v) noexcept {
  v = clamp(v, -80.0f, 80.0f);
  const float shifted = v * log2_e + rounder;
  const float k = shifted - rounder;
  const float f = (v - k * ln2_high) - k * ln2_low;
  const float part = f + (f * f) * horner(f, exp_q);
  const float scale = std::bit_cast<float>((std::bit_cast<std::uint32_t>(shifted) << 23) + 0x3f800000u);
  return scale * part + (scale - 1.0f);
}

}  // namespace sedma::kernels::poly

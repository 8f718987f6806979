#pragma once
// One conversion of a DAC or an ADC. Internal to kernels.

namespace sedma::kernels {

/// Codes of a converter to either side of zero.
inline float half_codes(unsigned bits) noexcept { return static_cast<float>((1u << (bits - 1)) - 1); }

/// Adding and subtracting 1.5 * 2^23 rounds to the nearest integer, ties to even, in two plain operations that every instruction set has as
/// a vector.
inline constexpr float code_rounder = 12582912.0f;

/// The code, a whole number. The value is clipped before it is scaled, and divided before it is multiplied, so that no full scale, however
/// small or large, makes an overflow or 0/0. NaN counts as full scale.
inline float convert_code(float value, float full_scale, float codes) noexcept {
  const float below = value < full_scale ? value : full_scale;
  const float clipped = below > -full_scale ? below : -full_scale;
  return (clipped / full_scale * codes + code_rounder) - code_rounder;
}
/// What the code stands for.
inline float convert(float value, float full_scale, float codes) noexcept {
  return convert_code(value, full_scale, codes) / codes * full_scale;
}

}  // namespace sedma::kernels

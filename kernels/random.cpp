#include "kernels/random.h"

#include <Random123/philox.h>

#include <bit>
#include <cmath>

#include "kernels/polynomials.h"

namespace sedma::kernels {
namespace {

struct Pair {
  float first, second;
};

// Box-Muller. The radius takes the upper 31 bits of one word; the angle within an eighth of a turn either side of an axis takes the upper
// bits of the other, whose two lowest bits choose the axis.
Pair normal_pair(std::uint32_t radius_word, std::uint32_t angle_word) noexcept {
  const auto [k, m] = poly::split(static_cast<float>(static_cast<std::int32_t>(radius_word >> 1)) + 0.5f);
  const float log_u = poly::log_sum(static_cast<float>(k - 31), m - 1.0f);
  const float radius = std::sqrt(-2.0f * log_u);
  const float s = static_cast<float>(static_cast<std::int32_t>(angle_word)) * 0x1p-31f;
  const float square = s * s;
  const float sine = s * poly::horner(square, poly::sin_s);
  const float cosine = poly::horner(square, poly::cos_c);
  const float signed_radius = std::bit_cast<float>(std::bit_cast<std::uint32_t>(radius) ^ ((angle_word & 2u) << 30));
  const bool swap = (angle_word & 1u) != 0;
  return {signed_radius * (swap ? sine : cosine), signed_radius * (swap ? cosine : sine)};
}

}  // namespace

std::array<std::uint32_t, 4> philox(Key key, Use use, std::uint32_t cell, std::uint64_t event) noexcept {
  const philox4x32_ctr_t counter = {
      {cell, static_cast<std::uint32_t>(use), static_cast<std::uint32_t>(event), static_cast<std::uint32_t>(event >> 32)}};
  const philox4x32_key_t words = {{static_cast<std::uint32_t>(key.value), static_cast<std::uint32_t>(key.value >> 32)}};
  const philox4x32_ctr_t out = philox4x32(counter, words);
  return {out.v[0], out.v[1], out.v[2], out.v[3]};
}

Key derive(Key key, std::uint64_t tag) noexcept {
  const auto words = philox(key, Use::derive, static_cast<std::uint32_t>(tag), tag >> 32);
  return {words[0] | (static_cast<std::uint64_t>(words[1]) << 32)};
}

double uniform(std::uint32_t word) noexcept { return (static_cast<double>(word) + 0.5) * 0x1p-32; }

std::array<float, 4> normals4(Key key, Use use, std::uint32_t cell, std::uint64_t event) noexcept {
  const auto words = philox(key, use, cell, event);
  const Pair a = normal_pair(words[0], words[1]);
  const Pair b = normal_pair(words[2], words[3]);
  return {a.first, a.second, b.first, b.second};
}

}  // namespace sedma::kernels

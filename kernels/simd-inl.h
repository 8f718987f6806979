// The polynomials of polynomials.h, Philox and Box-Muller on Highway vectors: the same operations in the same order as the scalar code, so
// that the bits are equal. Mul and Add stand apart everywhere: a fused multiply-add rounds once and would differ between instruction sets.
// Included once per target.

// clang-format off
#if defined(SEDMA_KERNELS_SIMD_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SEDMA_KERNELS_SIMD_INL_H
#undef SEDMA_KERNELS_SIMD_INL_H
#else
#define SEDMA_KERNELS_SIMD_INL_H
#endif
// clang-format on

#include <hwy/highway.h>

#include <cstdint>

#include "kernels/polynomials.h"
#include "kernels/random.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

using F = hn::ScalableTag<float>;
using I = hn::RebindToSigned<F>;
using U = hn::RebindToUnsigned<F>;
using U64 = hn::RepartitionToWide<U>;
using VF = hn::Vec<F>;
using VI = hn::Vec<I>;
using VU = hn::Vec<U>;

template <int N>
HWY_INLINE VF horner(VF x, const float (&c)[N]) {
  const F f;
  VF sum = hn::Set(f, c[N - 1]);
  HWY_UNROLL(8)
  for (int i = N - 2; i >= 0; --i) sum = hn::Add(hn::Mul(sum, x), hn::Set(f, c[i]));
  return sum;
}

HWY_INLINE VF round_whole(VF v) {
  const VF rounder = hn::Set(F(), poly::rounder);
  return hn::Sub(hn::Add(v, rounder), rounder);
}

HWY_INLINE VF clamp01(VF v) { return hn::Min(hn::Max(v, hn::Zero(F())), hn::Set(F(), 1.0f)); }

HWY_INLINE VF log_sum(VF k, VF v) {
  const F f;
  const VF square = hn::Mul(v, v);
  VF sum = hn::Mul(hn::Mul(square, v), horner(v, poly::log_q));
  sum = hn::Sub(sum, hn::Mul(hn::Set(f, 0.5f), square));
  sum = hn::Add(v, sum);
  return hn::Add(sum, hn::Mul(k, hn::Set(f, poly::ln2)));
}

struct Split {
  VI k;
  VF m;
};
HWY_INLINE Split split_of(VF v) {
  const I i;
  const VI bits = hn::BitCast(i, v);
  const VI k = hn::ShiftRight<23>(hn::Sub(bits, hn::Set(i, poly::sqrt_half_bits)));
  return {k, hn::BitCast(F(), hn::Sub(bits, hn::ShiftLeft<23>(k)))};
}

HWY_INLINE VF log1p_of(VF v) {
  const F f;
  const I i;
  const VF w = hn::Max(hn::Add(hn::Set(f, 1.0f), v), hn::Set(f, 1e-12f));
  const Split s = split_of(w);
  const auto whole = hn::RebindMask(f, hn::Eq(s.k, hn::Zero(i)));
  return log_sum(hn::ConvertTo(f, s.k), hn::IfThenElse(whole, v, hn::Sub(s.m, hn::Set(f, 1.0f))));
}

HWY_INLINE VF expm1_of(VF v) {
  const F f;
  const U u;
  v = hn::Min(hn::Max(v, hn::Set(f, -80.0f)), hn::Set(f, 80.0f));
  const VF rounder = hn::Set(f, poly::rounder);
  const VF shifted = hn::Add(hn::Mul(v, hn::Set(f, poly::log2_e)), rounder);
  const VF k = hn::Sub(shifted, rounder);
  const VF rest = hn::Sub(hn::Sub(v, hn::Mul(k, hn::Set(f, poly::ln2_high))), hn::Mul(k, hn::Set(f, poly::ln2_low)));
  const VF part = hn::Add(rest, hn::Mul(hn::Mul(rest, rest), horner(rest, poly::exp_q)));
  const VF scale = hn::BitCast(f, hn::Add(hn::ShiftLeft<23>(hn::BitCast(u, shifted)), hn::Set(u, 0x3f800000u)));
  return hn::Add(hn::Mul(scale, part), hn::Sub(scale, hn::Set(f, 1.0f)));
}

struct Words {
  VU w0, w1, w2, w3;
};

// One round on the even 32-bit lanes; the odd ones hold leftovers that no multiplication reads.
HWY_INLINE Words philox_round(const Words& c, VU key0, VU key1) {
  const U u;
  const auto product0 = hn::MulEven(c.w0, hn::Set(u, 0xD2511F53u));
  const auto product1 = hn::MulEven(c.w2, hn::Set(u, 0xCD9E8D57u));
  const VU high0 = hn::BitCast(u, hn::ShiftRight<32>(product0));
  const VU high1 = hn::BitCast(u, hn::ShiftRight<32>(product1));
  return {hn::Xor(hn::Xor(high1, c.w1), key0), hn::BitCast(u, product1), hn::Xor(hn::Xor(high0, c.w3), key1), hn::BitCast(u, product0)};
}

HWY_INLINE VU interleave(VU even, VU odd) {
  const U u;
  return hn::OddEven(hn::BitCast(u, hn::ShiftLeft<32>(hn::BitCast(U64(), odd))), even);
}

// Philox4x32-10 of a vector of cells, each with its own event: even and odd cells each in the even lanes of a state, so that a product
// needs no shuffle.
HWY_INLINE Words philox_of_events(Key key, Use use, VU cells, VU events_low, std::uint32_t event_high) {
  const U u;
  const VU word1 = hn::Set(u, static_cast<std::uint32_t>(use));
  const VU word3 = hn::Set(u, event_high);
  Words even{cells, word1, events_low, word3};
  Words odd{hn::BitCast(u, hn::ShiftRight<32>(hn::BitCast(U64(), cells))), word1,
            hn::BitCast(u, hn::ShiftRight<32>(hn::BitCast(U64(), events_low))), word3};
  auto key0 = static_cast<std::uint32_t>(key.value);
  auto key1 = static_cast<std::uint32_t>(key.value >> 32);
  HWY_UNROLL(10)
  for (int round = 0; round < 10; ++round) {
    const VU k0 = hn::Set(u, key0), k1 = hn::Set(u, key1);
    even = philox_round(even, k0, k1);
    odd = philox_round(odd, k0, k1);
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  return {interleave(even.w0, odd.w0), interleave(even.w1, odd.w1), interleave(even.w2, odd.w2), interleave(even.w3, odd.w3)};
}

HWY_INLINE Words philox_of(Key key, Use use, VU cells, std::uint64_t event) {
  return philox_of_events(key, use, cells, hn::Set(U(), static_cast<std::uint32_t>(event)), static_cast<std::uint32_t>(event >> 32));
}

HWY_INLINE void normal_pair(VU radius_word, VU angle_word, VF& first, VF& second) {
  const F f;
  const I i;
  const U u;
  const VF x = hn::Add(hn::ConvertTo(f, hn::BitCast(i, hn::ShiftRight<1>(radius_word))), hn::Set(f, 0.5f));
  const Split split = split_of(x);
  const VF log_u = log_sum(hn::ConvertTo(f, hn::Sub(split.k, hn::Set(i, 31))), hn::Sub(split.m, hn::Set(f, 1.0f)));
  const VF radius = hn::Sqrt(hn::Mul(hn::Set(f, -2.0f), log_u));
  const VF s = hn::Mul(hn::ConvertTo(f, hn::BitCast(i, angle_word)), hn::Set(f, 0x1p-31f));
  const VF square = hn::Mul(s, s);
  const VF sine = hn::Mul(s, horner(square, poly::sin_s));
  const VF cosine = horner(square, poly::cos_c);
  const VU sign = hn::ShiftLeft<30>(hn::And(angle_word, hn::Set(u, 2u)));
  const VF signed_radius = hn::BitCast(f, hn::Xor(hn::BitCast(u, radius), sign));
  const auto swap = hn::RebindMask(f, hn::TestBit(angle_word, hn::Set(u, 1u)));
  first = hn::Mul(signed_radius, hn::IfThenElse(swap, sine, cosine));
  second = hn::Mul(signed_radius, hn::IfThenElse(swap, cosine, sine));
}

struct Normals {
  VF z0, z1, z2, z3;
};

// normals4 of a vector of cells.
HWY_INLINE Normals normals_of(Key key, Use use, VU cells, std::uint64_t event) {
  const Words words = philox_of(key, use, cells, event);
  Normals n{hn::Zero(F()), hn::Zero(F()), hn::Zero(F()), hn::Zero(F())};
  normal_pair(words.w0, words.w1, n.z0, n.z1);
  normal_pair(words.w2, words.w3, n.z2, n.z3);
  return n;
}

#endif  // a target with vectors

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#endif  // once per target

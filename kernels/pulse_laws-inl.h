// The cell's law on Highway vectors: pulse_law.h, operation by operation. Included once per target.

// clang-format off
#if defined(SEDMA_KERNELS_PULSE_LAWS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SEDMA_KERNELS_PULSE_LAWS_INL_H
#undef SEDMA_KERNELS_PULSE_LAWS_INL_H
#else
#define SEDMA_KERNELS_PULSE_LAWS_INL_H
#endif
// clang-format on

#include "kernels/pulse_law.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

using Lanes = hn::Mask<F>;

HWY_INLINE VF terminal_of(VF g, float series) {
  const F f;
  return series > 0 ? hn::Div(g, hn::Add(hn::Set(f, 1.0f), hn::Mul(g, hn::Set(f, series)))) : g;
}

HWY_INLINE VF bare_of(VF t, float series) {
  const F f;
  return series > 0 ? hn::Div(t, hn::Sub(hn::Set(f, 1.0f), hn::Mul(t, hn::Set(f, series)))) : t;
}

HWY_INLINE VF position_of(VF g, VF g_min, VF inverse_range) { return clamp01(hn::Mul(hn::Sub(g, g_min), inverse_range)); }

HWY_INLINE VF nominal_position(const WriteLaw& law, VF g) {
  return position_of(g, hn::Set(F(), law.nominal.g_min), hn::Set(F(), law.nominal.inverse_range));
}

HWY_INLINE VF pulsed_of(VF x, VF n, VF d, VF rate) { return hn::Sub(x, hn::Mul(hn::Sub(d, x), expm1_of(hn::Mul(n, rate)))); }

HWY_INLINE VF count_to(VF from, VF to, VF d, VF floor, VF aim) {
  const VF room = hn::Max(hn::Sub(d, from), floor);
  return hn::Mul(aim, log1p_of(hn::Div(hn::Sub(from, to), room)));
}

/// The moving laws of a vector of cells; down_aim and down_floor are what an erase needs.
struct Laws {
  VF g_min, range, inverse_range, up_d, up_rate, down_d, down_rate, down_aim, down_floor;
};

HWY_INLINE Laws nominal_laws(const WriteLaw& law) {
  const F f;
  const CellLaw& n = law.nominal;
  return {hn::Set(f, n.g_min),  hn::Set(f, n.range),     hn::Set(f, n.inverse_range), hn::Set(f, n.up.d),      hn::Set(f, n.up.rate),
          hn::Set(f, n.down.d), hn::Set(f, n.down.rate), hn::Set(f, n.down.aim),      hn::Set(f, n.down.floor)};
}

HWY_INLINE VF factor_of(const WriteLaw& law, VF z) {
  const F f;
  const VF factor = hn::Add(hn::Set(f, 1.0f), hn::Mul(hn::Set(f, law.spread), z));
  return hn::Min(hn::Max(factor, hn::Set(f, least_factor)), hn::Set(f, largest_factor));
}

HWY_INLINE VF offset_of(VF exponent) { return hn::Div(hn::Set(F(), -1.0f), expm1_of(exponent)); }

HWY_INLINE Laws own_laws(const WriteLaw& law, VU cells) {
  const F f;
  const Normals z = normals_of(law.key, Use::spread, cells, 0);
  const VF up = factor_of(law, z.z2), down = factor_of(law, z.z3);
  Laws own = nominal_laws(law);
  own.g_min = hn::Mul(own.g_min, factor_of(law, z.z0));
  const VF range = hn::Sub(hn::Mul(hn::Set(f, law.g_max), factor_of(law, z.z1)), own.g_min);
  own.range = hn::Max(range, hn::Set(f, least_range * law.nominal.range));
  own.inverse_range = hn::Div(hn::Set(f, 1.0f), own.range);
  own.up_d = offset_of(hn::Div(hn::Set(f, law.exponent_up), up));
  own.down_d = offset_of(hn::Div(hn::Set(f, law.exponent_down), down));
  own.up_rate = hn::Div(own.up_rate, up);
  own.down_rate = hn::Div(own.down_rate, down);
  own.down_aim = hn::Mul(own.down_aim, down);
  own.down_floor = hn::IfThenElse(hn::Gt(own.down_d, hn::Zero(f)), hn::Set(f, floor_convex), hn::Set(f, floor_concave));
  return own;
}

// Stuck cells get range 0 and g_min where they are stuck.
HWY_INLINE void pin(const WriteLaw& law, VU cells, Laws& own) {
  const F f;
  const U u;
  const Words words = philox_of(law.key, Use::stuck, cells, 0);
  const Lanes free = hn::RebindMask(f, hn::Gt(words.w0, hn::Set(u, law.last_stuck_word)));
  const Lanes high = hn::RebindMask(f, hn::TestBit(words.w1, hn::Set(u, 1u)));
  const VF where = hn::IfThenElse(high, hn::Add(own.g_min, own.range), own.g_min);
  own.g_min = hn::IfThenElse(free, own.g_min, where);
  own.range = hn::IfThenElseZero(free, own.range);
  own.inverse_range = hn::IfThenElseZero(free, own.inverse_range);
}

HWY_INLINE Laws moving_laws(const WriteLaw& law, VU cells) {
  if (!law.own_cells) return nominal_laws(law);
  Laws own = own_laws(law, cells);
  if (law.any_stuck) pin(law, cells, own);
  return own;
}

#endif  // a target with vectors

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#endif  // once per target

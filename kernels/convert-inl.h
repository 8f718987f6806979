// convert.h on Highway vectors: the same operations in the same order. Included once per target.

// clang-format off
#if defined(SEDMA_KERNELS_CONVERT_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SEDMA_KERNELS_CONVERT_INL_H
#undef SEDMA_KERNELS_CONVERT_INL_H
#else
#define SEDMA_KERNELS_CONVERT_INL_H
#endif
// clang-format on

#include <hwy/highway.h>

#include "kernels/convert.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

template <class V>
HWY_INLINE V convert_codes(V value, V full_scale, V codes) {
  const hn::DFromV<V> d;
  const V below = hn::IfThenElse(hn::Lt(value, full_scale), value, full_scale);
  const V lowest = hn::Neg(full_scale);
  const V clipped = hn::IfThenElse(hn::Gt(below, lowest), below, lowest);
  const V rounder = hn::Set(d, code_rounder);
  return hn::Sub(hn::Add(hn::Mul(hn::Div(clipped, full_scale), codes), rounder), rounder);
}

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#endif  // once per target

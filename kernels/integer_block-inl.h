// Blocks of integer sums on Highway vectors. Included once per target.

// clang-format off
#if defined(SEDMA_KERNELS_INTEGER_BLOCK_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SEDMA_KERNELS_INTEGER_BLOCK_INL_H
#undef SEDMA_KERNELS_INTEGER_BLOCK_INL_H
#else
#define SEDMA_KERNELS_INTEGER_BLOCK_INL_H
#endif
// clang-format on

#include <hwy/highway.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/integer_product.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

using I16 = hn::ScalableTag<std::int16_t>;
using I32 = hn::RepartitionToWide<I16>;
using F64 = hn::RepartitionToWide<hn::RebindToFloat<I32>>;
using V16 = hn::Vec<I16>;
using V32 = hn::Vec<I32>;
inline constexpr std::size_t vector_cells = HWY_MAX_BYTES / sizeof(std::int16_t);
inline constexpr std::size_t vector_cols = vector_cells / 2;
inline constexpr std::size_t panel_vectors = layout::pair_cells / vector_cells;

// sum + a0 b0 + a1 b1 of every pair. Highway's AVX3 has no vpdpwssd; an asm needs no target attribute that g++ and clang spell differently.
template <bool vnni>
HWY_INLINE V32 add_pairs(V32 sum, V16 a, V16 b) {
  const I32 d;
#if HWY_TARGET == HWY_AVX3
  if constexpr (vnni) {
    asm("vpdpwssd %2, %1, %0" : "+v"(sum.raw) : "v"(a.raw), "v"(b.raw));
    return sum;
  }
#endif
#if HWY_ARCH_X86
  V32 unused = sum;
  return hn::ReorderWidenMulAccumulate(d, a, b, sum, unused);
#else  // elsewhere that operation may sum other pairs
  const V32 both_a = hn::BitCast(d, a), both_b = hn::BitCast(d, b);
  const V32 low_a = hn::ShiftRight<16>(hn::ShiftLeft<16>(both_a)), low_b = hn::ShiftRight<16>(hn::ShiftLeft<16>(both_b));
  const V32 high = hn::Mul(hn::ShiftRight<16>(both_a), hn::ShiftRight<16>(both_b));
  return hn::Add(sum, hn::Add(hn::Mul(low_a, low_b), high));
#endif
}

// The two numbers of a pair of rows in every pair of lanes.
HWY_INLINE V16 pair_of_rows(const std::int16_t* drive, std::size_t pair) {
  std::int32_t both;
  std::memcpy(&both, drive + 2 * pair, sizeof(both));
  return hn::BitCast(I16(), hn::Set(I32(), both));
}

HWY_INLINE V16 load_cells(const std::int16_t* cells) { return hn::Load(I16(), cells); }
HWY_INLINE V16 level_of_codes(V16 codes) { return hn::MulFixedPoint15(codes, codes); }
HWY_INLINE V16 level_of_sds(const std::uint8_t* cells) {
  const V16 bytes = hn::PromoteTo(I16(), hn::Load(hn::Rebind<std::uint8_t, I16>(), cells));
  const V16 shifted = hn::ShiftLeft<7>(bytes);
  return level_of_codes(hn::MulFixedPoint15(shifted, shifted));
}

// Sums of levels are unsigned: they start at -2^31, so that as signed numbers they do not overflow.
inline constexpr std::int32_t level_start = INT32_MIN;

// Adds (first: stores) a vector of sums, less `start`, to doubles.
HWY_INLINE void add_sums(V32 sums, std::int32_t start, bool first, double* to) {
  const F64 f;
  const hn::Half<I32> half;
  const auto offset = hn::Set(f, static_cast<double>(start));
  auto low = hn::Sub(hn::PromoteTo(f, hn::LowerHalf(half, sums)), offset);
  auto high = hn::Sub(hn::PromoteTo(f, hn::UpperHalf(half, sums)), offset);
  if (!first) {
    low = hn::Add(low, hn::Load(f, to));
    high = hn::Add(high, hn::Load(f, to + vector_cols / 2));
  }
  hn::Store(low, f, to);
  hn::Store(high, f, to + vector_cols / 2);
}

// Where the sums of a block of columns stand.
struct Sums {
  double* data;
  std::size_t stride;  // from vector to vector
  bool first;          // block of rows: store instead of add
};

// One vector, P whole panels side by side: entries and levels in one pass. `entries`, `sds`: the block's first cell; panels lie `panel`
// cells apart.
template <bool vnni, bool with_mean, bool with_levels, bool with_sds, std::size_t P>
HWY_NOINLINE void sum_single(const std::int16_t* entries, const std::uint8_t* sds, std::size_t panel, std::size_t pairs,
                             const std::int16_t* drive, const Sums& to_mean, const Sums& to_levels) {
  constexpr std::size_t W = P * panel_vectors;
  V32 mean[W], levels[W];
  HWY_UNROLL(8) for (std::size_t w = 0; w < W; ++w) {
    mean[w] = hn::Zero(I32());
    levels[w] = hn::Set(I32(), level_start);
  }
  for (std::size_t p = 0; p < pairs; ++p) {
    const V16 codes = pair_of_rows(drive, p), squares = pair_of_rows(drive + layout::block_rows, p);
    HWY_UNROLL(8) for (std::size_t w = 0; w < W; ++w) {
      const std::size_t cell = w / panel_vectors * panel + p * layout::pair_cells + w % panel_vectors * vector_cells;
      V16 q = hn::Zero(I16());
      if constexpr (with_mean || !with_sds) q = load_cells(entries + cell);
      if constexpr (with_mean) mean[w] = add_pairs<vnni>(mean[w], q, codes);
      if constexpr (with_sds) {
        levels[w] = add_pairs<vnni>(levels[w], level_of_sds(sds + cell), squares);
      } else if constexpr (with_levels) {
        levels[w] = add_pairs<vnni>(levels[w], level_of_codes(q), squares);
      }
    }
  }
  HWY_UNROLL(8) for (std::size_t w = 0; w < W; ++w) {
    if constexpr (with_mean) add_sums(mean[w], 0, to_mean.first, to_mean.data + w * vector_cols);
    if constexpr (with_levels) add_sums(levels[w], level_start, to_levels.first, to_levels.data + w * vector_cols);
  }
}

// V vectors, W registers of columns of one panel; `drive`: the codes, or the squares, that go with `cells`.
template <bool vnni, std::size_t W, std::size_t V>
HWY_NOINLINE void sum_batch(const std::int16_t* cells, std::size_t pairs, const std::int16_t* drive, std::int32_t start, const Sums& to) {
  V32 sums[V * W];
  HWY_UNROLL(32) for (std::size_t i = 0; i < V * W; ++i) sums[i] = hn::Set(I32(), start);
  for (std::size_t p = 0; p < pairs; ++p) {
    V16 row[W];
    HWY_UNROLL(8) for (std::size_t w = 0; w < W; ++w) row[w] = load_cells(cells + p * layout::pair_cells + w * vector_cells);
    HWY_UNROLL(16) for (std::size_t v = 0; v < V; ++v) {
      const V16 both = pair_of_rows(drive + v * drive_cells, p);
      HWY_UNROLL(8) for (std::size_t w = 0; w < W; ++w) sums[v * W + w] = add_pairs<vnni>(sums[v * W + w], row[w], both);
    }
  }
  HWY_UNROLL(16) for (std::size_t v = 0; v < V; ++v) {
    HWY_UNROLL(8) for (std::size_t w = 0; w < W; ++w) add_sums(sums[v * W + w], start, to.first, to.data + v * to.stride + w * vector_cols);
  }
}

#endif  // a target with vectors

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#endif  // once per target

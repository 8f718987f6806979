// sum_panels by the chosen instruction set.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/integer_product.cpp"
#include "kernels/simd.h"
// These two in this order.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

#include "kernels/integer_block-inl.h"
#include "kernels/integer_product.h"
#include "kernels/isa.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

// The cells and sums of a block of rows of the panel that is `panel` after the job's first.
struct Place {
  const std::int16_t* entries;
  const std::uint8_t* sds;
  Sums mean, levels;
};
HWY_INLINE Place place_of(const IntegerSums& job, std::size_t panel, std::size_t block) {
  const std::size_t pair = (job.first_panel + panel) * job.panel_pairs + job.first_pair + block * layout::block_pairs;
  const std::size_t cell = pair * layout::pair_cells, col = panel * layout::panel_cols;
  return {job.entries == nullptr ? nullptr : job.entries + cell,
          job.sds == nullptr ? nullptr : job.sds + cell,
          {job.mean == nullptr ? nullptr : job.mean + col, job.stride, block == 0},
          {job.levels == nullptr ? nullptr : job.levels + col, job.stride, block == 0}};
}

HWY_INLINE std::size_t block_pairs_of(const IntegerSums& job, std::size_t block) {
  return std::min(layout::block_pairs, job.pairs - block * layout::block_pairs);
}

template <bool vnni, bool with_mean, bool with_levels, bool with_sds, std::size_t P>
HWY_INLINE void single_panels(const IntegerSums& job, std::size_t panel) {
  const std::size_t blocks = (job.pairs + layout::block_pairs - 1) / layout::block_pairs;
  for (std::size_t block = 0; block < blocks; ++block) {
    const Place at = place_of(job, panel, block);
    sum_single<vnni, with_mean, with_levels, with_sds, P>(at.entries, at.sds, job.panel_pairs * layout::pair_cells,
                                                          block_pairs_of(job, block), job.drive + block * drive_cells, at.mean, at.levels);
  }
}

template <bool vnni, bool with_mean, bool with_levels, bool with_sds>
HWY_INLINE void single(const IntegerSums& job, std::size_t begin, std::size_t end) {
  constexpr std::size_t P = HWY_MAX_BYTES == 64 ? 2 : 1;  // what the registers hold
  for (; begin + P <= end; begin += P) single_panels<vnni, with_mean, with_levels, with_sds, P>(job, begin);
  for (; begin < end; ++begin) single_panels<vnni, with_mean, with_levels, with_sds, 1>(job, begin);
}

// What levels are made of.
enum class Source { entries, sds, floats };

// Codes of two rows of floats, lane by lane side by side.
HWY_INLINE V16 codes_of_floats(const float* upper, const float* lower, float codes_per_float) {
  const hn::RebindToFloat<I32> f;
  const auto scale = hn::Set(f, codes_per_float);
  const V32 first = hn::NearestInt(hn::Mul(hn::LoadU(f, upper), scale)), second = hn::NearestInt(hn::Mul(hn::LoadU(f, lower), scale));
  return hn::BitCast(I16(), hn::Or(first, hn::ShiftLeft<16>(second)));
}

// Levels of row pairs [first, first + pairs) of panel `panel` of float entries; outside the matrix 0.
HWY_INLINE void levels_of_floats(const IntegerSums& job, std::size_t panel, std::size_t first, std::size_t pairs, std::int16_t* levels) {
  const std::size_t col = panel * layout::panel_cols, cols = std::min(layout::panel_cols, job.floats.cols - col);
  float padded[2][layout::panel_cols] = {};
  for (std::size_t p = 0; p < pairs; ++p, levels += layout::pair_cells) {
    const std::size_t row = 2 * (first + p);
    const float* from[2] = {padded[0], padded[1]};
    for (std::size_t r = 0; r < 2; ++r) {
      const bool inside = row + r < job.floats.rows;
      if (inside && cols == layout::panel_cols) {
        from[r] = job.floats.row(row + r) + col;
      } else {
        std::fill_n(padded[r], layout::panel_cols, 0.0f);
        if (inside) std::copy_n(job.floats.row(row + r) + col, cols, padded[r]);
      }
    }
    for (std::size_t c = 0; c < layout::panel_cols; c += vector_cols)
      hn::Store(level_of_codes(codes_of_floats(from[0] + c, from[1] + c, job.codes_per_float)), I16(), levels + 2 * c);
  }
}

// Levels of a block of rows of a panel, computed once for all vectors.
template <Source source>
HWY_INLINE void expand_levels(const IntegerSums& job, std::size_t panel, std::size_t block, std::size_t pairs, std::int16_t* levels) {
  if constexpr (source == Source::floats) return levels_of_floats(job, panel, block * layout::block_pairs, pairs, levels);
  const Place at = place_of(job, panel, block);
  for (std::size_t cell = 0; cell < pairs * layout::pair_cells; cell += vector_cells) {
    if constexpr (source == Source::sds) hn::Store(level_of_sds(at.sds + cell), I16(), levels + cell);
    if constexpr (source == Source::entries) hn::Store(level_of_codes(load_cells(at.entries + cell)), I16(), levels + cell);
  }
}

template <bool vnni, std::size_t V>
HWY_INLINE void some_vectors(const std::int16_t* cells, std::size_t pairs, const std::int16_t* drive, std::int32_t start,
                             std::size_t vector, Sums to) {
  constexpr std::size_t W = 2;
  to.data += vector * to.stride;
  for (std::size_t w = 0; w < panel_vectors; w += W, to.data += W * vector_cols)
    sum_batch<vnni, W, V>(cells + w * vector_cells, pairs, drive + vector * drive_cells, start, to);
}

template <bool vnni>
HWY_INLINE void all_vectors(const std::int16_t* cells, std::size_t pairs, const std::int16_t* drive, std::size_t vectors,
                            std::int32_t start, const Sums& to) {
  constexpr std::size_t V = HWY_MAX_BYTES == 64 ? 8 : 4;  // what the registers hold
  std::size_t v = 0;
  for (; v + V <= vectors; v += V) some_vectors<vnni, V>(cells, pairs, drive, start, v, to);
  for (; v + 2 <= vectors; v += 2) some_vectors<vnni, 2>(cells, pairs, drive, start, v, to);
  for (; v < vectors; ++v) some_vectors<vnni, 1>(cells, pairs, drive, start, v, to);
}

// Means and levels one after the other: together their sums would not fit into sixteen registers, and the cells are in the first cache.
template <bool vnni, bool with_mean, bool with_levels, Source source>
HWY_INLINE void batch(const IntegerSums& job, std::size_t begin, std::size_t end) {
  alignas(HWY_MAX_BYTES) std::int16_t levels[layout::block_pairs * layout::pair_cells];
  const std::size_t blocks = (job.pairs + layout::block_pairs - 1) / layout::block_pairs;
  for (std::size_t panel = begin; panel < end; ++panel) {
    for (std::size_t block = 0; block < blocks; ++block) {
      const Place at = place_of(job, panel, block);
      const std::size_t pairs = block_pairs_of(job, block);
      const std::int16_t* const drive = job.drive + block * job.vectors * drive_cells;
      if constexpr (with_mean) all_vectors<vnni>(at.entries, pairs, drive, job.vectors, 0, at.mean);
      if constexpr (with_levels) {
        expand_levels<source>(job, panel, block, pairs, levels);
        all_vectors<vnni>(levels, pairs, drive + layout::block_rows, job.vectors, level_start, at.levels);
      }
    }
  }
}

template <bool vnni, bool with_mean, bool with_levels, Source source>
HWY_INLINE void sum_as(const IntegerSums& job, std::size_t begin, std::size_t end) {
  if constexpr (source != Source::floats) {
    if (job.vectors == 1) return single<vnni, with_mean, with_levels, source == Source::sds>(job, begin, end);
  }
  batch<vnni, with_mean, with_levels, source>(job, begin, end);
}

template <bool vnni>
void sum_with(const IntegerSums& job, std::size_t begin, std::size_t end) {
  if (!job.floats.empty()) return sum_as<vnni, false, true, Source::floats>(job, begin, end);
  if (job.entries == nullptr) return sum_as<vnni, false, true, Source::sds>(job, begin, end);
  if (job.levels == nullptr) return sum_as<vnni, true, false, Source::entries>(job, begin, end);
  if (job.sds == nullptr) return sum_as<vnni, true, true, Source::entries>(job, begin, end);
  sum_as<vnni, true, true, Source::sds>(job, begin, end);
}

void sum(const IntegerSums& job, std::size_t begin, std::size_t end) {
#if HWY_TARGET == HWY_AVX3
  static const bool has_vnni = __builtin_cpu_supports("avx512vnni") != 0;
  if (has_vnni) return sum_with<true>(job, begin, end);
#endif
  sum_with<false>(job, begin, end);
}

#else

void sum(const IntegerSums& job, std::size_t begin, std::size_t end) {
  for (std::size_t v = 0; v < job.vectors; ++v) {
    for (std::size_t c = begin * layout::panel_cols; c < end * layout::panel_cols; ++c) {
      double mean = 0, levels = 0;
      sum_column(job, v, c, mean, levels);
      if (job.mean != nullptr) job.mean[v * job.stride + c] = mean;
      if (job.levels != nullptr) job.levels[v * job.stride + c] = levels;
    }
  }
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sedma::kernels {
namespace {
HWY_EXPORT(sum);
}  // namespace

void sum_panels(const IntegerSums& job, std::size_t begin, std::size_t end) noexcept {
  choose_isa();
  HWY_DYNAMIC_DISPATCH(sum)(job, begin, end);
}

namespace {

std::int32_t code_of_float(const IntegerSums& job, std::size_t row, std::size_t col) noexcept {
  if (row >= job.floats.rows || col >= job.floats.cols) return 0;
  return static_cast<std::int32_t>(std::nearbyint(job.floats(row, col) * job.codes_per_float));
}

}  // namespace

void sum_column(const IntegerSums& job, std::size_t vector, std::size_t col, double& mean, double& levels) noexcept {
  std::int64_t means = 0, sums = 0;
  for (std::size_t row = 0; row < 2 * job.pairs; ++row) {
    const std::size_t cell = layout::index(2 * job.panel_pairs, 2 * job.first_pair + row, job.first_panel * layout::panel_cols + col);
    const std::size_t block = row / layout::block_rows * job.vectors + vector;
    const std::int16_t* const drive = job.drive + block * drive_cells + row % layout::block_rows;
    if (job.entries != nullptr) means += std::int64_t{drive[0]} * job.entries[cell];
    if (job.levels == nullptr) continue;
    std::int32_t level = 0;
    if (!job.floats.empty()) {
      level = level_of_code(code_of_float(job, row, col));
    } else {
      level = job.sds != nullptr ? level_of_sd(job.sds[cell]) : level_of_code(job.entries[cell]);
    }
    sums += std::int64_t{drive[layout::block_rows]} * level;
  }
  mean = static_cast<double>(means);
  levels = static_cast<double>(sums);
}

}  // namespace sedma::kernels
#endif  // HWY_ONCE

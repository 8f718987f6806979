// The active cells of a row side by side: how they are gathered, started, erased, moved together and recorded. Included once per target.

// clang-format off
#if defined(SEDMA_KERNELS_PULSE_CELLS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SEDMA_KERNELS_PULSE_CELLS_INL_H
#undef SEDMA_KERNELS_PULSE_CELLS_INL_H
#else
#define SEDMA_KERNELS_PULSE_CELLS_INL_H
#endif
// clang-format on

#include <algorithm>
#include <bit>
#include <cstddef>

#include "kernels/pulse_laws-inl.h"
#include "kernels/pulse_rows.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

/// Arrays of a row's cells. Those up to down_rate stand in the order of the active cells and move together, the laws' from g_min on only
/// where cells have their own; the last two stand by column.
// clang-format off
enum class Array : std::uint8_t {
  x, siemens, target, target_x, read, pulses, pulses_up, energy, read_siemens, erased,
  g_min, range, up_d, up_rate, down_d, down_rate,
  column_energy, column_reads, count
};
// clang-format on

HWY_INLINE Lanes first_lanes(std::size_t count) { return hn::FirstN(F(), std::min(count, hn::Lanes(F()))); }
HWY_INLINE float most_of(VF v) { return hn::GetLane(hn::MaxOfLanes(F(), v)); }

/// has_own: each cell has a law of its own.
template <bool has_own>
class RowCells {
 public:
  RowCells(const WriteLaw& law, const RowJob& row, RowScratch& scratch, RowTotals& totals)
      : law_(law), row_(row), scratch_(scratch), totals_(totals) {
    scratch_.reserve(static_cast<std::size_t>(Array::count), row.cols);
    columns_ = scratch_.columns();
    gather();
    begin();
  }

  std::size_t active() const { return active_; }
  void set_active(std::size_t count) { active_ = count; }

  VF get(Array array, std::size_t i) const { return hn::LoadU(F(), values(array) + i); }
  void put(Array array, std::size_t i, VF v) const { hn::StoreU(v, F(), values(array) + i); }
  VU numbers(std::size_t i) const { return hn::Add(hn::LoadU(U(), columns_ + i), hn::Set(U(), row_.first_cell)); }
  HWY_INLINE Laws laws(std::size_t i) const;

  /// Outputs of the lanes of the vector at i that are done.
  void record(std::size_t i, Lanes done);
  /// Moves the live lanes of the vector at i to `to` <= i; returns where the next ones go.
  std::size_t keep(std::size_t i, std::size_t to, Lanes live);
  /// The row's sums in column order.
  void sum();

 private:
  float* values(Array array) const { return scratch_.array(static_cast<std::size_t>(array)); }
  void gather();
  void begin();
  void erase(std::size_t i, const Laws& laws, VF& longest);

  const WriteLaw& law_;
  const RowJob& row_;
  RowScratch& scratch_;
  RowTotals& totals_;
  std::uint32_t* columns_ = nullptr;
  std::size_t active_ = 0;
};

// Columns, conductances and targets of the cells that are not masked.
template <bool has_own>
void RowCells<has_own>::gather() {
  float *g = values(Array::x), *target = values(Array::target);
  for (std::uint32_t c = 0; c < row_.cols; ++c) {
    if (row_.mask != nullptr && row_.mask[c] != 0) {
      skip_cell(law_, row_, c, totals_);
      values(Array::column_energy)[c] = values(Array::column_reads)[c] = 0;
      continue;
    }
    columns_[active_] = c;
    g[active_] = row_.bare[c];
    target[active_++] = row_.target[c];
  }
  // Lanes behind the last cell compute with plain numbers.
  for (std::size_t i = active_; i < active_ + hn::Lanes(F()); ++i) {
    columns_[i] = 0;
    g[i] = target[i] = law_.nominal.g_min;
  }
}

template <bool has_own>
void RowCells<has_own>::begin() {
  const F f;
  VF longest = hn::Zero(f);
  for (std::size_t i = 0; i < active_; i += hn::Lanes(f)) {
    const Laws own = moving_laws(law_, numbers(i));
    VF g = get(Array::x, i);
    if (has_own) g = hn::IfThenElse(hn::Gt(own.range, hn::Zero(f)), g, own.g_min);
    put(Array::x, i, position_of(g, own.g_min, own.inverse_range));
    put(Array::siemens, i, terminal_of(g, law_.series));
    put(Array::target_x, i, nominal_position(law_, bare_of(get(Array::target, i), law_.series)));
    for (const Array zero : {Array::read, Array::pulses, Array::pulses_up, Array::energy, Array::read_siemens, Array::erased}) {
      put(zero, i, hn::Zero(f));
    }
    if (has_own) {
      put(Array::g_min, i, own.g_min);
      put(Array::range, i, own.range);
      put(Array::up_d, i, own.up_d);
      put(Array::up_rate, i, own.up_rate);
      put(Array::down_d, i, own.down_d);
      put(Array::down_rate, i, own.down_rate);
    }
    if (law_.erase) erase(i, own, longest);
  }
  add_pass(law_, {0.0f, most_of(longest), 0}, totals_);
}

template <bool has_own>
void RowCells<has_own>::erase(std::size_t i, const Laws& own, VF& longest) {
  const F f;
  const VF zero = hn::Zero(f), x = get(Array::x, i), before = get(Array::siemens, i);
  VF n = count_to(x, zero, own.down_d, own.down_floor, own.down_aim);
  n = hn::Min(round_whole(hn::Add(n, hn::Set(f, round_up))), hn::Set(f, law_.levels_down));
  const Lanes moves = hn::And(hn::And(hn::Gt(n, zero), hn::Gt(own.range, zero)), first_lanes(active_ - i));
  n = hn::IfThenElseZero(moves, n);
  const VF after = terminal_of(own.g_min, law_.series);
  put(Array::erased, i, n);
  put(Array::energy, i, hn::IfThenElseZero(moves, hn::Mul(hn::Set(f, law_.weight_down), hn::Mul(hn::Add(before, after), n))));
  put(Array::x, i, hn::IfThenElse(moves, zero, x));
  put(Array::siemens, i, hn::IfThenElse(moves, after, before));
  longest = hn::Max(longest, n);
}

template <bool has_own>
HWY_INLINE Laws RowCells<has_own>::laws(std::size_t i) const {
  Laws own = nominal_laws(law_);
  if (!has_own) return own;
  own.g_min = get(Array::g_min, i);
  own.range = get(Array::range, i);
  own.up_d = get(Array::up_d, i);
  own.up_rate = get(Array::up_rate, i);
  own.down_d = get(Array::down_d, i);
  own.down_rate = get(Array::down_rate, i);
  return own;
}

template <bool has_own>
void RowCells<has_own>::record(std::size_t i, Lanes done) {
  HWY_ALIGN std::uint8_t bytes[8] = {};
  hn::StoreMaskBits(F(), done, bytes);
  std::uint64_t bits = 0;
  for (unsigned byte = 0; byte < 8; ++byte) bits |= std::uint64_t{bytes[byte]} << (8 * byte);
  for (; bits != 0; bits &= bits - 1) {
    const std::size_t at = i + static_cast<std::size_t>(std::countr_zero(bits));
    const std::uint32_t c = columns_[at];
    const auto value = [&](Array array) { return values(array)[at]; };
    CellEnd cell;
    cell.x = value(Array::x);
    cell.g_min = has_own ? value(Array::g_min) : law_.nominal.g_min;
    cell.range = has_own ? value(Array::range) : law_.nominal.range;
    cell.target = value(Array::target);
    cell.read = value(Array::read);
    cell.pulses = value(Array::pulses);
    cell.pulses_up = value(Array::pulses_up);
    cell.erase_pulses = value(Array::erased);
    end_cell(law_, row_, c, cell, totals_);
    values(Array::column_energy)[c] = value(Array::energy);
    values(Array::column_reads)[c] = value(Array::read_siemens);
  }
}

template <bool has_own>
std::size_t RowCells<has_own>::keep(std::size_t i, std::size_t to, Lanes live) {
  const F f;
  const U u;
  const std::size_t count = hn::CountTrue(f, live);
  if (count == 0 || (to == i && count == hn::Lanes(f))) return to + count;
  const auto live_columns = hn::RebindMask(u, live);
  hn::StoreU(hn::Compress(hn::LoadU(u, columns_ + i), live_columns), u, columns_ + to);
  const auto end = static_cast<std::uint8_t>(has_own ? Array::column_energy : Array::g_min);
  for (std::uint8_t array = 0; array < end; ++array) {
    put(static_cast<Array>(array), to, hn::Compress(get(static_cast<Array>(array), i), live));
  }
  return to + count;
}

template <bool has_own>
void RowCells<has_own>::sum() {
  for (std::uint32_t c = 0; c < row_.cols; ++c) {
    totals_.pulse_energy += static_cast<double>(values(Array::column_energy)[c]);
    totals_.read_siemens += static_cast<double>(values(Array::column_reads)[c]);
  }
}

#endif  // a target with vectors

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#endif  // once per target

// The drive of rows by the chosen instruction set. Every loop over vectors leaves its tail, and on a target without vectors everything, to
// plain code with the same lanes.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/drive.cpp"
#include "kernels/simd.h"
// These two in this order.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "kernels/convert-inl.h"
#include "kernels/drive.h"
#include "kernels/isa.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
#undef SEDMA_DRIVE_VECTORS
#define SEDMA_DRIVE_VECTORS 0
#else
#undef SEDMA_DRIVE_VECTORS
#define SEDMA_DRIVE_VECTORS 1
using F = hn::CappedTag<float, square_lanes>;
using I = hn::RebindToSigned<F>;
using I16 = hn::Rebind<std::int16_t, F>;
using D = hn::CappedTag<double, energy_lanes>;
inline constexpr std::size_t f_lanes = hn::MaxLanes(F()), d_lanes = hn::MaxLanes(D());
#endif

// Codes of volts [rows]; returns the largest sum of squares of a block of rows.
std::int32_t codes_of(const float* volts, std::size_t rows, float volts_max, float half, std::int16_t* to) {
  std::int32_t largest = 0;
  for (std::size_t block = 0; block < rows; block += layout::block_rows) {
    const std::size_t end = std::min(rows, block + layout::block_rows);
    std::int32_t sum = 0;
    std::size_t i = block;
#if SEDMA_DRIVE_VECTORS
    auto sums = hn::Zero(I());
    for (; i + f_lanes <= end; i += f_lanes) {
      const auto code = hn::ConvertTo(I(), convert_codes(hn::LoadU(F(), volts + i), hn::Set(F(), volts_max), hn::Set(F(), half)));
      sums = hn::Add(sums, hn::Mul(code, code));
      hn::StoreU(hn::DemoteTo(I16(), code), I16(), to + i);
    }
    sum = hn::GetLane(hn::SumOfLanes(I(), sums));
#endif
    for (; i < end; ++i) {
      const auto code = static_cast<std::int32_t>(convert_code(volts[i], volts_max, half));
      sum += code * code;
      to[i] = static_cast<std::int16_t>(code);
    }
    largest = std::max(largest, sum);
  }
  return largest;
}

// The same sum of volts.
float largest_block_of(const float* volts, std::size_t rows) {
  float largest = 0;
  for (std::size_t block = 0; block < rows; block += layout::block_rows) {
    const std::size_t end = std::min(rows, block + layout::block_rows);
    float sum = 0;
    std::size_t i = block;
#if SEDMA_DRIVE_VECTORS
    auto sums = hn::Zero(F());
    for (; i + f_lanes <= end; i += f_lanes) {
      const auto part = hn::LoadU(F(), volts + i);
      sums = hn::Add(sums, hn::Mul(part, part));
    }
    sum = hn::GetLane(hn::SumOfLanes(F(), sums));
#endif
    for (; i < end; ++i) sum += volts[i] * volts[i];
    largest = std::max(largest, sum);
  }
  return largest;
}

// Squares of codes, cut by `shift` bits; the rest is carried along the lane.
void squares_of_codes(const std::int16_t* codes, std::size_t rows, unsigned shift, std::int16_t* to) {
  HWY_ALIGN std::int32_t carried[square_lanes];
  std::fill_n(carried, square_lanes, shift == 0 ? 0 : 1 << (shift - 1));
  const std::int32_t rest = (1 << shift) - 1;
  std::size_t i = 0;
#if SEDMA_DRIVE_VECTORS
  constexpr std::size_t parts = square_lanes / f_lanes;
  hn::Vec<I> lanes[parts];
  for (std::size_t p = 0; p < parts; ++p) lanes[p] = hn::Load(I(), carried + p * f_lanes);
  for (; i + square_lanes <= rows; i += square_lanes) {
    HWY_UNROLL(4) for (std::size_t p = 0; p < parts; ++p) {
      const auto code = hn::PromoteTo(I(), hn::LoadU(I16(), codes + i + p * f_lanes));
      const auto sum = hn::Add(lanes[p], hn::Mul(code, code));
      lanes[p] = hn::And(sum, hn::Set(I(), rest));
      hn::StoreU(hn::DemoteTo(I16(), hn::ShiftRightSame(sum, static_cast<int>(shift))), I16(), to + i + p * f_lanes);
    }
  }
  for (std::size_t p = 0; p < parts; ++p) hn::Store(lanes[p], I(), carried + p * f_lanes);
#endif
  for (; i < rows; ++i) {
    std::int32_t& lane = carried[i % square_lanes];
    const std::int32_t sum = lane + std::int32_t{codes[i]} * codes[i];
    lane = sum & rest;
    to[i] = static_cast<std::int16_t>(sum >> shift);
  }
}

// The same of floats: (volts * scale)^2 as whole numbers.
void squares_of_volts(const float* volts, std::size_t rows, float scale, std::int16_t* to) {
  HWY_ALIGN float carried[square_lanes];
  std::fill_n(carried, square_lanes, 0.5f);
  std::size_t i = 0;
#if SEDMA_DRIVE_VECTORS
  constexpr std::size_t parts = square_lanes / f_lanes;
  hn::Vec<F> lanes[parts];
  for (std::size_t p = 0; p < parts; ++p) lanes[p] = hn::Load(F(), carried + p * f_lanes);
  for (; i + square_lanes <= rows; i += square_lanes) {
    HWY_UNROLL(4) for (std::size_t p = 0; p < parts; ++p) {
      const auto part = hn::Mul(hn::LoadU(F(), volts + i + p * f_lanes), hn::Set(F(), scale));
      const auto sum = hn::Add(lanes[p], hn::Mul(part, part));
      const auto whole = hn::ConvertTo(I(), sum);
      lanes[p] = hn::Sub(sum, hn::ConvertTo(F(), whole));
      hn::StoreU(hn::DemoteTo(I16(), whole), I16(), to + i + p * f_lanes);
    }
  }
  for (std::size_t p = 0; p < parts; ++p) hn::Store(lanes[p], F(), carried + p * f_lanes);
#endif
  for (; i < rows; ++i) {
    float& lane = carried[i % square_lanes];
    const float part = volts[i] * scale;
    const float sum = lane + part * part;
    const auto whole = static_cast<std::int32_t>(sum);
    lane = sum - static_cast<float>(whole);
    to[i] = static_cast<std::int16_t>(whole);
  }
}

#if SEDMA_DRIVE_VECTORS
HWY_INLINE hn::Vec<D> load_doubles(const std::int16_t* from) {
  const hn::Rebind<std::int32_t, D> narrow;
  return hn::PromoteTo(D(), hn::PromoteTo(narrow, hn::LoadU(hn::Rebind<std::int16_t, D>(), from)));
}
HWY_INLINE hn::Vec<D> load_doubles(const float* from) { return hn::PromoteTo(D(), hn::LoadU(hn::Rebind<float, D>(), from)); }
#endif

// Sums along the rows: of V^2, of V^2 (1 + cubic V^2) siemens, of V^2 (1 + cubic V^2)^2.
struct EnergyLanes {
  HWY_ALIGN double squares[energy_lanes] = {};
  HWY_ALIGN double weighted[energy_lanes] = {};
  HWY_ALIGN double bent[energy_lanes] = {};
};

#if SEDMA_DRIVE_VECTORS
// Whole groups of lanes; returns the first row that is left.
template <bool bends, class T>
HWY_INLINE std::size_t energy_whole(const T* values, std::size_t rows, double cubic, const double* siemens, EnergyLanes& lanes) {
  constexpr std::size_t parts = energy_lanes / d_lanes;
  const D d;
  hn::Vec<D> squares[parts], weighted[parts], bent[parts];
  for (std::size_t p = 0; p < parts; ++p) squares[p] = weighted[p] = bent[p] = hn::Zero(d);
  std::size_t i = 0;
  for (; i + energy_lanes <= rows; i += energy_lanes) {
    HWY_UNROLL(4) for (std::size_t p = 0; p < parts; ++p) {
      const auto value = load_doubles(values + i + p * d_lanes);
      auto square = hn::Mul(value, value);
      squares[p] = hn::Add(squares[p], square);
      if constexpr (bends) {
        const auto bend = hn::Add(hn::Set(d, 1.0), hn::Mul(hn::Set(d, cubic), square));
        square = hn::Mul(square, bend);
        bent[p] = hn::Add(bent[p], hn::Mul(square, bend));
      }
      weighted[p] = hn::Add(weighted[p], hn::Mul(square, hn::LoadU(d, siemens + i + p * d_lanes)));
    }
  }
  for (std::size_t p = 0; p < parts; ++p) {
    hn::Store(squares[p], d, lanes.squares + p * d_lanes);
    hn::Store(weighted[p], d, lanes.weighted + p * d_lanes);
    hn::Store(bent[p], d, lanes.bent + p * d_lanes);
  }
  return i;
}
#else
template <bool bends, class T>
std::size_t energy_whole(const T*, std::size_t, double, const double*, EnergyLanes&) {
  return 0;
}
#endif

template <bool bends, class T>
HWY_INLINE void energy_of(const T* values, std::size_t rows, double cubic, const double* siemens, Driven& driven) {
  EnergyLanes lanes;
  for (std::size_t i = energy_whole<bends>(values, rows, cubic, siemens, lanes); i < rows; ++i) {
    const auto value = static_cast<double>(values[i]);
    const double square = value * value, bend = bends ? 1 + cubic * square : 1.0;
    lanes.squares[i % energy_lanes] += square;
    lanes.weighted[i % energy_lanes] += square * bend * siemens[i];
    lanes.bent[i % energy_lanes] += square * bend * bend;
  }
  for (std::size_t l = 0; l < energy_lanes; ++l) {
    driven.squares += lanes.squares[l];
    driven.conductance += lanes.weighted[l];
    driven.bent_squares += lanes.bent[l];
  }
  if (!bends) driven.bent_squares = driven.squares;
}
void energy_of_codes(const std::int16_t* codes, std::size_t rows, const double* siemens, Driven& driven) {
  energy_of<false>(codes, rows, 0, siemens, driven);
}
void energy_of_volts(const float* volts, std::size_t rows, double cubic, const double* siemens, Driven& driven) {
  if (cubic == 0) return energy_of<false>(volts, rows, cubic, siemens, driven);
  energy_of<true>(volts, rows, cubic, siemens, driven);
}

void volts_of(const float* volts, std::size_t rows, float volts_max, float half, float* to) {
  std::size_t i = 0;
#if SEDMA_DRIVE_VECTORS
  for (; i + f_lanes <= rows; i += f_lanes) {
    const auto full = hn::Set(F(), volts_max), codes = hn::Set(F(), half);
    hn::StoreU(hn::Mul(hn::Div(convert_codes(hn::LoadU(F(), volts + i), full, codes), codes), full), F(), to + i);
  }
#endif
  for (; i < rows; ++i) to[i] = convert(volts[i], volts_max, half);
}

float largest_of(const float* values, std::size_t count) {
  float largest = 0;
  std::size_t i = 0;
#if SEDMA_DRIVE_VECTORS
  auto low = hn::Zero(F()), high = hn::Zero(F());
  for (; i + 2 * f_lanes <= count; i += 2 * f_lanes) {
    low = hn::Max(low, hn::Abs(hn::LoadU(F(), values + i)));
    high = hn::Max(high, hn::Abs(hn::LoadU(F(), values + i + f_lanes)));
  }
  largest = hn::GetLane(hn::MaxOfLanes(F(), hn::Max(low, high)));
#endif
  for (; i < count; ++i) largest = std::max(largest, std::abs(values[i]));
  return largest;
}

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sedma::kernels {
namespace {
HWY_EXPORT(codes_of);
HWY_EXPORT(squares_of_codes);
HWY_EXPORT(squares_of_volts);
HWY_EXPORT(energy_of_codes);
HWY_EXPORT(energy_of_volts);
HWY_EXPORT(volts_of);
HWY_EXPORT(largest_of);
HWY_EXPORT(largest_block_of);

// A row of `lead` + rows cells, zeros around it, into the blocks of the drive; `part` 0: codes, 1: squares.
void scatter(std::int16_t* row, std::size_t rows, const DriveTarget& to, std::size_t part) {
  const std::size_t blocks = drive_blocks(to.lead, rows), end = to.lead + rows;
  std::fill_n(row, to.lead, std::int16_t{0});
  std::fill_n(row + end, blocks * layout::block_rows - end, std::int16_t{0});
  for (std::size_t block = 0; block < blocks; ++block) {
    std::memcpy(to.drive + (block * to.vectors + to.vector) * drive_cells + part * layout::block_rows, row + block * layout::block_rows,
                layout::block_rows * sizeof(std::int16_t));
  }
}

}  // namespace

Driven drive_codes(const float* volts, std::size_t rows, float volts_max, unsigned bits, const double* siemens,
                   const DriveTarget& to) noexcept {
  choose_isa();
  std::int16_t *const codes = to.row, *const squares = to.row + drive_row_cells(rows) / 2;
  Driven driven;
  const unsigned shift = square_shift(HWY_DYNAMIC_DISPATCH(codes_of)(volts, rows, volts_max, half_codes(bits), codes + to.lead));
  driven.square_unit = static_cast<double>(1 << shift);
  HWY_DYNAMIC_DISPATCH(squares_of_codes)(codes + to.lead, rows, shift, squares + to.lead);
  HWY_DYNAMIC_DISPATCH(energy_of_codes)(codes + to.lead, rows, siemens, driven);
  scatter(codes, rows, to, 0);
  scatter(squares, rows, to, 1);
  return driven;
}

Driven drive_squares(const float* volts, std::size_t rows, const DriveTarget& to) noexcept {
  choose_isa();
  Driven driven;
  const auto peak = static_cast<double>(largest_magnitude(volts, rows));
  constexpr double smallest = 1e-15, slack = 1e-3;  // below that many volts no noise; float rounding of the block's sum
  driven.square_unit = 0;
  if (peak > smallest) {
    const auto block = static_cast<double>(HWY_DYNAMIC_DISPATCH(largest_block_of)(volts, rows));
    const double most = largest_block * (1 - slack);
    driven.square_unit = std::max((block + peak * peak) / most, peak * peak / largest_square);
  }
  const double scale = driven.square_unit > 0 ? 1 / std::sqrt(driven.square_unit) : 0;
  HWY_DYNAMIC_DISPATCH(squares_of_volts)(volts, rows, static_cast<float>(scale), to.row + to.lead);
  scatter(to.row, rows, to, 1);
  return driven;
}

float largest_magnitude(const float* values, std::size_t count) noexcept {
  choose_isa();
  return HWY_DYNAMIC_DISPATCH(largest_of)(values, count);
}

Driven drive_energy(const float* volts, std::size_t rows, double cubic, const double* siemens) noexcept {
  choose_isa();
  Driven driven;
  HWY_DYNAMIC_DISPATCH(energy_of_volts)(volts, rows, cubic, siemens, driven);
  return driven;
}

void convert_volts(const float* volts, std::size_t rows, float volts_max, unsigned bits, float* to) noexcept {
  if (bits == 0) {
    std::copy_n(volts, rows, to);
    return;
  }
  choose_isa();
  HWY_DYNAMIC_DISPATCH(volts_of)(volts, rows, volts_max, half_codes(bits), to);
}

void bend_volts(float* volts, std::size_t rows, double cubic) noexcept {
  if (cubic == 0) return;
  for (std::size_t i = 0; i < rows; ++i) {
    const auto v = static_cast<double>(volts[i]);
    volts[i] = static_cast<float>(v * (1 + cubic * v * v));
  }
}

}  // namespace sedma::kernels
#endif  // HWY_ONCE

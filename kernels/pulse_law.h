#pragma once
// The pulse law in normalised coordinates, x = (G - Gmin) / range, as the write-verify kernels use it. Internal to kernels.

#include <cstdint>

#include "kernels/polynomials.h"
#include "kernels/pulses.h"

namespace sedma::kernels {

/// Spread factors are clamped to these; a cell's range is at least this part of the nominal one, so that G_max stays above G_min.
inline constexpr float least_factor = 0.2f, largest_factor = 5.0f, least_range = 0.05f;
/// round_whole(n + round_up) is n rounded up, but for a residue of a thousandth, which is rounding error.
inline constexpr float round_up = 0.499f;
/// Branch::floor of a response with A > 0, whose d - x may round to 0, and of one with A < 0, whose d - x is negative throughout.
inline constexpr float floor_convex = 1e-6f, floor_concave = -1e30f;

/// One direction of the response. n pulses take x to x - (d - x) (exp(n rate) - 1), d = 1 / (1 - exp(-N / A)): the law of pulses.h, written
/// so that it keeps its accuracy for nearly linear cells. Counts are positive in both directions: rate is -1/A up and 1/A down.
struct Branch {
  float d = 0, rate = 0;
  float floor = 0;  ///< least value of d - x that is divided by
  float aim = 0;    ///< pulses per unit of ln((d - to) / (d - from)) = 1 / rate
};

/// What decides how one cell moves.
struct CellLaw {
  float g_min = 0, range = 0, inverse_range = 0;
  Branch up, down;
};

/// A write's constants, in the types and units in which a row is computed.
struct WriteLaw {
  CellLaw nominal;                                              ///< as built, and what the controller assumes
  float g_max = 0;                                              ///< nominal
  float exponent_up = 0, exponent_down = 0;                     ///< nominal -N / A
  float series = 0, sigma = 0, read_noise = 0, read_floor = 0;  ///< read_floor in siemens
  bool noisy = false;                                           ///< a read is
  float tolerance = 0, settle = 0;
  float aim_up = 0, aim_down = 0;        ///< nominal aim times the step fraction
  float weight_up = 0, weight_down = 0;  ///< V^2 of a pulse
  float budget = 0, levels_down = 0;
  float spread = 0;
  bool own_cells = false;  ///< spread or stuck cells: each cell has a law of its own
  bool any_stuck = false;
  std::uint32_t last_stuck_word = 0;  ///< a cell is stuck if its word is not above
  std::uint32_t passes = 0, columns_per_adc = 0;
  bool erase = false;
  Key key;
  std::uint64_t first_event = 0;
};

/// The part of the law that does not depend on targets.
WriteLaw make_law(const CellModel& model, Key key, std::uint64_t event) noexcept;
WriteLaw make_law(const CellModel& model, const WriteVerify& job) noexcept;

/// A cell with its own parameters.
struct OwnCell {
  CellLaw law;
  bool stuck = false;
  float stuck_siemens = 0;
};
OwnCell own_cell(const WriteLaw& law, std::uint32_t cell) noexcept;
/// The law by which a cell moves: a stuck one has range 0 and g_min where it is stuck.
CellLaw moving_law(const WriteLaw& law, std::uint32_t cell) noexcept;

/// x after n pulses of a branch, without noise and not clipped.
inline float pulsed(float x, float n, const Branch& branch) noexcept { return x - (branch.d - x) * poly::expm1(n * branch.rate); }

/// aim times ln((d - to) / (d - from)): with branch.aim the pulses from one x to another, not rounded.
inline float pulses_to(float from, float to, const Branch& branch, float aim) noexcept {
  float room = branch.d - from;
  room = room < branch.floor ? branch.floor : room;
  return aim * poly::log1p((from - to) / room);
}

inline float terminal(float g, float series) noexcept { return series > 0 ? g / (1.0f + g * series) : g; }
inline float bare(float t, float series) noexcept { return series > 0 ? t / (1.0f - t * series) : t; }

/// Acceptance of pass p beyond the tolerance, in x: the error that the passes still left are expected to leave.
inline float settle_width(const WriteLaw& law, std::uint32_t pass) noexcept {
  return law.settle * law.sigma / static_cast<float>(law.passes - pass + 1);
}

/// One row of a write-verify: pointers to its first column; optional ones may be null.
struct RowJob {
  float* bare = nullptr;
  const float* target = nullptr;
  const std::uint8_t* mask = nullptr;
  float* readback = nullptr;
  std::uint32_t* pulses = nullptr;
  hal::Outcome* outcome = nullptr;
  std::uint32_t first_cell = 0, cols = 0;
};

/// WriteTotals of one row before units: whole numbers, and sums in column order.
struct RowTotals {
  std::uint64_t pulses_up = 0, pulses_down = 0, verify_reads = 0, unconverged = 0, masked = 0;
  std::uint64_t selects = 0, longest_pulses = 0, row_reads = 0, conversion_slots = 0;
  double pulse_energy = 0;  ///< sum of V^2 (G_before + G_after) n
  double read_siemens = 0;  ///< sum of G over reads
};

/// What the row's drivers and converters see of one pass.
struct PassTally {
  float longest_up = 0, longest_down = 0;  ///< most pulses given to any cell
  std::uint32_t active = 0;                ///< cells read
};
void add_pass(const WriteLaw& law, const PassTally& tally, RowTotals& totals) noexcept;

/// How a cell ended.
struct CellEnd {
  float x = 0, g_min = 0, range = 0;  ///< position, and its law
  float target = 0, read = 0;         ///< terminal; the last read
  float pulses = 0, pulses_up = 0, erase_pulses = 0;
};
/// Writes the row's outputs of column c and counts the cell. A cell that got no pulse keeps its very bits, unless it is stuck (range 0).
void end_cell(const WriteLaw& law, const RowJob& row, std::uint32_t c, const CellEnd& cell, RowTotals& totals) noexcept;
/// The same for a masked cell: read-back is its conductance without a read.
void skip_cell(const WriteLaw& law, const RowJob& row, std::uint32_t c, RowTotals& totals) noexcept;

RowTotals write_row_reference(const WriteLaw& law, const RowJob& row);

/// Row r of a job.
RowJob row_job(const WriteVerify& job, std::size_t r) noexcept;
void check_shapes(const WriteVerify& job);
void add_row(const RowTotals& row, WriteTotals& totals) noexcept;
/// Energies and times from the sums, once all rows are added.
void finish_totals(const CellModel& model, WriteTotals& totals) noexcept;

}  // namespace sedma::kernels

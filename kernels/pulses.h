#pragma once
// The pulse response of RRAM cells and the damped write-verify loop, vectorised over the cells of an array.

#include <cstdint>
#include <functional>
#include <span>

#include "hal/commands.h"
#include "kernels/materials.h"
#include "kernels/random.h"

namespace sedma::kernels {

/// How the cells of an array behave. Position law (NeuroSim): P = -A ln(1 - (G - Gmin)/B), B = (Gmax - Gmin)/(1 - exp(-N/A));
/// after n identical pulses G' = B (1 - exp(-(P + n)/A)) + Gmin + N(0, sigma range) sqrt(|n|), clipped to [Gmin, Gmax];
/// up and down have their own A and N.
struct CellModel {
  Material material{};
  double series_ohms = 0;  ///< access transistor; 0: none
  bool cycle_to_cycle = true;
  double read_noise = 0;          ///< sd of one read of a cell / its conductance
  double read_floor_siemens = 0;  ///< sd of one read that does not depend on it; the two add in quadrature
  double device_to_device = 0;    ///< relative sd of G_min, G_max and A, independent per cell
  double stuck_fraction = 0;      ///< of all cells; half at G_min, half at G_max
};

/// One cell's own parameters: the material's times 1 + device_to_device * normal, one normal of normals4(key, Use::spread, cell, 0) each
/// for G_min, G_max, A up and A down. Factors are clamped to [0.2, 5], and the range is at least 5 % of the nominal one. Stuck cells are
/// decided by philox(key, Use::stuck, cell, 0): the first word whether, the lowest bit of the second where (1: G_max).
struct CellParameters {
  float g_min, g_max, a_up, a_down;
  bool stuck = false;
  float stuck_siemens = 0;
};
/// Parameters of cell number `cell` under `key`. Pure.
CellParameters cell_parameters(const CellModel& model, Key key, std::uint32_t cell) noexcept;

/// Which random numbers a cell draws: identity=tile has one key per programming and cells numbered within the window, identity=board one
/// key per array and the number of the physical cell.
struct CellIds {
  Key key;
  std::uint32_t first = 0;       ///< number of the window's cell (0, 0)
  std::uint32_t row_stride = 0;  ///< cell (r, c) has number first + r * row_stride + c
  std::uint64_t event = 0;       ///< ordinal of this writing of the cells (identity=board: increases; identity=tile: 0)
};

/// What a write did, summed over its window in row order (same bits for any number of threads).
struct WriteTotals {
  std::uint64_t pulses = 0, verify_reads = 0, unconverged = 0, masked = 0;
  double pulse_joules = 0;        ///< sum over pulses of V^2 (G_before + G_after)/2 width, terminal conductances
  double bit_line_pulses_up = 0;  ///< number of pulses up and down: each charges one bit line
  double bit_line_pulses_down = 0;
  std::uint64_t word_line_selects = 0;  ///< rows selected, summed over passes and directions
  double pulse_seconds =
      0;  ///< sum over passes (an erase is one) and rows of (max pulses up + max pulses down) * width over the columns written together
  double read_joules = 0;              ///< verify reads: V_read^2 G t_read
  std::uint64_t row_reads = 0;         ///< rows read in verify, summed over passes (rows with at least one active cell)
  std::uint64_t conversion_slots = 0;  ///< sum over row reads of min(columns_per_adc, active cells): serial conversions
  bool stopped = false;                ///< `stop` said so; the window is partly written
};

struct WriteVerify {
  hal::View<float> bare_siemens;          ///< in and out: the cells [rows, cols], without the transistor
  hal::View<const float> target_siemens;  ///< terminal conductance
  hal::View<const std::uint8_t> mask;     ///< optional
  float tolerance_siemens = 0;            ///< terminal
  std::uint32_t passes = 1;               ///< 1 to 2^22 - 1
  std::uint32_t max_pulses_per_cell = 1;  ///< more than 2^22 counts as 2^22
  float step_fraction = 0.3f;
  float settle = 3.75f;  ///< the stop rule's widening, in sigmas of cycle-to-cycle noise (see write_verify); 0: off
  bool erase = false;    ///< first RESET every unmasked, unstuck cell to its G_min: ceil(P(G)) down pulses by its own law, at most a full
                         ///< ramp; no noise remains (clipped at G_min), the pulses are outside the budget
  CellIds ids;
  std::uint32_t columns_per_adc = 8;
  hal::View<float> readback_siemens;  ///< optional, terminal: the last read, with read noise; masked cells: without a read
  hal::View<std::uint32_t> pulses;    ///< optional; erase pulses included
  hal::View<hal::Outcome> outcome;    ///< optional
  std::function<bool()> stop;         ///< optional, must not throw; polled before each row, by one thread at a time. Rows not written keep
                                      ///< their cells, and their outputs what was there
};

/// Closed-loop programming: up to `passes` rounds of read, compare, pulse. A cell within tolerance is done: no pulse and no draw from then
/// on (a cell at its target from the start costs one read). The step is step_fraction of the n that the cell's nominal inverse response
/// asks for, rounded to nearest, at least 1, in the direction of the error (the nominal response: material values, not the cell's own
/// spread, which a controller cannot know). After the last pulse the cell is read once more to decide its outcome and read-back. A step is
/// cut to what max_pulses_per_cell leaves; a cell off target without a pulse left is out_of_budget. Stuck cells take their value, and
/// pulses in vain.
///
/// Stop rule: one pulse more moves a cell by about sigma, the cycle-to-cycle noise, which may be several tolerances. With m passes left the
/// best of m such tries lies about 3.75 sigma / m from the target (the solution of v(m+1) = E min(e^2, v(m)), e of density 0.4 / sigma at
/// 0), so a cell nearer than settle * sigma * range / (m + 1) is left as it is: done, and too_low or too_high where outside its tolerance.
/// Against settle = 0 at 21 passes and a tolerance of one level this gives 2 to 33 % less rms error for 0.2 to 3.5 % fewer pulses, with
/// more cells outside the tolerance. Without cycle-to-cycle noise it does nothing.
///
/// Noise of pass p of a cell: normal p % 4 of normals4(key, Use::write_noise, cell number, event * 2^20 + p / 4); of its read in pass p
/// (the last read: p = passes) the same of Use::verify_noise. Threads: OpenMP over rows from 256^2 cells on; the same bits for any number
/// and any instruction set. Cost: about 5 ns per active cell and pass (AVX-512; AVX2 13 ns). Shapes that differ from bare_siemens are a
/// defect.
WriteTotals write_verify(const CellModel& model, const WriteVerify& job);
/// The plain scalar version that write_verify is compared with: the same states and totals bit for bit.
WriteTotals write_verify_reference(const CellModel& model, const WriteVerify& job);

struct RawPulses {
  hal::View<float> bare_siemens;
  hal::View<const std::int32_t> counts;  ///< > 0 up, < 0 down
  CellIds ids;
  hal::View<const std::uint8_t> stuck;  ///< optional: nonzero cells keep their value, besides those that the model makes stuck
};
/// Applies the pulse response once per cell: n pulses as one step, noise sqrt(|n|) times normal 0 of normals4(key, Use::write_noise, cell
/// number, event * 2^20). Cells with n = 0 are untouched; more than 2^22 pulses count as 2^22.
WriteTotals apply_pulses(const CellModel& model, const RawPulses& job);

/// Terminal conductances of bare cells, without read noise.
void terminal_window(const CellModel& model, hal::View<const float> bare, hal::View<float> terminal) noexcept;

/// Number of identical pulses from terminal conductance `from` to `to` by the nominal response (> 0 up, < 0 down), not rounded; both
/// clipped to the range.
double pulses_between(const CellModel& model, double from_siemens, double to_siemens) noexcept;

}  // namespace sedma::kernels

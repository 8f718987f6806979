#pragma once
// The crossbar with line resistance as one matrix: amps = transfer^T volts, exactly.

#include <vector>

#include "hal/view.h"

namespace sedma::kernels {

/// Resistances of an array's lines, ohms. Word line i is driven at its left end: source_ohms, then one wire segment to the cell of column
/// 0, one segment from cell to cell. Bit line j is sensed at its bottom end, behind the last row: one segment from cell to cell, one from
/// the cell of the last row, then sense_ohms to the converter's virtual ground. The other ends are open.
struct Wires {
  double word_ohms_per_cell = 0;           ///< > 0
  double bit_ohms_per_cell = 0;            ///< > 0
  double source_ohms = 0, sense_ohms = 0;  ///< >= 0
};

/// Buffers of effective_matrix; keep one per thread and reuse it: no allocation once it has seen the largest shape. 124 bytes a cell of a
/// square array from 512 x 512 on (256 x 256: 128, 128 x 128: 139), 0.25 MB at least, 13 bytes times the square of the longer side for a
/// thin one.
class WireScratch {
 public:
  std::vector<double> pool;
};

/// The transfer matrix of the linear resistive network: transfer(i, j) amps leave bit line j per volt on word line i, all other word lines
/// at 0 V behind their source resistance. `siemens` [rows, cols]: terminal conductances, >= 0 and finite, transistor included; 0 is an open
/// cell. `transfer` [rows, cols], every entry >= 0. Shapes other than these and resistances outside the ranges of Wires are defects.
///
/// Nested dissection: a block of cells is a resistive network whose ports are the lines that cross its edges. Two neighbours become one by
/// adding up their conductance matrices and eliminating the ports they share (Cholesky factorisation, triangular solve, symmetric
/// update), from single cells to the array with its driven and sensed ends as the only ports. Entries off a diagonal only add up, and
/// a diagonal is their sum, as no block has a path to ground: no digits are lost, whatever the ratio of wire to cell resistance (measured
/// against quadruple precision: 1e-15 at 64 x 64, 2e-14 with 1 MOhm at every end).
/// Cost: about 41 n^3 operations for n x n cells. One thread; the result depends on the arguments, the instruction set and
/// the BLAS kernels, on nothing else.
void effective_matrix(hal::View<const float> siemens, const Wires& wires, hal::View<double> transfer, WireScratch& scratch);
/// The plain version: the nodal equations of all 2 rows cols nodes, eliminated one by one, and one solve per word line. For tests:
/// O(rows cols^3) and O(rows^2 cols^2).
void effective_matrix_reference(hal::View<const float> siemens, const Wires& wires, hal::View<double> transfer);

/// The published per-cell approximation for comparison: every cell in series with the line between it and the ends,
/// transfer = 1 / (1 / G + source + (j + 1) r_word + (rows - i) r_bit + sense); currents of other cells drop nothing.
void series_matrix(hal::View<const float> siemens, const Wires& wires, hal::View<double> transfer) noexcept;

/// Standard deviation of every entry of the transfer matrix when each cell's conductance fluctuates by sigma(G) = sqrt(floor^2 +
/// (relative G)^2), so that an output's noise has the variance sum_i (sd(i, j) v_i)^2: sd(i, j) = sigma(G_ij) min(1, transfer(i, j) /
/// G_ij). [rows, cols], siemens.
/// To first order an output moves by (volts across the cell) x (volts across it when the output is driven) for each siemens; the ratio
/// is that product when the drops of the other cells' currents average out. Measured against the exact sum over all cells, mean over
/// outputs, uniform random cells, 0.237 ohms, 15 kOhm transistor, volts uniform over +-v / over 0..v / all equal:
/// AlOx-HfO2 64 x 64 +0.1 / +0.5 / +0.7 %, 128 x 128 +0.1 / +2.1 / +2.8 %, 256 x 256 (mean drop 18 %) +0.9 / +7.9 / +10 %;
/// TaOx-HfOx 256 x 256 (5 %) +0.1 / +1.9 / +2.4 %. Cells near 0 S count as if without drop: with half of the cells open and a pure floor
/// +9 % at 256 x 256 and a mean drop of 14 %.
void transfer_noise(hal::View<const float> siemens, hal::View<const double> transfer, double relative, double floor_siemens,
                    hal::View<float> sd) noexcept;

}  // namespace sedma::kernels

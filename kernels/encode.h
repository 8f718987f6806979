#pragma once
// Where numbers meet units: tiles of a matrix to conductances, vectors to volts, amps back to numbers.

#include <cstdint>
#include <span>
#include <vector>

#include "hal/commands.h"
#include "hal/view.h"

namespace sedma::kernels {

enum class Encoding : std::uint8_t {
  pair,
  offset
};                                                 ///< differential pair (two cells a value); one cell a value and a shared reference line
enum class Scale : std::uint8_t { output, tile };  ///< one scale per output row of the tile, or one for the tile

/// Bit lines that a tile of `outputs` matrix rows takes: 2 m (pair) or m + 1 (offset).
std::uint32_t bit_lines(Encoding encoding, std::uint32_t outputs) noexcept;
/// Matrix rows that `lines` bit lines can hold.
std::uint32_t outputs_of(Encoding encoding, std::uint32_t lines) noexcept;
hal::Sense sense(Encoding encoding) noexcept;

/// The window of terminal conductances that a device may hold.
struct Window {
  double g_min_siemens = 0, g_max_siemens = 0;
};

/// A tile as conductances. The tile of the matrix [m x n] is stored transposed: n word lines, bit_lines(encoding, m) bit lines.
struct EncodedTile {
  std::uint32_t outputs = 0, inputs = 0;  ///< m, n
  std::vector<float> siemens;             ///< [inputs, bit_lines(outputs)]
  std::vector<double>
      unit;  ///< [outputs]: the number that uses the full conductance range (largest |a| of the row or tile; 1 for a zero row)
  std::vector<double> row_sum;  ///< [outputs]: sum of |a| / unit, what the converter's range derives from
};

/// Pair: a >= 0: g+ = Gmin + (a/unit) range, g- = Gmin; a < 0 the other way: bit lines 2j (+) and 2j+1 (-).
/// Offset: g = Gmid + (a/unit) range/2, the reference line (last) at Gmid. Zero is equal conductances in both. `tile` row-major [outputs,
/// inputs], finite.
void encode_tile(hal::View<const double> tile, Encoding encoding, Scale scale, const Window& window, EncodedTile& out);
/// The numbers that conductances (as read back) stand for, row-major [outputs, inputs]: the inverse of encode_tile, in double.
void decode_tile(hal::View<const float> siemens, Encoding encoding, const Window& window, std::span<const double> unit,
                 hal::View<double> tile);

/// Full scale of each output's converter: the largest current that x within +-1 can make, volts_max * (range * row_sum) (offset: half). At
/// least least_full_scale().
void full_scale(const EncodedTile& tile, Encoding encoding, const Window& window, double volts_max, std::span<float> amps);
/// 1/127 of one full cell's current (a step of an 8-bit converter that just holds it), so that zero rows have a range.
double least_full_scale(Encoding encoding, const Window& window, double volts_max) noexcept;
/// Amps per unit of (a/unit * x/x_unit): range * volts_max (pair), half of it (offset).
double amps_per_unit(Encoding encoding, const Window& window, double volts_max) noexcept;

/// x / max|x| * volts_max as float; returns max|x| (1 for a zero vector, so that nothing is divided by 0).
double encode_input(std::span<const double> x, double volts_max, std::span<float> volts);

}  // namespace sedma::kernels

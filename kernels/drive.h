#pragma once
// From volts to what drives the rows in the product kernels: DAC codes and whole-number squares. Internal to kernels.

#include <cstddef>
#include <cstdint>

#include "kernels/crossbar.h"
#include "kernels/integer_product.h"

namespace sedma::kernels {

/// Squares and sums along the rows run in so many lanes side by side at every instruction set: row i in lane i % 16 (energy: i % 8).
inline constexpr std::size_t square_lanes = 16, energy_lanes = 8;

/// The squares of 128 rows, any even or odd row first, sum up to at most 131,080, so that with levels of 15 bits they fit into 32 bits. For
/// that all squares of a vector lose `shift` bits, as few as its largest block of rows asks for: none where that sums to 114,871, as of one
/// large code among small ones, 4 where all codes are at the top. What a row loses is carried to the next row of its lane, and a lane
/// starts with one half, so that the sum over the rows is right within 2^shift / 2 a lane: 0.02 % of it at worst.
inline constexpr std::int32_t largest_block = 131000, largest_square = 127 * 127;
/// `block`: the largest sum of squared codes of rows 128 k to 128 k + 127 of a vector.
constexpr unsigned square_shift(std::int32_t block) noexcept {
  unsigned shift = 0;
  while (((block + largest_square) >> shift) > largest_block) ++shift;
  return shift;
}

/// Where a vector of drive codes goes: vector `vector` of `vectors`, its first row `lead` rows (0 or 1) into the first block.
struct DriveTarget {
  std::int16_t* drive = nullptr;  ///< [blocks][vectors][drive_cells]
  std::size_t vectors = 0, vector = 0, lead = 0;
  std::int16_t* row = nullptr;  ///< room for drive_row_cells(rows)
};
constexpr std::size_t drive_blocks(std::size_t lead, std::size_t rows) noexcept {
  return (lead + rows + layout::block_rows - 1) / layout::block_rows;
}
constexpr std::size_t drive_row_cells(std::size_t rows) noexcept { return 2 * (drive_blocks(1, rows) * layout::block_rows + square_lanes); }

/// Codes (2 to 8 bits) and squares of volts [rows]; `siemens` [rows]: of the lines, for the energy.
Driven drive_codes(const float* volts, std::size_t rows, float volts_max, unsigned bits, const double* siemens,
                   const DriveTarget& to) noexcept;
/// Squares alone of any volts, in the unit that fills the largest block of rows; codes are left as they are.
Driven drive_squares(const float* volts, std::size_t rows, const DriveTarget& to) noexcept;
/// The largest |value|.
float largest_magnitude(const float* values, std::size_t count) noexcept;
/// Only the sums, of any volts.
Driven drive_energy(const float* volts, std::size_t rows, double cubic, const double* siemens) noexcept;

/// Volts after a DAC of any width (0 bits: ideal).
void convert_volts(const float* volts, std::size_t rows, float volts_max, unsigned bits, float* to) noexcept;
/// V becomes V (1 + cubic V^2).
void bend_volts(float* volts, std::size_t rows, double cubic) noexcept;

}  // namespace sedma::kernels

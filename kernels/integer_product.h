#pragma once
// The whole-number sums of a crossbar product, over the packed cells of a ProductMatrix. Internal to kernels.

#include <cstddef>
#include <cstdint>

#include "hal/view.h"
#include "kernels/product_layout.h"

namespace sedma::kernels {

/// What drives the rows of a window: for every block of 128 rows, for every vector, 128 codes (-127 to 127) and then 128 squares, which
/// sum to at most 131,080. The blocks start at an even row of the matrix; rows outside the window have code and square 0.
using DriveCodes = const std::int16_t*;
inline constexpr std::size_t drive_cells = 2 * layout::block_rows;  ///< of a block of a vector

/// Level of an entry: its square in 15 bits, as the instruction pmulhrsw rounds it.
constexpr std::int32_t level_of_code(std::int32_t code) noexcept { return (code * code + (1 << 14)) >> 15; }
/// Level of a 1-byte standard deviation: its fourth power in 15 bits (the byte is the square root of the standard deviation).
constexpr std::int32_t level_of_sd(std::int32_t sd) noexcept { return level_of_code((sd * sd + 1) >> 1); }
inline constexpr double code_squares_per_level = 1 << 15;  ///< a level stands for so many squares of a code
inline constexpr double sd_powers_per_level = 1 << 17;     ///< a level stands for so many fourth powers of a sd byte

/// mean = sum over rows of code * entry, levels = sum over rows of square * level: whole numbers in doubles, exact below 2^53 (2^26 rows),
/// so that neither the order nor the place of the window changes a bit.
struct IntegerSums {
  const std::int16_t* entries = nullptr;  ///< packed; null: no means
  const std::uint8_t* sds = nullptr;      ///< packed; null: levels are those of the entries
  hal::View<const float> floats;          ///< instead of both: levels of float entries [rows, cols], first_pair and first_panel 0
  float codes_per_float = 0;              ///< 32767 / the largest of them
  std::size_t panel_pairs = 0;            ///< row pairs of the matrix
  std::size_t first_pair = 0, pairs = 0;  ///< the row pairs that the window touches
  std::size_t first_panel = 0;            ///< the panel of output column 0
  DriveCodes drive = nullptr;
  std::size_t vectors = 0;
  double* mean = nullptr;
  double* levels = nullptr;  ///< null: no levels
  std::size_t stride = 0;    ///< columns from vector to vector in mean and levels: whole panels
};

/// Fills the columns of panels [begin, end) (counted from first_panel) for all vectors. Vectorised; the same sums at every instruction set.
void sum_panels(const IntegerSums& job, std::size_t begin, std::size_t end) noexcept;
/// The plain version of one column of one vector.
void sum_column(const IntegerSums& job, std::size_t vector, std::size_t col, double& mean, double& levels) noexcept;

}  // namespace sedma::kernels

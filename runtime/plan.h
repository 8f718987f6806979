#pragma once
// How a matrix is cut into tiles and where they lie on the arrays of a board: a pure function of its arguments.

#include <cstdint>
#include <string>
#include <vector>

#include "hal/commands.h"
#include "hal/status.h"
#include "kernels/encode.h"
#include "runtime/mask.h"
#include "runtime/matrix_source.h"

namespace sedma::runtime {

/// How a product is computed; never what. Tile sizes are in matrix rows x columns.
struct Choice {
  std::uint32_t tile_rows = 0, tile_cols = 0;  ///< 0: the largest that fits an array
  kernels::Encoding encoding = kernels::Encoding::pair;
  kernels::Scale scale = kernels::Scale::output;
  std::uint32_t slices = 0;       ///< residual slices beside the first (model: k)
  std::uint32_t passes = 100;     ///< write-verify rounds at most
  double tolerance_levels = 0.5;  ///< stop within this many levels of the target (range / levels; analog boards: range / 256)
  float step_fraction = 0.3f;
  std::uint32_t max_pulses_per_cell = 0;  ///< of one programming, erase aside; 0: 8 full ramps (8 * levels)
  std::uint32_t read_repeats = 1;         ///< reads averaged for the residual
  double headroom = 1.0;                  ///< converter full scale / largest possible current
};

/// Some matrix rows and columns that one window of an array holds. Empty rows and columns of the block take no lines.
struct Tile {
  std::uint32_t block_row = 0, block_col = 0;  ///< position in the grid of tile_rows x tile_cols blocks
  std::vector<std::uint32_t> rows, cols;       ///< matrix rows (outputs) and columns (inputs) held, ascending
  std::size_t nonzeros = 0;
};

/// Where one slice of a tile lies. Lines are physical line numbers, ascending, with gaps where bad ones are gone around.
struct Placement {
  std::uint32_t tile = 0, slice = 0;
  std::uint32_t array = 0, turn = 0;  ///< physical array; arrays are loaded `turns` times when tiles outnumber them
  std::vector<std::uint32_t> word_lines, bit_lines;
  std::uint32_t bad_cells = 0;
};

struct Plan {
  Choice choice;
  std::uint32_t tile_rows = 0, tile_cols = 0;
  std::uint64_t blocks = 0;                    ///< of the grid, all-zero ones included
  std::vector<Tile> tiles;                     ///< blocks that hold something
  std::vector<Placement> placements;           ///< (slices + 1) * tiles, in the order they are programmed: turn, then slice, then tile
  std::uint32_t arrays = 0, turns = 0;         ///< physical arrays in use, loads of them
  std::uint64_t cells_allocated = 0;           ///< cells of all arrays in use, summed over turns
  std::uint64_t cells_useful = 0;              ///< cells that hold a nonzero entry (both of a pair), slices included
  std::uint64_t bad_cells = 0, bad_lines = 0;  ///< masked cells inside tiles; masked lines gone around in arrays in use
  double memory_efficiency() const noexcept {
    return cells_allocated == 0 ? 0.0 : static_cast<double>(cells_useful) / static_cast<double>(cells_allocated);
  }
};

/// Cuts, skips all-zero blocks, packs small tiles onto shared arrays (shelves, tallest first) and hands out arrays in turns. Tiles and
/// their order do not depend on the number of arrays. Slices share no array where lines have resistance (Feature::line_drop). Errors:
/// invalid_argument (a tile larger than the array holds: says both; numbers out of their range), out_of_range (a mask that leaves no room),
/// unavailable (every line of an array is bad). Reads no file. Cost: O(nonzeros + tiles * arrays).
Result<Plan> make_plan(const MatrixSource& matrix, const hal::Capabilities& capabilities, const Choice& choice, const Mask& mask = {});

}  // namespace sedma::runtime

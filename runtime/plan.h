#pragma once
// How a matrix is cut into tiles and which tiles lie together on an array: a pure function of its arguments, the same for any number of
// arrays, boards and ranks.

#include <cstdint>
#include <span>
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

/// What planning needs to know of a board: its arrays and the smallest number of good lines that each of them has.
struct BoardShape {
  std::uint32_t arrays = 0;
  std::uint32_t rows = 0, cols = 0;             ///< of an array, bad lines included
  std::uint32_t word_lines = 0, bit_lines = 0;  ///< good ones, of the array that has fewest
  bool line_drop = false;                       ///< Feature::line_drop
};
/// Errors: of Mask::validate(); out_of_range (no array has room for one value).
Result<BoardShape> board_shape(const hal::Capabilities& capabilities, const Mask& mask, kernels::Encoding encoding);

/// One load of an array: what every board of a job can hold.
struct Geometry {
  std::uint32_t word_lines = 0, bit_lines = 0;
  bool apart = false;  ///< slices share no array: where lines have resistance, writing one would change what was found of the other
};
/// The largest load that every board holds; apart if any has resistance in its lines. @pre !boards.empty()
Geometry common_geometry(std::span<const BoardShape> boards) noexcept;

/// Some matrix rows and columns that one window of an array holds. Empty rows and columns of the block take no lines.
struct Tile {
  std::uint32_t block_row = 0, block_col = 0;  ///< position in the grid of tile_rows x tile_cols blocks
  std::vector<std::uint32_t> rows, cols;       ///< matrix rows (outputs) and columns (inputs) held, ascending
  std::size_t nonzeros = 0;
};

/// Where one slice of a tile lies in a load of its group. Lines are counted from 0 among the good ones of the load. It is as high (word
/// lines) as the tile has columns and as wide as kernels::bit_lines(encoding, rows of the tile).
struct Spot {
  std::uint32_t tile = 0, slice = 0;
  std::uint32_t load = 0;          ///< 0 <= load < Group::loads
  std::uint32_t row = 0, col = 0;  ///< first word line, first bit line
};

/// Tiles that share arrays, with all their slices: what one board holds or another, never half of it.
struct Group {
  std::vector<std::uint32_t> tiles;  ///< ascending
  std::vector<Spot> spots;           ///< by (slice, tile)
  std::uint32_t loads = 1;           ///< arrays that it takes: 1, or one for every slice, all laid out alike
};

struct Plan {
  Choice choice;
  Geometry geometry;
  std::uint32_t tile_rows = 0, tile_cols = 0;
  std::uint64_t blocks = 0;        ///< of the grid, all-zero ones included
  std::vector<Tile> tiles;         ///< blocks that hold something, in the order of (block_row, block_col)
  std::vector<Group> groups;       ///< every tile is in exactly one
  std::uint64_t loads = 0;         ///< of all groups
  std::uint64_t cells_useful = 0;  ///< cells that hold a nonzero entry (both of a pair), slices included
};

/// Cuts, skips all-zero blocks and packs small tiles into groups (shelves, tallest first): a tile whose slices all fit one load shares it
/// with other tiles, otherwise every slice takes a load of its own, laid out alike. Errors: invalid_argument (a tile larger than a load
/// holds: says both; numbers out of their range). Reads no file. Cost: O(nonzeros + tiles log tiles).
Result<Plan> make_plan(const MatrixSource& matrix, const Geometry& geometry, const Choice& choice);

}  // namespace sedma::runtime

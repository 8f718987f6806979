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

/// How the blocks of a matrix are found.
enum class Partition : std::uint8_t {
  fixed,     ///< the static baseline: a grid of tiles from (0, 0) on, all-zero blocks and empty lines programmed too, one tile on an array
  grid,      ///< the same grid without all-zero blocks and empty lines
  clustered  ///< rows that use the same columns are brought together first; a tile's rows and columns need not be neighbours
};

/// What products ask of the converters; can change between products, without writing a cell.
struct Conversion {
  double headroom = 1.0;      ///< converter full scale / largest possible current; below 1 large outputs may saturate
  std::uint32_t repeats = 1;  ///< products averaged for every vector, each on a scale of its own so that steps of converters average too
};

/// How a product is computed; never what. Tile sizes are in matrix rows x columns.
struct Choice {
  Partition partition = Partition::grid;
  std::uint32_t sharing = 0;  ///< most windows (tiles, slices of them) that take turns with a load; 0: as many as fit, 1: none
  std::uint32_t tile_rows = 0, tile_cols = 0;  ///< 0: the largest that fits an array
  kernels::Encoding encoding = kernels::Encoding::pair;
  kernels::Scale scale = kernels::Scale::output;
  std::uint32_t slices = 0;       ///< residual slices beside the first (model: k)
  std::uint32_t passes = 100;     ///< write-verify rounds at most
  double tolerance_levels = 0.5;  ///< stop within this many levels of the target (range / levels; analog boards: range / 256)
  float step_fraction = 0.3f;
  std::uint32_t max_pulses_per_cell = 0;  ///< of one programming, erase aside; 0: 8 full ramps (8 * levels)
  std::uint32_t read_repeats = 1;         ///< reads averaged for the residual
  Conversion conversion;
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

/// Some matrix rows and columns that one window of an array holds, with all entries that lie in both. Empty rows and columns of the block
/// take no lines (but Partition::fixed).
struct Tile {
  /// Position in the grid of tile_rows x tile_cols blocks; clustered: which cluster of rows, which run of its columns. Rows of
  /// blocks of a later part of the matrix come after those of the parts before, see Plan::roots.
  std::uint32_t block_row = 0, block_col = 0;
  std::vector<std::uint32_t> rows, cols;  ///< matrix rows (outputs) and columns (inputs) held, ascending
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

/// Where the tiles of a part of the matrix begin, and what their random streams come from: the same as if the part were a matrix alone.
struct StreamRoot {
  std::uint32_t block_row = 0;  ///< from here on; counted from 0 in the streams
  std::uint64_t content = 0;    ///< Part::content
};

struct Plan {
  Choice choice;
  Geometry geometry;
  std::uint32_t tile_rows = 0, tile_cols = 0;  ///< of the largest part
  std::uint64_t blocks = 0;                    ///< of the grid, all-zero ones included
  std::vector<StreamRoot> roots;               ///< of every part of the matrix, ascending
  std::vector<Tile> tiles;                     ///< in the order of (block_row, block_col)
  std::vector<Group> groups;                   ///< every tile is in exactly one
  std::uint64_t loads = 0;                     ///< of all groups
  std::uint64_t cells_useful = 0;              ///< cells that hold a nonzero entry (both of a pair), slices included
};

/// Which part of the matrix a tile is of. @pre !plan.roots.empty()
std::size_t part_of(const Plan& plan, const Tile& tile) noexcept;

/// Cuts every part of the matrix and packs small tiles into groups (shelves, tallest first): a tile whose slices all fit one load shares it
/// with other tiles, as far as choice.sharing lets it; otherwise every slice takes a load of its own, laid out alike. A part is clustered
/// only if that takes fewer loads than its grid does, or as many with fewer windows to take turns with one, so that dense matrices stay
/// what they are. Errors: invalid_argument (a tile larger than a load holds: says both; numbers out of their range). Reads no file. Cost:
/// O(nonzeros + tiles log tiles); clustered: O(nonzeros log nonzeros), and 12 bytes for every entry of rows that a tile is wide enough for.
Result<Plan> make_plan(const MatrixSource& matrix, const Geometry& geometry, const Choice& choice);

}  // namespace sedma::runtime

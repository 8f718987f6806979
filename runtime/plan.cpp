#include "runtime/plan.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <tuple>

#include "runtime/pack.h"

namespace sedma::runtime {
namespace {

using kernels::Encoding;

Status check_choice(const Choice& choice) {
  const auto in = [](const char* what, double value, double min, double max) -> Status {
    if (value >= min && value <= max) return {};
    return fail(Code::invalid_argument, "{} is {}; it must lie in [{}, {}]", what, value, min, max);
  };
  SEDMA_RETURN_IF_ERROR(in("slices", choice.slices, 0, 16));
  SEDMA_RETURN_IF_ERROR(in("passes", choice.passes, 1, 100000));
  SEDMA_RETURN_IF_ERROR(in("tolerance in levels", choice.tolerance_levels, 1e-6, 1e6));
  SEDMA_RETURN_IF_ERROR(in("step fraction", static_cast<double>(choice.step_fraction), 1e-3, 1.0));
  SEDMA_RETURN_IF_ERROR(in("read repeats", choice.read_repeats, 1, 10000));
  return in("headroom", choice.headroom, 1e-3, 1e3);
}

struct TileSize {
  std::uint32_t rows = 0, cols = 0;
};

// The largest tile that every array can hold, unless the choice asks for a smaller one.
Result<TileSize> tile_size(const MatrixSource& matrix, const ArrayLines& lines, const Choice& choice) {
  const std::uint32_t most_cols = lines.smallest_word_lines();
  const std::uint32_t most_rows = kernels::outputs_of(choice.encoding, lines.smallest_bit_lines());
  const char* encoding = choice.encoding == Encoding::pair ? "pair" : "offset";
  if (most_cols == 0 || most_rows == 0)
    return fail(Code::out_of_range, "no array has room for one {} value: {} good word lines, {} good bit lines", encoding,
                lines.smallest_word_lines(), lines.smallest_bit_lines());
  if (choice.tile_rows > most_rows || choice.tile_cols > most_cols)
    return fail(Code::invalid_argument,
                "a tile of {} x {} (matrix rows x columns, {} encoding) takes {} word lines and {} bit lines; the arrays have {} x {}, "
                "room for {} x {}",
                choice.tile_rows, choice.tile_cols, encoding, choice.tile_cols, kernels::bit_lines(choice.encoding, choice.tile_rows),
                lines.smallest_word_lines(), lines.smallest_bit_lines(), most_rows, most_cols);
  const auto pick = [](std::uint32_t asked, std::uint32_t most, std::uint32_t dimension) {
    return std::min(asked != 0 ? asked : most, dimension);
  };
  return TileSize{pick(choice.tile_rows, most_rows, matrix.rows()), pick(choice.tile_cols, most_cols, matrix.cols())};
}

// The blocks of one block row; only those that hold something come into being.
class BlockRow {
 public:
  BlockRow(std::uint32_t cols, std::uint32_t tile_cols) : tile_cols_(tile_cols), seen_(cols, false) {}
  void add(std::uint32_t row, std::uint32_t block_row, std::span<const std::uint32_t> columns) {
    for (std::size_t k = 0; k < columns.size();) {
      const std::uint32_t block_col = columns[k] / tile_cols_;
      const std::uint64_t end_col = (std::uint64_t{block_col} + 1) * tile_cols_;
      Tile& tile = tiles_[block_col];
      tile.block_row = block_row;
      tile.block_col = block_col;
      tile.rows.push_back(row);
      for (; k < columns.size() && columns[k] < end_col; ++k, ++tile.nonzeros) {
        if (seen_[columns[k]]) continue;
        seen_[columns[k]] = true;
        tile.cols.push_back(columns[k]);
      }
    }
  }
  void move_to(std::vector<Tile>& tiles) {
    for (auto& [block_col, tile] : tiles_) {
      for (const std::uint32_t col : tile.cols) seen_[col] = false;
      std::sort(tile.cols.begin(), tile.cols.end());
      tiles.push_back(std::move(tile));
    }
    tiles_.clear();
  }

 private:
  std::uint32_t tile_cols_;
  std::vector<bool> seen_;  // [cols]: columns that a block of this block row has
  std::map<std::uint32_t, Tile> tiles_;
};

std::vector<Tile> cut(const MatrixSource& matrix, const TileSize& size) {
  std::vector<Tile> tiles;
  BlockRow blocks(matrix.cols(), size.cols);
  std::vector<std::uint32_t> scratch;
  for (std::uint32_t row = 0; row < matrix.rows(); ++row) {
    blocks.add(row, row / size.rows, matrix.row_columns(row, scratch));
    if ((row + 1) % size.rows == 0 || row + 1 == matrix.rows()) blocks.move_to(tiles);
  }
  return tiles;
}

std::uint32_t count_bad_cells(const Placement& placement, const Mask& mask) {
  if (mask.cells.empty()) return 0;
  std::uint32_t bad = 0;
  for (const std::uint32_t row : placement.word_lines)
    for (const std::uint32_t col : placement.bit_lines) bad += static_cast<std::uint32_t>(mask.cells.count({placement.array, row, col}));
  return bad;
}

// `apart`: no two slices on one array. Where lines have resistance, writing one would change what was found of the other.
void place(Plan& plan, const ArrayLines& lines, std::uint32_t physical_arrays, const Mask& mask, bool apart) {
  const auto& choice = plan.choice;
  std::vector<std::uint32_t> order(plan.tiles.size());
  std::iota(order.begin(), order.end(), 0u);
  std::stable_sort(order.begin(), order.end(),
                   [&](std::uint32_t a, std::uint32_t b) { return plan.tiles[a].cols.size() > plan.tiles[b].cols.size(); });
  Packer packer(lines);
  std::vector<std::uint32_t> array_of(plan.tiles.size(),
                                      0);  // slice k lies in the same or a later load than slice k - 1, whose read-back it needs
  for (std::uint32_t slice = 0; slice <= choice.slices; ++slice) {
    const std::uint32_t first = apart ? packer.arrays() : 0;
    for (const std::uint32_t t : order) {
      const Tile& tile = plan.tiles[t];
      const std::uint32_t width = kernels::bit_lines(choice.encoding, static_cast<std::uint32_t>(tile.rows.size()));
      const Packer::Spot spot = packer.add(static_cast<std::uint32_t>(tile.cols.size()), width, std::max(array_of[t], first));
      array_of[t] = spot.array;
      Placement placement{
          t, slice, spot.array % physical_arrays, spot.array / physical_arrays, lines.word_lines(spot), lines.bit_lines(spot), 0};
      placement.bad_cells = count_bad_cells(placement, mask);
      plan.bad_cells += placement.bad_cells;
      plan.placements.push_back(std::move(placement));
    }
  }
  // By tile last, so that a file is read from its first row to its last.
  std::stable_sort(plan.placements.begin(), plan.placements.end(), [](const Placement& a, const Placement& b) {
    return std::tie(a.turn, a.slice, a.tile) < std::tie(b.turn, b.slice, b.tile);
  });
  plan.arrays = std::min(packer.arrays(), physical_arrays);
  plan.turns = (packer.arrays() + physical_arrays - 1) / physical_arrays;
  plan.cells_allocated = static_cast<std::uint64_t>(packer.arrays()) * lines.cells_per_array();
}

}  // namespace

Result<Plan> make_plan(const MatrixSource& matrix, const hal::Capabilities& capabilities, const Choice& choice, const Mask& mask) {
  SEDMA_RETURN_IF_ERROR(check_choice(choice));
  SEDMA_RETURN_IF_ERROR(mask.validate(capabilities));
  const ArrayLines lines(capabilities, mask, choice.encoding == Encoding::pair);
  SEDMA_ASSIGN_OR_RETURN(const TileSize size, tile_size(matrix, lines, choice));
  Plan plan;
  plan.choice = choice;
  plan.tile_rows = size.rows;
  plan.tile_cols = size.cols;
  plan.blocks = static_cast<std::uint64_t>((matrix.rows() + size.rows - 1) / size.rows) * ((matrix.cols() + size.cols - 1) / size.cols);
  plan.tiles = cut(matrix, size);
  place(plan, lines, capabilities.arrays, mask, capabilities.has(hal::Feature::line_drop));
  for (std::uint32_t array = 0; array < plan.arrays; ++array) plan.bad_lines += lines.bad_lines(array);
  plan.cells_useful = matrix.nonzeros() * (choice.encoding == Encoding::pair ? 2 : 1) * (choice.slices + 1);
  return plan;
}

}  // namespace sedma::runtime

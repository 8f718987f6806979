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

// The largest tile that a load can hold, unless the choice asks for a smaller one.
Result<TileSize> tile_size(const MatrixSource& matrix, const Geometry& geometry, const Choice& choice) {
  const std::uint32_t most_cols = geometry.word_lines;
  const std::uint32_t most_rows = kernels::outputs_of(choice.encoding, geometry.bit_lines);
  const char* encoding = choice.encoding == Encoding::pair ? "pair" : "offset";
  if (most_cols == 0 || most_rows == 0)
    return fail(Code::invalid_argument, "a load of {} word lines and {} bit lines has no room for one {} value", geometry.word_lines,
                geometry.bit_lines, encoding);
  if (choice.tile_rows > most_rows || choice.tile_cols > most_cols)
    return fail(Code::invalid_argument,
                "a tile of {} x {} (matrix rows x columns, {} encoding) takes {} word lines and {} bit lines; the arrays have {} x {}, "
                "room for {} x {}",
                choice.tile_rows, choice.tile_cols, encoding, choice.tile_cols, kernels::bit_lines(choice.encoding, choice.tile_rows),
                geometry.word_lines, geometry.bit_lines, most_rows, most_cols);
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

// How the slices of a tile stand in the rectangle that they share: side by side, then below.
struct Compound {
  std::uint32_t height = 0, width = 0;  // of one slice
  std::uint32_t per_shelf = 1, shelves = 1;
};

// The rectangle of a tile with all its slices; that of one slice if they cannot share a load.
struct Rectangle {
  std::uint32_t tile = 0;
  Compound slices;
  bool together = false;
  std::uint32_t height() const noexcept { return slices.height * slices.shelves; }
  std::uint32_t width() const noexcept { return slices.width * slices.per_shelf; }
};

Rectangle rectangle(const Plan& plan, std::uint32_t t) {
  const Tile& tile = plan.tiles[t];
  const auto height = static_cast<std::uint32_t>(tile.cols.size());
  const std::uint32_t width = kernels::bit_lines(plan.choice.encoding, static_cast<std::uint32_t>(tile.rows.size()));
  const std::uint32_t count = plan.choice.slices + 1, per_shelf = std::min(count, plan.geometry.bit_lines / width);
  const std::uint32_t shelves = (count + per_shelf - 1) / per_shelf;
  const bool together = !plan.geometry.apart && std::uint64_t{shelves} * height <= plan.geometry.word_lines;
  return together ? Rectangle{t, {height, width, per_shelf, shelves}, true} : Rectangle{t, {height, width, 1, 1}, false};
}

// Packs rectangles of one kind; every load becomes a group.
void pack(Plan& plan, std::vector<Rectangle> rectangles) {
  std::stable_sort(rectangles.begin(), rectangles.end(), [](const Rectangle& a, const Rectangle& b) { return a.height() > b.height(); });
  Packer packer(plan.geometry.word_lines, plan.geometry.bit_lines);
  const std::size_t first = plan.groups.size();
  for (const Rectangle& r : rectangles) {
    const Packer::Place place = packer.add(r.height(), r.width());
    plan.groups.resize(first + packer.loads());
    Group& group = plan.groups[first + place.load];
    group.tiles.push_back(r.tile);
    group.loads = r.together ? 1 : plan.choice.slices + 1;
    for (std::uint32_t slice = 0; slice <= plan.choice.slices; ++slice) {
      const std::uint32_t k = r.together ? slice : 0;  // apart they lie in the same place of different loads
      group.spots.push_back({r.tile, slice, slice - k, place.row + k / r.slices.per_shelf * r.slices.height,
                             place.col + k % r.slices.per_shelf * r.slices.width});
    }
  }
}

void make_groups(Plan& plan) {
  std::vector<Rectangle> apart, together;
  for (std::uint32_t t = 0; t < plan.tiles.size(); ++t) {
    const Rectangle r = rectangle(plan, t);
    (r.together ? together : apart).push_back(r);
  }
  pack(plan, std::move(apart));
  pack(plan, std::move(together));
  for (Group& group : plan.groups) {
    std::sort(group.tiles.begin(), group.tiles.end());
    std::sort(group.spots.begin(), group.spots.end(),
              [](const Spot& a, const Spot& b) { return std::tie(a.slice, a.tile) < std::tie(b.slice, b.tile); });
    plan.loads += group.loads;
  }
  std::sort(plan.groups.begin(), plan.groups.end(), [](const Group& a, const Group& b) { return a.tiles.front() < b.tiles.front(); });
}

}  // namespace

Result<BoardShape> board_shape(const hal::Capabilities& capabilities, const Mask& mask, kernels::Encoding encoding) {
  SEDMA_RETURN_IF_ERROR(mask.validate(capabilities));
  const ArrayLines lines(capabilities.arrays, capabilities.rows, capabilities.cols, mask, encoding == Encoding::pair);
  const BoardShape shape{capabilities.arrays,         capabilities.rows,          capabilities.cols,
                         lines.smallest_word_lines(), lines.smallest_bit_lines(), capabilities.has(hal::Feature::line_drop)};
  if (shape.word_lines == 0 || kernels::outputs_of(encoding, shape.bit_lines) == 0)
    return fail(Code::out_of_range, "no array has room for one {} value: {} good word lines, {} good bit lines",
                encoding == Encoding::pair ? "pair" : "offset", shape.word_lines, shape.bit_lines);
  return shape;
}

Geometry common_geometry(std::span<const BoardShape> boards) noexcept {
  Geometry geometry{boards.front().word_lines, boards.front().bit_lines, false};
  for (const BoardShape& board : boards) {
    geometry.word_lines = std::min(geometry.word_lines, board.word_lines);
    geometry.bit_lines = std::min(geometry.bit_lines, board.bit_lines);
    geometry.apart = geometry.apart || board.line_drop;
  }
  return geometry;
}

Result<Plan> make_plan(const MatrixSource& matrix, const Geometry& geometry, const Choice& choice) {
  SEDMA_RETURN_IF_ERROR(check_choice(choice));
  SEDMA_ASSIGN_OR_RETURN(const TileSize size, tile_size(matrix, geometry, choice));
  Plan plan;
  plan.choice = choice;
  plan.geometry = geometry;
  plan.tile_rows = size.rows;
  plan.tile_cols = size.cols;
  plan.blocks = static_cast<std::uint64_t>((matrix.rows() + size.rows - 1) / size.rows) * ((matrix.cols() + size.cols - 1) / size.cols);
  plan.tiles = cut(matrix, size);
  make_groups(plan);
  plan.cells_useful = matrix.nonzeros() * (choice.encoding == Encoding::pair ? 2 : 1) * (choice.slices + 1);
  return plan;
}

}  // namespace sedma::runtime

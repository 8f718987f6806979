#include "runtime/plan.h"

#include <algorithm>
#include <span>
#include <tuple>
#include <utility>

#include "runtime/conversion.h"
#include "runtime/pack.h"
#include "runtime/partition.h"

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
  return check_conversion(choice.conversion);
}

// The largest tile that a load can hold, unless the choice asks for a smaller one.
Result<TileSize> tile_size(const Geometry& geometry, const Choice& choice) {
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
  return TileSize{choice.tile_rows != 0 ? choice.tile_rows : most_rows, choice.tile_cols != 0 ? choice.tile_cols : most_cols};
}

// How the slices of a tile stand in the rectangle that they share: side by side, then below.
struct Compound {
  std::uint32_t height = 0, width = 0;  // of one slice
  std::uint32_t per_shelf = 1, shelves = 1;
};

// That take turns with a load.
std::uint32_t most_windows(const Choice& choice) noexcept {
  if (choice.partition == Partition::fixed) return 1;
  return choice.sharing != 0 ? choice.sharing : UINT32_MAX;
}

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
  const bool may_share = !plan.geometry.apart && count <= most_windows(plan.choice);
  const bool together = may_share && std::uint64_t{shelves} * height <= plan.geometry.word_lines;
  return together ? Rectangle{t, {height, width, per_shelf, shelves}, true} : Rectangle{t, {height, width, 1, 1}, false};
}

// Packs rectangles of one kind; every load becomes a group.
void pack(Plan& plan, std::vector<Rectangle> rectangles) {
  std::stable_sort(rectangles.begin(), rectangles.end(), [](const Rectangle& a, const Rectangle& b) { return a.height() > b.height(); });
  if (rectangles.empty()) return;
  const std::uint32_t windows = rectangles.front().together ? plan.choice.slices + 1 : 1;  // of a tile on one load
  Packer packer(plan.geometry.word_lines, plan.geometry.bit_lines, most_windows(plan.choice) / windows);
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

// How much room tiles take: the fewer loads the better; of equals, the fewer windows that take turns with one.
struct Room {
  std::uint64_t loads = 0, windows = 0;
  bool operator<(const Room& other) const { return std::tie(loads, windows) < std::tie(other.loads, other.windows); }
};

Room room_of(const Plan& plan, const std::vector<Tile>& tiles) {
  Plan alone;
  alone.choice = plan.choice;
  alone.geometry = plan.geometry;
  alone.tiles = tiles;
  make_groups(alone);
  Room room{alone.loads, 0};
  for (const Group& group : alone.groups) room.windows = std::max<std::uint64_t>(room.windows, group.spots.size() / group.loads);
  return room;
}

// No plan of these entries takes fewer loads.
std::uint64_t fewest_loads(const Plan& plan, const std::vector<Tile>& tiles) {
  std::uint64_t entries = 0;
  for (const Tile& tile : tiles) entries += tile.nonzeros;
  const std::uint64_t cells = entries * (plan.choice.encoding == Encoding::pair ? 2 : 1) * (plan.choice.slices + 1);
  const std::uint64_t load = std::uint64_t{plan.geometry.word_lines} * plan.geometry.bit_lines;
  return (cells + load - 1) / load;
}

std::vector<Tile> cut(const Plan& plan, const MatrixSource& matrix, const Part& part, const TileSize& size) {
  if (plan.choice.partition == Partition::fixed) return cut_fixed(matrix, part, size);
  std::vector<Tile> grid = cut_grid(matrix, part, size);
  if (plan.choice.partition == Partition::grid) return grid;
  const Room room = room_of(plan, grid);
  if (room.loads <= fewest_loads(plan, grid) && room.windows <= 1) return grid;
  std::vector<Tile> clusters = cut_clusters(matrix, part, size);
  return room_of(plan, clusters) < room ? clusters : grid;
}

void add_part(Plan& plan, const MatrixSource& matrix, const Part& part, const TileSize& largest) {
  const TileSize size{std::min(largest.rows, part.rows), std::min(largest.cols, part.cols)};
  plan.tile_rows = std::max(plan.tile_rows, size.rows);
  plan.tile_cols = std::max(plan.tile_cols, size.cols);
  plan.blocks += blocks_of(part, size);
  const std::uint32_t first =
      plan.roots.empty() ? 0 : std::max(plan.roots.back().block_row, plan.tiles.empty() ? 0 : plan.tiles.back().block_row) + 1;
  for (Tile& tile : cut(plan, matrix, part, size)) {
    tile.block_row += first;
    plan.tiles.push_back(std::move(tile));
  }
  plan.roots.push_back({first, part.content});
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

std::size_t part_of(const Plan& plan, const Tile& tile) noexcept {
  const auto after = std::upper_bound(plan.roots.begin(), plan.roots.end(), tile.block_row,
                                      [](std::uint32_t row, const StreamRoot& root) { return row < root.block_row; });
  return static_cast<std::size_t>(after - plan.roots.begin()) - 1;
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
  SEDMA_ASSIGN_OR_RETURN(const TileSize largest, tile_size(geometry, choice));
  Plan plan;
  plan.choice = choice;
  plan.geometry = geometry;
  for (const Part& part : matrix.parts()) add_part(plan, matrix, part, largest);
  make_groups(plan);
  plan.cells_useful = matrix.nonzeros() * (choice.encoding == Encoding::pair ? 2 : 1) * (choice.slices + 1);
  return plan;
}

}  // namespace sedma::runtime

#include "runtime/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <map>
#include <set>
#include <tuple>

#include "support.h"

namespace sedma::runtime {
namespace {

using kernels::Encoding;

Matrix full(std::uint32_t rows, std::uint32_t cols) {
  return std::move(Matrix::from_dense("full", rows, cols, std::vector<double>(static_cast<std::size_t>(rows) * cols, 1.0))).value();
}

Choice with_slices(std::uint32_t slices) {
  Choice choice;
  choice.slices = slices;
  return choice;
}

// (tile, slice, load, row, col) of every spot.
using Table = std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>>;
Table table(const Group& group) {
  Table spots;
  for (const Spot& s : group.spots) spots.emplace_back(s.tile, s.slice, s.load, s.row, s.col);
  return spots;
}

hal::Capabilities board(std::uint32_t arrays, std::uint32_t rows, std::uint32_t cols) {
  hal::Capabilities c;
  c.board_id = "table";
  c.arrays = arrays;
  c.rows = rows;
  c.cols = cols;
  return c;
}

TEST(Plan, HandWorkedPairTiles) {
  // Loads of 4 word lines x 6 bit lines hold 3 x 4 matrix entries as pairs. 5 x 7 cuts into 2 x 2 blocks: 3x4, 3x3, 2x4, 2x3.
  const auto plan = make_plan(full(5, 7), {4, 6, false}, {});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->tile_rows, 3u);
  EXPECT_EQ(plan->tile_cols, 4u);
  EXPECT_EQ(plan->blocks, 4u);
  ASSERT_EQ(plan->tiles.size(), 4u);
  ASSERT_EQ(plan->groups.size(), 4u);  // heights 4, 3, 4, 3 and widths 6, 6, 4, 4: no two share a load
  for (std::uint32_t g = 0; g < 4; ++g) EXPECT_EQ(table(plan->groups[g]), (Table{{g, 0, 0, 0, 0}})) << "row-major over blocks";
  EXPECT_EQ(plan->loads, 4u);
  EXPECT_EQ(plan->cells_useful, 2u * 35u);
}

TEST(Plan, HandWorkedOffsetTiles) {
  // m + 1 bit lines: 6 bit lines hold 5 outputs.
  Choice choice;
  choice.encoding = Encoding::offset;
  const auto plan = make_plan(full(5, 4), {4, 6, false}, choice);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->tile_rows, 5u);
  EXPECT_EQ(plan->groups.size(), 1u);
  EXPECT_EQ(plan->cells_useful, 20u);  // the reference line does not count
}

// A tile of 2 word lines x 4 bit lines in loads of 4 x 8: up to four slices stand together, two side by side.
TEST(Plan, HandWorkedSlicesOfASmallTile) {
  const Matrix matrix = full(2, 2);
  const auto three = make_plan(matrix, {4, 8, false}, with_slices(2));
  ASSERT_TRUE(three.ok());
  ASSERT_EQ(three->groups.size(), 1u);
  EXPECT_EQ(three->groups[0].loads, 1u);
  EXPECT_EQ(table(three->groups[0]), (Table{{0, 0, 0, 0, 0}, {0, 1, 0, 0, 4}, {0, 2, 0, 2, 0}}));
  const auto five = make_plan(matrix, {4, 8, false}, with_slices(4));
  ASSERT_TRUE(five.ok());
  EXPECT_EQ(five->groups[0].loads, 5u) << "the fifth has no room: each takes a load of its own";
  EXPECT_EQ(table(five->groups[0]), (Table{{0, 0, 0, 0, 0}, {0, 1, 1, 0, 0}, {0, 2, 2, 0, 0}, {0, 3, 3, 0, 0}, {0, 4, 4, 0, 0}}));
  EXPECT_EQ(five->loads, 5u);
  const auto apart = make_plan(matrix, {4, 8, true}, with_slices(1));
  ASSERT_TRUE(apart.ok());
  EXPECT_EQ(table(apart->groups[0]), (Table{{0, 0, 0, 0, 0}, {0, 1, 1, 0, 0}}));
  EXPECT_EQ(apart->groups[0].loads, 2u);
}

// Loads of 4 x 6. Tile 0 fills one, its slice takes another; tiles 1 (2 x 2 lines) and 2 (1 x 2) stand with their slices in a third.
TEST(Plan, HandWorkedMixture) {
  std::vector<Matrix::Entry> entries;
  for (std::uint32_t r = 0; r < 3; ++r)
    for (std::uint32_t c = 0; c < 4; ++c) entries.push_back({r, c, 1.0});
  for (const auto& [r, c] : {std::pair{3u, 0u}, {3u, 1u}, {6u, 2u}}) entries.push_back({r, c, 1.0});
  const Matrix matrix = std::move(Matrix::from_entries("mixture", 7, 4, entries)).value();
  const auto plan = make_plan(matrix, {4, 6, false}, with_slices(1));
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->groups.size(), 2u);
  EXPECT_EQ(plan->groups[0].loads, 2u);
  EXPECT_EQ(table(plan->groups[0]), (Table{{0, 0, 0, 0, 0}, {0, 1, 1, 0, 0}}));
  EXPECT_EQ(plan->groups[1].loads, 1u);
  EXPECT_EQ(table(plan->groups[1]), (Table{{1, 0, 0, 0, 0}, {2, 0, 0, 2, 0}, {1, 1, 0, 0, 2}, {2, 1, 0, 2, 2}}));
  EXPECT_EQ(plan->loads, 3u);
}

TEST(Plan, SmallBlocksShareALoad) {
  // Blocks on a diagonal, 2 x 2 each: four of them (2 word lines x 4 bit lines) fit one load of 4 x 8.
  std::vector<Matrix::Entry> entries;
  for (std::uint32_t k = 0; k < 8; ++k) entries.push_back({k, k, 1.0}), entries.push_back({k, k ^ 1u, 2.0});
  const Matrix matrix = std::move(Matrix::from_entries("diagonal", 8, 8, entries)).value();
  Choice choice;
  choice.tile_rows = choice.tile_cols = 2;
  const auto plan = make_plan(matrix, {4, 8, false}, choice);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->blocks, 16u);
  EXPECT_EQ(plan->tiles.size(), 4u);  // all-zero blocks get nothing
  ASSERT_EQ(plan->groups.size(), 1u);
  EXPECT_EQ(table(plan->groups[0]), (Table{{0, 0, 0, 0, 0}, {1, 0, 0, 0, 4}, {2, 0, 0, 2, 0}, {3, 0, 0, 2, 4}}));
}

TEST(Plan, EmptyRowsAndColumnsTakeNoLines) {
  const Matrix matrix = std::move(Matrix::from_entries("corner", 100, 100, {{5, 90, 1.0}, {80, 90, 2.0}})).value();
  const auto plan = make_plan(matrix, {256, 256, false}, {});
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->tiles.size(), 1u);
  EXPECT_EQ(plan->tiles[0].rows, (std::vector<std::uint32_t>{5, 80}));
  EXPECT_EQ(plan->tiles[0].cols, (std::vector<std::uint32_t>{90}));
}

TEST(Plan, AnEmptyMatrixNeedsNothing) {
  const Matrix matrix = std::move(Matrix::from_entries("zero", 3, 4, {})).value();
  const auto plan = make_plan(matrix, {8, 8, false}, with_slices(1));
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->groups.empty());
  EXPECT_EQ(plan->loads, 0u);
}

// A hundred thousand tiles, one to a shelf: looking at every shelf for each of them would take minutes.
TEST(Plan, PacksManyTiles) {
  constexpr std::uint32_t count = 100'000;
  std::vector<Matrix::Entry> entries;
  for (std::uint32_t k = 0; k < count; ++k) entries.push_back({k, k, 1.0});
  const Matrix matrix = std::move(Matrix::from_entries("diagonal", count, count, std::move(entries))).value();
  Choice choice;
  choice.tile_rows = choice.tile_cols = 1;
  const auto plan = make_plan(matrix, {4, 3, false}, choice);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->tiles.size(), count);
  EXPECT_EQ(plan->groups.size(), count / 4);
}

TEST(Plan, RefusesATileLargerThanALoad) {
  Choice choice;
  choice.tile_rows = 4;
  choice.tile_cols = 4;
  const auto plan = make_plan(full(8, 8), {4, 6, false}, choice);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.status().code(), Code::invalid_argument);
  EXPECT_NE(plan.status().message().find("4 x 4"), std::string::npos) << plan.status().message();
  EXPECT_NE(plan.status().message().find("3 x 4"), std::string::npos) << plan.status().message();
  EXPECT_EQ(make_plan(full(8, 8), {4, 1, false}, {}).status().code(), Code::invalid_argument) << "no room for a pair";
}

TEST(Plan, RefusesChoicesOutOfRange) {
  Choice choice;
  choice.passes = 0;
  EXPECT_EQ(make_plan(full(2, 2), {8, 8, false}, choice).status().code(), Code::invalid_argument);
  choice = {};
  choice.tolerance_levels = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(make_plan(full(2, 2), {8, 8, false}, choice).status().code(), Code::invalid_argument);
}

TEST(BoardShape, CountsTheGoodLinesOfTheWorstArray) {
  Mask mask;
  mask.word_lines = {{0, 1}, {0, 2}, {1, 5}};
  mask.bit_lines = {{2, 4}};
  const auto pair = board_shape(board(3, 8, 10), mask, Encoding::pair), offset = board_shape(board(3, 8, 10), mask, Encoding::offset);
  ASSERT_TRUE(pair.ok() && offset.ok());
  EXPECT_EQ(pair->word_lines, 6u);
  EXPECT_EQ(pair->bit_lines, 8u) << "a bad line takes its partner with it";
  EXPECT_EQ(offset->bit_lines, 9u);
  EXPECT_FALSE(pair->line_drop);
  mask.cells.insert({3, 0, 0});
  EXPECT_EQ(board_shape(board(3, 8, 10), mask, Encoding::pair).status().code(), Code::out_of_range);
  EXPECT_EQ(board_shape(board(3, 8, 1), {}, Encoding::pair).status().code(), Code::out_of_range);
}

TEST(BoardShape, TheCommonGeometryFitsAll) {
  const std::vector<BoardShape> boards = {{4, 8, 10, 8, 10, false}, {4, 16, 6, 15, 6, false}, {1, 9, 9, 9, 8, true}};
  const Geometry two = common_geometry(std::span(boards).first(2)), three = common_geometry(boards);
  EXPECT_EQ(two.word_lines, 8u);
  EXPECT_EQ(two.bit_lines, 6u);
  EXPECT_FALSE(two.apart);
  EXPECT_TRUE(three.apart);
}

// Laws over random shapes, densities, encodings, slices and geometries.
class PlanLaws : public ::testing::TestWithParam<unsigned> {
 protected:
  std::mt19937 random{GetParam()};
  std::uint32_t draw(std::uint32_t min, std::uint32_t max) { return std::uniform_int_distribution<std::uint32_t>(min, max)(random); }
  Choice choice = draw_choice();
  Geometry geometry{draw(8, 20), 2 * draw(5, 12), draw(0, 3) == 0};
  Matrix matrix = test::random_matrix(draw(1, 80), draw(1, 80), 0.02 * draw(1, 20), GetParam());
  Plan plan = std::move(make_plan(matrix, geometry, choice)).value();

  Choice draw_choice() {
    Choice drawn;
    drawn.encoding = draw(0, 1) != 0 ? Encoding::pair : Encoding::offset;
    drawn.slices = draw(0, 3);
    if (draw(0, 1) != 0) drawn.tile_rows = draw(1, 4), drawn.tile_cols = draw(1, 6);
    drawn.partition = static_cast<Partition>(GetParam() % 3);
    drawn.sharing = draw(0, 4);
    return drawn;
  }
};

TEST_P(PlanLaws, EveryEntryIsInOneTileAndEveryTileInOneGroup) {
  std::map<std::pair<std::uint32_t, std::uint32_t>, int> covered;
  for (const Tile& tile : plan.tiles)
    for (const auto row : tile.rows)
      for (const auto col : tile.cols) ++covered[{row, col}];
  for (std::uint32_t row = 0; row < matrix.rows(); ++row)
    for (std::size_t k = matrix.row_offsets()[row]; k < matrix.row_offsets()[row + 1]; ++k)
      EXPECT_EQ((covered[{row, matrix.columns()[k]}]), 1);
  std::vector<int> seen(plan.tiles.size(), 0);
  for (const Group& group : plan.groups) {
    EXPECT_TRUE(std::is_sorted(group.tiles.begin(), group.tiles.end()));
    for (const auto tile : group.tiles) ++seen[tile];
  }
  EXPECT_EQ(seen, std::vector<int>(plan.tiles.size(), 1));
  EXPECT_TRUE(std::is_sorted(plan.groups.begin(), plan.groups.end(),
                             [](const Group& a, const Group& b) { return a.tiles.front() < b.tiles.front(); }));
}

TEST_P(PlanLaws, TilesAreInOrderNotTooLargeAndCountTheirEntries) {
  std::uint64_t entries = 0;
  std::vector<double> values;
  for (const Tile& tile : plan.tiles) {
    for (const std::vector<std::uint32_t>* lines : {&tile.rows, &tile.cols}) {
      EXPECT_FALSE(lines->empty());
      EXPECT_TRUE(std::adjacent_find(lines->begin(), lines->end(), std::greater_equal<>()) == lines->end()) << "ascending, once each";
    }
    EXPECT_LE(tile.rows.size(), plan.tile_rows);
    EXPECT_LE(tile.cols.size(), plan.tile_cols);
    values.resize(tile.rows.size() * tile.cols.size());
    ASSERT_TRUE(matrix.gather(tile.rows, tile.cols, values.data()).ok());
    EXPECT_EQ(tile.nonzeros, values.size() - static_cast<std::size_t>(std::count(values.begin(), values.end(), 0.0)));
    entries += tile.nonzeros;
  }
  EXPECT_EQ(entries, matrix.nonzeros());
  EXPECT_TRUE(std::adjacent_find(plan.tiles.begin(), plan.tiles.end(), [](const Tile& a, const Tile& b) {
                return std::tie(a.block_row, a.block_col) >= std::tie(b.block_row, b.block_col);
              }) == plan.tiles.end());
}

TEST_P(PlanLaws, ClustersNeverTakeMoreLoadsThanTheGridNorTheGridMoreThanTheStaticOne) {
  std::uint64_t loads[3];
  for (const Partition partition : {Partition::fixed, Partition::grid, Partition::clustered}) {
    choice.partition = partition;
    loads[static_cast<std::size_t>(partition)] = make_plan(matrix, geometry, choice).value().loads;
  }
  EXPECT_LE(loads[1], loads[0]);
  EXPECT_LE(loads[2], loads[1]);
}

TEST_P(PlanLaws, SpotsAreDisjointInsideAndAlike) {
  std::uint64_t loads = 0;
  for (const Group& group : plan.groups) {
    loads += group.loads;
    ASSERT_EQ(group.spots.size(), group.tiles.size() * (choice.slices + 1));
    EXPECT_TRUE(group.loads == 1 || group.loads == choice.slices + 1);
    EXPECT_TRUE(!geometry.apart || group.loads == choice.slices + 1);
    const std::size_t windows = group.spots.size() / group.loads;
    EXPECT_LE(windows, choice.partition == Partition::fixed ? 1 : choice.sharing == 0 ? windows : choice.sharing);
    std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>> cells;
    for (std::size_t k = 0; k < group.spots.size(); ++k) {
      const Spot& spot = group.spots[k];
      EXPECT_EQ(spot.tile, group.tiles[k % group.tiles.size()]) << "by (slice, tile)";
      EXPECT_EQ(spot.slice, k / group.tiles.size());
      EXPECT_EQ(spot.load, group.loads == 1 ? 0 : spot.slice);
      const Tile& tile = plan.tiles[spot.tile];
      const auto height = static_cast<std::uint32_t>(tile.cols.size());
      const std::uint32_t width = kernels::bit_lines(choice.encoding, static_cast<std::uint32_t>(tile.rows.size()));
      EXPECT_LE(spot.row + height, geometry.word_lines);
      EXPECT_LE(spot.col + width, geometry.bit_lines);
      if (choice.encoding == Encoding::pair) {
        EXPECT_EQ(spot.col % 2, 0u) << "pairs lie on lines 2j, 2j + 1";
      }
      for (std::uint32_t r = 0; r < height; ++r)
        for (std::uint32_t c = 0; c < width; ++c)
          EXPECT_TRUE(cells.insert({spot.load, spot.row + r, spot.col + c}).second) << "two tiles on one cell";
      if (group.loads > 1) {
        EXPECT_EQ(spot.row, group.spots[k % group.tiles.size()].row) << "laid out alike";
        EXPECT_EQ(spot.col, group.spots[k % group.tiles.size()].col);
      }
    }
  }
  EXPECT_EQ(plan.loads, loads);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PlanLaws, ::testing::Range(0u, 120u));

}  // namespace
}  // namespace sedma::runtime

#include "runtime/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "support.h"

namespace sedma::runtime {
namespace {

hal::Capabilities board(std::uint32_t arrays, std::uint32_t rows, std::uint32_t cols) {
  hal::Capabilities c;
  c.board_id = "table";
  c.arrays = arrays;
  c.rows = rows;
  c.cols = cols;
  c.levels = 100;
  c.g_min_siemens = 1e-6;
  c.g_max_siemens = 1e-5;
  return c;
}

Matrix full(std::uint32_t rows, std::uint32_t cols) {
  return std::move(Matrix::from_dense("full", rows, cols, std::vector<double>(static_cast<std::size_t>(rows) * cols, 1.0))).value();
}

TEST(Plan, HandWorkedPairTiles) {
  // Arrays of 4 word lines x 6 bit lines hold 3 x 4 matrix entries as pairs. 5 x 7 cuts into 2 x 2 blocks: 3x4, 3x3, 2x4, 2x3.
  const auto plan = make_plan(full(5, 7), board(10, 4, 6), {});
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->tile_rows, 3u);
  EXPECT_EQ(plan->tile_cols, 4u);
  EXPECT_EQ(plan->blocks, 4u);
  ASSERT_EQ(plan->tiles.size(), 4u);
  EXPECT_EQ(plan->arrays, 4u);  // heights 4, 4, 3, 3 and widths 6, 4, 6, 4: no two share an array
  EXPECT_EQ(plan->turns, 1u);
  EXPECT_EQ(plan->cells_allocated, 4u * 24u);
  EXPECT_EQ(plan->cells_useful, 2u * 35u);
  EXPECT_DOUBLE_EQ(plan->memory_efficiency(), 70.0 / 96.0);
}

TEST(Plan, HandWorkedOffsetTiles) {
  // m + 1 bit lines: 6 bit lines hold 5 outputs.
  Choice choice;
  choice.encoding = kernels::Encoding::offset;
  const auto plan = make_plan(full(5, 4), board(10, 4, 6), choice);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->tile_rows, 5u);
  ASSERT_EQ(plan->placements.size(), 1u);
  EXPECT_EQ(plan->placements[0].bit_lines.size(), 6u);
  EXPECT_EQ(plan->cells_useful, 20u);  // the reference line does not count
}

TEST(Plan, SmallBlocksShareAnArray) {
  // Blocks on a diagonal, 2 x 2 each: four of them (2 word lines x 4 bit lines) fit one 4 x 8 array.
  std::vector<Matrix::Entry> entries;
  for (std::uint32_t k = 0; k < 8; ++k) entries.push_back({k, k, 1.0}), entries.push_back({k, k ^ 1u, 2.0});
  const Matrix matrix = std::move(Matrix::from_entries("diagonal", 8, 8, entries)).value();
  Choice choice;
  choice.tile_rows = choice.tile_cols = 2;
  const auto plan = make_plan(matrix, board(10, 4, 8), choice);
  ASSERT_TRUE(plan.ok());
  EXPECT_EQ(plan->blocks, 16u);
  EXPECT_EQ(plan->tiles.size(), 4u);  // all-zero blocks get nothing
  EXPECT_EQ(plan->arrays, 1u);
  EXPECT_DOUBLE_EQ(plan->memory_efficiency(), 1.0);
}

TEST(Plan, EmptyRowsAndColumnsTakeNoLines) {
  const Matrix matrix = std::move(Matrix::from_entries("corner", 100, 100, {{5, 90, 1.0}, {80, 90, 2.0}})).value();
  const auto plan = make_plan(matrix, board(2, 256, 256), {});
  ASSERT_TRUE(plan.ok());
  ASSERT_EQ(plan->placements.size(), 1u);
  EXPECT_EQ(plan->placements[0].word_lines.size(), 1u);
  EXPECT_EQ(plan->placements[0].bit_lines.size(), 4u);
}

TEST(Plan, AnEmptyMatrixNeedsNothing) {
  const Matrix matrix = std::move(Matrix::from_entries("zero", 3, 4, {})).value();
  const auto plan = make_plan(matrix, board(2, 8, 8), {});
  ASSERT_TRUE(plan.ok());
  EXPECT_TRUE(plan->placements.empty());
  EXPECT_EQ(plan->turns, 0u);
  EXPECT_EQ(plan->memory_efficiency(), 0.0);
}

TEST(Plan, RefusesATileLargerThanTheArray) {
  Choice choice;
  choice.tile_rows = 4;
  choice.tile_cols = 4;
  const auto plan = make_plan(full(8, 8), board(2, 4, 6), choice);
  ASSERT_FALSE(plan.ok());
  EXPECT_EQ(plan.status().code(), Code::invalid_argument);
  EXPECT_NE(plan.status().message().find("4 x 4"), std::string::npos) << plan.status().message();
  EXPECT_NE(plan.status().message().find("3 x 4"), std::string::npos) << plan.status().message();
}

TEST(Plan, RefusesChoicesOutOfRange) {
  Choice choice;
  choice.passes = 0;
  EXPECT_EQ(make_plan(full(2, 2), board(1, 8, 8), choice).status().code(), Code::invalid_argument);
  choice = {};
  choice.tolerance_levels = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(make_plan(full(2, 2), board(1, 8, 8), choice).status().code(), Code::invalid_argument);
}

// Laws over random shapes, densities, encodings, slices, masks and boards.
class PlanLaws : public ::testing::TestWithParam<unsigned> {
 protected:
  std::mt19937 random{GetParam()};
  std::uint32_t draw(std::uint32_t min, std::uint32_t max) { return std::uniform_int_distribution<std::uint32_t>(min, max)(random); }
  Choice draw_choice() {
    Choice choice;
    choice.encoding = draw(0, 1) != 0 ? kernels::Encoding::pair : kernels::Encoding::offset;
    choice.slices = draw(0, 2);
    if (draw(0, 1) != 0) choice.tile_rows = draw(1, 4), choice.tile_cols = draw(1, 6);
    return choice;
  }
};

TEST_P(PlanLaws, EveryEntryHasOneCellAndNoCellTwo) {
  const Matrix matrix = test::random_matrix(draw(1, 60), draw(1, 60), 0.02 * draw(1, 20), GetParam());
  const auto capabilities = board(draw(1, 6), draw(8, 20), draw(10, 24));
  const Choice choice = draw_choice();
  Mask mask;
  if (draw(0, 1) != 0) {
    mask.word_lines.insert({0, draw(0, 1)});
    mask.bit_lines.insert({capabilities.arrays - 1, draw(0, 1)});
    mask.cells.insert({0, 3, 4});
  }
  const auto plan = make_plan(matrix, capabilities, choice, mask);
  ASSERT_TRUE(plan.ok()) << plan.status().to_string();

  std::map<std::pair<std::uint32_t, std::uint32_t>, int> covered;
  for (const Tile& tile : plan->tiles)
    for (const auto row : tile.rows)
      for (const auto col : tile.cols) ++covered[{row, col}];
  for (std::uint32_t row = 0; row < matrix.rows(); ++row)
    for (std::size_t k = matrix.row_offsets()[row]; k < matrix.row_offsets()[row + 1]; ++k)
      EXPECT_EQ((covered[{row, matrix.columns()[k]}]), 1);

  std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>> cells;
  std::set<std::pair<std::uint32_t, std::uint32_t>> written;  // (tile, slice) so far
  EXPECT_TRUE(std::is_sorted(plan->placements.begin(), plan->placements.end(), [](const Placement& a, const Placement& b) {
    return std::tie(a.turn, a.slice, a.tile) < std::tie(b.turn, b.slice, b.tile);
  })) << "a streamed matrix is read in this order";
  for (const Placement& p : plan->placements) {
    EXPECT_LT(p.array, capabilities.arrays);
    EXPECT_LT(p.turn, plan->turns);
    const Tile& tile = plan->tiles[p.tile];
    EXPECT_EQ(p.word_lines.size(), tile.cols.size());
    EXPECT_EQ(p.bit_lines.size(), kernels::bit_lines(choice.encoding, static_cast<std::uint32_t>(tile.rows.size())));
    EXPECT_LT(p.word_lines.back(), capabilities.rows);
    EXPECT_LT(p.bit_lines.back(), capabilities.cols);
    if (p.slice > 0) {
      EXPECT_TRUE(written.contains({p.tile, p.slice - 1})) << "a slice before the one whose read-back it needs";
    }
    written.insert({p.tile, p.slice});
    for (const auto row : p.word_lines) {
      EXPECT_FALSE(mask.word_lines.contains({p.array, row}));
      for (const auto col : p.bit_lines) {
        EXPECT_FALSE(mask.bit_lines.contains({p.array, col}));
        EXPECT_TRUE(cells.insert({p.turn, p.array, row, col}).second) << "two tiles on one cell";
      }
    }
    if (choice.encoding != kernels::Encoding::pair) continue;
    for (std::size_t k = 0; k < p.bit_lines.size(); k += 2)
      EXPECT_TRUE(p.bit_lines[k] % 2 == 0 && p.bit_lines[k + 1] == p.bit_lines[k] + 1);
  }
  EXPECT_EQ(written.size(), plan->tiles.size() * (choice.slices + 1));
  EXPECT_LE(plan->cells_useful, plan->cells_allocated);
}

TEST_P(PlanLaws, TilesDoNotDependOnTheNumberOfArrays) {
  const Matrix matrix = test::random_matrix(draw(1, 80), draw(1, 80), 0.1, GetParam());
  const Choice choice = draw_choice();
  const auto few = make_plan(matrix, board(1, 12, 16), choice), many = make_plan(matrix, board(1000, 12, 16), choice);
  ASSERT_TRUE(few.ok() && many.ok());
  EXPECT_EQ(few->tiles.size(), many->tiles.size());
  EXPECT_EQ(few->cells_allocated, many->cells_allocated);
  EXPECT_EQ(few->turns, many->arrays);
  for (std::size_t k = 0; k < few->tiles.size(); ++k) EXPECT_EQ(few->tiles[k].rows, many->tiles[k].rows);
}

INSTANTIATE_TEST_SUITE_P(Seeds, PlanLaws, ::testing::Range(0u, 40u));

}  // namespace
}  // namespace sedma::runtime

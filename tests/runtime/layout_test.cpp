#include "runtime/layout.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include "support.h"

namespace sedma::runtime {
namespace {

using Lines = std::vector<std::uint32_t>;

// Groups of one tile each: 2 rows x 4 columns (4 word lines x 4 bit lines), full.
Plan blocks(std::uint32_t groups, std::uint32_t slices, const Geometry& geometry) {
  const std::vector<double> values(std::size_t{2} * groups * 4, 1.0);
  const Matrix matrix = std::move(Matrix::from_dense("blocks", 2 * groups, 4, values)).value();
  Choice choice;
  choice.slices = slices;
  choice.tile_rows = 2;
  choice.tile_cols = 4;
  return std::move(make_plan(matrix, geometry, choice)).value();
}

BoardShape shape(std::uint32_t arrays, std::uint32_t rows, std::uint32_t cols) { return {arrays, rows, cols, rows, cols, false}; }

TEST(Shelves, HandOutTheLowestFreeLoads) {
  Shelves shelves;
  shelves.hold(7, 1);
  shelves.hold(3, 2);
  shelves.hold(5, 1);
  EXPECT_EQ(shelves.held().at(7), (Lines{0}));
  EXPECT_EQ(shelves.held().at(3), (Lines{1, 2}));
  EXPECT_EQ(shelves.held().at(5), (Lines{3}));
  shelves.drop(7);
  shelves.drop(5);
  shelves.drop(99);
  EXPECT_FALSE(shelves.holds(7));
  shelves.hold(4, 3);
  EXPECT_EQ(shelves.held().at(4), (Lines{0, 3, 4})) << "around what is held";
  EXPECT_EQ(shelves.held().at(3), (Lines{1, 2}));
}

TEST(Layout, OneLoadAnArray) {
  const Plan plan = blocks(5, 0, {4, 4, false});
  const Layout layout = lay_out_all(plan, shape(2, 4, 4), {});
  EXPECT_EQ(layout.arrays, 2u);
  EXPECT_EQ(layout.turns, 3u);
  EXPECT_EQ(layout.cells_allocated, 5u * 16u);
  ASSERT_EQ(layout.placements.size(), 5u);
  for (std::uint32_t k = 0; k < 5; ++k) {
    const Placement& p = layout.placements[k];
    EXPECT_EQ(std::tuple(p.tile, p.slice, p.array, p.turn, p.group), std::tuple(k, 0u, k % 2, k / 2, k));
    EXPECT_EQ(p.word_lines, (Lines{0, 1, 2, 3}));
    EXPECT_EQ(p.bit_lines, (Lines{0, 1, 2, 3}));
  }
  EXPECT_DOUBLE_EQ(memory_efficiency(plan, {&layout, 1}), 1.0);
  EXPECT_EQ(memory_efficiency(plan, {}), 0.0);
}

// Arrays of 9 x 13 hold 2 x 3 loads of 4 x 4 each.
TEST(Layout, LargerArraysHoldSeveralLoads) {
  const Plan plan = blocks(8, 0, {4, 4, false});
  const Layout layout = lay_out_all(plan, shape(3, 9, 13), {});
  EXPECT_EQ(layout.arrays, 2u);
  EXPECT_EQ(layout.turns, 1u);
  EXPECT_EQ(layout.cells_allocated, 2u * 9u * 13u);
  EXPECT_EQ(layout.placements[4].array, 0u);
  EXPECT_EQ(layout.placements[4].word_lines, (Lines{4, 5, 6, 7}));
  EXPECT_EQ(layout.placements[4].bit_lines, (Lines{4, 5, 6, 7}));
  EXPECT_EQ(layout.placements[6].array, 1u);
  EXPECT_EQ(layout.placements[6].word_lines, (Lines{0, 1, 2, 3}));
  BoardShape wires = shape(3, 9, 13);
  wires.line_drop = true;
  const Layout alone = lay_out_all(plan, wires, {});
  EXPECT_EQ(alone.arrays, 3u);
  EXPECT_EQ(alone.turns, 3u) << "one load each where lines have resistance";
}

TEST(Layout, GoesAroundBadLinesAndCountsBadCells) {
  const Plan plan = blocks(2, 0, {4, 4, false});
  Mask mask;
  mask.word_lines = {{0, 1}};
  mask.bit_lines = {{0, 2}};
  mask.cells = {{0, 0, 1}, {0, 7, 0}, {1, 3, 3}};
  BoardShape board = shape(2, 6, 6);
  board.word_lines = 5;
  board.bit_lines = 4;
  const Layout layout = lay_out_all(plan, board, mask);
  EXPECT_EQ(layout.placements[0].word_lines, (Lines{0, 2, 3, 4}));
  EXPECT_EQ(layout.placements[0].bit_lines, (Lines{0, 1, 4, 5})) << "a pair goes as a whole";
  EXPECT_EQ(layout.placements[0].bad_cells, 1u);
  EXPECT_EQ(layout.placements[1].word_lines, (Lines{0, 1, 2, 3}));
  EXPECT_EQ(layout.placements[1].bad_cells, 1u);
  EXPECT_EQ(layout.bad_cells, 2u);
  EXPECT_EQ(layout.bad_lines, 3u);
}

TEST(Layout, SlicesFollowEachOther) {
  const Plan plan = blocks(2, 2, {4, 4, false});  // three loads a group
  const Layout layout = lay_out_all(plan, shape(2, 4, 4), {});
  std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>> found;  // turn, slice, tile, array
  for (const Placement& p : layout.placements) found.emplace_back(p.turn, p.slice, p.tile, p.array);
  EXPECT_EQ(found, (decltype(found){{0, 0, 0, 0}, {0, 1, 0, 1}, {1, 0, 1, 1}, {1, 2, 0, 0}, {2, 1, 1, 0}, {2, 2, 1, 1}}));
}

TEST(Layout, NothingHeldTakesNothing) {
  const Layout layout = lay_out(blocks(2, 0, {4, 4, false}), {}, shape(1, 4, 4), {});
  EXPECT_TRUE(layout.placements.empty());
  EXPECT_EQ(layout.turns + layout.arrays + layout.cells_allocated, 0u);
}

// Laws over random matrices, boards with bad lines, and histories of holding and dropping.
class LayoutLaws : public ::testing::TestWithParam<unsigned> {
 protected:
  std::mt19937 random{GetParam()};
  std::uint32_t draw(std::uint32_t min, std::uint32_t max) { return std::uniform_int_distribution<std::uint32_t>(min, max)(random); }
};

void expect_valid(const Layout& layout, const Plan& plan, const BoardShape& board, const Mask& mask) {
  std::set<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t, std::uint32_t>> cells;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::uint32_t> turn_of;  // (tile, slice)
  for (const Placement& p : layout.placements) {
    EXPECT_LT(p.array, board.arrays);
    EXPECT_LT(p.turn, layout.turns);
    EXPECT_EQ(p.word_lines.size(), plan.tiles[p.tile].cols.size());
    EXPECT_LT(p.word_lines.back(), board.rows);
    EXPECT_LT(p.bit_lines.back(), board.cols);
    EXPECT_TRUE(std::is_sorted(p.word_lines.begin(), p.word_lines.end()));
    turn_of[{p.tile, p.slice}] = p.turn;
    if (p.slice > 0) {
      EXPECT_LE((turn_of.at({p.tile, p.slice - 1})), p.turn) << "before the one whose read-back it needs";
    }
    for (const auto row : p.word_lines) {
      EXPECT_FALSE(mask.word_lines.contains({p.array, row}));
      for (const auto col : p.bit_lines) {
        EXPECT_FALSE(mask.bit_lines.contains({p.array, col}));
        EXPECT_TRUE(cells.insert({p.turn, p.array, row, col}).second) << "two tiles on one cell";
      }
    }
    if (plan.choice.encoding != kernels::Encoding::pair) continue;
    for (std::size_t k = 0; k < p.bit_lines.size(); k += 2)
      EXPECT_TRUE(p.bit_lines[k] % 2 == 0 && p.bit_lines[k + 1] == p.bit_lines[k] + 1);
  }
  EXPECT_LE(cells.size(), layout.cells_allocated);
}

TEST_P(LayoutLaws, WhatIsHeldNeverMoves) {
  hal::Capabilities capabilities;
  capabilities.arrays = draw(1, 5);
  capabilities.rows = draw(8, 24);
  capabilities.cols = draw(10, 30);
  Mask mask;
  if (draw(0, 1) != 0) {
    mask.word_lines.insert({0, draw(0, 1)});
    mask.bit_lines.insert({capabilities.arrays - 1, draw(0, 1)});
    mask.cells.insert({0, 3, 4});
  }
  Choice choice;
  choice.slices = draw(0, 2);
  choice.encoding = draw(0, 1) != 0 ? kernels::Encoding::pair : kernels::Encoding::offset;
  if (draw(0, 1) != 0) choice.tile_rows = draw(1, 4), choice.tile_cols = draw(1, 4);
  const BoardShape board = board_shape(capabilities, mask, choice.encoding).value();
  const Geometry geometry{draw(4, board.word_lines), draw(8, board.bit_lines) & ~1u, false};
  const Matrix matrix = test::random_matrix(draw(10, 60), draw(10, 60), 0.2, GetParam());
  const Plan plan = make_plan(matrix, geometry, choice).value();

  const auto at = [](const Placement& p) { return std::tuple(p.array, p.turn, p.word_lines, p.bit_lines); };
  using Place = decltype(at(std::declval<Placement>()));
  std::map<std::pair<std::uint32_t, std::uint32_t>, Place> before;  // (tile, slice)
  Shelves shelves;
  for (int step = 0; step < 60; ++step) {
    const std::uint32_t group = draw(0, static_cast<std::uint32_t>(plan.groups.size()) - 1);
    if (shelves.holds(group)) {
      shelves.drop(group);
    } else {
      shelves.hold(group, plan.groups[group].loads);
    }
    const Layout layout = lay_out(plan, shelves, board, mask);
    expect_valid(layout, plan, board, mask);
    std::map<std::pair<std::uint32_t, std::uint32_t>, Place> now;
    for (const Placement& p : layout.placements) now.emplace(std::pair(p.tile, p.slice), at(p));
    for (const auto& [slice, place] : now)
      if (before.contains(slice)) {
        EXPECT_EQ(before.at(slice), place);
      }
    before = std::move(now);
  }
  expect_valid(lay_out_all(plan, board, mask), plan, board, mask);
}

TEST_P(LayoutLaws, ArraysAndTurnsAreInterchangeable) {
  const Matrix matrix = test::random_matrix(draw(1, 80), draw(1, 80), 0.1, GetParam());
  Choice choice;
  choice.slices = draw(0, 2);
  const Plan plan = make_plan(matrix, {12, 16, false}, choice).value();
  const Layout few = lay_out_all(plan, shape(1, 12, 16), {}), many = lay_out_all(plan, shape(1000, 12, 16), {});
  EXPECT_EQ(few.cells_allocated, many.cells_allocated);
  EXPECT_EQ(few.turns, many.arrays);
  EXPECT_EQ(few.turns, plan.loads);
}

INSTANTIATE_TEST_SUITE_P(Seeds, LayoutLaws, ::testing::Range(0u, 30u));

}  // namespace
}  // namespace sedma::runtime

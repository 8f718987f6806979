// The three ways to cut a matrix: tables worked by hand, and products.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <set>
#include <tuple>

#include "runtime/gallery.h"
#include "runtime/layout.h"
#include "runtime/plan.h"
#include "support.h"
#include "tests/sanitizer.h"

namespace sedma::runtime {
namespace {

using Lines = std::vector<std::uint32_t>;

Matrix of(std::uint32_t rows, std::uint32_t cols, const std::vector<std::pair<std::uint32_t, std::uint32_t>>& places) {
  std::vector<Matrix::Entry> entries;
  for (const auto& [row, col] : places) entries.push_back({row, col, 1.0 + row + 0.5 * col});
  return std::move(Matrix::from_entries("places", rows, cols, std::move(entries))).value();
}

Matrix dense(std::uint32_t rows, std::uint32_t cols) {
  return std::move(Matrix::from_dense("dense", rows, cols, std::vector<double>(std::size_t{rows} * cols, 1.0))).value();
}

Plan plan_of(const MatrixSource& matrix, const Geometry& geometry, Partition partition, std::uint32_t sharing = 0) {
  Choice choice;
  choice.partition = partition;
  choice.sharing = sharing;
  return make_plan(matrix, geometry, choice).value();
}

// (block_row, block_col, rows, cols, nonzeros) of every tile.
using Table = std::vector<std::tuple<std::uint32_t, std::uint32_t, Lines, Lines, std::size_t>>;
Table table(const Plan& plan) {
  Table tiles;
  for (const Tile& t : plan.tiles) tiles.emplace_back(t.block_row, t.block_col, t.rows, t.cols, t.nonzeros);
  return tiles;
}

// Rows 0, 2, 4 use columns 0, 3 and rows 1, 3 columns 1, 5; loads of 2 word lines x 6 bit lines hold 3 rows and 2 columns.
const std::vector<std::pair<std::uint32_t, std::uint32_t>> interleaved = {{0, 0}, {0, 3}, {2, 0}, {2, 3}, {4, 0},
                                                                          {4, 3}, {1, 1}, {1, 5}, {3, 1}, {3, 5}};

TEST(Partition, StaticProgramsEveryBlockWholeAndAlone) {
  const Plan plan = plan_of(of(5, 6, interleaved), {2, 6, false}, Partition::fixed);
  EXPECT_EQ(table(plan), (Table{{0, 0, {0, 1, 2}, {0, 1}, 3},
                                {0, 1, {0, 1, 2}, {2, 3}, 2},
                                {0, 2, {0, 1, 2}, {4, 5}, 1},
                                {1, 0, {3, 4}, {0, 1}, 2},
                                {1, 1, {3, 4}, {2, 3}, 1},
                                {1, 2, {3, 4}, {4, 5}, 1}}));
  EXPECT_EQ(plan.loads, 6u);
  const Plan empty = plan_of(of(4, 4, {}), {2, 4, false}, Partition::fixed);
  EXPECT_EQ(empty.loads, 4u) << "zeros are programmed too";
}

TEST(Partition, RowsOfTheSameColumnsComeTogether) {
  const Plan grid = plan_of(of(5, 6, interleaved), {2, 6, false}, Partition::grid, 1);
  EXPECT_EQ(grid.loads, 6u);
  const Plan plan = plan_of(of(5, 6, interleaved), {2, 6, false}, Partition::clustered, 1);
  EXPECT_EQ(table(plan), (Table{{0, 0, {0, 2, 4}, {0, 3}, 6}, {1, 0, {1, 3}, {1, 5}, 4}}));
  EXPECT_EQ(plan.loads, 2u);
}

// A row of 5 columns beside short ones, in loads of 3 x 4: it takes two runs of columns, alone; the others share a tile though they have no
// column in common.
TEST(Partition, WideRowsAreCutIntoRunsOfColumns) {
  const Plan plan = plan_of(of(3, 9, {{0, 8}, {1, 1}, {1, 2}, {1, 4}, {1, 6}, {1, 7}, {2, 0}}), {3, 4, false}, Partition::clustered, 1);
  EXPECT_EQ(table(plan), (Table{{0, 0, {0, 2}, {0, 8}, 2}, {1, 0, {1}, {1, 2, 4}, 3}, {1, 1, {1}, {6, 7}, 2}}));
}

TEST(Partition, DenseMatricesStayAGrid) {
  for (const auto& [rows, cols] : {std::pair{7u, 9u}, {64u, 64u}, {33u, 5u}, {3u, 100u}, {20u, 16u}}) {
    for (const std::uint32_t sharing : {0u, 1u, 2u}) {
      const Matrix matrix = dense(rows, cols);
      EXPECT_EQ(table(plan_of(matrix, {8, 12, false}, Partition::clustered, sharing)),
                table(plan_of(matrix, {8, 12, false}, Partition::grid, sharing)))
          << rows << " x " << cols;
    }
  }
}

// Loads of 4 word lines x 8 bit lines; tiles of 2 x 2 entries take 2 x 4.
TEST(Partition, SharingBoundsTheWindowsOnALoad) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> places;
  for (std::uint32_t k = 0; k < 8; ++k) places.insert(places.end(), {{k, k}, {k, k ^ 1u}});
  const Matrix matrix = of(8, 8, places);
  Choice choice;
  choice.tile_rows = choice.tile_cols = 2;
  const auto loads = [&](std::uint32_t sharing, std::uint32_t slices) {
    choice.sharing = sharing;
    choice.slices = slices;
    return make_plan(matrix, {4, 8, false}, choice).value().loads;
  };
  EXPECT_EQ(loads(0, 0), 1u);
  EXPECT_EQ(loads(1, 0), 4u);
  EXPECT_EQ(loads(2, 0), 2u);
  EXPECT_EQ(loads(3, 0), 2u);
  EXPECT_EQ(loads(0, 1), 2u);
  EXPECT_EQ(loads(1, 1), 8u) << "slices take turns too: apart they do not";
  EXPECT_EQ(loads(2, 1), 4u) << "a tile and its slice";
  EXPECT_EQ(loads(3, 1), 4u);
}

TEST(Partition, ThePlanOfAGridOfElementsIsMadeInNoTime) {
  const auto matrix = open_gallery("gallery:fem9?n=255");
  ASSERT_TRUE(matrix.ok());
  const auto begin = std::chrono::steady_clock::now();
  const Plan plan = plan_of(**matrix, {256, 256, false}, Partition::clustered, 1);
  EXPECT_LT(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count(), 1.0 * (testing::sanitized ? 20 : 1));
  EXPECT_EQ(plan.loads, 509u) << "65025 rows, 128 to an array";
}

// Rows in any order, columns that all rows have, wide rows: whatever the tiles are, y is right.
class PartitionProducts : public ::testing::TestWithParam<unsigned> {};

TEST_P(PartitionProducts, AreRight) {
  std::mt19937 random(GetParam());
  const auto draw = [&](std::uint32_t min, std::uint32_t max) { return std::uniform_int_distribution<std::uint32_t>(min, max)(random); };
  const std::uint32_t rows = draw(1, 90), cols = draw(1, 90);
  std::vector<std::pair<std::uint32_t, std::uint32_t>> places;
  std::set<std::pair<std::uint32_t, std::uint32_t>> seen;
  const std::uint32_t wide = draw(0, rows - 1), common = draw(0, cols - 1);
  for (std::uint32_t row = 0; row < rows; ++row) {
    const std::uint32_t first = draw(0, cols - 1);
    for (std::uint32_t col = 0; col < cols; ++col)
      if ((row == wide || col == common || (col >= first && col < first + 4)) && draw(0, 3) != 0) places.emplace_back(row, col);
  }
  const Matrix matrix = of(rows, cols, places);
  const auto device = test::open_device("emulator:EpiRAM?arrays=4&rows=16&cols=20&ideal_writing=on&adc_bits=0&dac_bits=0");
  ASSERT_NE(device, nullptr);
  for (const Partition partition : {Partition::fixed, Partition::grid, Partition::clustered}) {
    SessionOptions options;
    options.choice.partition = partition;
    options.choice.sharing = draw(0, 2);
    options.choice.slices = draw(0, 1);
    const test::Run run = test::run(*device, matrix, options, 2);
    EXPECT_LT(run.error.relative_l2, 1e-5) << static_cast<int>(partition);
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PartitionProducts, ::testing::Range(0u, 20u));

}  // namespace
}  // namespace sedma::runtime

#include "runtime/row_pattern.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace sedma::runtime {
namespace {

using Columns = std::vector<std::uint32_t>;

Columns random_row(std::mt19937& random, std::uint32_t cols) {
  Columns row;
  const unsigned kind = random() % 4;  // full, empty, any
  for (std::uint32_t col = 0; col < cols; ++col)
    if (kind == 0 || (kind > 1 && random() % 3 == 0)) row.push_back(col);
  return row;
}

Columns columns_of(const RowPattern& pattern, std::size_t row) {
  Columns scratch;
  const auto columns = pattern.columns(row, scratch);
  return {columns.begin(), columns.end()};
}

TEST(RowPattern, GivesBackWhatItWasGiven) {
  std::mt19937 random(1);
  for (const std::uint32_t cols : {1u, 2u, 63u, 64u, 65u, 128u, 200u}) {
    SCOPED_TRACE(cols);
    RowPattern pattern(cols);
    std::vector<Columns> rows;
    std::uint64_t count = 0;
    for (int k = 0; k < 50; ++k) {
      rows.push_back(random_row(random, cols));
      count += rows.back().size();
      pattern.add_row(rows.back());
    }
    ASSERT_EQ(pattern.rows(), rows.size());
    EXPECT_EQ(pattern.count(), count);
    RowPattern copy;
    ASSERT_TRUE(copy.assign(cols, {pattern.slots().begin(), pattern.slots().end()}, {pattern.words().begin(), pattern.words().end()}));
    EXPECT_EQ(copy.count(), count);
    for (std::size_t k = 0; k < rows.size(); ++k) {
      EXPECT_EQ(columns_of(pattern, k), rows[k]);
      EXPECT_EQ(columns_of(copy, k), rows[k]);
    }
  }
}

TEST(RowPattern, PartsOneBehindTheOtherAreThePatternOfAll) {
  std::mt19937 random(2);
  for (const std::uint32_t cols : {1u, 64u, 65u, 200u}) {
    SCOPED_TRACE(cols);
    RowPattern whole(cols), joined(cols);
    for (const int rows : {0, 3, 1, 20}) {
      RowPattern part(cols);
      for (int k = 0; k < rows; ++k) {
        const Columns row = random_row(random, cols);
        whole.add_row(row);
        part.add_row(row);
      }
      joined.append(part);
    }
    EXPECT_EQ(joined.count(), whole.count());
    EXPECT_TRUE(std::equal(whole.slots().begin(), whole.slots().end(), joined.slots().begin(), joined.slots().end()));
    EXPECT_TRUE(std::equal(whole.words().begin(), whole.words().end(), joined.words().begin(), joined.words().end()));
  }
}

TEST(RowPattern, TakesLittleMemory) {
  constexpr std::uint32_t cols = 16384;
  Columns all(cols), but_one;
  for (std::uint32_t col = 0; col < cols; ++col) all[col] = col;
  but_one.assign(all.begin() + 1, all.end());
  RowPattern full(cols), partial(cols);
  for (int k = 0; k < 1000; ++k) {
    full.add_row(all);
    partial.add_row(but_one);
  }
  EXPECT_LE(full.bytes(), 4 * (1000 + cols));
  EXPECT_LE(partial.bytes(), 4 * (1000 + cols) + 1000 * cols / 8);
}

TEST(RowPattern, PartsThatAreNoneAreRefused) {
  constexpr std::uint32_t full = RowPattern::full_row;
  RowPattern pattern;
  EXPECT_TRUE(pattern.assign(70, {0, full, 1}, {1, 2, 3, 4}));
  EXPECT_FALSE(pattern.assign(70, {0, full, 1}, {1, 2, 3})) << "too few words";
  EXPECT_FALSE(pattern.assign(70, {0, full}, {1, 2, 3, 4})) << "too many";
  EXPECT_FALSE(pattern.assign(70, {1, full, 0}, {1, 2, 3, 4})) << "out of order";
  EXPECT_FALSE(pattern.assign(70, {0, full, 1}, {1, 2, 3, 64})) << "column 70 of 70";
}

}  // namespace
}  // namespace sedma::runtime

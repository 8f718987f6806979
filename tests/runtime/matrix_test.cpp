#include "runtime/matrix.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "tests/runtime/matrix_testing.h"

namespace sedma::runtime {
namespace {

using Entries = std::vector<Matrix::Entry>;
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr double not_a_number = std::numeric_limits<double>::quiet_NaN();

TEST(Matrix, SortsEntriesIntoRows) {
  const auto matrix = Matrix::from_entries("m", 3, 4, {{2, 3, 5}, {0, 1, 1}, {2, 0, 4}, {0, 3, 2}});
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(matrix->name(), "m");
  EXPECT_EQ(matrix->rows(), 3u);
  EXPECT_EQ(matrix->cols(), 4u);
  EXPECT_EQ(matrix->nonzeros(), 4u);
  EXPECT_EQ(std::vector(matrix->row_offsets().begin(), matrix->row_offsets().end()), (std::vector<std::size_t>{0, 2, 2, 4}));
  EXPECT_EQ(std::vector(matrix->columns().begin(), matrix->columns().end()), (std::vector<std::uint32_t>{1, 3, 0, 3}));
  EXPECT_EQ(std::vector(matrix->values().begin(), matrix->values().end()), (std::vector<double>{1, 2, 4, 5}));
}

TEST(Matrix, SumsDuplicatesInTheOrderGiven) {
  // In double precision 1 + 1e16 - 1e16 is 0 and 1e16 - 1e16 + 1 is 1: the order shows.
  const auto lost = Matrix::from_entries("m", 1, 2, {{0, 0, 1}, {0, 1, 7}, {0, 0, 1e16}, {0, 0, -1e16}});
  const auto kept = Matrix::from_entries("m", 1, 2, {{0, 0, 1e16}, {0, 0, -1e16}, {0, 1, 7}, {0, 0, 1}});
  ASSERT_TRUE(succeeds(lost));
  ASSERT_TRUE(succeeds(kept));
  EXPECT_EQ(dense(*lost), (std::vector<double>{0, 7}));
  EXPECT_EQ(dense(*kept), (std::vector<double>{1, 7}));
}

TEST(Matrix, ManyDuplicatesToo) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> any;
  Entries entries(3000);
  std::vector<double> sums(9);
  for (auto& entry : entries) {
    entry = {static_cast<std::uint32_t>(random() % 3), static_cast<std::uint32_t>(random() % 3), any(random)};
    sums[entry.row * 3 + entry.col] += entry.value;
  }
  const auto matrix = Matrix::from_entries("m", 3, 3, entries);
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(bits(dense(*matrix)), bits(sums)) << "another order of the sum gives other bits";
}

TEST(Matrix, DropsZerosAlsoThoseThatSumsLeave) {
  const auto matrix = Matrix::from_entries("m", 2, 2, {{0, 0, 0.0}, {0, 1, -0.0}, {1, 0, 3}, {1, 0, -3}, {1, 1, 4.9e-324}});
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(matrix->nonzeros(), 1u);
  EXPECT_EQ(dense(*matrix), (std::vector<double>{0, 0, 0, 4.9e-324}));
}

TEST(Matrix, RefusesBadEntriesByName) {
  EXPECT_TRUE(fails(Matrix::from_entries("m", 2, 3, {{0, 0, 1}, {2, 1, 1}}), Code::out_of_range, "m: entry (row 2, column 1"));
  EXPECT_TRUE(fails(Matrix::from_entries("m", 2, 3, {{1, 3, 1}}), Code::out_of_range, "outside 2 x 3"));
  EXPECT_TRUE(fails(Matrix::from_entries("m", 2, 3, {{1, 2, not_a_number}}), Code::invalid_argument, "entry (row 1, column 2"));
  EXPECT_TRUE(fails(Matrix::from_entries("m", 2, 3, {{1, 2, -infinity}}), Code::invalid_argument, "is -inf"));
  EXPECT_TRUE(fails(Matrix::from_entries("m", 2, 3, {{1, 2, 1e308}, {1, 2, 1e308}}), Code::invalid_argument, "entry (row 1, column 2"));
  EXPECT_TRUE(fails(Matrix::from_entries("m", 0, 3, {}), Code::invalid_argument, "found 0 x 3"));
  EXPECT_TRUE(fails(Matrix::from_entries("m", 3, 0, {}), Code::invalid_argument, "found 3 x 0"));
}

TEST(Matrix, FromDenseDropsZerosAndChecks) {
  const auto matrix = Matrix::from_dense("m", 2, 3, std::vector<double>{0, 1, -0.0, 2, 0, 3});
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(matrix->nonzeros(), 3u);
  EXPECT_EQ(dense(*matrix), (std::vector<double>{0, 1, 0, 2, 0, 3}));
  EXPECT_TRUE(fails(Matrix::from_dense("m", 2, 3, std::vector<double>(5)), Code::invalid_argument, "needs 6 values, found 5"));
  EXPECT_TRUE(fails(Matrix::from_dense("m", 2, 2, std::vector<double>{0, 0, not_a_number, 0}), Code::invalid_argument, "row 1, column 0"));
  EXPECT_TRUE(fails(Matrix::from_dense("m", 0, 2, {}), Code::invalid_argument, "found 0 x 2"));
}

TEST(Matrix, CopyWindowFillsInZeros) {
  const auto matrix = Matrix::from_dense("m", 3, 4, std::vector<double>{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  ASSERT_TRUE(succeeds(matrix));
  std::vector<double> window(5, -1);
  matrix->copy_window(1, 2, 2, 2, window.data());
  EXPECT_EQ(window, (std::vector<double>{7, 8, 11, 12, -1})) << "and nothing behind the window is touched";
  matrix->copy_window(3, 4, 0, 0, window.data());
  EXPECT_EQ(window[0], 7);
}

TEST(MatrixDeathTest, AWindowBeyondTheShapeIsADefect) {
  const auto matrix = Matrix::from_dense("m", 2, 2, std::vector<double>{1, 2, 3, 4});
  ASSERT_TRUE(succeeds(matrix));
  std::vector<double> out(8);
  EXPECT_DEATH(matrix->copy_window(1, 0, 2, 2, out.data()), "check failed");
  EXPECT_DEATH(matrix->copy_window(0, 1, 2, UINT32_MAX, out.data()), "check failed");
  EXPECT_DEATH((void)matrix->multiply(std::vector<double>(3), out, 1), "check failed");
}

/// Random entries with duplicates, against a map and against a plain triple loop.
class RandomMatrix : public ::testing::TestWithParam<int> {};

TEST_P(RandomMatrix, AgreesWithAPlainModel) {
  std::mt19937_64 random(static_cast<unsigned>(GetParam()));
  const auto rows = static_cast<std::uint32_t>(1 + random() % 40);
  const auto cols = static_cast<std::uint32_t>(1 + random() % 40);
  Entries entries(random() % 300);
  std::map<std::pair<std::uint32_t, std::uint32_t>, double> model;
  for (auto& entry : entries) {
    entry.row = static_cast<std::uint32_t>(random() % rows);
    entry.col = static_cast<std::uint32_t>(random() % cols);
    entry.value = static_cast<double>(static_cast<int>(random() % 9) - 4) / 2;
    model[{entry.row, entry.col}] += entry.value;
  }
  std::erase_if(model, [](const auto& item) { return item.second == 0; });
  const auto matrix = Matrix::from_entries("r", rows, cols, entries);
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(matrix->nonzeros(), model.size());
  const std::vector<double> values = dense(*matrix);
  for (std::uint32_t row = 0; row < rows; ++row) {
    for (std::uint32_t col = 0; col < cols; ++col) {
      const auto found = model.find({row, col});
      ASSERT_EQ(values[row * cols + col], found == model.end() ? 0 : found->second) << row << ", " << col;
    }
  }
  const auto again = Matrix::from_dense("r", rows, cols, values);
  ASSERT_TRUE(succeeds(again));
  EXPECT_TRUE(same(*matrix, *again));

  const std::size_t batch = 3;
  std::vector<double> x(batch * cols), y(batch * rows, not_a_number);
  for (double& value : x) value = static_cast<double>(static_cast<int>(random() % 17) - 8);
  ASSERT_TRUE(matrix->multiply(x, y, batch).ok());
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::uint32_t row = 0; row < rows; ++row) {
      const double expected = std::inner_product(values.begin() + row * cols, values.begin() + (row + 1) * cols,
                                                 x.begin() + static_cast<std::ptrdiff_t>(b * cols), 0.0);
      ASSERT_EQ(y[b * rows + row], expected);  // halves and small integers: exact
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomMatrix, ::testing::Range(0, 50));

}  // namespace
}  // namespace sedma::runtime

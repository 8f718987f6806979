#pragma once
// Random dense matrices in files, and whether two sources are the same matrix to the bit.

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "runtime/matrix_file.h"
#include "runtime/matrix_source.h"
#include "runtime/session.h"
#include "tests/runtime/matrix_testing.h"

namespace sedma::runtime {

inline const ReadLimits stream_all{.held_values = 0};

inline std::uint32_t below(std::mt19937& random, std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); }

/// Row-major values with rows, columns and blocks of zeros among random ones.
inline std::vector<double> random_values(std::mt19937& random, std::uint32_t rows, std::uint32_t cols, bool narrow) {
  std::normal_distribution<double> normal;
  const std::uint32_t zeros = below(random, 4);  // 0: none
  std::vector<double> values(std::size_t{rows} * cols);
  for (std::uint32_t r = 0; r < rows; ++r)
    for (std::uint32_t c = 0; c < cols; ++c) {
      const bool empty = zeros != 0 && (r % 5 == zeros || c % 7 == zeros || (r / 8 + c / 8) % 3 == 0 || random() % 4 < zeros - 1);
      const double value = empty ? (random() % 2 == 0 ? 0.0 : -0.0) : normal(random);
      values[std::size_t{r} * cols + c] = narrow ? static_cast<double>(static_cast<float>(value)) : value;
    }
  return values;
}

inline std::vector<hsize_t> random_chunk(std::mt19937& random, std::uint32_t rows, std::uint32_t cols) {
  if (random() % 2 == 0) return {};
  return {1 + random() % rows, 1 + random() % cols};
}

inline std::vector<std::uint32_t> some(std::mt19937& random, std::uint32_t end) {
  std::vector<std::uint32_t> picked;
  const std::uint32_t step = 1 + below(random, 4), stop = 1 + below(random, end);
  for (std::uint32_t k = below(random, stop); k < stop; k += step) picked.push_back(k);
  return picked;
}

inline void expect_same(const MatrixSource& a, const MatrixSource& b, std::mt19937& random) {
  EXPECT_EQ(a.name(), b.name());
  ASSERT_EQ(a.rows(), b.rows());
  ASSERT_EQ(a.cols(), b.cols());
  EXPECT_EQ(a.nonzeros(), b.nonzeros());
  EXPECT_EQ(a.content(), b.content());
  EXPECT_EQ(bits(a.row_bounds()), bits(b.row_bounds()));
  std::vector<std::vector<double>> rows;
  std::vector<std::uint32_t> scratch_a, scratch_b;
  ASSERT_TRUE(succeeds(a.for_each_row([&](std::uint32_t row, const RowEntries& entries) {
    EXPECT_EQ(row, rows.size());
    rows.emplace_back(entries.values.begin(), entries.values.end());
    const auto columns = a.row_columns(row, scratch_a), others = b.row_columns(row, scratch_b);
    EXPECT_TRUE(std::equal(columns.begin(), columns.end(), others.begin(), others.end())) << "row " << row;
    EXPECT_TRUE(std::equal(columns.begin(), columns.end(), entries.columns.begin(), entries.columns.end())) << "row " << row;
    return Status();
  })));
  ASSERT_TRUE(succeeds(b.for_each_row([&](std::uint32_t row, const RowEntries& entries) {
    EXPECT_EQ(bits(entries.values), bits(rows[row])) << "row " << row;
    return Status();
  })));
  for (int k = 0; k < 10; ++k) {
    const auto some_rows = some(random, a.rows()), some_cols = some(random, a.cols());
    std::vector<double> out_a(some_rows.size() * some_cols.size(), 7), out_b(out_a);
    ASSERT_TRUE(succeeds(a.gather(some_rows, some_cols, out_a.data())));
    ASSERT_TRUE(succeeds(b.gather(some_rows, some_cols, out_b.data())));
    EXPECT_EQ(bits(out_a), bits(out_b));
  }
  const auto x = random_inputs(3, 2, a.cols());
  std::vector<double> y_a(2 * a.rows()), y_b(2 * a.rows());
  ASSERT_TRUE(succeeds(a.multiply(x, y_a, 2)));
  ASSERT_TRUE(succeeds(b.multiply(x, y_b, 2)));
  EXPECT_EQ(bits(y_a), bits(y_b));
}

}  // namespace sedma::runtime

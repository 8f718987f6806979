#include "kernels/product_matrix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/product_layout.h"

namespace sedma::kernels {
namespace {

std::vector<float> random_cells(std::size_t count, float top, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> cell(0, top);
  std::vector<float> cells(count);
  for (float& value : cells) value = cell(generator);
  return cells;
}

TEST(ProductMatrix, LayoutHasAPlaceForEveryCell) {
  for (const std::size_t rows : {1u, 2u, 7u, 8u}) {
    for (const std::size_t cols : {1u, 32u, 33u, 70u}) {
      std::vector<int> seen(layout::cells(rows, cols), 0);
      for (std::size_t r = 0; r < rows; ++r) {
        for (std::size_t c = 0; c < cols; ++c) ++seen.at(layout::index(rows, r, c));
      }
      for (const int count : seen) EXPECT_LE(count, 1);
    }
  }
}

TEST(ProductMatrix, WindowsKeepWhatWasSetAndNothingElseChanges) {
  for (const Path path : {Path::integer, Path::floating}) {
    constexpr std::uint32_t rows = 13, cols = 71;
    const double full = 1e-5, full_sd = 3e-7;
    ProductMatrix matrix(path, rows, cols, full, full_sd);
    std::vector<float> expected(rows * cols, 0), expected_sd(rows * cols, 0);
    for (unsigned round = 0; round < 20; ++round) {
      std::mt19937 generator(round);
      const auto row = static_cast<std::uint32_t>(generator() % rows), col = static_cast<std::uint32_t>(generator() % cols);
      const std::size_t height = 1 + generator() % (rows - row), width = 1 + generator() % (cols - col);
      const auto cells = random_cells(height * width, 1e-5f, round), sds = random_cells(height * width, 3e-7f, round + 100);
      matrix.set(row, col, {cells.data(), height, width});
      matrix.set_sd(row, col, {sds.data(), height, width});
      for (std::size_t r = 0; r < height; ++r) {
        for (std::size_t c = 0; c < width; ++c) {
          expected[(row + r) * cols + col + c] = cells[r * width + c];
          expected_sd[(row + r) * cols + col + c] = sds[r * width + c];
        }
      }
      std::vector<float> got(height * width), got_sd(height * width);
      matrix.get(row, col, {got.data(), height, width});
      for (std::size_t i = 0; i < got.size(); ++i) EXPECT_EQ(got[i], path == Path::integer ? on_grid(cells[i], full) : cells[i]);
    }
    std::vector<float> got(rows * cols), got_sd(rows * cols);
    matrix.get(0, 0, {got.data(), rows, cols});
    matrix.get_sd(0, 0, {got_sd.data(), rows, cols});
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_NEAR(got[i], expected[i], path == Path::integer ? 0.501 * full / 32767 : 0);
      EXPECT_NEAR(std::sqrt(got_sd[i] / full_sd), std::sqrt(expected_sd[i] / full_sd), 0.5001 / 255);
    }
  }
}

TEST(ProductMatrix, GridIsClippedRoundedAndItsOwnFixedPoint) {
  const double full = 2e-5;
  EXPECT_EQ(on_grid(0, full), 0);
  EXPECT_EQ(on_grid(-1e-6f, full), 0);
  EXPECT_EQ(on_grid(std::numeric_limits<float>::quiet_NaN(), full), 0);
  EXPECT_FLOAT_EQ(on_grid(2e-5f, full), 2e-5f);
  EXPECT_FLOAT_EQ(on_grid(1, full), 2e-5f);
  EXPECT_FLOAT_EQ(on_grid(std::numeric_limits<float>::infinity(), full), 2e-5f);
  for (const float siemens : random_cells(1000, 2e-5f, 1)) {
    const float stored = on_grid(siemens, full);
    EXPECT_NEAR(stored, siemens, 0.501 * full / 32767);
    EXPECT_EQ(on_grid(stored, full), stored);
  }
}

TEST(ProductMatrix, TakesTwoBytesACellAndOneForItsDeviation) {
  EXPECT_EQ(ProductMatrix(Path::integer, 64, 64, 1).bytes(), 64u * 64 * 2);
  EXPECT_EQ(ProductMatrix(Path::integer, 64, 64, 1, 1).bytes(), 64u * 64 * 3);
  EXPECT_EQ(ProductMatrix(Path::floating, 64, 64, 1).bytes(), 64u * 64 * 4);
  EXPECT_FALSE(ProductMatrix(Path::floating, 64, 64, 1).has_sd());
  EXPECT_EQ(ProductMatrix().bytes(), 0u);
}

}  // namespace
}  // namespace sedma::kernels

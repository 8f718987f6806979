// Several matrices on one board.

#include "runtime/diagonal_source.h"

#include <gtest/gtest.h>

#include <numeric>

#include "runtime/gallery.h"
#include "support.h"

namespace sedma::runtime {
namespace {

struct Three {
  Matrix a = test::random_matrix(9, 14, 0.4, 1), b = test::random_matrix(30, 25, 0.1, 2), c = test::random_matrix(5, 3, 1.0, 3);
  std::vector<const MatrixSource*> each = {&a, &b, &c};
  std::unique_ptr<MatrixSource> all = std::move(diagonal_of(each)).value();
};

TEST(Diagonal, HoldsEveryMatrixInItsPlaceAndNothingElse) {
  const Three m;
  EXPECT_EQ(m.all->rows(), 44u);
  EXPECT_EQ(m.all->cols(), 42u);
  EXPECT_EQ(m.all->nonzeros(), m.a.nonzeros() + m.b.nonzeros() + m.c.nonzeros());
  std::vector<std::uint32_t> rows(44), cols(42);
  std::iota(rows.begin(), rows.end(), 0u);
  std::iota(cols.begin(), cols.end(), 0u);
  std::vector<double> values(44 * 42, -1), expected(44 * 42, 0);
  ASSERT_TRUE(m.all->gather(rows, cols, values.data()).ok());
  std::uint32_t row = 0, col = 0;
  for (const MatrixSource* matrix : m.each) {
    const auto place = [&](std::uint32_t r, const RowEntries& entries) -> Status {
      for (std::size_t k = 0; k < entries.columns.size(); ++k) expected[(row + r) * 42 + col + entries.columns[k]] = entries.values[k];
      return {};
    };
    ASSERT_TRUE(matrix->for_each_row(place).ok());
    row += matrix->rows();
    col += matrix->cols();
  }
  EXPECT_EQ(values, expected);
  // A whole that was made in one piece is the same matrix.
  const Matrix whole = std::move(Matrix::from_dense("whole", 44, 42, expected)).value();
  EXPECT_EQ(m.all->content(), whole.content());
  std::vector<std::uint32_t> scratch, other;
  for (std::uint32_t r = 0; r < 44; ++r) {
    const auto mine = m.all->row_columns(r, scratch), theirs = whole.row_columns(r, other);
    EXPECT_TRUE(std::equal(mine.begin(), mine.end(), theirs.begin(), theirs.end())) << r;
    EXPECT_EQ(m.all->row_bounds()[r], whole.row_bounds()[r]);
  }
  std::vector<double> some(4);
  ASSERT_TRUE(m.all->gather(std::vector<std::uint32_t>{8, 9}, std::vector<std::uint32_t>{13, 14}, some.data()).ok());
  EXPECT_EQ(some, (std::vector<double>{expected[8 * 42 + 13], 0, 0, expected[9 * 42 + 14]}));
}

TEST(Diagonal, OfOneIsThatMatrix) {
  const Matrix a = test::random_matrix(9, 14, 0.4, 1);
  const MatrixSource* const one[] = {&a};
  const auto alone = diagonal_of(one);
  ASSERT_TRUE(alone.ok());
  EXPECT_EQ((*alone)->content(), a.content());
  EXPECT_EQ((*alone)->name(), a.name());
}

TEST(Diagonal, RefusesNothingAndTooMuch) {
  EXPECT_EQ(diagonal_of({}).status().code(), Code::invalid_argument);
  const auto large = open_gallery("gallery:random?rows=1&cols=1500000000&density=1e-9");
  ASSERT_TRUE(large.ok()) << large.status().to_string();
  const MatrixSource* const two[] = {large->get(), large->get()};
  EXPECT_EQ(diagonal_of(two).status().code(), Code::invalid_argument);
}

class DiagonalPlans : public ::testing::TestWithParam<Partition> {};

TEST_P(DiagonalPlans, NoTileCrossesABorderAndTilesAreThoseOfTheMatricesAlone) {
  const Three m;
  Choice choice;
  choice.partition = GetParam();
  const Geometry geometry{8, 12, false};
  const Plan plan = make_plan(*m.all, geometry, choice).value();
  ASSERT_EQ(plan.roots.size(), 3u);
  std::size_t t = 0;
  std::uint32_t row = 0, col = 0;
  for (std::size_t part = 0; part < m.each.size(); ++part) {
    EXPECT_EQ(plan.roots[part].content, m.each[part]->content());
    const Plan alone = make_plan(*m.each[part], geometry, choice).value();
    for (const Tile& tile : alone.tiles) {
      ASSERT_LT(t, plan.tiles.size());
      Tile moved = plan.tiles[t++];
      EXPECT_EQ(part_of(plan, moved), part);
      EXPECT_EQ(moved.block_row - plan.roots[part].block_row, tile.block_row);
      EXPECT_EQ(moved.block_col, tile.block_col);
      for (std::uint32_t& r : moved.rows) r -= row;
      for (std::uint32_t& c : moved.cols) c -= col;
      EXPECT_EQ(moved.rows, tile.rows);
      EXPECT_EQ(moved.cols, tile.cols);
    }
    row += m.each[part]->rows();
    col += m.each[part]->cols();
  }
  EXPECT_EQ(t, plan.tiles.size());
}

// Real cells, with noise of writing and of reading: the same bits, wherever the tiles lie.
TEST_P(DiagonalPlans, PartsMultiplyAsIfAlone) {
  const Three m;
  for (const char* arrays : {"64", "3"}) {  // all at once, and in turns
    const std::string uri = std::string("emulator:AlOx-HfO2?rows=8&cols=12&adc_bits=8&dac_bits=8&read_noise=0.02&arrays=") + arrays;
    const auto shared = test::open_device(uri);
    SessionOptions options;
    options.choice.partition = GetParam();
    options.choice.slices = 1;
    options.choice.passes = 5;
    auto together = Session::open(*shared, *m.all, options);
    ASSERT_TRUE(together.ok()) << together.status().to_string();
    std::uint64_t vectors = 0;
    for (const std::size_t part : {1u, 0u, 2u, 1u}) {
      const MatrixSource& matrix = *m.each[part];
      const std::vector<double> x = random_inputs(7 + part, 2, matrix.cols());
      const std::uint64_t conversions = together->multiplying().conversions;
      const auto y = together->multiply_part(part, x, 2);
      ASSERT_TRUE(y.ok()) << y.status().to_string();
      EXPECT_EQ(y->rows, matrix.rows());
      const auto device = test::open_device(uri);
      auto alone = Session::open(*device, matrix, options);
      ASSERT_TRUE(alone.ok());
      alone->continue_from(vectors, 0);
      const auto expected = alone->multiply(x, 2);
      ASSERT_TRUE(expected.ok());
      EXPECT_EQ(y->y, expected->y) << "part " << part << " on " << arrays << " arrays";
      EXPECT_EQ(together->multiplying().conversions - conversions, alone->multiplying().conversions) << "other tiles stand still";
      vectors += 2;
    }
    EXPECT_EQ(together->multiply_part(3, std::vector<double>(1), 1).status().code(), Code::out_of_range);
    EXPECT_EQ(together->multiply_part(2, std::vector<double>(4), 1).status().code(), Code::invalid_argument);
  }
}

INSTANTIATE_TEST_SUITE_P(Partitions, DiagonalPlans, ::testing::Values(Partition::fixed, Partition::grid, Partition::clustered));

}  // namespace
}  // namespace sedma::runtime

// Matrices from formulas: their entries, their moments, and that they are the same however they are asked for.
#include "runtime/gallery.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>

#include "runtime/matrix_file.h"
#include "tests/runtime/support.h"

namespace sedma::runtime {
namespace {

std::unique_ptr<MatrixSource> open(const std::string& reference) {
  auto matrix = open_matrix(reference);
  SEDMA_CHECK(matrix.ok(), matrix.status().to_string());
  return std::move(matrix).value();
}

Eigen::MatrixXd dense(const MatrixSource& matrix) {
  Eigen::MatrixXd all = Eigen::MatrixXd::Zero(matrix.rows(), matrix.cols());
  EXPECT_TRUE(matrix
                  .for_each_row([&](std::uint32_t row, const RowEntries& entries) {
                    for (std::size_t k = 0; k < entries.columns.size(); ++k) all(row, entries.columns[k]) = entries.values[k];
                    return Status();
                  })
                  .ok());
  return all;
}

TEST(Gallery, Fem9IsTheFiniteElementLaplacian) {
  const auto matrix = open("gallery:fem9?n=7");
  const Eigen::MatrixXd a = dense(*matrix);
  ASSERT_EQ(a.rows(), 49);
  EXPECT_TRUE(a.isApprox(a.transpose()));
  EXPECT_DOUBLE_EQ(a(24, 24), 8.0 / 3);
  EXPECT_NEAR(a.row(24).sum(), 0, 1e-14) << "an inner node";
  EXPECT_NEAR(a.row(0).sum(), 8.0 / 3 - 1, 1e-14) << "a corner has three neighbours";
  // Eigenvalues of bilinear elements: 4 (2 - cos a - cos b + (1 - cos a cos b)) / 3 ... from the symbol 8/3 - (2/3)(cos a + cos b + 2 cos a
  // cos b).
  const Eigen::VectorXd values = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(a).eigenvalues();
  const double c = std::cos(M_PI / 8), smallest = 8.0 / 3 - 2.0 / 3 * (2 * c + 2 * c * c);
  EXPECT_NEAR(values(0), smallest, 1e-12);
}

TEST(Gallery, Laplace5HasTheKnownSpectrum) {
  const Eigen::MatrixXd a = dense(*open("gallery:laplace5?n=6"));
  const Eigen::VectorXd values = Eigen::SelfAdjointEigenSolver<Eigen::MatrixXd>(a).eigenvalues();
  EXPECT_NEAR(values(0), 8 * std::pow(std::sin(M_PI / 14), 2), 1e-12);
  EXPECT_NEAR(values(35), 8 * std::pow(std::cos(M_PI / 14), 2), 1e-12);
}

TEST(Gallery, ThePublishedSizeTakesNoMemory) {
  const auto matrix = open("gallery:fem9?n=255");
  EXPECT_EQ(matrix->rows(), 65025u);
  EXPECT_EQ(matrix->nonzeros(), 253u * 253 * 9 + 4u * 253 * 6 + 4u * 4);
  EXPECT_LT(matrix->bytes(), 2u << 20);
}

TEST(Gallery, RandomHasItsDensityAndMoments) {
  const auto matrix = open("gallery:random?rows=400&cols=700&density=0.05&seed=3");
  const double cells = 400.0 * 700, expected = 0.05 * cells;
  EXPECT_NEAR(static_cast<double>(matrix->nonzeros()), expected, 5 * std::sqrt(expected * 0.95));
  const Eigen::MatrixXd a = dense(*matrix);
  EXPECT_NEAR(a.sum() / expected, 0, 5 / std::sqrt(expected));
  EXPECT_NEAR(a.squaredNorm() / expected, 1, 5 * std::sqrt(3 / expected));
  // No column is favoured: a chi-square over columns.
  double chi = 0;
  for (int col = 0; col < 700; ++col) chi += std::pow(static_cast<double>((a.col(col).array() != 0).count()) - 20, 2) / (20 * 0.95);
  EXPECT_NEAR(chi, 700, 5 * std::sqrt(1400.0));
  EXPECT_EQ(open("gallery:random?rows=30&cols=40&density=1")->nonzeros(), 1200u);
  EXPECT_NE(open("gallery:random?seed=1")->content(), open("gallery:random?seed=2")->content());
}

TEST(Gallery, IperturbIsWellConditioned) {
  const Eigen::MatrixXd a = dense(*open("gallery:iperturb?n=80&scale=0.1"));
  const Eigen::VectorXd values = a.jacobiSvd().singularValues();
  EXPECT_LT(values(0) / values(79), 1.6);
  EXPECT_GT(values(0) / values(79), 1.2);
  EXPECT_TRUE(dense(*open("gallery:iperturb?n=9&scale=0")).isIdentity(0));
}

TEST(Gallery, AnyWayOfAskingGivesTheSame) {
  for (const char* reference : {"gallery:fem9?n=9", "gallery:random?rows=33&cols=57&density=0.2", "gallery:iperturb?n=21"}) {
    const auto matrix = open(reference);
    const Eigen::MatrixXd a = dense(*matrix);
    std::vector<std::uint32_t> scratch;
    const std::vector<std::uint32_t> rows = {20, 3, 7}, cols = {0, 1, 5, 9, 20};
    std::vector<std::uint32_t> ascending = rows;
    std::sort(ascending.begin(), ascending.end());
    std::vector<double> window(ascending.size() * cols.size(), -1);
    ASSERT_TRUE(matrix->gather(ascending, cols, window.data()).ok());
    for (std::size_t i = 0; i < ascending.size(); ++i) {
      for (std::size_t j = 0; j < cols.size(); ++j) EXPECT_EQ(window[i * cols.size() + j], a(ascending[i], cols[j])) << reference;
      EXPECT_EQ(matrix->row_columns(ascending[i], scratch).size(), static_cast<std::size_t>((a.row(ascending[i]).array() != 0).count()));
    }
    EXPECT_EQ(matrix->content(), open(reference)->content());
  }
}

TEST(Gallery, RefusesByName) {
  const auto refused = [](const std::string& reference) {
    const auto matrix = open_matrix(reference);
    EXPECT_FALSE(matrix.ok()) << reference;
    EXPECT_EQ(matrix.status().code(), Code::invalid_argument) << reference;
    return matrix.status().to_string();
  };
  EXPECT_NE(refused("gallery:fem7").find("fem9, iperturb, laplace5, random"), std::string::npos);
  EXPECT_NE(refused("gallery:fem9?m=3").find("'m'"), std::string::npos);
  for (const char* reference : {"gallery:fem9?n=0", "gallery:fem9?n=46341", "gallery:random?density=0", "gallery:random?density=nan",
                                "gallery:random?rows=-1", "gallery:iperturb?scale=0.7", "gallery:"}) {
    refused(reference);
  }
}

}  // namespace
}  // namespace sedma::runtime

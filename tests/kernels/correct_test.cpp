#include "kernels/correct.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

namespace sedma::kernels {
namespace {

std::vector<double> random_vector(std::size_t n, unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<double> normal;
  std::vector<double> y(n);
  for (double& value : y) value = normal(generator);
  return y;
}

std::vector<double> denoised(std::vector<double> y, double lambda) {
  std::vector<double> scratch(y.size());
  denoise(y, lambda, scratch);
  return y;
}

// (I + lambda L^T L)^-1 y with L written out as the (n-1) x n first-difference matrix.
Eigen::VectorXd dense_solution(const std::vector<double>& y, double lambda) {
  const auto n = static_cast<Eigen::Index>(y.size());
  Eigen::MatrixXd differences = Eigen::MatrixXd::Zero(std::max<Eigen::Index>(n - 1, 0), n);
  for (Eigen::Index i = 0; i + 1 < n; ++i) {
    differences(i, i) = 1;
    differences(i, i + 1) = -1;
  }
  const Eigen::MatrixXd system = Eigen::MatrixXd::Identity(n, n) + lambda * differences.transpose() * differences;
  return system.ldlt().solve(Eigen::Map<const Eigen::VectorXd>(y.data(), n));
}

TEST(Denoise, EqualsTheDenseSolve) {
  for (const std::size_t n : {1u, 2u, 3u, 7u, 64u, 201u}) {
    for (const double lambda : {1e-6, 0.01, 1.0, 37.0, 1e6}) {
      const auto y = random_vector(n, static_cast<unsigned>(n));
      const auto expected = dense_solution(y, lambda);
      const auto actual = denoised(y, lambda);
      for (std::size_t i = 0; i < n; ++i) {
        EXPECT_NEAR(actual[i], expected(static_cast<Eigen::Index>(i)), 1e-9) << "n " << n << " lambda " << lambda << " i " << i;
      }
    }
  }
}

// Two values, by hand: [1 + l, -l; -l, 1 + l]^-1 [a, b] = [(1 + l) a + l b, l a + (1 + l) b] / (1 + 2 l).
TEST(Denoise, TwoValuesByHand) {
  const auto y = denoised({3, 1}, 0.5);
  EXPECT_DOUBLE_EQ(y[0], (1.5 * 3 + 0.5 * 1) / 2);
  EXPECT_DOUBLE_EQ(y[1], (0.5 * 3 + 1.5 * 1) / 2);
}

TEST(Denoise, ZeroLambdaChangesNoBit) {
  const auto y = random_vector(50, 1);
  EXPECT_EQ(denoised(y, 0), y);
}

TEST(Denoise, EmptyAndSingleAreLeftAlone) {
  EXPECT_EQ(denoised({}, 1), std::vector<double>{});
  EXPECT_EQ(denoised({5}, 1e9), std::vector<double>{5});
}

TEST(Denoise, KeepsConstantsAndTheSum) {
  for (const double value : denoised(std::vector<double>(33, 2.5), 10)) EXPECT_NEAR(value, 2.5, 1e-13);
  const auto y = random_vector(500, 2);
  for (const double lambda : {0.1, 10.0, 1e8}) {
    const auto smooth = denoised(y, lambda);
    EXPECT_NEAR(std::accumulate(smooth.begin(), smooth.end(), 0.0), std::accumulate(y.begin(), y.end(), 0.0), 1e-8) << lambda;
  }
}

// The limit is the mean; the textbook elimination divides by zero here.
TEST(Denoise, HugeLambdaGivesTheMean) {
  for (const double lambda : {1e15, 1e17, 1e25, 1e200, 1e307}) {
    for (const double value : denoised({1, 2, 3, 6}, lambda)) EXPECT_NEAR(value, 3, 1e-9) << lambda;
  }
}

// What smoothing is for: a smooth signal under 10 % noise loses a good part of it, a rough one is destroyed.
TEST(Denoise, HelpsSmoothAndHurtsRough) {
  const std::size_t n = 400;
  const auto noise = random_vector(n, 3);
  std::vector<double> smooth(n), noisy(n);
  for (std::size_t i = 0; i < n; ++i) {
    smooth[i] = std::sin(static_cast<double>(i) / 40);
    noisy[i] = smooth[i] + 0.07 * noise[i];
  }
  const auto error = [&](const std::vector<double>& y, const std::vector<double>& truth) {
    double sum = 0;
    for (std::size_t i = 0; i < n; ++i) sum += (y[i] - truth[i]) * (y[i] - truth[i]);
    return std::sqrt(sum / static_cast<double>(n));
  };
  EXPECT_LT(error(denoised(noisy, 1), smooth), 0.7 * error(noisy, smooth));
  const auto rough = random_vector(n, 4);
  EXPECT_GT(error(denoised(rough, 1), rough), 0.5);
}

}  // namespace
}  // namespace sedma::kernels

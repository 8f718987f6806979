#include "kernels/denoise_risk.h"

#include <gtest/gtest.h>

#include <Eigen/Dense>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/correct.h"
#include "tests/kernels/allocation_count.h"

namespace sedma::kernels {
namespace {

using Eigen::Index, Eigen::MatrixXd, Eigen::VectorXd;

struct Case {
  std::vector<double> p, sd;
};

Case random_case(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<double> normal;
  Case c;
  for (std::size_t i = 0; i < n; ++i) {
    c.p.push_back(normal(random) + std::sin(static_cast<double>(i) / 5));
    c.sd.push_back(0.1 * std::exp(normal(random)));
  }
  return c;
}

RiskLanes risks(const Case& c, const RiskLanes& lambdas) {
  std::vector<double> scratch(denoise_risk_scratch(c.p.size()));
  return denoise_risk(c.p, c.sd, lambdas, scratch);
}

double risk_error(const Case& c, double lambda) {
  std::vector<double> scratch(denoise_risk_scratch(c.p.size()));
  return denoise_risk_error(c.p, c.sd, lambda, scratch);
}

VectorXd vector_of(const std::vector<double>& values) {
  return Eigen::Map<const VectorXd>(values.data(), static_cast<Index>(values.size()));
}

// I - S with S = (I + lambda L^T L)^-1 written out.
MatrixXd removed_part(Index n, double lambda) {
  MatrixXd differences = MatrixXd::Zero(std::max<Index>(n - 1, 0), n);
  for (Index i = 0; i + 1 < n; ++i) {
    differences(i, i) = 1;
    differences(i, i + 1) = -1;
  }
  const MatrixXd one = MatrixXd::Identity(n, n), system = one + lambda * differences.transpose() * differences;
  return one - system.ldlt().solve(one);
}

constexpr RiskLanes many = {0, 1e-4, 0.01, 0.3, 1, 20, 1e3, 1e5};

TEST(DenoiseRisk, EqualsTheDenseFormulas) {
  for (const std::size_t n : {1u, 2u, 3u, 17u, 64u}) {
    const Case c = random_case(n, static_cast<unsigned>(n));
    const RiskLanes found = risks(c, many);
    const VectorXd p = vector_of(c.p), variance = vector_of(c.sd).array().square();
    for (std::size_t l = 0; l < risk_lanes; ++l) {
      const MatrixXd b = removed_part(static_cast<Index>(n), many[l]);
      const double expected = (b * p).squaredNorm() - 2 * b.diagonal().dot(variance);
      EXPECT_NEAR(found[l], expected, 1e-10 * p.squaredNorm()) << "n " << n << " lambda " << many[l];
      const MatrixXd twice = b * b * variance.asDiagonal();
      const double trace = (twice * twice).trace(),
                   weighted = (variance.array().sqrt().matrix().asDiagonal() * (b * (b * p))).squaredNorm();
      const double error = std::sqrt(std::max(4 * weighted - 2 * trace, 2 * trace));
      EXPECT_NEAR(risk_error(c, many[l]), error, 1e-8 * error + 1e-9) << "n " << n << " lambda " << many[l];
    }
  }
}

TEST(DenoiseRisk, NothingChangesAtZeroOrForOneOutput) {
  const RiskLanes none = risks(random_case(40, 1), {});
  for (const double risk : none) EXPECT_EQ(risk, 0);
  for (const double risk : risks(random_case(1, 1), many)) EXPECT_EQ(risk, 0);
  EXPECT_EQ(risk_error(random_case(40, 1), 0), 0);
}

// For small lambda the change is -2 lambda tr(L^T L Sigma), to first order: found to many digits, not as a difference of large numbers.
TEST(DenoiseRisk, SmallLambdasKeepTheirDigits) {
  const std::size_t n = 100;
  const Case c{std::vector<double>(n, 1.0), std::vector<double>(n, 0.1)};
  const double first_order = 2 * 1e-9 * (2.0 * n - 2) * 0.01;
  EXPECT_NEAR(risks(c, {1e-9})[0], -first_order, 1e-6 * first_order);
}

// Over the noise the estimate's mean is that of what really happens, and its scatter is what the standard error says.
TEST(DenoiseRisk, IsUnbiasedWithTheScatterThatItTells) {
  const std::size_t n = 50, trials = 20000;
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  Case c;
  std::vector<double> y(n), scratch(denoise_risk_scratch(n)), work(n);
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = std::sin(static_cast<double>(i) / 3);
    c.sd.push_back(0.1 + 0.4 * static_cast<double>(i % 7) / 6);
  }
  c.p.resize(n);
  for (const double lambda : {0.05, 1.0, 30.0}) {
    double estimate = 0, squares = 0, bias = 0, bias_squares = 0, told = 0;
    for (std::size_t t = 0; t < trials; ++t) {
      double before = 0, after = 0;
      for (std::size_t i = 0; i < n; ++i) {
        const double noise = c.sd[i] * normal(random);
        c.p[i] = y[i] + noise;
        before += noise * noise;
      }
      work = c.p;
      denoise(work, lambda, scratch);
      for (std::size_t i = 0; i < n; ++i) after += (work[i] - y[i]) * (work[i] - y[i]);
      const double risk = denoise_risk(c.p, c.sd, {lambda}, scratch)[0];
      estimate += risk / trials;
      squares += risk * risk / trials;
      const double off = risk - (after - before);
      bias += off / trials;
      bias_squares += off * off / trials;
      told += std::pow(denoise_risk_error(c.p, c.sd, lambda, scratch), 2) / trials;
    }
    const double scatter = squares - estimate * estimate;
    EXPECT_NEAR(bias, 0, 4 * std::sqrt(bias_squares / trials)) << lambda;
    EXPECT_GT(told / scatter, 0.95) << lambda;  // its lower bound makes it too large on the average, where y is smooth
    EXPECT_LT(told / scatter, 1.4) << lambda;
  }
}

TEST(DenoiseRisk, HugeAndTinyLambdasAreFinite) {
  const Case c = random_case(300, 3);
  const RiskLanes lambdas = {1e-300, 1e-30, 1e12, 1e15, 1e17, 1e25, 1e200, 1e307};
  const RiskLanes found = risks(c, lambdas);
  for (std::size_t l = 0; l < risk_lanes; ++l) {
    EXPECT_TRUE(std::isfinite(found[l])) << lambdas[l];
    EXPECT_TRUE(std::isfinite(risk_error(c, lambdas[l]))) << lambdas[l];
  }
}

TEST(DenoiseRisk, AllocatesNothing) {
  const Case c = random_case(200, 4);
  std::vector<double> scratch(denoise_risk_scratch(200));
  const auto before = allocations();
  const RiskLanes found = denoise_risk(c.p, c.sd, many, scratch);
  const double error = denoise_risk_error(c.p, c.sd, 1, scratch);
  EXPECT_EQ(allocations(), before);
  EXPECT_NE(found[4], error);
}

}  // namespace
}  // namespace sedma::kernels

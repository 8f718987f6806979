// The table of variates against the law, and against samples made in another way.

#include "kernels/variance_gamma.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/random.h"
#include "tests/kernels/moments.h"

namespace sedma::kernels {
namespace {

constexpr std::size_t samples = 200000;

std::vector<double> table_samples(double shape) {
  const VarianceGammaTable& table = variance_gamma_table(shape);
  std::vector<double> x(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    const auto words = philox({3}, Use::test, static_cast<std::uint32_t>(i / 4), 0);
    x[i] = static_cast<double>(table(words[i % 4]));
  }
  return x;
}

std::vector<double> independent_samples(double shape) {
  std::mt19937_64 generator(17);
  std::gamma_distribution<double> variance(shape, 1 / shape);
  std::normal_distribution<double> normal;
  std::vector<double> x(samples);
  for (double& v : x) {
    const double sd = std::sqrt(variance(generator));
    v = sd * normal(generator);
  }
  return x;
}

/// Largest distance between the distribution functions of two samples.
double distance(std::vector<double> a, std::vector<double> b) {
  // Values nearer to 0 than the table resolves are 0 in one and tiny in the other.
  for (auto* x : {&a, &b}) {
    for (double& v : *x) v = std::abs(v) < 1e-6 ? 0 : v;
    std::sort(x->begin(), x->end());
  }
  double most = 0;
  for (std::size_t i = 0, j = 0; i < a.size() && j < b.size();) {
    const double at = std::min(a[i], b[j]);
    while (i < a.size() && a[i] == at) ++i;
    while (j < b.size() && b[j] == at) ++j;
    most = std::max(most, std::abs(static_cast<double>(i) / samples - static_cast<double>(j) / samples));
  }
  return most;
}

TEST(VarianceGamma, SamplesAreThoseOfAGammaVarianceTimesANormal) {
  for (const double shape : {0.02, 0.08, 0.3, 1.0, 5.0, 50.0})
    EXPECT_LT(distance(table_samples(shape), independent_samples(shape)), 2.2 * std::sqrt(2.0 / samples)) << shape;
}

TEST(VarianceGamma, ShapeOneIsTheLaplaceLaw) {
  const VarianceGammaTail tail(1);
  for (const double x : {0.01, 0.3, 1.0, 4.0, 10.0}) EXPECT_NEAR(tail(x) / std::exp(-std::sqrt(2.0) * x), 1, 1e-9) << x;
}

// Moments of the table by its own straight pieces: the integral of x^n over t.
double table_moment(const VarianceGammaTable& table, int power) {
  double sum = 0;
  constexpr std::uint32_t pieces = VarianceGammaTable::octaves << VarianceGammaTable::piece_bits;
  const auto node = [](std::uint32_t i) {
    return static_cast<double>(std::bit_cast<float>(VarianceGammaTable::first_bits + (i << VarianceGammaTable::index_shift)));
  };
  for (std::uint32_t i = 0; i < pieces; ++i) {
    const auto a = static_cast<double>(table.values()[i]), b = static_cast<double>(table.values()[i + 1]);
    double mean = 0;
    for (int j = 0; j <= power; ++j) mean += std::pow(a, power - j) * std::pow(b, j) / (power + 1);
    sum += mean * (node(i + 1) - node(i));
  }
  return sum;
}

TEST(VarianceGamma, MomentsOfTheTableAreThoseOfTheLaw) {
  for (const double shape : {0.001, 0.02, 0.08, 0.3, 1.0, 5.0, 50.0, 300.0}) {
    const VarianceGammaTable& table = variance_gamma_table(shape);
    EXPECT_NEAR(table_moment(table, 2), 1, 1e-3) << shape;
    EXPECT_NEAR(table_moment(table, 4) / (3 + 3 / shape), 1, 3e-3) << shape;
  }
}

TEST(VarianceGamma, TheTableLiesOnTheLawFarIntoTheTail) {
  for (const double shape : {0.02, 0.3, 5.0}) {
    const VarianceGammaTail tail(shape);
    const VarianceGammaTable& table = variance_gamma_table(shape);
    for (const std::uint32_t word : {3u, 1000u, 1u << 20, 1u << 25, 123456789u, 1u << 30}) {
      const double t = (std::floor(word / 2.0) + 0.5) * 0x1p-31;
      const auto x = std::abs(static_cast<double>(table(word)));
      if (x < 1e-3) continue;  // pieces are straight in x, the law is not so near to 0
      EXPECT_NEAR(tail(x) / t, 1, 2e-3) << shape << ", t " << t;
    }
  }
}

TEST(VarianceGamma, LowestBitIsTheSignAndExtremeWordsAreFinite) {
  const VarianceGammaTable& table = variance_gamma_table(0.1);
  for (const std::uint32_t word : {0u, 2u, 4096u, 0xfffffffeu, 0x7ffffffeu}) {
    EXPECT_TRUE(std::isfinite(table(word)));
    EXPECT_GE(table(word), 0);
    EXPECT_EQ(table(word | 1u), -table(word));
  }
  EXPECT_GT(table(0), table(2));
  EXPECT_EQ(table(0xfffffffeu), 0);
}

}  // namespace
}  // namespace sedma::kernels

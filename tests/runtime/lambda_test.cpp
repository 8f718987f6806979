#include "runtime/memory/lambda.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "kernels/correct.h"

namespace sedma::runtime {
namespace {

using Numbers = std::vector<double>;

constexpr LambdaRule adaptive{true, 0, 0};

double norm(const Numbers& a, const Numbers& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return std::sqrt(sum);
}

double rms(const Numbers& y) { return norm(y, Numbers(y.size(), 0.0)) / std::sqrt(static_cast<double>(y.size())); }

double lag1(const Numbers& y) {
  const double mean = std::accumulate(y.begin(), y.end(), 0.0) / static_cast<double>(y.size());
  double product = 0, squares = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    squares += (y[i] - mean) * (y[i] - mean);
    if (i > 0) product += (y[i] - mean) * (y[i - 1] - mean);
  }
  return product / squares;
}

class Source {
 public:
  explicit Source(unsigned seed) : random_(seed) {}
  double normal() { return normal_(random_); }
  double uniform() { return uniform_(random_); }
  /// y' = keep y + normal: white noise for 0, a random walk for 1.
  Numbers chain(std::size_t n, double keep) {
    Numbers y(n);
    double state = normal();
    for (double& v : y) v = state = keep * state + normal();
    return y;
  }
  Numbers sines(std::size_t n) {
    Numbers y(n, 0.0);
    for (int k = 0; k < 4; ++k) {
      const double size = normal(), phase = 6.3 * uniform(), turns = 4 * uniform() * 6.3 / static_cast<double>(n);
      for (std::size_t i = 0; i < n; ++i) y[i] += size * std::sin(phase + turns * static_cast<double>(i));
    }
    return y;
  }
  /// Sds of outputs: `level` of the rms of y, alike or spread by a factor of 2 up and down.
  Numbers noise(const Numbers& y, double level, bool spread) {
    Numbers sd(y.size());
    for (double& v : sd) v = spread ? std::exp(0.7 * normal()) : 1;
    const double scale = level * rms(y) / rms(sd);
    for (double& v : sd) v *= scale;
    return sd;
  }
  Numbers noisy(const Numbers& y, const Numbers& sd) {
    Numbers p(y);
    for (std::size_t i = 0; i < p.size(); ++i) p[i] += sd[i] * normal();
    return p;
  }

 private:
  std::mt19937 random_;
  std::normal_distribution<double> normal_;
  std::uniform_real_distribution<double> uniform_;
};

double error_with(double lambda, Numbers p, const Numbers& y) {
  Numbers scratch(p.size());
  kernels::denoise(p, lambda, scratch);
  return norm(p, y);
}

TEST(LambdaChooser, FixedIsFixed) {
  const LambdaUse use = LambdaChooser().choose(Numbers(5, 1.0), {}, {false, 0.25, 9});
  EXPECT_EQ(use.lambda, 0.25);
  EXPECT_EQ(use.reason, LambdaReason::fixed);
}

TEST(LambdaChooser, FewOutputsAndUnknownNoiseGiveZero) {
  LambdaChooser chooser;
  for (const std::size_t n : {0u, 1u, 2u, 31u}) {
    const LambdaUse use = chooser.choose(Numbers(n, 1.0), Numbers(n, 0.1), adaptive);
    EXPECT_EQ(use.lambda, 0) << n;
    EXPECT_EQ(use.reason, LambdaReason::few_outputs) << n;
  }
  EXPECT_EQ(chooser.choose(Numbers(50, 1.0), {}, adaptive).reason, LambdaReason::noise_unknown);
  Numbers sd(50, 0.1);
  sd[7] = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(chooser.choose(Numbers(50, 1.0), sd, adaptive).reason, LambdaReason::noise_unknown);
}

TEST(LambdaChooser, WithoutNoiseNothingIsSmoothed) {
  Source source(1);
  const LambdaUse use = LambdaChooser().choose(source.sines(100), Numbers(100, 0.0), adaptive);
  EXPECT_EQ(use.lambda, 0);
  EXPECT_EQ(use.reason, LambdaReason::no_gain);
  EXPECT_EQ(LambdaChooser().choose(Numbers(100, 0.0), Numbers(100, 0.0), adaptive).lambda, 0);
}

TEST(LambdaChooser, ThirtyTwoOutputsAreEnough) {
  Source source(2);
  const Numbers y(32, 1.0), sd(32, 0.1);
  const LambdaUse use = LambdaChooser().choose(source.noisy(y, sd), sd, adaptive);
  EXPECT_GT(use.lambda, 1);
  EXPECT_EQ(use.reason, LambdaReason::short_term);
  EXPECT_LT(use.risk_change, -2 * use.standard_error);
}

// Any unit gives the same lambda, far beyond where squares can be written.
TEST(LambdaChooser, ScaleDoesNotMatter) {
  Source source(3);
  const Numbers y = source.sines(200), sd = source.noise(y, 0.1, true), p = source.noisy(y, sd);
  const double expected = LambdaChooser().choose(p, sd, adaptive).lambda;
  EXPECT_GT(expected, 0);
  for (const double scale : {std::ldexp(1.0, 900), std::ldexp(1.0, -900)}) {
    Numbers p_scaled(p), sd_scaled(sd);
    for (double& v : p_scaled) v *= scale;
    for (double& v : sd_scaled) v *= scale;
    EXPECT_DOUBLE_EQ(LambdaChooser().choose(p_scaled, sd_scaled, adaptive).lambda, expected) << scale;
  }
  Numbers wild(p);
  wild[3] = 1e300;
  EXPECT_EQ(LambdaChooser().choose(wild, sd, adaptive).lambda, 0);
}

TEST(LambdaChooser, TheSameBackwards) {
  Source source(4);
  Numbers y = source.chain(300, 1), sd = source.noise(y, 0.1, true), p = source.noisy(y, sd);
  const double expected = LambdaChooser().choose(p, sd, adaptive).lambda;
  std::reverse(p.begin(), p.end());
  std::reverse(sd.begin(), sd.end());
  EXPECT_DOUBLE_EQ(LambdaChooser().choose(p, sd, adaptive).lambda, expected);
}

// Smooth outputs in any other order are rough ones: nothing is smoothed then.
TEST(LambdaChooser, OrderIsWhatSmoothMeans) {
  Source source(5);
  Numbers y = source.sines(400), sd = source.noise(y, 0.1, false), p = source.noisy(y, sd);
  EXPECT_GT(LambdaChooser().choose(p, sd, adaptive).lambda, 1);
  std::shuffle(p.begin(), p.end(), std::mt19937(6));
  EXPECT_LT(LambdaChooser().choose(p, sd, adaptive).lambda, 0.02);
}

TEST(LambdaChooser, ABlendIsTakenOnlyWhereTheRiskAgrees) {
  Source source(7);
  const Numbers y = source.sines(400), sd = source.noise(y, 0.1, false), p = source.noisy(y, sd);
  LambdaChooser chooser;
  const double short_term = chooser.choose(p, sd, adaptive).lambda;
  const LambdaUse near = chooser.choose(p, sd, {true, 1.5 * short_term, 3});
  EXPECT_EQ(near.reason, LambdaReason::blended);
  const double expected = std::exp(0.75 * std::log(1.5 * short_term + 1e-6) + 0.25 * std::log(short_term + 1e-6)) - 1e-6;
  EXPECT_NEAR(near.lambda, expected, 1e-9 * expected);
  for (const double wrong : {0.0, 1e9}) {
    const LambdaUse far = chooser.choose(p, sd, {true, wrong, 1000});
    EXPECT_EQ(far.reason, LambdaReason::disagreeing) << wrong;
    EXPECT_EQ(far.lambda, short_term) << wrong;
  }
  // What served elsewhere does not smooth rough outputs, however often it did.
  const Numbers rough = source.chain(400, 0), rough_sd = source.noise(rough, 0.01, false);
  EXPECT_LT(chooser.choose(source.noisy(rough, rough_sd), rough_sd, {true, 10, 1e9}).lambda, 1e-3);
}

struct Score {
  Numbers ratios;
  std::array<std::size_t, 4> worse{};
};

constexpr std::array<double, 4> fixed_lambdas = {1e-12, 1e-3, 1e-1, 1};

void play(Source& source, const Numbers& y, double level, bool spread, Score& score) {
  const Numbers sd = source.noise(y, level, spread), p = source.noisy(y, sd);
  const double error = error_with(LambdaChooser().choose(p, sd, adaptive).lambda, p, y);
  score.ratios.push_back(error / error_with(0, p, y));
  for (std::size_t f = 0; f < fixed_lambdas.size(); ++f)
    if (error > 1.02 * error_with(fixed_lambdas[f], p, y)) ++score.worse[f];
}

double mean(const Numbers& values) { return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size()); }

double nearest_rank(Numbers values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1];
}

// Lag-1 autocorrelation of at least 0.95, 10 % noise: a third less error. A random walk of 66 steps is at the border of what is smooth:
// the best linear filter there is gains 10 to 20 %, so those are held to the mean of all.
TEST(LambdaBars, SmoothOutputsLoseAThirdOfTheirError) {
  Source source(11);
  Score score;
  for (int trial = 0; trial < 300; ++trial)
    for (const std::size_t n : {66u, 200u, 500u}) {
      const Numbers y = trial % 2 == 0 ? source.sines(n) : source.chain(n, 1);
      if (lag1(y) >= 0.95) play(source, y, 0.1, trial % 4 >= 2, score);
    }
  ASSERT_GT(score.ratios.size(), 400u);
  EXPECT_LE(mean(score.ratios), 0.7);
  EXPECT_LE(nearest_rank(score.ratios, 0.99), 1.02);
}

TEST(LambdaBars, RoughOutputsLoseNothing) {
  Source source(12);
  for (const double level : {0.001, 0.01, 0.1, 0.3}) {
    Score score;
    for (int trial = 0; trial < 200; ++trial)
      for (const std::size_t n : {200u, 500u}) play(source, source.chain(n, 0.5 * source.uniform()), level, trial % 2 == 0, score);
    EXPECT_LE(mean(score.ratios), 1.003) << level;
    EXPECT_LE(nearest_rank(score.ratios, 0.99), 1.02) << level;
  }
}

TEST(LambdaBars, NoFixedLambdaIsBetterInMoreThanOneCaseOfTwenty) {
  Source source(13);
  Score score;
  for (int trial = 0; trial < 120; ++trial)
    for (const double level : {0.01, 0.1, 0.3})
      for (const std::size_t n : {200u, 500u})
        for (const double keep : {0.0, 0.5, 0.9, 1.0, 2.0})
          play(source, keep == 2 ? source.sines(n) : source.chain(n, keep), level, trial % 2 == 0, score);
  for (std::size_t f = 0; f < fixed_lambdas.size(); ++f)
    EXPECT_LE(static_cast<double>(score.worse[f]), 0.05 * static_cast<double>(score.ratios.size())) << fixed_lambdas[f];
}

Pattern pattern_of(const std::string& material, double lambda, std::uint64_t evidence, bool denoised = true) {
  Pattern pattern;
  pattern.context.material = material;
  pattern.choice.adaptive_lambda = denoised;
  pattern.found.lambda = lambda;
  pattern.evidence = evidence;
  return pattern;
}

TEST(LongTermLambda, NearPatternsOfTheMaterialDecide) {
  Context context;
  context.material = "EpiRAM";
  EXPECT_EQ(long_term_lambda(context, std::span<const Recalled>()).evidence, 0);
  const Pattern near = pattern_of("EpiRAM", 1, 3), same = pattern_of("EpiRAM", 100, 3), far = pattern_of("EpiRAM", 1e4, 1000),
                other = pattern_of("Ag-aSi", 50, 1000), plain = pattern_of("EpiRAM", 0, 1000, false);
  const std::vector<Recalled> recalled = {{{}, 0, &near}, {{}, 0, &same}, {{}, 8, &far}, {{}, 0, &other}, {{}, 0, &plain}};
  const LambdaRule rule = long_term_lambda(context, recalled);
  EXPECT_TRUE(rule.adaptive);
  EXPECT_NEAR(rule.value, 10, 1e-3) << "the geometric mean";
  EXPECT_NEAR(rule.evidence, 6, 1e-3);
}

TEST(LongTermLambda, ZeroIsAnAnswer) {
  Context context;
  context.material = "EpiRAM";
  const Pattern zero = pattern_of("EpiRAM", 0, 5);
  const std::vector<Recalled> recalled = {{{}, 0, &zero}};
  EXPECT_NEAR(long_term_lambda(context, recalled).value, 0, 1e-20);
  EXPECT_EQ(long_term_lambda(context, recalled).evidence, 5);
}

}  // namespace
}  // namespace sedma::runtime

#include "runtime/accumulate.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace sedma::runtime {
namespace {

TEST(Accumulator, AnyOrderGivesTheSameBits) {
  std::mt19937 random(7);
  std::normal_distribution<double> normal;
  std::vector<double> terms(1000);
  for (double& term : terms) term = normal(random) * std::exp(8 * normal(random));
  double bound = 0;
  for (const double term : terms) bound += std::abs(term);
  const auto sum = [&] {
    Accumulator accumulator(1, 1);
    accumulator.set_bound(0, 0, bound);
    for (const double term : terms) accumulator.add(0, 0, term);
    return accumulator.value(0, 0);
  };
  const double first = sum();
  for (int repeat = 0; repeat < 20; ++repeat) {
    std::shuffle(terms.begin(), terms.end(), random);
    EXPECT_EQ(sum(), first);
  }
  long double exact = 0;
  for (const double term : terms) exact += static_cast<long double>(term);
  EXPECT_NEAR(first, static_cast<double>(exact), 1000 * bound * std::ldexp(1.0, -59));
}

// One term is rounded to a multiple of 2^(e - 60), ties to even, whatever its size: as the plain library functions do it.
TEST(Accumulator, ATermIsRoundedOnce) {
  std::mt19937_64 random(9);
  std::uniform_real_distribution<double> uniform(-1, 1);
  std::uniform_int_distribution<int> exponents(-1074, 1023), below(-70, 0);
  for (int repeat = 0; repeat < 200000; ++repeat) {
    const double bound = std::ldexp(1 + std::abs(uniform(random)), exponents(random));
    int e = 0;
    std::frexp(bound, &e);
    const double term = std::ldexp(uniform(random), e + below(random));
    Accumulator accumulator(1, 1);
    accumulator.set_bound(0, 0, bound);
    accumulator.add(0, 0, term);
    const double expected = std::ldexp(std::nearbyint(std::ldexp(term, 60 - e)), e - 60);
    ASSERT_EQ(accumulator.value(0, 0), expected) << term << " under " << bound;
  }
}

TEST(Accumulator, ExtremeScalesKeepTheirDigits) {
  for (const double scale : {1e-300, 4.9e-324, 1.0, 1e19, 1e300}) {
    Accumulator accumulator(1, 2);
    accumulator.set_bound(0, 1, 3 * scale);
    accumulator.add(0, 1, scale);
    accumulator.add(0, 1, 2 * scale);
    EXPECT_DOUBLE_EQ(accumulator.value(0, 1), 3 * scale);
    EXPECT_EQ(accumulator.value(0, 0), 0.0);
  }
}

TEST(Accumulator, GarbageDoesNotOverflowIntoOthers) {
  Accumulator accumulator(2, 1);
  accumulator.set_bound(0, 0, 1.0);
  accumulator.set_bound(1, 0, 1.0);
  for (int k = 0; k < 10; ++k) accumulator.add(0, 0, 1e300);
  accumulator.add(1, 0, 0.5);
  EXPECT_GT(accumulator.value(0, 0), 1e6);
  EXPECT_EQ(accumulator.value(1, 0), 0.5);
}

}  // namespace
}  // namespace sedma::runtime

// What `sedma info` tells of a matrix, against looking at every pair of entries.

#include "cli/matrix_facts.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "runtime/matrix.h"

namespace sedma::cli {
namespace {

struct Dense {
  std::uint32_t n;
  std::vector<double> values;
  double& at(std::uint32_t r, std::uint32_t c) { return values[std::size_t{r} * n + c]; }
  double get(std::uint32_t r, std::uint32_t c) const { return values[std::size_t{r} * n + c]; }
};

enum class Kind { any, symmetric, skew, pattern };

Dense random_dense(std::mt19937& random, Kind kind) {
  std::uniform_real_distribution<double> uniform(-1, 1);
  Dense a{1 + static_cast<std::uint32_t>(random() % 20), {}};
  a.values.assign(std::size_t{a.n} * a.n, 0);
  for (std::uint32_t r = 0; r < a.n; ++r)
    for (std::uint32_t c = 0; c <= r; ++c) {
      if (random() % 3 == 0 || (kind == Kind::skew && r == c)) continue;
      const double value = uniform(random);
      a.at(r, c) = value;
      a.at(c, r) = kind == Kind::symmetric || r == c ? value : kind == Kind::skew ? -value : kind == Kind::pattern ? value / 2 : 0;
    }
  return a;
}

/// By definition.
void expect_facts(const MatrixFacts& facts, const Dense& a) {
  bool symmetric = true, skew = true, pattern = true;
  std::uint32_t lower = 0, upper = 0;
  for (std::uint32_t r = 0; r < a.n; ++r)
    for (std::uint32_t c = 0; c < a.n; ++c) {
      symmetric = symmetric && a.get(r, c) == a.get(c, r);
      skew = skew && a.get(r, c) == -a.get(c, r);
      pattern = pattern && (a.get(r, c) != 0) == (a.get(c, r) != 0);
      if (a.get(r, c) != 0 && c < r) lower = std::max(lower, r - c);
      if (a.get(r, c) != 0 && c > r) upper = std::max(upper, c - r);
    }
  EXPECT_EQ(facts.symmetry, symmetric ? Symmetry::symmetric : skew ? Symmetry::skew : Symmetry::general);
  EXPECT_EQ(facts.symmetric_pattern, pattern);
  EXPECT_EQ(facts.lower_bandwidth, lower);
  EXPECT_EQ(facts.upper_bandwidth, upper);
}

MatrixFacts examined(const Dense& a) {
  Progress progress;
  return examine(runtime::Matrix::from_dense("a", a.n, a.n, a.values).value(), progress).value();
}

TEST(MatrixFacts, AgreeWithTheDefinitions) {
  std::mt19937 random(3);
  unsigned symmetric = 0, general = 0;
  for (int round = 0; round < 400; ++round) {
    Dense a = random_dense(random, static_cast<Kind>(round % 4));
    SCOPED_TRACE(round);
    expect_facts(examined(a), a);
    if (a.n < 3) continue;
    // One value, then one place that spoils it.
    a.at(2, 1) += 0.25;
    expect_facts(examined(a), a);
    a.at(0, 2) = a.get(0, 2) == 0 ? 1 : 0;
    const MatrixFacts facts = examined(a);
    expect_facts(facts, a);
    ++(facts.symmetry == Symmetry::symmetric ? symmetric : general);
  }
  EXPECT_GT(general, symmetric);
}

}  // namespace
}  // namespace sedma::cli

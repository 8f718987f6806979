#include "kernels/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <functional>
#include <numbers>
#include <set>
#include <string>
#include <vector>

namespace sedma::kernels {
namespace {

// Runs the test's body once for each instruction set, then returns to the best one.
void for_each_isa(const std::function<void(const std::string&)>& body) {
  for (const char* name : supported_isas()) {
    ASSERT_TRUE(use_isa(name).ok()) << name;
    EXPECT_STREQ(isa_name(), name);
    body(name);
  }
  ASSERT_TRUE(use_isa(supported_isas().front()).ok());
}

std::vector<float> normals(Key key, Use use, std::uint64_t event, std::uint32_t first, std::size_t count) {
  std::vector<float> out(count);
  fill_normals(key, use, event, first, out);
  return out;
}

double correlation(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum / static_cast<double>(a.size());
}

double square_correlation(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += (static_cast<double>(a[i] * a[i]) - 1) * (static_cast<double>(b[i] * b[i]) - 1);
  }
  return sum / (2 * static_cast<double>(a.size()));  // each factor has variance 2
}

// Correlations of independent samples of size n have sd 1 / sqrt(n).
void expect_independent(const std::vector<float>& a, const std::vector<float>& b, const char* what) {
  const double bound = 4.5 / std::sqrt(static_cast<double>(a.size()));
  EXPECT_LT(std::abs(correlation(a, b)), bound) << what;
  EXPECT_LT(std::abs(square_correlation(a, b)), 1.5 * bound) << what;
}

TEST(Philox, EqualsThePublishedVectors) {
  using Words = std::array<std::uint32_t, 4>;
  EXPECT_EQ(philox({0}, static_cast<Use>(0), 0, 0), (Words{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}));
  EXPECT_EQ(philox({~0ull}, static_cast<Use>(~0u), ~0u, ~0ull), (Words{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}));
  EXPECT_EQ(philox({0x299f31d0a4093822}, static_cast<Use>(0x85a308d3), 0x243f6a88, 0x0370734413198a2e),
            (Words{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}));
}

TEST(Philox, DerivedKeysDiffer) {
  std::set<std::uint64_t> seen;
  for (std::uint64_t seed = 0; seed < 100; ++seed) {
    for (std::uint64_t tag = 0; tag < 100; ++tag) seen.insert(derive({seed}, tag).value);
    for (std::uint64_t tag = 1; tag < 32; ++tag) seen.insert(derive({seed}, tag << 32).value);
  }
  EXPECT_EQ(seen.size(), 100u * 131u);
  EXPECT_EQ(derive({3}, 4).value, derive({3}, 4).value);
}

TEST(Philox, UniformStaysInside) {
  EXPECT_GT(uniform(0), 0.0);
  EXPECT_LT(uniform(~0u), 1.0);
  EXPECT_DOUBLE_EQ(uniform(0x80000000u) + uniform(0x7fffffffu), 1.0);
}

TEST(Normals, AreBoxMullerOfTheWords) {
  for (std::uint32_t cell = 0; cell < 20000; ++cell) {
    const auto words = philox({11}, Use::test, cell, 5);
    const auto z = normals4({11}, Use::test, cell, 5);
    for (std::size_t pair = 0; pair < 2; ++pair) {
      const double u = ((words[2 * pair] >> 1) + 0.5) * 0x1p-31;
      const double radius = std::sqrt(-2 * std::log(u));
      const std::uint32_t word = words[2 * pair + 1];
      const double angle = std::numbers::pi / 4 * static_cast<std::int32_t>(word) * 0x1p-31;
      const double sign = (word & 2) != 0 ? -1 : 1;
      const bool swap = (word & 1) != 0;
      // The radius near 0 is only as fine as u near 1 is: 24 bits.
      const double tolerance = 3e-7 * radius + 6e-8 / std::max(radius, 2.5e-4);
      EXPECT_NEAR(static_cast<double>(z[2 * pair]), sign * radius * (swap ? std::sin(angle) : std::cos(angle)), tolerance);
      EXPECT_NEAR(static_cast<double>(z[2 * pair + 1]), sign * radius * (swap ? std::cos(angle) : std::sin(angle)), tolerance);
    }
  }
}

TEST(Normals, FillEqualsNormals4AtEveryIsaOffsetAndLength) {
  const std::uint64_t event = 0x123456789abcdefull;
  for_each_isa([&](const std::string& isa) {
    for (const std::uint32_t first : {0u, 1u, 2u, 3u, 4u, 5u, 63u, 1001u, 0xfffffff0u}) {
      for (std::size_t count = 0; count < 200; count += count < 70 ? 1 : 13) {
        const auto out = normals({77}, Use::read_noise, event, first, count);
        for (std::size_t i = 0; i < count; ++i) {
          const std::uint64_t number = std::uint64_t{first} + i;
          const float want = normals4({77}, Use::read_noise, static_cast<std::uint32_t>(number / 4), event)[number % 4];
          ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(want)) << isa << " first " << first << " i " << i;
        }
      }
    }
  });
}

TEST(Normals, EveryIsaGivesTheSameMillion) {
  std::vector<float> want;
  for_each_isa([&](const std::string& isa) {
    const auto out = normals({123}, Use::write_noise, 9, 3, 1'000'003);
    if (want.empty()) want = out;
    EXPECT_EQ(std::memcmp(out.data(), want.data(), out.size() * sizeof(float)), 0) << isa;
  });
}

class FourMillion : public testing::Test {
 protected:
  static constexpr double n = 4e6;
  const std::vector<float> z = normals({2024}, Use::test, 0, 0, 4'000'000);
};

TEST_F(FourMillion, HaveTheMomentsOfANormal) {
  double moment[5] = {};
  for (const float v : z) {
    double power = 1;
    for (double& m : moment) m += power, power *= static_cast<double>(v);
  }
  EXPECT_NEAR(moment[1] / n, 0, 4 / std::sqrt(n));
  EXPECT_NEAR(moment[2] / n, 1, 4 * std::sqrt(2 / n));
  EXPECT_NEAR(moment[3] / n, 0, 4 * std::sqrt(15 / n));
  EXPECT_NEAR(moment[4] / n, 3, 4 * std::sqrt(96 / n));
}

TEST_F(FourMillion, HaveTheDistributionOfANormal) {
  std::vector<float> sorted = z;
  std::sort(sorted.begin(), sorted.end());
  double most = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const double cdf = 0.5 * std::erfc(-static_cast<double>(sorted[i]) / std::numbers::sqrt2);
    most = std::max({most, cdf - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - cdf});
  }
  EXPECT_LT(most * std::sqrt(n), 1.63);  // Kolmogorov-Smirnov, 1 %
}

TEST_F(FourMillion, HaveTheTailsOfANormal) {
  for (const float limit : {3.0f, 4.0f, 4.5f, 5.0f}) {
    const double expected = n * 0.5 * std::erfc(static_cast<double>(limit) / std::numbers::sqrt2);
    const auto above = std::count_if(z.begin(), z.end(), [&](float v) { return v > limit; });
    const auto below = std::count_if(z.begin(), z.end(), [&](float v) { return v < -limit; });
    EXPECT_NEAR(static_cast<double>(above), expected, 4.5 * std::sqrt(expected) + 1) << limit;
    EXPECT_NEAR(static_cast<double>(below), expected, 4.5 * std::sqrt(expected) + 1) << limit;
  }
  for (const float v : z) ASSERT_LT(std::abs(v), 6.7f);
}

TEST_F(FourMillion, AreIndependentWithinACall) {
  std::vector<float> word[4];
  for (std::size_t i = 0; i < z.size(); ++i) word[i % 4].push_back(z[i]);
  for (std::size_t a = 0; a < 4; ++a) {
    for (std::size_t b = a + 1; b < 4; ++b) expect_independent(word[a], word[b], "words of a call");
  }
}

TEST_F(FourMillion, AreIndependentOfNeighboursUsesEventsAndKeys) {
  const std::size_t count = z.size();
  for (const std::uint32_t shift : {1u, 2u, 4u, 64u, 4096u}) {
    expect_independent(z, normals({2024}, Use::test, 0, shift, count), "shifted cells");
  }
  expect_independent(z, normals({2024}, Use::input, 0, 0, count), "another use");
  expect_independent(z, normals({2024}, Use::test, 1, 0, count), "the next event");
  expect_independent(z, normals({2024}, Use::test, 1ull << 32, 0, count), "an event with the same low half");
  expect_independent(z, normals({2025}, Use::test, 0, 0, count), "the next key");
  expect_independent(z, normals(derive({2024}, 1), Use::test, 0, 0, count), "a derived key");
}

TEST(Isa, NamesAreKnownAndWrongOnesRefused) {
  ASSERT_FALSE(supported_isas().empty());
  const Status status = use_isa("MMX");
  EXPECT_EQ(status.code(), Code::invalid_argument);
  EXPECT_NE(status.message().find("MMX"), std::string::npos);
  EXPECT_NE(status.message().find(supported_isas().front()), std::string::npos);
  EXPECT_STREQ(isa_name(), isa_name());
}

}  // namespace
}  // namespace sedma::kernels

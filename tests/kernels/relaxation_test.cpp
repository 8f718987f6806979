// The law of relaxation: moments in log time, distribution, memory, levels, bounds; and that it is a pure function.

#include "kernels/relaxation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <vector>

#include "kernels/threads.h"
#include "kernels/variance_gamma.h"
#include "tests/kernels/moments.h"

namespace sedma::kernels {
namespace {

constexpr std::size_t rows = 256, cols = 512, cells = rows * cols;

// The same at every level, far from the bounds.
Relaxation flat_law(double kept_share = 0.6) {
  Relaxation law;
  law.name = "flat";
  law.t0_seconds = 1e-3;
  law.sd = LevelCurve::flat(0.01);
  law.mean = LevelCurve::flat(-0.002);
  law.excess_kurtosis = 9;
  law.kept_share = kept_share;
  law.memory_decades = 1.5;
  return law;
}

CellModel model_used() {
  CellModel model;
  model.material = published_materials()[3];
  return model;
}
double range() { return model_used().material.g_max_siemens - model_used().material.g_min_siemens; }
float conductance(double level) { return static_cast<float>(model_used().material.g_min_siemens + level * range()); }

using Cells = std::vector<float>;
Cells at_level(double level) { return Cells(cells, conductance(level)); }

Cells relaxed(const Relaxation& law, const Cells& bare, double decades, CellIds ids = {{1}, 0, cols, 0}) {
  Cells now(bare.size());
  relax(law, model_used(), ids, decades, {bare.data(), bare.size() / cols, cols}, {now.data(), now.size() / cols, cols});
  return now;
}

// Change of every cell as fraction of the range, from the middle.
std::vector<double> changes(const Relaxation& law, double decades, CellIds ids = {{1}, 0, cols, 0}) {
  const Cells bare = at_level(0.5), now = relaxed(law, bare, decades, ids);
  std::vector<double> change(cells);
  for (std::size_t i = 0; i < cells; ++i) change[i] = (static_cast<double>(now[i]) - static_cast<double>(bare[i])) / range();
  return change;
}

std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> d(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) d[i] = b[i] - a[i];
  return d;
}

bool same_bits(const Cells& a, const Cells& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
}

TEST(Relaxation, VarianceAndMeanAreLinesInLogTimeAndKurtosisFallsAsOneOverU) {
  const Relaxation law = flat_law();
  for (const double u : {0.25, 0.5, 0.90625, 2.5, 5.0, 7.5, 12.0}) {
    const Moments m = moments(changes(law, u));
    const double error = 5 / std::sqrt(static_cast<double>(cells));
    EXPECT_NEAR(m.variance / (1e-4 * u), 1, error * std::sqrt(2 + 9 / u)) << u;
    EXPECT_NEAR(m.mean / u, -0.002, error * std::sqrt(m.variance) / u) << u;
    EXPECT_NEAR((m.kurtosis - 3) * u, 9, u <= 1 ? 1.2 : 2.0) << u;
  }
}

TEST(Relaxation, ChangesFollowTheVarianceGammaLaw) {
  for (const double u : {0.5, 1.0, 4.0}) {
    std::vector<double> change = changes(flat_law(), u);
    std::vector<double> absolute;
    for (const double c : change) absolute.push_back(std::abs(c + 0.002 * u) / (0.01 * std::sqrt(u)));
    std::sort(absolute.begin(), absolute.end());
    const VarianceGammaTail tail(3 / 9.0 * u);
    double most = 0;
    for (std::size_t i = cells / 10; i < cells; i += 7)  // the first tenth may be 0 to the rounding of a float
      most = std::max(most, std::abs(1 - tail(absolute[i]) - (static_cast<double>(i) + 0.5) / cells));
    EXPECT_LT(most, 2.2 / std::sqrt(static_cast<double>(cells))) << u;
  }
}

TEST(Relaxation, WithoutAPassingPartIncrementsAreIndependent) {
  const Relaxation law = flat_law(1);
  std::vector<std::vector<double>> increments;
  std::vector<double> before(cells, 0.0);
  for (const double u : {0.5, 1.0, 2.5, 4.0, 8.0}) {
    const std::vector<double> now = changes(law, u);
    increments.push_back(difference(before, now));
    before = now;
  }
  for (std::size_t i = 0; i < increments.size(); ++i) {
    for (std::size_t j = i + 1; j < increments.size(); ++j) {
      EXPECT_NEAR(correlation(increments[i], increments[j]), 0, 0.014) << i << ", " << j;
      std::vector<double> sizes[2];
      for (const double x : increments[i]) sizes[0].push_back(std::abs(x));
      for (const double x : increments[j]) sizes[1].push_back(std::abs(x));
      EXPECT_NEAR(correlation(sizes[0], sizes[1]), 0, 0.014) << i << ", " << j;
    }
  }
  EXPECT_NEAR(correlation(changes(law, 1.0), changes(law, 4.0)), std::sqrt(1.0 / 4.0), 0.02);
  EXPECT_NEAR(correlation(changes(law, 2.0), changes(law, 7.5)), std::sqrt(2.0 / 7.5), 0.02);
}

TEST(Relaxation, APartOfEachChangePassesWithinTheMemoryTime) {
  const Relaxation law = flat_law();
  for (const double u : {0.5, 2.0, 3.25}) {
    const std::vector<double> first = changes(law, u);
    for (const double later : {0.25, 0.5, 1.0, 1.5, 4.0}) {
      const double ratio = covariance(first, changes(law, u + later)) / moments(first).variance;
      EXPECT_NEAR(ratio, 0.6 + 0.4 * std::max(0.0, 1 - later / 1.5), 0.035) << u << " and " << later << " later";
    }
  }
}

TEST(Relaxation, TimesMayBeAskedForInAnyOrderAndInPlace) {
  const Relaxation law = *find_relaxation("techC");
  const Cells bare = at_level(0.3);
  const Cells late = relaxed(law, bare, 5), early = relaxed(law, bare, 1);
  EXPECT_TRUE(same_bits(relaxed(law, bare, 5), late));
  EXPECT_TRUE(same_bits(relaxed(law, bare, 1), early));
  EXPECT_FALSE(same_bits(early, late));
  Cells in_place = bare;
  relax(law, model_used(), {{1}, 0, cols, 0}, 5, {in_place.data(), rows, cols}, {in_place.data(), rows, cols});
  EXPECT_TRUE(same_bits(in_place, late));
}

TEST(Relaxation, ACellsValueDependsOnItsNumberOnly) {
  const Relaxation law = *find_relaxation("techC");
  const Cells bare = at_level(0.6), whole = relaxed(law, bare, 3);
  Cells part = at_level(0.6);
  const CellIds ids{{1}, 37 * cols + 11, cols, 0};
  relax(law, model_used(), ids, 3, {bare.data(), 20, 77, cols}, {part.data(), 20, 77, cols});
  for (std::size_t r = 0; r < 20; ++r) {
    for (std::size_t c = 0; c < 77; ++c) ASSERT_EQ(part[r * cols + c], whole[(37 + r) * cols + 11 + c]) << r << ", " << c;
    for (std::size_t c = 77; c < cols; ++c) ASSERT_EQ(part[r * cols + c], bare[0]) << "outside the window";
  }
}

TEST(Relaxation, WritingAgainDrawsAnew) {
  const Relaxation law = flat_law();
  const std::vector<double> first = changes(law, 4), second = changes(law, 4, {{1}, 0, cols, 1}),
                            other = changes(law, 4, {{2}, 0, cols, 0});
  EXPECT_NEAR(correlation(first, second), 0, 0.014);
  EXPECT_NEAR(correlation(first, other), 0, 0.014);
}

TEST(Relaxation, ZeroAgeChangesNothing) {
  Cells odd = at_level(0.5);
  odd[0] = -0.0f, odd[1] = std::numeric_limits<float>::denorm_min(), odd[2] = conductance(3);
  for (const auto* name : {"none", "techC"}) {
    const Relaxation law = *find_relaxation(name);
    EXPECT_EQ(relaxation_decades(law, 0, 300), 0);
    EXPECT_TRUE(same_bits(relaxed(law, odd, 0), odd)) << name;
  }
  EXPECT_TRUE(same_bits(relaxed(*find_relaxation("none"), odd, 9), odd));
  EXPECT_EQ(relaxation_decades(*find_relaxation("none"), 1e5, 300), 0);
}

TEST(Relaxation, CellsChangeOnlyFromStepToStep) {
  const Relaxation law = *find_relaxation("techC");
  const Cells bare = at_level(0.5);
  for (const double u : {0.1, 2.4, 7.02}) {
    for (const double later : {u + 0.002, u + 0.012, u + 0.04}) {
      const bool equal_steps = relaxation_steps(law, u) == relaxation_steps(law, later);
      EXPECT_EQ(same_bits(relaxed(law, bare, u), relaxed(law, bare, later)), equal_steps) << u << ", " << later;
    }
  }
  EXPECT_EQ(relaxation_steps(law, 1), relaxation_steps(law, 1.012));
  EXPECT_NE(relaxation_steps(law, 1), relaxation_steps(law, 1.02));
  EXPECT_EQ(relaxation_steps(law, 60), relaxation_steps(law, 1e9));
}

TEST(Relaxation, SpreadAndDriftFollowTheLevel) {
  Relaxation law = flat_law();
  law.sd = {{0, 0.2, 0.4, 0.7, 1}, {0.004, 0.008, 0.008, 0.006, 0.002}};
  law.mean = {{0, 0.2, 0.4, 0.7, 1}, {0.001, 0, -0.004, -0.004, -0.002}};
  for (const auto& [level, sd, mean] :
       {std::tuple{0.1, 0.006, 0.0005}, {0.3, 0.008, -0.002}, {0.55, 0.007, -0.004}, {0.85, 0.004, -0.003}}) {
    const Cells bare = at_level(level), now = relaxed(law, bare, 2);
    std::vector<double> change(cells);
    for (std::size_t i = 0; i < cells; ++i) change[i] = (static_cast<double>(now[i]) - static_cast<double>(bare[i])) / range();
    EXPECT_NEAR(std::sqrt(moments(change).variance / 2) / sd, 1, 0.03) << level;
    EXPECT_NEAR(moments(change).mean / 2, mean, 1e-4) << level;
  }
}

TEST(Relaxation, CellsStayWithinTheBounds) {
  Relaxation law = flat_law();
  law.sd = LevelCurve::flat(0.5);
  const Material material = model_used().material;
  const auto least = static_cast<float>(material.g_min_siemens / 2);
  const auto most = static_cast<float>(material.g_max_siemens + range() / 4);
  const Cells now = relaxed(law, at_level(0.5), 6);
  EXPECT_EQ(*std::min_element(now.begin(), now.end()), least);
  EXPECT_EQ(*std::max_element(now.begin(), now.end()), most);
  // Cells with a spread of their own may have been written outside: no further out.
  for (const float outside : {0.7f * least, 1.2f * most}) {
    const Cells there = relaxed(law, Cells(cells, outside), 6);
    EXPECT_EQ(*std::min_element(there.begin(), there.end()), std::min(outside, least));
    EXPECT_EQ(*std::max_element(there.begin(), there.end()), std::max(outside, most));
  }
}

TEST(Relaxation, StuckCellsKeepTheirValue) {
  CellModel model = model_used();
  model.stuck_fraction = 0.1;
  const Cells bare = at_level(0.5), free = relaxed(*find_relaxation("techC"), bare, 6);
  Cells now(cells);
  relax(*find_relaxation("techC"), model, {{1}, 0, cols, 0}, 6, {bare.data(), rows, cols}, {now.data(), rows, cols});
  for (std::uint32_t i = 0; i < cells; ++i) ASSERT_EQ(now[i], cell_parameters(model, {1}, i).stuck ? bare[i] : free[i]) << i;
}

TEST(Relaxation, ArrheniusSpeedsTimeUp) {
  Relaxation law = flat_law();
  EXPECT_EQ(relaxation_decades(law, 10, 400), relaxation_decades(law, 10, 300));  // no activation energy
  EXPECT_NEAR(relaxation_decades(law, 0.099, 300), 2, 1e-12);                     // 1 + 99
  law.activation_ev = 1.1;
  const double speed = std::exp(1.1 / 8.617333262e-5 * (1 / 300.0 - 1 / 400.0));
  EXPECT_NEAR(relaxation_decades(law, 10, 400), relaxation_decades(law, 10 * speed, 300), 1e-9);
  EXPECT_LT(relaxation_decades(law, 10, 280), relaxation_decades(law, 10, 300));
  EXPECT_EQ(relaxation_decades(law, 1e300, 2000), 60);
}

TEST(Relaxation, NamesAreListed) {
  EXPECT_FALSE(find_relaxation("none")->on());
  EXPECT_TRUE(find_relaxation("techC")->on());
  const auto wrong = find_relaxation("techD");
  EXPECT_EQ(wrong.status().code(), Code::invalid_argument);
  EXPECT_EQ(wrong.status().message(), "no relaxation 'techD'; there are none, techC");
  EXPECT_EQ(known_relaxations().size(), 2u);
}

// Cells all over the range and a little beyond.
Cells scattered(std::size_t count) {
  Cells g(count);
  for (std::size_t i = 0; i < count; ++i)
    g[i] = conductance(1.3 * uniform(philox({9}, Use::test, static_cast<std::uint32_t>(i), 2)[0]) - 0.15);
  return g;
}

TEST(Relaxation, SameBitsAsThePlainVersionForAnyThreadsAndInstructionSet) {
  const Relaxation law = *find_relaxation("techC");
  CellModel model = model_used();
  model.stuck_fraction = 0.02;
  const std::size_t height = 300, width = 251, stride = 260;
  const Cells bare = scattered(height * stride);
  const int threads_before = threads();
  const std::string isa_before = isa_name();
  for (const double u : {0.03125, 0.5, 2.46875, 7.5, 25.0}) {
    const CellIds ids{{77}, 4000000000u, 1000003, 5000000000u};
    Cells plain(bare.size());
    relax_reference(law, model, ids, u, {bare.data(), height, width, stride}, {plain.data(), height, width, stride});
    for (const char* isa : supported_isas()) {
      ASSERT_TRUE(use_isa(isa).ok());
      for (const int count : {1, 2, 7}) {
        if (u > 3 && count != 2) continue;  // many draws
        use_threads(count);
        Cells now(bare.size());
        relax(law, model, ids, u, {bare.data(), height, width, stride}, {now.data(), height, width, stride});
        EXPECT_TRUE(same_bits(now, plain)) << isa << ", " << count << " threads, " << u << " decades";
      }
    }
  }
  use_threads(threads_before);
  ASSERT_TRUE(use_isa(isa_before).ok());
}

}  // namespace
}  // namespace sedma::kernels

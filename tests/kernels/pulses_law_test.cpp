// The pulse response of single cells against the formulas of the law in double precision.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "tests/kernels/pulses_window.h"

namespace sedma::kernels {
namespace {

// The published law, as printed: n > 0 up, n < 0 down, each with its own A and N.
double plain_pulses(const Material& m, double g, double n) {
  const double a = n > 0 ? m.a_up_pulses : m.a_down_pulses;
  const double levels = n > 0 ? m.levels_up : m.levels_down;
  const double b = (m.g_max_siemens - m.g_min_siemens) / (1 - std::exp(-levels / a));
  const double position = -a * std::log(1 - (g - m.g_min_siemens) / b);
  return std::clamp(b * (1 - std::exp(-(position + n) / a)) + m.g_min_siemens, m.g_min_siemens, m.g_max_siemens);
}

std::vector<float> pulsed(const CellModel& model, std::vector<float> cells, std::int32_t n, std::uint64_t event = 0, Key key = {3}) {
  std::vector<std::int32_t> counts(cells.size(), n);
  RawPulses job;
  job.bare_siemens = {cells.data(), 1, cells.size()};
  job.counts = hal::View<const std::int32_t>(counts.data(), 1, counts.size());
  job.ids = {key, 0, 0, event};
  apply_pulses(model, job);
  return cells;
}

float pulsed(const CellModel& model, float g, std::int32_t n) { return pulsed(model, std::vector<float>{g}, n)[0]; }

struct Moments {
  double mean = 0, sd = 0;
};
Moments moments(const std::vector<float>& values) {
  const double count = static_cast<double>(values.size());
  double sum = 0, squares = 0;
  for (const float v : values) sum += static_cast<double>(v);
  const double mean = sum / count;
  for (const float v : values) squares += std::pow(static_cast<double>(v) - mean, 2);
  return {mean, std::sqrt(squares / count)};
}

class PulseLaw : public testing::TestWithParam<std::size_t> {
 protected:
  const Material m = published_materials()[GetParam()];
  const CellModel quiet = quiet_model(m);
  const double range = m.g_max_siemens - m.g_min_siemens;
  const float g_min = static_cast<float>(m.g_min_siemens), g_max = static_cast<float>(m.g_max_siemens);
};
INSTANTIATE_TEST_SUITE_P(Materials, PulseLaw, testing::Range<std::size_t>(0, 4));

TEST_P(PulseLaw, FullRampsEndAtTheEnds) {
  const auto up = static_cast<std::int32_t>(m.levels_up), down = static_cast<std::int32_t>(m.levels_down);
  EXPECT_NEAR(static_cast<double>(pulsed(quiet, g_min, up)), m.g_max_siemens, 2e-6 * range);
  EXPECT_NEAR(static_cast<double>(pulsed(quiet, g_max, -down)), m.g_min_siemens, 2e-6 * range);
  EXPECT_LT(static_cast<double>(pulsed(quiet, g_min, up - 1)), m.g_max_siemens - 1e-4 * range);
  EXPECT_GT(static_cast<double>(pulsed(quiet, g_max, 1 - down)), m.g_min_siemens + 1e-4 * range);
}

TEST_P(PulseLaw, EqualsThePublishedFormula) {
  for (int start = 0; start <= 10; ++start) {
    const float g = static_cast<float>(m.g_min_siemens + start * range / 10);
    for (const std::int32_t n : {1, 2, 7, 20, 39, 90, 200, -1, -2, -7, -20, -39, -90, -200}) {
      const double want = plain_pulses(m, std::min(static_cast<double>(g), m.g_max_siemens), n);
      EXPECT_NEAR(static_cast<double>(pulsed(quiet, g, n)), want, 3e-6 * range) << m.name << " from " << g << " by " << n;
    }
  }
}

TEST_P(PulseLaw, IsMonotoneAndAddsUp) {
  float up = g_min, down = g_max;
  for (std::int32_t n = 1; n < 30; ++n) {
    const float more = pulsed(quiet, up, 1), less = pulsed(quiet, down, -1);
    EXPECT_GT(more, up);
    EXPECT_LT(less, down);
    up = more, down = less;
    EXPECT_NEAR(static_cast<double>(up), static_cast<double>(pulsed(quiet, g_min, n)), 1e-5 * range);
    EXPECT_NEAR(static_cast<double>(down), static_cast<double>(pulsed(quiet, g_max, -n)), 1e-5 * range);
  }
}

TEST_P(PulseLaw, PulsesBetweenInvertsIt) {
  for (const double series : {0.0, access_transistor_ohms}) {
    CellModel model = quiet;
    model.series_ohms = series;
    const auto terminal = [&](double g) { return terminal_siemens(g, series); };
    const double middle = m.g_min_siemens + 0.4 * range;
    for (const double n : {1.0, 5.0, -1.0, -5.0}) {
      EXPECT_NEAR(pulses_between(model, terminal(middle), terminal(plain_pulses(m, middle, n))), n, 1e-9);
    }
    EXPECT_NEAR(pulses_between(model, terminal(m.g_min_siemens), terminal(m.g_max_siemens)), m.levels_up, 1e-6);
    EXPECT_NEAR(pulses_between(model, terminal(m.g_max_siemens), terminal(m.g_min_siemens)), -static_cast<double>(m.levels_down), 1e-6);
    EXPECT_EQ(pulses_between(model, terminal(middle), terminal(middle)), 0);
  }
}

TEST_P(PulseLaw, NoiseHasTheMeanOfTheLawAndGrowsWithTheRoot) {
  const float start = static_cast<float>(m.g_min_siemens + 0.5 * range);
  const double cells = 100000;
  for (const std::int32_t n : {1, 4, -1, -4}) {
    const Moments got = moments(pulsed(model_of(m), std::vector<float>(static_cast<std::size_t>(cells), start), n));
    const double sd = m.sigma_c2c * range * std::sqrt(std::abs(n));
    EXPECT_NEAR(got.mean, plain_pulses(m, static_cast<double>(start), n), 4.5 * sd / std::sqrt(cells)) << n;
    EXPECT_NEAR(got.sd, sd, 4.5 * sd / std::sqrt(2 * cells)) << n;
  }
}

TEST_P(PulseLaw, NoiseIsClippedToTheRangeAndDiffersByEvent) {
  const auto once = pulsed(model_of(m), std::vector<float>(5000, g_min), 1);
  const auto [low, high] = std::minmax_element(once.begin(), once.end());
  EXPECT_EQ(*low, g_min);
  EXPECT_LE(static_cast<double>(*high), m.g_max_siemens * (1 + 1e-6));
  const auto at_top = pulsed(model_of(m), std::vector<float>(5000, g_max), 1);
  EXPECT_LE(static_cast<double>(*std::max_element(at_top.begin(), at_top.end())), m.g_max_siemens * (1 + 1e-6));
  EXPECT_EQ(once, pulsed(model_of(m), std::vector<float>(5000, g_min), 1));
  EXPECT_NE(once, pulsed(model_of(m), std::vector<float>(5000, g_min), 1, 1));
  EXPECT_NE(once, pulsed(model_of(m), std::vector<float>(5000, g_min), 1, 0, {4}));
}

TEST(RawPulses, CountsEnergyAndTimeByHand) {
  const Material m = published_materials()[3];
  std::vector<float> cells(6, static_cast<float>(m.g_min_siemens + 0.5 * (m.g_max_siemens - m.g_min_siemens)));
  const std::vector<float> before = cells;
  const std::vector<std::int32_t> counts = {0, 3, -2, 5, 4, -1};
  const std::vector<std::uint8_t> stuck = {0, 0, 0, 0, 1, 0};
  CellModel model = quiet_model(m);
  model.series_ohms = access_transistor_ohms;
  RawPulses job;
  job.bare_siemens = {cells.data(), 2, 3};
  job.counts = hal::View<const std::int32_t>(counts.data(), 2, 3);
  job.stuck = hal::View<const std::uint8_t>(stuck.data(), 2, 3);
  const WriteTotals totals = apply_pulses(model, job);
  EXPECT_EQ(totals.pulses, 15u);
  EXPECT_EQ(totals.bit_line_pulses_up, 12);
  EXPECT_EQ(totals.bit_line_pulses_down, 3);
  EXPECT_EQ(totals.word_line_selects, 4u);
  EXPECT_NEAR(totals.pulse_seconds, (3 + 2 + 5 + 1) * 50e-9, 1e-15);
  EXPECT_EQ(cells[0], before[0]);
  EXPECT_EQ(cells[4], before[4]);
  double joules = 0;
  for (std::size_t i = 0; i < cells.size(); ++i) {
    const double sum = terminal_siemens(static_cast<double>(before[i]), 15e3) + terminal_siemens(static_cast<double>(cells[i]), 15e3);
    joules += 1.6 * 1.6 * sum / 2 * 50e-9 * std::abs(counts[i]);
  }
  EXPECT_NEAR(totals.pulse_joules, joules, 1e-6 * joules);
}

TEST(Spread, IsRecoveredFromManyCells) {
  const Material m = published_materials()[2];
  CellModel model = quiet_model(m);
  model.device_to_device = 0.1;
  std::vector<float> value[4];
  for (std::uint32_t cell = 0; cell < 40000; ++cell) {
    const CellParameters p = cell_parameters(model, {9}, cell);
    EXPECT_FALSE(p.stuck);
    value[0].push_back(p.g_min), value[1].push_back(p.g_max), value[2].push_back(p.a_up), value[3].push_back(p.a_down);
  }
  const double nominal[4] = {m.g_min_siemens, m.g_max_siemens, m.a_up_pulses, m.a_down_pulses};
  for (std::size_t i = 0; i < 4; ++i) {
    const Moments got = moments(value[i]);
    EXPECT_NEAR(got.mean / nominal[i], 1, 4.5 * 0.1 / 200) << i;
    EXPECT_NEAR(got.sd / std::abs(nominal[i]), 0.1, 4.5 * 0.1 / 283) << i;
    for (std::size_t j = 0; j < i; ++j) {
      double sum = 0;
      for (std::size_t c = 0; c < 40000; ++c) {
        sum += (static_cast<double>(value[i][c]) / nominal[i] - 1) * (static_cast<double>(value[j][c]) / nominal[j] - 1);
      }
      EXPECT_LT(std::abs(sum / 40000 / 0.01), 4.5 / 200) << i << " " << j;
    }
  }
}

TEST(Spread, CellsMoveByTheirOwnParameters) {
  for (const Material& m : published_materials()) {
    CellModel model = quiet_model(m);
    model.device_to_device = 0.15;
    const std::size_t count = 200;
    const auto ten_up = pulsed(model, std::vector<float>(count, 0.0f), 10, 0, {9});
    const auto top = pulsed(model, std::vector<float>(count, 0.0f), 100000, 0, {9});
    for (std::uint32_t c = 0; c < count; ++c) {
      const CellParameters p = cell_parameters(model, {9}, c);
      EXPECT_GT(p.g_max, p.g_min);
      EXPECT_NEAR(static_cast<double>(top[c]) / static_cast<double>(p.g_max), 1, 1e-6);
      Material own = m;  // the published law with this cell's numbers
      own.g_min_siemens = static_cast<double>(p.g_min), own.g_max_siemens = static_cast<double>(p.g_max);
      own.a_up_pulses = static_cast<double>(p.a_up);
      EXPECT_NEAR(static_cast<double>(ten_up[c]), plain_pulses(own, own.g_min_siemens, 10), 1e-5 * own.g_max_siemens) << m.name;
    }
  }
}

TEST(Stuck, IsBinomialHalfAtEachEndAndNeverMoves) {
  CellModel model = model_of(published_materials()[0]);
  model.stuck_fraction = 0.03;
  const std::uint32_t count = 50000;
  double stuck = 0, high = 0;
  const auto after = pulsed(model, std::vector<float>(count, 1e-8f), 5, 0, {21});
  for (std::uint32_t c = 0; c < count; ++c) {
    const CellParameters p = cell_parameters(model, {21}, c);
    if (!p.stuck) continue;
    stuck += 1;
    high += p.stuck_siemens == p.g_max ? 1 : 0;
    EXPECT_TRUE(p.stuck_siemens == p.g_max || p.stuck_siemens == p.g_min);
    EXPECT_EQ(after[c], p.stuck_siemens);
  }
  EXPECT_NEAR(stuck, 0.03 * count, 4.5 * std::sqrt(0.03 * 0.97 * count));
  EXPECT_NEAR(high, stuck / 2, 4.5 * std::sqrt(stuck) / 2);
  model.stuck_fraction = 1;
  EXPECT_TRUE(cell_parameters(model, {21}, 5).stuck);
  model.stuck_fraction = 0;
  EXPECT_FALSE(cell_parameters(model, {21}, 5).stuck);
}

TEST(Terminal, WindowDividesByTheSeriesResistance) {
  const CellModel bare = model_of(published_materials()[1]);
  CellModel model = bare;
  model.series_ohms = access_transistor_ohms;
  const std::vector<float> cells = {1.3357e-5f, 3e-5f, 5.9172e-5f, 2e-5f};
  std::vector<float> out(4);
  terminal_window(model, hal::View<const float>(cells.data(), 2, 2), {out.data(), 2, 2});
  for (std::size_t i = 0; i < 4; ++i) {
    EXPECT_NEAR(static_cast<double>(out[i]), terminal_siemens(static_cast<double>(cells[i]), 15e3), 1e-11);
  }
  terminal_window(bare, hal::View<const float>(cells.data(), 2, 2), {out.data(), 2, 2});
  EXPECT_EQ(out, cells);
}

}  // namespace
}  // namespace sedma::kernels

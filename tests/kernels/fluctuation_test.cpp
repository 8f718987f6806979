// Slow noise: spectra, stationarity and the floor of averages of 1/f noise; states, times and Lorentzian of telegraph noise; purity.

#include "kernels/fluctuation.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <complex>
#include <cstring>
#include <map>
#include <numbers>
#include <set>
#include <string>
#include <unsupported/Eigen/FFT>
#include <vector>

#include "kernels/threads.h"
#include "tests/kernels/moments.h"

namespace sedma::kernels {
namespace {

using Cells = std::vector<float>;

Fluctuation flicker(double relative, double slope, std::uint32_t octaves) {
  Fluctuation noise;
  noise.flicker.relative = relative;
  noise.flicker.slope = slope;
  noise.flicker.shortest_seconds = 1e-3;
  noise.flicker.octaves = octaves;
  return noise;
}

Fluctuation telegraph(double fraction, double amplitude, double mean_seconds) {
  Fluctuation noise;
  noise.telegraph = {fraction, amplitude, mean_seconds};
  return noise;
}

// Telegraph noise seen 256 times in a mean time: a flicker too weak to be seen sets the clock.
Fluctuation fine_telegraph() {
  Fluctuation noise = telegraph(1, 0.2, 0.256);
  noise.flicker = flicker(1e-12, 1, 1).flicker;
  return noise;
}

// Relative change of `count` cells of conductance 1 in one epoch.
std::vector<double> changes(const Fluctuation& noise, std::uint64_t epoch, std::size_t count, std::uint32_t first = 0) {
  Cells g(count, 1.0f);
  fluctuate(noise, {{8}, first, 0, 0}, epoch, {g.data(), 1, count});
  std::vector<double> change;
  for (const float v : g) change.push_back(static_cast<double>(v) - 1);
  return change;
}

// Records of cells, each over epochs first, first + 1 ...: [cell][epoch].
std::vector<std::vector<double>> records(const Fluctuation& noise, std::size_t cells, std::size_t epochs, std::uint64_t first = 0) {
  std::vector<std::vector<double>> all(cells, std::vector<double>(epochs));
  for (std::size_t t = 0; t < epochs; ++t) {
    const std::vector<double> now = changes(noise, first + t, cells);
    for (std::size_t c = 0; c < cells; ++c) all[c][t] = now[c];
  }
  return all;
}

// Mean power |X_k|^2 / n of the records, k < n / 2.
std::vector<double> spectrum(const std::vector<std::vector<double>>& all) {
  const std::size_t n = all[0].size();
  std::vector<double> power(n / 2), windowed(n);
  std::vector<std::complex<double>> transform;
  Eigen::FFT<double> fft;
  for (const std::vector<double>& record : all) {
    const double mean = moments(record).mean;
    for (std::size_t i = 0; i < n; ++i)
      windowed[i] = (record[i] - mean) * (1 - std::cos(2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(n)));
    fft.fwd(transform, windowed);
    for (std::size_t k = 0; k < power.size(); ++k) power[k] += std::norm(transform[k]) / static_cast<double>(n * all.size());
  }
  return power;
}

double mean_of(const std::vector<double>& values, std::size_t first, std::size_t last) {
  double sum = 0;
  for (std::size_t i = first; i < last; ++i) sum += values[i];
  return sum / static_cast<double>(last - first);
}

TEST(Flicker, SpectrumFallsWithTheSlopeAskedFor) {
  for (const double wanted : {0.7, 1.0, 1.3}) {
    const std::vector<double> power = spectrum(records(flicker(0.01, wanted, 16), 128, 8192));
    std::vector<double> log_frequency, log_power;
    for (std::size_t k = 4; k <= 512; k *= 2) {  // to an eighth of the sampling rate: the fastest octave is flat above
      log_frequency.push_back(std::log(static_cast<double>(k)));
      log_power.push_back(std::log(mean_of(power, k, 2 * k)));
    }
    EXPECT_NEAR(-slope(log_frequency, log_power), wanted, 0.07);
  }
}

TEST(Flicker, CellsDifferInSlopeWhereAsked) {
  Fluctuation noise = flicker(0.01, 1.0, 14);
  noise.flicker.slope_spread = 0.4;
  std::vector<double> slopes;
  for (const std::vector<double>& record : records(noise, 64, 8192)) {
    const std::vector<double> power = spectrum({record});
    std::vector<double> log_frequency, log_power;
    for (std::size_t k = 4; k <= 512; k *= 2) {
      log_frequency.push_back(std::log(static_cast<double>(k)));
      log_power.push_back(std::log(mean_of(power, k, 2 * k)));
    }
    slopes.push_back(-slope(log_frequency, log_power));
  }
  // Uniform over 1 +- 0.4, and what one record's estimate scatters.
  EXPECT_NEAR(moments(slopes).mean, 1, 0.12);
  EXPECT_NEAR(std::sqrt(moments(slopes).variance), 0.4 / std::sqrt(3.0), 0.06);
}

TEST(Flicker, AllOctavesTogetherHaveTheStandardDeviationAskedFor) {
  for (const double wanted : {0.6, 1.0, 1.4}) {
    Fluctuation noise = flicker(0.02, wanted, 20);
    noise.flicker.slope_spread = 0.1;
    const Moments m = moments(changes(noise, 123456789, 1 << 16));
    EXPECT_NEAR(std::sqrt(m.variance) / 0.02, 1, 0.015) << wanted;
    EXPECT_NEAR(m.mean, 0, 4 * 0.02 / 256) << wanted;
    EXPECT_NEAR(m.kurtosis, 3, 0.1) << wanted;
  }
}

TEST(Flicker, NoInstantIsSpecial) {
  // Where octaves of all cells began together, everything would jump at epoch 2^18.
  const Fluctuation noise = flicker(0.02, 1.0, 19);
  const auto jump = [&](std::uint64_t epoch) {
    const std::vector<double> before = changes(noise, epoch - 1, 1 << 16), after = changes(noise, epoch, 1 << 16);
    double sum = 0;
    for (std::size_t i = 0; i < before.size(); ++i) sum += (after[i] - before[i]) * (after[i] - before[i]);
    return sum / static_cast<double>(before.size());
  };
  double usual = 0;
  for (const std::uint64_t epoch : {1001u, 3333u, 70001u, 99999u}) usual += jump(epoch) / 4;
  EXPECT_NEAR(jump(std::uint64_t{1} << 18) / usual, 1, 0.2);
  // Octave k begins anew every 2^k epochs: 2 w^2 (1 + 1/2 + 1/4 ...).
  EXPECT_NEAR(usual / (2 * 0.02 * 0.02 / 19 * 2), 1, 0.1);
}

TEST(Flicker, AveragingConsecutiveReadsMeetsAFloor) {
  const auto all = records(flicker(0.01, 1.0, 18), 512, 256, 5000);
  const auto variance_of_mean = [&](std::size_t n) {
    std::vector<double> means;
    for (const std::vector<double>& record : all) means.push_back(mean_of(record, 0, n));
    return moments(means).variance;
  };
  // 256 reads cover 8 of 18 octaves: the others stay. White noise would leave a 256th.
  const double one = variance_of_mean(1);
  EXPECT_NEAR(variance_of_mean(256) / one, 0.62, 0.08);
  EXPECT_NEAR(variance_of_mean(16) / one, 0.83, 0.08);
}

TEST(Flicker, AmplitudeFollowsTheLevel) {
  Fluctuation noise = flicker(0.1, 1.0, 8);
  noise.flicker.g_max_siemens = 4e-5;
  noise.flicker.amplitude = {{0, 0.2, 0.4, 0.8, 1}, {1, 0.5, 0.3, 0.1, 0.02}};
  for (const auto& [level, factor] : {std::pair{0.0001, 1.0}, {0.1, 0.75}, {0.6, 0.2}, {1.3, 0.02}}) {
    Cells g(1 << 14, static_cast<float>(level * 4e-5));
    fluctuate(noise, {{8}, 0, 0, 0}, 77, {g.data(), 1, g.size()});
    std::vector<double> relative;
    for (const float v : g) relative.push_back(static_cast<double>(v) / (level * 4e-5));
    EXPECT_NEAR(std::sqrt(moments(relative).variance) / (0.1 * factor), 1, 0.03) << level;
  }
}

TEST(Flicker, ConductanceStaysPositive) {
  Cells g(4096, 1e-6f);
  fluctuate(flicker(3, 1, 10), {{8}, 0, 0, 0}, 5, {g.data(), 1, g.size()});
  EXPECT_EQ(*std::min_element(g.begin(), g.end()), 0.0f);
}

TEST(Telegraph, ATrapHasTwoStatesAndTheFractionOfCellsATrap) {
  const Fluctuation noise = telegraph(0.25, 0.2, 1);
  std::vector<std::set<float>> seen(8192);
  double high = 0, count = 0;
  for (std::uint64_t epoch = 0; epoch < 400; epoch += 4) {
    Cells g(seen.size(), 2.0f);
    fluctuate(noise, {{8}, 0, 0, 0}, epoch, {g.data(), 1, g.size()});
    for (std::size_t i = 0; i < g.size(); ++i) {
      seen[i].insert(g[i]);
      if (g[i] != 2.0f) ++count, high += g[i] > 2.0f ? 1 : 0;
    }
  }
  std::size_t with_trap = 0;
  for (const std::set<float>& states : seen) {
    if (states == std::set<float>{2.0f}) continue;
    ++with_trap;
    EXPECT_EQ(states, (std::set<float>{2.0f * 0.9f, 2.0f * 1.1f}));
  }
  EXPECT_NEAR(static_cast<double>(with_trap) / static_cast<double>(seen.size()), 0.25, 0.02);
  EXPECT_NEAR(high / count, 0.5, 0.02);
}

TEST(Telegraph, TimesInAStateAreExponential) {
  std::map<bool, std::vector<double>> times;
  constexpr std::size_t epochs = 256 * 80;
  for (const std::vector<double>& record : records(fine_telegraph(), 64, epochs)) {
    std::size_t since = 0;  // of the first switch: times cut by the ends of the record are not complete
    for (std::size_t t = 1; t < epochs; ++t) {
      if ((record[t] > 0) == (record[t - 1] > 0)) continue;
      if (since > 0) times[record[t - 1] > 0].push_back(static_cast<double>(t - since) / 256);
      since = t;
    }
  }
  for (auto& [high, in_state] : times) {
    std::sort(in_state.begin(), in_state.end());
    const auto n = static_cast<double>(in_state.size());
    ASSERT_GT(n, 2000);
    EXPECT_NEAR(moments(in_state).mean, 1, 5 / std::sqrt(n)) << high;
    double most = 0;
    for (std::size_t i = 0; i < in_state.size(); ++i)
      most = std::max(most, std::abs(1 - std::exp(-in_state[i]) - (static_cast<double>(i) + 0.5) / n));
    EXPECT_LT(most, 1.9 / std::sqrt(n) + 1.0 / 256) << high;
  }
}

TEST(Telegraph, SwitchesComeEvenlyOverTheBlocksInWhichTheyAreDrawn) {
  std::vector<double> switches(16);
  constexpr std::size_t epochs = 256 * 80;
  double all = 0;
  for (const std::vector<double>& record : records(fine_telegraph(), 64, epochs)) {
    for (std::size_t t = 1; t < epochs; ++t) {
      if ((record[t] > 0) != (record[t - 1] > 0)) ++switches[t % 256 / 16], ++all;
    }
  }
  EXPECT_NEAR(all / (64 * 80), 1, 0.06);
  for (std::size_t i = 0; i < switches.size(); ++i) EXPECT_NEAR(switches[i] / (all / 16), 1, 5 / std::sqrt(all / 16)) << i;
}

TEST(Telegraph, CorrelationIsExponentialAndTheSpectrumALorentzian) {
  const Fluctuation noise = telegraph(1, 0.2, 1);  // epochs of 1/8 s
  EXPECT_EQ(fluctuation_epoch_seconds(noise), 0.125);
  const std::vector<double> start = changes(noise, 1000, 1 << 16);
  for (const std::uint64_t lag : {1u, 3u, 8u, 16u})
    EXPECT_NEAR(correlation(start, changes(noise, 1000 + lag, 1 << 16)), std::exp(-2 * 0.125 * static_cast<double>(lag)), 0.015) << lag;
  // 4096 epochs are 512 s: bin k is k / 512 Hz, the corner 1 / pi Hz at k = 163. Aliases add under 4 %.
  const std::vector<double> power = spectrum(records(noise, 128, 4096));
  const double plateau = mean_of(power, 2, 14);
  EXPECT_NEAR(mean_of(power, 153, 173) / plateau, 0.5, 0.06);
  EXPECT_NEAR(mean_of(power, 316, 336) / plateau, 0.2, 0.03);
}

TEST(Telegraph, EarlyEpochsAreStationary) {
  const Fluctuation noise = telegraph(1, 0.2, 1);
  const std::vector<double> start = changes(noise, 0, 1 << 16);
  EXPECT_NEAR(correlation(start, changes(noise, 4, 1 << 16)), std::exp(-1.0), 0.015);
  EXPECT_NEAR(moments(start).mean, 0, 0.002);
}

TEST(Fluctuation, EpochsAreThoseOfTheFastestThatIsOn) {
  Fluctuation noise = flicker(0.01, 1, 4);
  EXPECT_EQ(fluctuation_epoch_seconds(noise), 1e-3);
  EXPECT_EQ(fluctuation_epoch(noise, 0.0105), 10u);
  noise.telegraph = {0.5, 0.1, 4e-3};
  EXPECT_EQ(fluctuation_epoch_seconds(noise), 0.5e-3);
  noise.telegraph.mean_seconds = 4;
  EXPECT_EQ(fluctuation_epoch_seconds(noise), 1e-3);
  EXPECT_EQ(fluctuation_epoch({}, 1e9), 0u);
  EXPECT_EQ(fluctuation_epoch_seconds({}), 0);
}

TEST(Fluctuation, FlickerKeepsItsOwnTimesBesideAFasterTelegraph) {
  const Fluctuation alone = flicker(0.01, 1, 6);
  Fluctuation both = alone;
  both.telegraph = {1e-12, 0.1, 2e-3};  // no cell has it, but its epochs are 0.25 ms
  for (const std::uint64_t epoch : {0u, 5u, 1000u}) {
    for (const std::uint64_t quarter : {0u, 1u, 3u})
      EXPECT_EQ(changes(both, 4 * epoch + quarter, 200), changes(alone, epoch, 200)) << epoch;
  }
}

TEST(Fluctuation, ACellsValueDependsOnItsNumberAndTheEpochOnly) {
  Fluctuation noise = flicker(0.05, 1.1, 20);
  noise.flicker.slope_spread = 0.2;
  noise.telegraph = {0.3, 0.1, 0.01};
  const std::vector<double> late = changes(noise, 900001, 1000), early = changes(noise, 17, 1000);
  EXPECT_EQ(changes(noise, 900001, 1000), late);
  EXPECT_NE(early, late);
  for (const std::uint32_t first : {1u, 63u, 64u, 130u, 517u}) {
    const std::vector<double> part = changes(noise, 17, 201, first);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), early.begin() + first)) << first;
  }
}

TEST(Fluctuation, OffChangesNothingAndNamesAreListed) {
  Cells g = {1.0f, -0.0f, 3e-40f};
  const Cells before = g;
  fluctuate(*find_fluctuation("none"), {{8}, 0, 0, 0}, 3, {g.data(), 1, 3});
  for (std::size_t i = 0; i < 3; ++i) EXPECT_EQ(std::bit_cast<std::uint32_t>(g[i]), std::bit_cast<std::uint32_t>(before[i])) << i;
  EXPECT_TRUE(find_fluctuation("techA")->on());
  EXPECT_EQ(find_fluctuation("x").status().message(), "no fluctuation 'x'; there are none, techA");
}

TEST(Fluctuation, SameBitsAsThePlainVersionForAnyThreadsAndInstructionSet) {
  Fluctuation noise = *find_fluctuation("techA");
  noise.telegraph = {0.1, 0.05, 0.3};
  const std::size_t height = 300, width = 251, stride = 260;
  const CellIds ids{{31}, 4000000000u, 1000003, 0};
  Cells start(height * stride);
  for (std::size_t i = 0; i < start.size(); ++i) start[i] = static_cast<float>(i % 1000) * 0.26e-6f;
  const int threads_before = threads();
  const std::string isa_before = isa_name();
  Cells plain = start;
  fluctuate_reference(noise, ids, 123456, {plain.data(), height, width, stride});
  for (const char* isa : supported_isas()) {
    ASSERT_TRUE(use_isa(isa).ok());
    for (const int count : {1, 2, 7}) {
      use_threads(count);
      Cells now = start;
      fluctuate(noise, ids, 123456, {now.data(), height, width, stride});
      EXPECT_EQ(std::memcmp(now.data(), plain.data(), now.size() * sizeof(float)), 0) << isa << ", " << count << " threads";
    }
  }
  use_threads(threads_before);
  ASSERT_TRUE(use_isa(isa_before).ok());
}

}  // namespace
}  // namespace sedma::kernels

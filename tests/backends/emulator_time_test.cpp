// Cells that change by themselves: relaxation, temperature, 1/f and telegraph noise on the device's clock.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/backends/emulator_bench.h"

namespace sedma::backends {
namespace {

using namespace emulator_bench;

constexpr const char* relaxing = "emulator:TaOx-HfOx?arrays=2&rows=96&cols=96&adc_bits=0&dac_bits=0&transistor=off&relaxation=techC";
const At window{0, 0, 0, 96, 96};

void idle(hal::Device& device, double seconds) { run(device, hal::Idle{seconds}); }

// Moments of the change in units of the range.
struct Change {
  std::vector<double> parts;
  Change(const hal::Device& device, const std::vector<float>& before, const std::vector<float>& after) {
    for (std::size_t i = 0; i < before.size(); ++i)
      parts.push_back((static_cast<double>(after[i]) - static_cast<double>(before[i])) / device.capabilities().g_range_siemens());
  }
  double largest() const {
    double most = 0;
    for (const double part : parts) most = std::max(most, std::abs(part));
    return most;
  }
};

// Targets in the middle of the range, where no bound cuts a tail off.
std::vector<float> middle(const hal::Device& device) {
  const hal::Capabilities& board = device.capabilities();
  return std::vector<float>(window.size(), static_cast<float>(board.g_min_siemens + 0.5 * board.g_range_siemens()));
}

TEST(EmulatorTime, VarianceGrowsWithTheLogarithmOfTime) {
  const auto device = open(relaxing);
  program(*device, window, middle(*device));
  const auto fresh = read(*device, window);
  idle(*device, 1);
  const double after_a_second = variance(Change(*device, fresh, read(*device, window)).parts);
  idle(*device, 1e5);
  const double after_a_day = variance(Change(*device, fresh, read(*device, window)).parts);
  const double decades = std::log10(1 + 1 / 3.2e-3), more = std::log10(1 + 1e5 / 3.2e-3);
  EXPECT_NEAR(after_a_day / after_a_second, more / decades, 0.2 * more / decades);
  EXPECT_GT(after_a_second, 1e-3);
}

TEST(EmulatorTime, ProductsSeeWhatReadsSee) {
  const auto device = open(relaxing);
  program(*device, window, pattern(*device, window.size()));
  Product product;
  prepare(*device, window, 2, product);
  run(*device, product.command);
  const auto young = product.amps;
  idle(*device, 1e4);
  run(*device, product.command);
  EXPECT_NE(product.amps, young);
  const auto cells = read(*device, window);
  for (std::size_t b = 0; b < 2; ++b)
    for (std::uint32_t c = 0; c < window.cols; ++c) {
      double amps = 0;
      for (std::uint32_t r = 0; r < window.rows; ++r)
        amps += static_cast<double>(cells[r * window.cols + c]) * static_cast<double>(product.volts[b * window.rows + r]);
      EXPECT_NEAR(static_cast<double>(product.amps[b * window.cols + c]), amps, 1e-5 * 10e-6 * window.rows);
    }
}

TEST(EmulatorTime, AnAgeStopsTheClock) {
  const auto device = open(std::string(relaxing) + "&age=100"), other = open(std::string(relaxing) + "&age=100");
  EXPECT_TRUE(device->capabilities().has(hal::Feature::deterministic));
  EXPECT_FALSE(open(relaxing)->capabilities().has(hal::Feature::deterministic));
  const auto target = middle(*device);
  idle(*other, 12345);
  program(*device, window, target);
  program(*other, window, target);
  const auto cells = read(*device, window);
  idle(*device, 1e6);
  EXPECT_EQ(read(*device, window), cells);
  EXPECT_EQ(read(*other, window), cells);
  const auto older = open(std::string(relaxing) + "&age=1e5");
  program(*older, window, target);
  EXPECT_NE(read(*older, window), cells);
}

// Arrhenius: Ea / k (1 / 300 K - 1 / 350 K) = 2.763 with Ea = 0.5 eV, so a second at 350 K is 15.9 s at 300 K.
TEST(EmulatorTime, HeatMakesTimeRunFaster) {
  const auto hot = open(std::string(relaxing) + "&age=100&activation_ev=0.5&temperature=350");
  const double speed = std::exp(0.5 / 8.617333262e-5 * (1 / 300.0 - 1 / 350.0));
  EXPECT_NEAR(speed, 15.9, 0.1);
  const auto old = open(std::string(relaxing) + "&age=" + std::to_string(100 * speed)), young = open(std::string(relaxing) + "&age=100");
  const auto target = middle(*hot);
  for (const auto* device : {&hot, &old, &young}) program(**device, window, target);
  EXPECT_EQ(read(*hot, window), read(*old, window));
  EXPECT_NE(read(*hot, window), read(*young, window));
  EXPECT_DOUBLE_EQ(run(*hot, hal::Idle{1}).temperature_kelvin, 350);
}

TEST(EmulatorTime, AgeZeroIsAsWritten) {
  const auto device = open(std::string(relaxing) + "&age=0");
  const auto timeless = open("emulator:TaOx-HfOx?arrays=2&rows=96&cols=96&adc_bits=0&dac_bits=0&transistor=off");
  const auto target = pattern(*device, window.size());
  program(*device, window, target);
  program(*timeless, window, target);
  EXPECT_EQ(read(*device, window), read(*timeless, window));
}

// Cells relax from their own last write on: others of the window keep their age.
TEST(EmulatorTime, OnlyWhatIsWrittenIsYoungAgain) {
  const auto device = open(relaxing);
  program(*device, window, middle(*device));
  idle(*device, 1e5);
  const auto aged = read(*device, window);
  const At half{0, 0, 0, 48, 96};
  pulse(*device, half, 3);
  const auto pulsed = read(*device, window);
  idle(*device, 1e-2);
  const auto later = read(*device, window);
  const std::size_t cut = half.size();
  EXPECT_TRUE(std::equal(aged.begin() + static_cast<std::ptrdiff_t>(cut), aged.end(), later.begin() + static_cast<std::ptrdiff_t>(cut)))
      << "10 ms after 1e5 s is no step";
  const Change moved(*device, {pulsed.begin(), pulsed.begin() + static_cast<std::ptrdiff_t>(cut)},
                     {later.begin(), later.begin() + static_cast<std::ptrdiff_t>(cut)});
  EXPECT_GT(variance(moved.parts), 1e-4) << "pulsed cells relax anew";
}

TEST(EmulatorTime, MaskedCellsKeepTheirAge) {
  const auto device = open(relaxing);
  program(*device, window, middle(*device));
  idle(*device, 1e5);
  const auto aged = read(*device, window);
  std::vector<std::uint8_t> mask(window.size(), 0);
  for (std::size_t i = 0; i < mask.size(); i += 2) mask[i] = 1;
  Written written;
  const auto target = middle(*device);
  hal::Program again = make_program(*device, window, target, {}, written);
  again.mask = {mask.data(), window.rows, window.cols};
  run(*device, again);
  idle(*device, 1e-2);
  const auto later = read(*device, window);
  for (std::size_t i = 0; i < mask.size(); i += 2) ASSERT_EQ(later[i], aged[i]) << i;
}

TEST(EmulatorTime, ATileRelaxesAlikeEverywhere) {
  const auto device = open(std::string(relaxing) + "&age=1e3");
  const At here{0, 0, 0, 20, 30}, there{1, 17, 40, 20, 30};
  const auto target = pattern(*device, here.size());
  const Effort fresh{0.02, 20, 10000, true, 5};
  program(*device, here, target, fresh);
  program(*device, there, target, fresh);
  EXPECT_EQ(read(*device, here), read(*device, there));
}

TEST(EmulatorTime, StuckCellsStay) {
  const auto device = open(std::string(relaxing) + "&stuck=0.5");
  const auto target = middle(*device);
  program(*device, window, target);
  const auto fresh = read(*device, window);
  idle(*device, 1e5);
  const auto aged = read(*device, window);
  std::size_t stayed = 0;
  for (std::size_t i = 0; i < fresh.size(); ++i) stayed += fresh[i] == aged[i] ? 1 : 0;
  EXPECT_NEAR(static_cast<double>(stayed) / static_cast<double>(fresh.size()), 0.5, 0.05);
}

// 1/f noise is a state that consecutive products share: averaging them does not remove it.
TEST(EmulatorTime, AveragesShowTheFloorOfSlowNoise) {
  const At at{0, 0, 0, 96, 96};
  const std::string plain = "emulator:TaOx-HfOx?arrays=1&rows=96&cols=96&adc_bits=0&dac_bits=0&read_noise=0.02&ideal_writing=on&age=0";
  const auto slow = open(plain + "&flicker=0.02");
  const auto white = open("emulator:TaOx-HfOx?arrays=1&rows=96&cols=96&adc_bits=0&dac_bits=0&read_noise=0.02&ideal_writing=on");
  const auto error_of_mean = [&](hal::Device& device, std::size_t batch) {
    program(device, at, pattern(device, at.size()));
    Product product;
    prepare(device, at, batch, product);
    for (std::size_t i = at.rows; i < product.volts.size(); ++i) product.volts[i] = product.volts[i % at.rows];
    run(device, product.command);
    const auto quiet = open("emulator:TaOx-HfOx?arrays=1&rows=96&cols=96&adc_bits=0&dac_bits=0&ideal_writing=on");
    program(*quiet, at, pattern(*quiet, at.size()));
    Product exact;
    prepare(*quiet, at, 1, exact);
    run(*quiet, exact.command);
    double squares = 0;
    for (std::uint32_t c = 0; c < at.cols; ++c) {
      double sum = 0;
      for (std::size_t b = 0; b < batch; ++b) sum += static_cast<double>(product.amps[b * at.cols + c]);
      squares += std::pow(sum / static_cast<double>(batch) - static_cast<double>(exact.amps[c]), 2);
    }
    return squares;
  };
  const double white_ratio = error_of_mean(*white, 4096) / error_of_mean(*white, 16);
  const double slow_ratio = error_of_mean(*slow, 4096) / error_of_mean(*slow, 16);
  EXPECT_NEAR(white_ratio, 16.0 / 4096, 0.5 * 16.0 / 4096);
  EXPECT_GT(slow_ratio, 0.5) << "256 times as many products leave the 1/f noise";
}

TEST(EmulatorTime, TheClockIsThatOfCommands) {
  const auto device = open(relaxing);
  const auto written = program(*device, window, middle(*device));
  EXPECT_GT(written.completion.stats.device_time_seconds, 0);
  const auto waited = run(*device, hal::Idle{7});
  EXPECT_NEAR(waited.stats.device_time_seconds, written.completion.stats.device_time_seconds + 7, 1e-9);
  EXPECT_DOUBLE_EQ(waited.temperature_kelvin, 300);
  std::vector<hal::Reading> readings;
  run(*device, hal::SelfTest{&readings});
  EXPECT_DOUBLE_EQ(readings[0].value, 300);
}

}  // namespace
}  // namespace sedma::backends

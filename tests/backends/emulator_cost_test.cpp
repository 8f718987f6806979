// Joules and seconds by hand, every number counted once, and the device's clock.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/materials.h"
#include "tests/backends/emulator_bench.h"

namespace sedma::backends {
namespace {

using namespace emulator_bench;

// The constants of TaOx-HfOx and of the default converters on an array of 6 x 10.
constexpr double e_adc = 25e-15 * 256, t_adc = 8e-9, e_dac = 10e-15 * 256, t_read = 5e-9, width = 50e-9, volts = 1.6, read_volts = 0.5;
constexpr double word_farads = 0.2e-15 * 10, bit_farads = 0.2e-15 * 6;
constexpr const char* board = "emulator:TaOx-HfOx?arrays=2&rows=6&cols=10&c2c=off&path=float";
constexpr const char* ideal = "emulator:TaOx-HfOx?arrays=2&rows=6&cols=10&c2c=off&adc_bits=0&dac_bits=0";

void expect_joules(const hal::Joules& joules, const hal::Joules& expected) {
  const auto near = [](double value, double wanted) { return std::abs(value - wanted) <= 1e-5 * wanted; };
  EXPECT_TRUE(near(joules.cells, expected.cells)) << joules.cells << " against " << expected.cells;
  EXPECT_TRUE(near(joules.lines, expected.lines)) << joules.lines << " against " << expected.lines;
  EXPECT_TRUE(near(joules.dac, expected.dac)) << joules.dac << " against " << expected.dac;
  EXPECT_TRUE(near(joules.adc, expected.adc)) << joules.adc << " against " << expected.adc;
  EXPECT_TRUE(near(joules.verify, expected.verify)) << joules.verify << " against " << expected.verify;
}

TEST(EmulatorCost, PulsesOfOneCell) {
  const auto device = open(board);
  const At cell{0, 2, 3, 1, 1};
  const double before = static_cast<double>(read(*device, cell)[0]);
  const hal::Completion up = pulse(*device, cell, 5);
  const double after = static_cast<double>(read(*device, cell)[0]);
  EXPECT_EQ(up.stats.pulses, 5u);
  EXPECT_EQ(up.stats.conversions, 0u);
  EXPECT_NEAR(up.stats.seconds, 5 * width, 1e-15);
  const double lines = 5 * bit_farads * volts * volts + word_farads * volts * volts;
  expect_joules(up.stats.joules, {volts * volts * (before + after) / 2 * width * 5, lines, 0, 0, 0});
}

// Two rows, one direction each; a row is as long as its longest train, up and down one after the other.
TEST(EmulatorCost, PulsesOfAWindow) {
  const auto device = open("emulator:AlOx-HfO2?arrays=1&rows=6&cols=10&c2c=off");  // 0.9 V up, -1 V down, 100 us
  const At at{0, 0, 0, 2, 3};
  pulse(*device, at, 10);
  const auto before = read(*device, at);
  const std::vector<std::int32_t> counts = {3, -2, 1, 0, 0, 4};
  hal::Pulse command;
  command.pulses = {counts.data(), 2, 3};
  command.up = {0.9f, 0, 100e-6f, 0};
  command.down = {-1.0f, 0, 100e-6f, 0};
  const hal::Completion done = run(*device, command);
  const auto after = read(*device, at);
  EXPECT_EQ(done.stats.pulses, 10u);
  EXPECT_NEAR(done.stats.seconds, (3 + 2 + 4) * 100e-6, 1e-12);
  double cells = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double v = counts[i] > 0 ? 0.9 : -1.0, siemens = (static_cast<double>(before[i]) + static_cast<double>(after[i])) / 2;
    cells += v * v * siemens * 100e-6 * std::abs(counts[i]);
  }
  const double lines = bit_farads * (8 * 0.81 + 2 * 1.0) + 3 * word_farads * 1.0;  // three selects: row 0 up, row 0 down, row 1 up
  expect_joules(done.stats.joules, {cells, lines, 0, 0, 0});
}

// A cell that is where it should be costs one read and its conversion.
TEST(EmulatorCost, ProgramOfACellAtItsTarget) {
  for (const bool with_converters : {true, false}) {
    const auto device = open(with_converters ? board : ideal);
    const double siemens = device->capabilities().g_min_siemens;
    const Written written = program(*device, {0, 0, 0, 1, 1}, {std::nextafter(static_cast<float>(siemens), 1.0f)});
    EXPECT_EQ(written.completion.stats.pulses, 0u);
    EXPECT_EQ(written.completion.stats.conversions, 1u);
    EXPECT_NEAR(written.completion.stats.seconds, t_read + (with_converters ? t_adc : 0), 1e-15);
    const double converters = with_converters ? e_adc + e_dac : 0;
    const double verify = read_volts * read_volts * siemens * t_read + converters + word_farads * read_volts * read_volts;
    expect_joules(written.completion.stats.joules, {0, 0, 0, 0, verify});
  }
}

// One pass: read, pulse, read again.
TEST(EmulatorCost, ProgramOfOnePass) {
  const auto device = open(board);
  const At cell{1, 5, 9, 1, 1};
  const double before = static_cast<double>(read(*device, cell)[0]);
  const Written written = program(*device, cell, pattern(*device, 1, 3), {0.001, 1, 1000, false, 2});
  const double after = static_cast<double>(read(*device, cell)[0]), n = written.pulses[0];
  ASSERT_GT(n, 1);
  const hal::Stats& stats = written.completion.stats;
  EXPECT_EQ(stats.pulses, written.pulses[0]);
  EXPECT_EQ(stats.conversions, 2u);
  EXPECT_NEAR(stats.seconds, n * width + 2 * (t_read + t_adc), 1e-14);
  const double read_joules = read_volts * read_volts * (before + after) * t_read;
  expect_joules(stats.joules,
                {volts * volts * (before + after) / 2 * width * n, n * bit_farads * volts * volts + word_farads * volts * volts, 0, 0,
                 read_joules + 2 * (e_adc + e_dac + word_farads * read_volts * read_volts)});
}

TEST(EmulatorCost, ProgramCountsWhatItsCellsReport) {
  const auto device = open("emulator:AlOx-HfO2?arrays=1&rows=6&cols=10");
  const At at{0, 0, 0, 6, 10};
  const Written written = program(*device, at, pattern(*device, at.size()), {0.02, 60, 10000, false, 2});
  std::uint64_t pulses = 0, unconverged = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    pulses += written.pulses[i];
    unconverged += written.outcome[i] != hal::Outcome::converged ? 1 : 0;
  }
  EXPECT_EQ(written.completion.stats.pulses, pulses);
  EXPECT_EQ(written.completion.unconverged, unconverged);
  EXPECT_GE(written.completion.stats.conversions, at.size());
  const hal::Joules& joules = written.completion.stats.joules;
  EXPECT_EQ(joules.adc, 0) << "conversions of verification belong to verify";
  EXPECT_EQ(joules.dac, 0);
  EXPECT_DOUBLE_EQ(joules.total(), joules.cells + joules.lines + joules.verify);
}

TEST(EmulatorCost, ReadOfAWindow) {
  const auto device = open(board);
  const At at{0, 1, 0, 3, 9};
  pulse(*device, at, 20);
  std::vector<float> siemens;
  hal::Read command = make_read(at, siemens, 2);
  command.discard = 1;
  command.volts = -0.25;
  const hal::Completion done = run(*device, command);
  double sum = 0;
  for (std::size_t i = 0; i < at.size(); ++i) sum += static_cast<double>(siemens[i]);
  EXPECT_EQ(done.stats.conversions, 3u * 27);
  const double one = 3 * (t_read + 8 * t_adc);  // 9 columns: 8 share a converter
  EXPECT_NEAR(done.stats.seconds, 3 * one, 1e-14);
  const double v = 0.25;
  expect_joules(done.stats.joules, {3 * v * v * sum * t_read, 9 * word_farads * v * v, 9 * e_dac, 81 * e_adc, 0});
  command.interval_seconds = 1e-3;
  EXPECT_NEAR(run(*device, command).stats.seconds, 2e-3 + one, 1e-12);
  command.interval_seconds = one * 0.5;
  const auto refused = device->run(command);
  EXPECT_EQ(refused.status().code(), Code::out_of_range) << refused.status().to_string();
  EXPECT_NE(refused.status().message().find("interval_seconds"), std::string::npos);
}

TEST(EmulatorCost, ProductByHand) {
  const auto device = open(board);
  const At at{0, 2, 1, 2, 3};
  pulse(*device, at, 30);
  const auto g = read(*device, at);
  Product product;
  prepare(*device, at, 2, product);
  const float top = 0.5f, half = 0.5f * 64 / 127;  // both are codes of the DAC
  product.volts = {top, -half, 0, top};
  product.command.volts = {product.volts.data(), 2, 2};
  const hal::Completion done = run(*device, product.command);
  const double a = 0.25, b = static_cast<double>(half) * static_cast<double>(half);
  const double row0 = static_cast<double>(g[0]) + static_cast<double>(g[1]) + static_cast<double>(g[2]);
  const double row1 = static_cast<double>(g[3]) + static_cast<double>(g[4]) + static_cast<double>(g[5]);
  EXPECT_EQ(done.stats.conversions, 6u);
  EXPECT_EQ(done.stats.pulses, 0u);
  EXPECT_NEAR(done.stats.seconds, 2 * (t_read + 3 * t_adc), 1e-15);
  expect_joules(done.stats.joules, {(a * row0 + b * row1 + a * row1) * t_read, (a + b + a) * word_farads, 4 * e_dac, 6 * e_adc, 0});
}

// What the lines of a window conduct is kept from product to product: not beyond a write.
TEST(EmulatorCost, ProductsDrawWhatTheCellsConductNow) {
  const auto device = open(board);
  const At at{0, 1, 1, 3, 4};
  Product product;
  prepare(*device, at, 1, product);
  product.volts = {0.5f, 0.5f, 0.5f};
  product.command.volts = {product.volts.data(), 1, 3};
  for (int round = 0; round < 3; ++round) {
    pulse(*device, at, 20);
    double siemens = 0;
    for (const float cell : read(*device, at)) siemens += static_cast<double>(cell);
    EXPECT_NEAR(run(*device, product.command).stats.joules.cells / (0.25 * siemens * t_read), 1, 1e-6);
    program(*device, {0, 0, 0, 6, 10}, pattern(*device, 60));
  }
}

TEST(EmulatorCost, SharedConvertersByTheWayOfSensing) {
  const auto device = open(board);
  const At at{0, 0, 0, 4, 10};
  const auto cost = [&](hal::Sense sense, bool transpose) {
    Product product;
    prepare(*device, at, 3, product, sense, transpose);
    return run(*device, product.command).stats;
  };
  const auto seconds = [](double share) { return 3 * (t_read + share * t_adc); };
  const hal::Stats single = cost(hal::Sense::single, false), pair = cost(hal::Sense::pair, false);
  const hal::Stats reference = cost(hal::Sense::reference, false), transposed = cost(hal::Sense::single, true);
  EXPECT_NEAR(single.seconds, seconds(8), 1e-15);
  EXPECT_EQ(single.conversions, 30u);
  EXPECT_NEAR(pair.seconds, seconds(4), 1e-15);
  EXPECT_EQ(pair.conversions, 15u);
  EXPECT_NEAR(reference.seconds, seconds(8), 1e-15);
  EXPECT_EQ(reference.conversions, 27u);
  EXPECT_NEAR(transposed.seconds, seconds(4), 1e-15);
  EXPECT_EQ(transposed.conversions, 12u);
  EXPECT_DOUBLE_EQ(single.joules.dac, 12 * e_dac);
  EXPECT_DOUBLE_EQ(transposed.joules.dac, 30 * e_dac);
  EXPECT_DOUBLE_EQ(pair.joules.cells, single.joules.cells) << "sensing does not change what the cells draw";
}

TEST(EmulatorCost, IdealConvertersAreFree) {
  const auto device = open(ideal);
  const At at{0, 0, 0, 4, 10};
  Product product;
  prepare(*device, at, 3, product);
  const hal::Stats stats = run(*device, product.command).stats;
  EXPECT_EQ(stats.joules.adc, 0);
  EXPECT_EQ(stats.joules.dac, 0);
  EXPECT_NEAR(stats.seconds, 3 * t_read, 1e-18);
  EXPECT_EQ(stats.conversions, 30u);
}

TEST(EmulatorCost, OptionsChangeTheConverters) {
  const auto device = open(
      "emulator:TaOx-HfOx?arrays=1&rows=6&cols=10&adc_joules_per_code=1e-15&adc_seconds_per_bit=2e-9&columns_per_adc=3"
      "&dac_joules_per_code=2e-15&wire_farads=0&adc_bits=4&dac_bits=5");
  Product product;
  prepare(*device, {0, 0, 0, 4, 10}, 1, product);
  const hal::Stats stats = run(*device, product.command).stats;
  EXPECT_NEAR(stats.seconds, t_read + 3 * 4 * 2e-9, 1e-15);
  EXPECT_DOUBLE_EQ(stats.joules.adc, 10 * 16e-15);
  EXPECT_DOUBLE_EQ(stats.joules.dac, 4 * 64e-15);
  EXPECT_EQ(stats.joules.lines, 0);
}

// Repeating a product in parts costs what the whole costs.
TEST(EmulatorCost, ABatchCostsTheSumOfItsVectors) {
  const auto device = open(board);
  const At at{0, 0, 0, 6, 10};
  pulse(*device, at, 30);
  Product product;
  prepare(*device, at, 130, product);
  const hal::Stats whole = run(*device, product.command).stats;
  hal::Stats sum;
  for (std::size_t b = 0; b < 130; ++b) {
    hal::Mvm one = product.command;
    one.volts = {product.volts.data() + b * 6, 1, 6};
    one.amps = {product.amps.data() + b * 10, 1, 10};
    sum += run(*device, one).stats;
  }
  EXPECT_NEAR(sum.seconds / whole.seconds, 1, 1e-12);
  EXPECT_NEAR(sum.joules.total() / whole.joules.total(), 1, 1e-12);
  EXPECT_EQ(sum.conversions, whole.conversions);
}

TEST(EmulatorCost, EveryArrayHasItsTimeAndIdlingPassesForAll) {
  const auto device = open(board);
  const hal::Completion first = pulse(*device, {0, 0, 0, 2, 2}, 5);
  EXPECT_DOUBLE_EQ(first.stats.device_time_seconds, first.stats.seconds);
  const hal::Completion second = pulse(*device, {0, 0, 0, 2, 2}, 3);
  EXPECT_DOUBLE_EQ(second.stats.device_time_seconds, first.stats.seconds + second.stats.seconds);
  const hal::Completion other = pulse(*device, {1, 0, 0, 2, 2}, 1);
  EXPECT_DOUBLE_EQ(other.stats.device_time_seconds, other.stats.seconds) << "arrays work at the same time";
  const hal::Completion idle = run(*device, hal::Idle{2.5});
  EXPECT_EQ(idle.stats.seconds, 2.5);
  EXPECT_EQ(idle.stats.joules.total(), 0);
  EXPECT_DOUBLE_EQ(idle.stats.device_time_seconds, 2.5 + second.stats.device_time_seconds);
  const hal::Completion later = pulse(*device, {1, 0, 0, 2, 2}, 1);
  EXPECT_DOUBLE_EQ(later.stats.device_time_seconds, 2.5 + other.stats.seconds + later.stats.seconds);
  EXPECT_LE(later.stats.begin_utc_ns, later.stats.end_utc_ns);
  EXPECT_GT(later.stats.begin_utc_ns, std::int64_t{1'500'000'000} * 1'000'000'000);
}

// Time that passes after a command was submitted is not part of it, however late the command runs.
TEST(EmulatorCost, IdlingCountsFromItsPlaceInTheOrder) {
  for (const char* lanes : {"inline", "threads"}) {
    const auto device = open(std::string("emulator:AlOx-HfO2?arrays=1&rows=64&cols=64&lanes=") + lanes);
    const At at{0, 0, 0, 64, 64};
    const auto target = pattern(*device, at.size());
    Written first, second;
    auto before = device->submit(make_program(*device, at, target, {}, first)).value();
    auto idle = device->submit(hal::Idle{100}).value();
    auto after = device->submit(make_program(*device, at, target, {}, second)).value();
    const hal::Stats early = before.wait().value().stats, late = after.wait().value().stats;
    EXPECT_TRUE(idle.wait().ok());
    EXPECT_DOUBLE_EQ(early.device_time_seconds, early.seconds);
    EXPECT_DOUBLE_EQ(late.device_time_seconds, 100 + early.seconds + late.seconds);
  }
}

TEST(EmulatorCost, SelfTestKnowsNoTemperature) {
  const auto device = open(board);
  std::vector<hal::Reading> readings;
  const hal::Completion done = run(*device, hal::SelfTest{&readings});
  EXPECT_TRUE(std::isnan(done.temperature_kelvin));
  ASSERT_FALSE(readings.empty());
  EXPECT_EQ(readings[0].name, "temperature_kelvin");
  EXPECT_TRUE(std::isnan(readings[0].value));
  EXPECT_EQ(readings[0].unit, "K");
}

}  // namespace
}  // namespace sedma::backends

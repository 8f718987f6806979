// Converters that differ from line to line, cells whose current is not linear, noise that does not depend on the level, and memory.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "backends/emulator/options.h"
#include "tests/backends/emulator_bench.h"

namespace sedma::backends {
namespace {

using namespace emulator_bench;

// With 16-bit converters on zero volts only the offset is left; on full volts the gain shows beside it.
TEST(EmulatorConverters, OffsetsAndGainsHaveTheirMoments) {
  const std::string uri = "emulator:EpiRAM?arrays=1&rows=4&cols=4096&adc_bits=16&dac_bits=8";
  const At at{0, 0, 0, 4, 4096};
  const auto exact = open(uri), device = open(uri + "&adc_offset=0.02&adc_gain=0.03");
  Product zero, full, reference;
  for (Product* product : {&zero, &full, &reference}) prepare(*device, at, 1, *product);
  std::fill(zero.volts.begin(), zero.volts.end(), 0.0f);
  std::fill(full.volts.begin(), full.volts.end(), 0.5f);
  std::fill(reference.volts.begin(), reference.volts.end(), 0.5f);
  // Twice what the untouched cells can give: no converter clips.
  const float scale = static_cast<float>(2 * 4 * 0.5 * device->capabilities().g_min_siemens);
  for (Product* product : {&zero, &full, &reference}) product->full_scale = {scale}, product->command.full_scale_amps = product->full_scale;
  run(*device, zero.command);
  run(*device, full.command);
  run(*exact, reference.command);
  std::vector<double> offsets, gains;
  for (std::uint32_t c = 0; c < at.cols; ++c) {
    offsets.push_back(static_cast<double>(zero.amps[c]) / static_cast<double>(scale));
    gains.push_back(static_cast<double>(full.amps[c] - zero.amps[c]) / static_cast<double>(reference.amps[c]) - 1);
  }
  EXPECT_NEAR(mean(offsets), 0, 4 * 0.02 / 64);
  EXPECT_NEAR(std::sqrt(variance(offsets)), 0.02, 0.02 * 0.05);
  EXPECT_NEAR(mean(gains), 0, 4 * 0.03 / 64);
  EXPECT_NEAR(std::sqrt(variance(gains)), 0.03, 0.03 * 0.05);
  Product again;
  prepare(*device, at, 1, again);
  again.volts = zero.volts;
  again.full_scale = {scale};
  again.command.volts = {again.volts.data(), 1, at.rows};
  again.command.full_scale_amps = again.full_scale;
  run(*device, again.command);
  EXPECT_EQ(again.amps, zero.amps) << "a converter's error is its own, not noise";
}

TEST(EmulatorConverters, CurrentFollowsTheCube) {
  const At at{0, 0, 0, 1, 3};
  const auto device = open("emulator:EpiRAM?arrays=1&rows=8&cols=8&adc_bits=0&dac_bits=0&iv_cubic=0.8");
  const auto cells = read(*device, at);
  for (const float volts : {0.1f, 0.35f, -0.5f}) {
    Product product;
    prepare(*device, at, 1, product);
    product.volts[0] = volts;
    run(*device, product.command);
    const double v = static_cast<double>(volts);
    for (std::size_t c = 0; c < 3; ++c) {
      const double amps = static_cast<double>(cells[c]) * v * (1 + 0.8 * v * v);
      EXPECT_NEAR(static_cast<double>(product.amps[c]), amps, 1e-6 * std::abs(amps));
    }
  }
}

TEST(EmulatorConverters, AFloorIsTheSameAtEveryLevel) {
  const auto device = open("emulator:TaOx-HfOx?arrays=1&rows=2&cols=2048&adc_bits=0&dac_bits=0&read_noise_floor=0.01");
  const hal::Capabilities& board = device->capabilities();
  const At at{0, 0, 0, 2, 2048};
  std::vector<float> target(at.size(), static_cast<float>(board.g_min_siemens));
  std::fill(target.begin() + 2048, target.end(), static_cast<float>(board.g_max_siemens));
  program(*device, at, target);
  const auto cells = read(*device, at, 40);
  for (const std::size_t row : {std::size_t{0}, std::size_t{1}}) {
    double sum = 0;
    for (std::size_t c = 0; c < 2048; ++c) {
      std::vector<double> repeats;
      for (std::size_t k = 0; k < 40; ++k) repeats.push_back(static_cast<double>(cells[(k * 2 + row) * 2048 + c]));
      sum += variance(repeats) * 40 / 39;
    }
    EXPECT_NEAR(std::sqrt(sum / 2048) / board.g_range_siemens(), 0.01, 0.01 * 0.02) << "row " << row;
  }
  // A product of n cells: sqrt(n) floor V.
  Product product;
  prepare(*device, at, 64, product);
  std::fill(product.volts.begin(), product.volts.end(), 0.25f);
  run(*device, product.command);
  double sum = 0;
  for (std::size_t c = 0; c < 2048; ++c) {
    std::vector<double> amps;
    for (std::size_t b = 0; b < 64; ++b) amps.push_back(static_cast<double>(product.amps[b * 2048 + c]));
    sum += variance(amps) * 64 / 63;
  }
  const double expected = std::sqrt(2.0) * 0.01 * board.g_range_siemens() * 0.25;
  EXPECT_NEAR(std::sqrt(sum / 2048), expected, expected * 0.02);
}

emulator::Options options(const std::string& uri) {
  auto parsed = hal::Uri::parse(uri);
  SEDMA_CHECK(parsed.ok(), uri);
  auto options = emulator::parse_options(*parsed);
  SEDMA_CHECK(options.ok(), options.status().to_string());
  return *options;
}

TEST(EmulatorMemory, AtMostEightBytesACellAndTwelveWithEverything) {
  EXPECT_LE(options("emulator:TaOx-HfOx?read_noise=0.01&d2d=0.05&stuck=0.01").bytes_per_cell(), 8u);
  EXPECT_LE(options("emulator:TaOx-HfOx?read_noise=0.01&dac_bits=0").bytes_per_cell(), 8u);
  const std::string all = "emulator:TaOx-HfOx?read_noise=0.01&d2d=0.05&stuck=0.01&wires=exact&relaxation=techC&flicker=0.01&rtn=0.1";
  EXPECT_LE(options(all).bytes_per_cell(), 12u);
  EXPECT_LE(options(all + "&dac_bits=0").bytes_per_cell(), 12u);
}

TEST(EmulatorPath, FollowsFromTheConverters) {
  using kernels::Path;
  EXPECT_EQ(options("emulator:TaOx-HfOx").path, Path::integer);
  EXPECT_EQ(options("emulator:TaOx-HfOx?dac_bits=2").path, Path::integer);
  EXPECT_EQ(options("emulator:TaOx-HfOx?dac_bits=9").path, Path::floating);
  EXPECT_EQ(options("emulator:TaOx-HfOx?dac_bits=0").path, Path::floating);
  EXPECT_EQ(options("emulator:TaOx-HfOx?iv_cubic=0.1").path, Path::floating);
  EXPECT_EQ(options("emulator:TaOx-HfOx?path=float").path, Path::floating);
}

struct Refusal {
  const char* query;
  Code code;
  const char* named;
};

TEST(EmulatorPhysics, BadParametersAreRefusedByName) {
  for (const Refusal& refusal : {Refusal{"wires=copper", Code::invalid_argument, "wires"},
                                 {"wires=exact&wire_ohms=-1", Code::invalid_argument, "wire_ohms"},
                                 {"wires=exact&wire_ohms=0", Code::invalid_argument, "wire_ohms"},
                                 {"wires=exact&wire_ohms=nan", Code::invalid_argument, "wire_ohms"},
                                 {"wires=exact&source_ohms=-2", Code::invalid_argument, "source_ohms"},
                                 {"wires=exact&sense_ohms=inf", Code::invalid_argument, "sense_ohms"},
                                 {"sense_ohms=5", Code::invalid_argument, "sense_ohms"},
                                 {"relaxation=techZ", Code::invalid_argument, "techC"},
                                 {"relaxation=techC&age=-1", Code::invalid_argument, "age"},
                                 {"relaxation=techC&age=nan", Code::invalid_argument, "age"},
                                 {"age=10", Code::invalid_argument, "age"},
                                 {"relaxation=techC&temperature=0", Code::invalid_argument, "temperature"},
                                 {"relaxation=techC&temperature=-5", Code::invalid_argument, "temperature"},
                                 {"temperature=350", Code::invalid_argument, "temperature"},
                                 {"flicker=-0.1", Code::invalid_argument, "flicker"},
                                 {"flicker_slope=1", Code::invalid_argument, "flicker_slope"},
                                 {"flicker=0.1&flicker_slope=3", Code::invalid_argument, "flicker_slope"},
                                 {"flicker=0.1&flicker_seconds=0", Code::invalid_argument, "flicker_seconds"},
                                 {"rtn=2", Code::invalid_argument, "rtn"},
                                 {"rtn_seconds=1", Code::invalid_argument, "rtn_seconds"},
                                 {"rtn=0.1&rtn_seconds=0", Code::invalid_argument, "rtn_seconds"},
                                 {"read_noise_floor=-1", Code::invalid_argument, "read_noise_floor"},
                                 {"adc_gain=-1", Code::invalid_argument, "adc_gain"},
                                 {"adc_bits=0&adc_offset=0.1", Code::invalid_argument, "adc_offset"},
                                 {"iv_cubic=-9", Code::invalid_argument, "iv_cubic"},
                                 {"iv_cubic=0.1&wires=exact", Code::unsupported, "iv_cubic"},
                                 {"path=integer&dac_bits=0", Code::unsupported, "path=integer"},
                                 {"path=gpu", Code::invalid_argument, "path"}}) {
    const auto device = try_open(std::string("emulator:TaOx-HfOx?") + refusal.query);
    ASSERT_FALSE(device.ok()) << refusal.query;
    EXPECT_EQ(device.status().code(), refusal.code) << refusal.query;
    EXPECT_NE(device.status().to_string().find(refusal.named), std::string::npos) << device.status().to_string();
  }
}

}  // namespace
}  // namespace sedma::backends

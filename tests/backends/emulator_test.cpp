// The physics of the emulated cells and products.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/crossbar.h"
#include "kernels/materials.h"
#include "tests/backends/emulator_bench.h"

namespace sedma::backends {
namespace {

using namespace emulator_bench;

constexpr const char* names[] = {"Ag-aSi", "AlOx-HfO2", "EpiRAM", "TaOx-HfOx"};

std::string uri(const std::string& material, const std::string& options) {
  return "emulator:" + material + "?arrays=2&rows=40&cols=30" + (options.empty() ? "" : "&") + options;
}

TEST(EmulatorPhysics, UntouchedCellsAreAtTheBottom) {
  for (const char* name : names) {
    const auto device = open(uri(name, "lanes=inline"));
    for (const float siemens : read(*device, {1, 3, 4, 5, 6})) {
      EXPECT_NEAR(siemens / device->capabilities().g_min_siemens, 1, 1e-6) << name;
    }
  }
}

// G(n) of the published response without cycle-to-cycle noise, seen through the transistor.
TEST(EmulatorPhysics, PulsesFollowTheResponse) {
  for (const char* name : names) {
    const auto device = open(uri(name, "c2c=off"));
    const kernels::Material m = kernels::find_material(name).value();
    const double b = (m.g_max_siemens - m.g_min_siemens) / (1 - std::exp(-static_cast<double>(m.levels_up) / m.a_up_pulses));
    for (std::uint32_t n = 1; n <= m.levels_up; n += 7) {
      const At cell{0, n / 30, n % 30, 1, 1};
      pulse(*device, cell, static_cast<std::int32_t>(n));
      const double bare = b * (1 - std::exp(-static_cast<double>(n) / m.a_up_pulses)) + m.g_min_siemens;
      const double expected = kernels::terminal_siemens(bare, kernels::access_transistor_ohms);
      EXPECT_NEAR(read(*device, cell)[0] / expected, 1, 1e-4) << name << " after " << n;
    }
  }
}

TEST(EmulatorPhysics, AFullRampGoesUpAndComesBack) {
  for (const char* name : names) {
    const auto device = open(uri(name, "c2c=off"));
    const kernels::Material m = kernels::find_material(name).value();
    const At at{0, 1, 2, 3, 4};
    pulse(*device, at, static_cast<std::int32_t>(m.levels_up));
    for (const float siemens : read(*device, at)) EXPECT_NEAR(siemens / device->capabilities().g_max_siemens, 1, 1e-4) << name;
    pulse(*device, at, -static_cast<std::int32_t>(m.levels_down));
    for (const float siemens : read(*device, at)) EXPECT_NEAR(siemens / device->capabilities().g_min_siemens, 1, 1e-3) << name;
  }
}

TEST(EmulatorPhysics, WriteVerifyConvergesAndReadsBackWhatItSaid) {
  for (const char* name : names) {
    const auto device = open(uri(name, "c2c=off"));
    const At at{1, 2, 3, 20, 15};
    const auto target = pattern(*device, at.size());
    const double tolerance = 0.02;  // half a level of the coarsest material is 1.25 % of its bare range
    const Written written = program(*device, at, target, {tolerance, 200, 100000, false, 9});
    EXPECT_EQ(written.completion.unconverged, 0u) << name;
    for (std::size_t i = 0; i < target.size(); ++i) {
      EXPECT_NEAR(written.siemens[i], target[i], tolerance * device->capabilities().g_range_siemens() * 1.0001) << name;
      EXPECT_EQ(written.outcome[i], hal::Outcome::converged);
    }
    EXPECT_EQ(read(*device, at), written.siemens) << "without read noise a read repeats the verification";
  }
}

TEST(EmulatorPhysics, CycleToCycleNoiseIsThereAndCanBeSwitchedOff) {
  for (const bool noisy : {true, false}) {
    const auto device = open(uri("TaOx-HfOx", noisy ? "c2c=on" : "c2c=off"));
    const At at{0, 0, 0, 40, 30};
    pulse(*device, at, 64);
    std::vector<double> cells;
    for (const float siemens : read(*device, at)) {
      cells.push_back(kernels::bare_siemens(static_cast<double>(siemens), kernels::access_transistor_ohms) / 9e-6);
    }
    const double expected = noisy ? 0.037 * std::sqrt(64) : 0;  // sigma range sqrt(n); clipping takes a little off
    EXPECT_NEAR(std::sqrt(variance(cells)), expected, 0.1 * expected + 1e-7);
  }
}

// amps = siemens^T volts on what was read.
TEST(EmulatorPhysics, ProductsObeyOhmsLaw) {
  for (const char* name : names) {
    const auto device = open(uri(name, "adc_bits=0&dac_bits=0"));
    const At at{0, 5, 4, 17, 12};
    program(*device, at, pattern(*device, at.size()));
    const auto cells = read(*device, at);
    Product product;
    prepare(*device, at, 3, product);
    run(*device, product.command);
    for (std::size_t b = 0; b < 3; ++b) {
      for (std::size_t j = 0; j < at.cols; ++j) {
        double amps = 0, size = 0;
        for (std::size_t i = 0; i < at.rows; ++i) {
          const double term = static_cast<double>(cells[i * at.cols + j]) * static_cast<double>(product.volts[b * at.rows + i]);
          amps += term;
          size += std::abs(term);
        }
        EXPECT_NEAR(product.amps[b * at.cols + j], amps, 1e-6 * size) << name;
      }
    }
  }
}

// Converters, the three senses and the transposed product are those of the reference kernel.
TEST(EmulatorPhysics, EveryProductIsTheReferenceKernels) {
  const auto device = open(uri("AlOx-HfO2", "adc_bits=6&dac_bits=5"));
  const At at{0, 3, 2, 21, 14};
  program(*device, at, pattern(*device, at.size()));
  const auto cells = read(*device, at);
  for (const auto& [sense, transpose] :
       {std::pair{hal::Sense::single, false}, {hal::Sense::single, true}, {hal::Sense::pair, false}, {hal::Sense::reference, false}}) {
    Product product;
    prepare(*device, at, 70, product, sense, transpose);
    run(*device, product.command);
    std::vector<float> expected(product.amps.size());
    kernels::ProductMatrix matrix(kernels::Path::integer, at.rows, at.cols, device->capabilities().g_max_siemens);
    matrix.set(0, 0, {cells.data(), at.rows, at.cols});
    kernels::ProductJob job;
    job.matrix = &matrix;
    job.rows = at.rows;
    job.cols = at.cols;
    job.volts = product.command.volts;
    job.amps = {expected.data(), product.command.amps.rows, product.command.amps.cols};
    job.full_scale_amps = product.full_scale;
    job.sense = sense;
    job.transpose = transpose;
    job.converters = {5, 6, 0.5f};
    kernels::crossbar_product_reference(job);
    for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(product.amps[i], expected[i], product.full_scale[0] / 31 * 1.001);
  }
}

TEST(EmulatorPhysics, UntouchedArraysMultiplyToo) {
  const auto device = open(uri("TaOx-HfOx", "adc_bits=0&dac_bits=0&d2d=0.2&stuck=0.1"));
  const At at{1, 5, 4, 10, 8};
  const auto cells = read(*device, at);
  Product before, after;
  prepare(*device, at, 2, before);
  prepare(*device, at, 2, after);
  run(*device, before.command);
  program(*device, {1, 30, 20, 1, 1}, pattern(*device, 1));  // now the array exists: nothing else may have changed
  EXPECT_EQ(read(*device, at), cells);
  run(*device, after.command);
  EXPECT_EQ(before.amps, after.amps);
}

TEST(EmulatorPhysics, ReadNoiseHasItsMoments) {
  const auto device = open(uri("EpiRAM", "read_noise=0.05"));
  const At at{0, 0, 0, 2, 3};
  program(*device, at, pattern(*device, at.size()), {0.05, 50, 100000, false, 5});
  const std::uint32_t repeats = 20000;
  const auto noisy = read(*device, at, repeats);
  for (std::size_t cell = 0; cell < at.size(); ++cell) {
    std::vector<double> values, powers;
    for (std::uint32_t k = 0; k < repeats; ++k) values.push_back(static_cast<double>(noisy[k * at.size() + cell]));
    const double middle = mean(values), sd = std::sqrt(variance(values));
    EXPECT_NEAR(sd / middle, 0.05, 0.002);  // 0.5 % of it is one sd of the estimate
    for (const double value : values) powers.push_back(std::pow((value - middle) / sd, 4));
    EXPECT_NEAR(mean(powers), 3, 0.3);
    double lag = 0;
    for (std::uint32_t k = 1; k < repeats; ++k) lag += (values[k] - middle) * (values[k - 1] - middle);
    EXPECT_NEAR(lag / repeats / (sd * sd), 0, 0.035) << "white: repeats are independent";
  }
}

// Variance of an output: sum (F G v)^2.
TEST(EmulatorPhysics, OutputNoiseIsTheSumOverItsCells) {
  const auto device = open(uri("TaOx-HfOx", "read_noise=0.08&adc_bits=0&dac_bits=0"));
  const auto quiet = open(uri("TaOx-HfOx", "adc_bits=0&dac_bits=0"));
  const At at{0, 0, 0, 9, 5};
  const Effort effort{0.05, 30, 1000, true, 5};
  program(*device, at, pattern(*device, at.size()), effort);
  const std::size_t batch = 20000;
  Product product;
  prepare(*device, at, batch, product);
  for (std::size_t b = 1; b < batch; ++b)
    std::copy_n(product.volts.begin(), at.rows, product.volts.begin() + static_cast<long>(b * at.rows));
  run(*device, product.command);
  const auto many = read(*device, at, 400);  // the cells themselves, their noise averaged away
  for (std::size_t j = 0; j < at.cols; ++j) {
    double expected = 0, amps = 0;
    for (std::size_t i = 0; i < at.rows; ++i) {
      double siemens = 0;
      for (std::size_t k = 0; k < 400; ++k) siemens += static_cast<double>(many[k * at.size() + i * at.cols + j]) / 400;
      const double volts = static_cast<double>(product.volts[i]);
      expected += std::pow(0.08 * siemens * volts, 2);
      amps += siemens * volts;
    }
    std::vector<double> outputs;
    for (std::size_t b = 0; b < batch; ++b) outputs.push_back(static_cast<double>(product.amps[b * at.cols + j]));
    EXPECT_NEAR(variance(outputs) / expected, 1, 0.06);
    EXPECT_NEAR(mean(outputs), amps, 6 * std::sqrt(expected * (1.0 / batch + 1.0 / 400)));
  }
}

TEST(EmulatorPhysics, StuckCellsStayAndHaveTheirShare) {
  const double share = 0.2;
  const auto device = open("emulator:TaOx-HfOx?arrays=1&rows=100&cols=100&c2c=off&stuck=0.2");
  const At at{0, 0, 0, 100, 100};
  const hal::Capabilities& board = device->capabilities();
  const std::vector<float> middle(at.size(), static_cast<float>(board.g_min_siemens + 0.5 * board.g_range_siemens()));
  const Written written = program(*device, at, middle, {0.02, 50, 2000, false, 3});
  std::size_t low = 0, high = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (written.outcome[i] == hal::Outcome::converged) continue;
    low += std::abs(static_cast<double>(written.siemens[i]) / board.g_min_siemens - 1) < 1e-4 ? 1 : 0;
    high += std::abs(static_cast<double>(written.siemens[i]) / board.g_max_siemens - 1) < 1e-4 ? 1 : 0;
  }
  EXPECT_EQ(low + high, written.completion.unconverged);
  const double count = static_cast<double>(at.size());
  EXPECT_NEAR(static_cast<double>(low + high), share * count, 5 * std::sqrt(share * (1 - share) * count));
  EXPECT_NEAR(static_cast<double>(low), share / 2 * count, 5 * std::sqrt(share / 2 * count));
  const auto before = read(*device, at);
  pulse(*device, at, 40);
  pulse(*device, at, -25);
  const auto after = read(*device, at);
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (written.outcome[i] == hal::Outcome::converged) continue;
    EXPECT_EQ(before[i], after[i]) << "a stuck cell moved";
  }
}

TEST(EmulatorPhysics, CellsSpreadByDeviceToDevice) {
  const auto device = open("emulator:EpiRAM?arrays=1&rows=100&cols=100&transistor=off&d2d=0.1");
  std::vector<double> cells;
  for (const float siemens : read(*device, {0, 0, 0, 100, 100}))
    cells.push_back(static_cast<double>(siemens) / device->capabilities().g_min_siemens);
  EXPECT_NEAR(mean(cells), 1, 0.005);
  EXPECT_NEAR(std::sqrt(variance(cells)), 0.1, 0.005);
}

TEST(EmulatorPhysics, MaskedCellsAreLeftAlone) {
  const auto device = open(uri("AlOx-HfO2", ""));
  const At at{0, 0, 0, 4, 6};
  const auto target = pattern(*device, at.size());
  std::vector<std::uint8_t> mask(at.size());
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 == 0 ? 1 : 0;
  Written written;
  hal::Program command = make_program(*device, at, target, {}, written);
  command.mask = {mask.data(), at.rows, at.cols};
  run(*device, command);
  const auto cells = read(*device, at);
  for (std::size_t i = 0; i < mask.size(); ++i) {
    EXPECT_EQ(written.outcome[i] == hal::Outcome::masked, mask[i] != 0);
    if (mask[i] == 0) continue;
    EXPECT_NEAR(cells[i] / device->capabilities().g_min_siemens, 1, 1e-6);
  }
}

}  // namespace
}  // namespace sedma::backends

#include "kernels/crossbar.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <utility>
#include <vector>

#include "tests/kernels/product_case.h"

namespace sedma::kernels {
namespace {

using hal::Sense;

TEST(Quantize, NearestCodeTiesToEvenClipped) {
  // 3 bits: codes -3..3 over +-3: step 1.
  EXPECT_EQ(quantize(0.4f, 3, 3), 0);
  EXPECT_EQ(quantize(0.6f, 3, 3), 1);
  EXPECT_EQ(quantize(0.5f, 3, 3), 0);
  EXPECT_EQ(quantize(1.5f, 3, 3), 2);
  EXPECT_EQ(quantize(-2.5f, 3, 3), -2);
  EXPECT_EQ(quantize(99, 3, 3), 3);
  EXPECT_EQ(quantize(-99, 3, 3), -3);
  EXPECT_EQ(quantize(std::numeric_limits<float>::infinity(), 3, 3), 3);
}

TEST(Quantize, IdealChangesNothingAndTwoBitsHaveThreeCodes) {
  EXPECT_EQ(quantize(0.123f, 1, 0), 0.123f);
  for (const auto& [value, code] : {std::pair{0.49f, 0.0f}, {0.51f, 1.0f}, {-0.51f, -1.0f}, {-5.0f, -1.0f}})
    EXPECT_EQ(quantize(value, 1, 2), code);
}

TEST(Quantize, FullScaleIsACodeAtEveryWidthAndSize) {
  for (unsigned bits = 2; bits <= 16; ++bits) {
    for (const float scale : {1e-45f, 1e-38f, 3.7e-9f, 0.5f, 3e38f}) {
      EXPECT_EQ(quantize(scale, scale, bits), scale) << bits;
      EXPECT_EQ(quantize(-scale, scale, bits), -scale) << bits;
      EXPECT_EQ(quantize(0, scale, bits), 0) << bits;
    }
    for (float value = -1; value <= 1; value += 0.01f) {
      const float step = 1.0f / static_cast<float>((1 << (bits - 1)) - 1);
      EXPECT_LE(std::abs(quantize(value, 1, bits) - value), step * 0.5001f) << bits;
      EXPECT_EQ(quantize(-value, 1, bits), -quantize(value, 1, bits));
    }
  }
}

ProductMatrix matrix_of(Path path, std::vector<float> siemens, std::uint32_t rows, std::uint32_t cols) {
  ProductMatrix matrix(path, rows, cols, 6e-6);
  matrix.set(0, 0, {siemens.data(), rows, cols});
  return matrix;
}

TEST(Crossbar, TwoByThreeByHand) {
  for (const Path path : {Path::floating, Path::integer}) {
    const ProductMatrix matrix = matrix_of(path, {1e-6f, 2e-6f, 3e-6f, 4e-6f, 5e-6f, 6e-6f}, 2, 3);
    const std::vector<float> volts = {0.5f, -0.25f};
    std::vector<float> amps(3);
    ProductJob job;
    job.matrix = &matrix;
    job.rows = 2;
    job.cols = 3;
    job.volts = {volts.data(), 1, 2};
    job.amps = {amps.data(), 1, 3};
    if (path == Path::integer) job.converters = {8, 0, 0.25f * 127 / 63};  // 0.25 V is code 63
    ProductScratch scratch;
    const double step = path == Path::integer ? 6e-6 / 32767 : 1e-12;
    const double high = 0.5;  // code 126
    const ProductTotals totals = crossbar_product(job, scratch);
    EXPECT_NEAR(amps[0], high * 1e-6 - 0.25 * 4e-6, step);
    EXPECT_NEAR(amps[1], high * 2e-6 - 0.25 * 5e-6, step);
    EXPECT_NEAR(amps[2], high * 3e-6 - 0.25 * 6e-6, step);
    EXPECT_NEAR(totals.volts_squared_conductance, high * high * 6e-6 + 0.0625 * 15e-6, 3 * step);
    EXPECT_NEAR(totals.volts_squared, high * high + 0.0625, 1e-7);
    EXPECT_EQ(totals.driven_rows, 2u);
    EXPECT_EQ(totals.conversions, 3u);
    job.sense = Sense::pair;
    job.cols = 2;
    job.col = 1;
    job.amps = {amps.data(), 1, 1};
    EXPECT_EQ(crossbar_product(job, scratch).conversions, 1u);
    EXPECT_NEAR(amps[0], high * (2e-6 - 3e-6) - 0.25 * (5e-6 - 6e-6), 2 * step);
    job.sense = Sense::reference;
    job.cols = 3;
    job.col = 0;
    job.amps = {amps.data(), 1, 2};
    EXPECT_EQ(crossbar_product(job, scratch).conversions, 2u);
    EXPECT_NEAR(amps[1], high * (2e-6 - 3e-6) - 0.25 * (5e-6 - 6e-6), 2 * step);
  }
}

// Random shapes, windows and converters of both paths.
CaseShape any_shape(std::mt19937& generator, Path path, unsigned round) {
  CaseShape shape = random_shape(generator, round, {.batch = 70, .rows = 97, .cols = 83, .padding = 5, .row = 6, .col = 40, .right = 50});
  shape.path = path;
  if (round % 4 == 0) shape.batch = 1;
  shape.transpose = shape.sense == Sense::single && generator() % 2 == 0;
  shape.with_sd = round % 5 == 1;
  return shape;
}

TEST(Crossbar, FloatingEqualsThePlainReferenceOverShapes) {
  std::mt19937 generator(5);
  for (unsigned round = 0; round < 120; ++round) {
    ProductCase c(any_shape(generator, round % 6 == 5 ? Path::integer : Path::floating, round));
    if (c.shape.path == Path::integer && !c.shape.transpose) continue;  // exact: see crossbar_exact_test.cpp
    c.job.converters.dac_bits = static_cast<std::uint8_t>(round % 5 == 0 ? 0 : 2 + generator() % 15);
    c.job.converters.adc_bits = static_cast<std::uint8_t>(round % 7 == 0 ? 0 : 2 + generator() % 15);
    if (round % 3 != 0) c.job.noise = {0.05, round % 2 == 0 ? 0 : 2e-7};
    c.job.vector = round % 2 == 0 ? 0 : (std::uint64_t{1} << 40);
    if (c.shape.path == Path::floating && round % 4 == 3) c.job.cubic_per_square_volt = 0.8;
    ProductTotals fast, plain;
    const auto product = c.run(false, &fast);
    c.expect_near(product, c.run(true, &plain), 0.02);
    EXPECT_NEAR(fast.volts_squared_conductance / plain.volts_squared_conductance, 1, 1e-9);
    EXPECT_NEAR(fast.volts_squared / plain.volts_squared, 1, 1e-9);
    EXPECT_EQ(fast.driven_rows, plain.driven_rows);
    EXPECT_EQ(fast.conversions, plain.conversions);
  }
}

TEST(Crossbar, PathsAgreeWithinTheGrid) {
  for (const Sense sense : {Sense::single, Sense::pair, Sense::reference}) {
    CaseShape shape{5, 150, 62, sense};
    ProductCase whole(shape);
    shape.path = Path::floating;
    ProductCase floats(shape);
    for (ProductCase* c : {&whole, &floats}) {
      c->job.converters.adc_bits = 0;
      c->job.noise = {0.05, 1e-7};
    }
    const auto a = whole.run(), b = floats.run();
    // Rounding of 150 entries, each by half a step at most, and 1 % of the noise's sd.
    for (std::size_t i = 0; i < a.size(); ++i)
      EXPECT_NEAR(a[i], b[i], 150 * 0.5 * 1e-5 / 32767 + 0.01 * 6.7 * 5e-7 * 0.5 * std::sqrt(300.0)) << i;
  }
}

TEST(Crossbar, OneFullScaleForAll) {
  for (const Path path : {Path::floating, Path::integer}) {
    ProductCase c({3, 10, 8, Sense::single, false, path});
    c.full_scale.assign(8, c.full_scale[0]);
    const auto each = c.run();
    c.job.full_scale_amps = {c.full_scale.data(), 1};
    EXPECT_EQ(c.run(), each);
  }
}

TEST(Crossbar, GainAndOffsetOfTheConverters) {
  for (const Path path : {Path::floating, Path::integer}) {
    for (const bool one : {false, true}) {
      ProductCase c({3, 30, 45, Sense::reference, false, path});
      std::vector<float> gain, offset;
      for (std::size_t j = 0; j < c.outputs(); ++j) {
        gain.push_back(0.01f * static_cast<float>(j % 7) - 0.03f);
        offset.push_back(0.002f * static_cast<float>(j % 5) - 0.004f);
      }
      if (one) c.job.full_scale_amps = {c.full_scale.data(), 1};
      c.job.noise = {0.02, 0};
      c.job.converters.adc_bits = 0;
      const auto plain = c.run();
      c.job.adc_gain_error = gain;
      c.job.adc_offset = offset;
      const auto ideal = c.run();
      c.job.converters.adc_bits = 6;
      const auto converted = c.run();
      for (std::size_t i = 0; i < plain.size(); ++i) {
        const std::size_t j = i % c.outputs();
        const float full_scale = c.full_scale[one ? 0 : j];
        EXPECT_NEAR(ideal[i], (1 + gain[j]) * plain[i] + offset[j] * full_scale, 1e-6f * full_scale);
        EXPECT_EQ(converted[i], quantize(ideal[i], full_scale, 6));
      }
      EXPECT_NE(ideal, plain);
    }
  }
}

TEST(Crossbar, CubicCurrentOfACell) {
  ProductMatrix matrix(Path::floating, 1, 1, 0);
  const float siemens = 2e-6f;
  matrix.set(0, 0, {&siemens, 1, 1});
  float volts = 0.4f, amps = 0;
  ProductJob job;
  job.matrix = &matrix;
  job.rows = job.cols = 1;
  job.volts = {&volts, 1, 1};
  job.amps = {&amps, 1, 1};
  job.cubic_per_square_volt = 3;
  ProductScratch scratch;
  const ProductTotals totals = crossbar_product(job, scratch);
  EXPECT_NEAR(amps, 2e-6 * 0.4 * (1 + 3 * 0.16), 1e-12);
  EXPECT_NEAR(totals.volts_squared_conductance, 0.4 * 2e-6 * 0.4 * (1 + 3 * 0.16), 1e-12);
  EXPECT_NEAR(totals.volts_squared, 0.16, 1e-7);
}

TEST(Crossbar, ZeroVoltsGiveZeroAmpsAndNoNoise) {
  for (const Path path : {Path::floating, Path::integer}) {
    for (const std::size_t batch : {std::size_t{1}, std::size_t{3}}) {
      ProductCase c({batch, 20, 33, Sense::single, false, path});
      std::fill(c.volts.begin(), c.volts.end(), 0.0f);
      c.job.noise = {0.1, 1e-6};
      ProductTotals totals;
      for (const float amps : c.run(false, &totals)) EXPECT_EQ(amps, 0);
      EXPECT_EQ(totals.volts_squared_conductance, 0);
      EXPECT_EQ(totals.driven_rows, batch * 20);
    }
  }
}

TEST(Crossbar, FloatingSplitsOfABatchStayWithinOneStep) {
  ProductCase c({67, 61, 46, Sense::pair, false, Path::floating});
  c.job.noise = {0.02, 0};
  c.expect_near(c.run(), c.run_in_parts(1), 0.02);
}

TEST(Crossbar, AFloatingBatchOfBlocksIsItsBlocks) {
  ProductCase c({2 * product_block + 1, 33, 21, Sense::single, false, Path::floating});
  c.job.noise = {0.02, 0};
  EXPECT_EQ(c.run(), c.run_in_parts(product_block));
}

TEST(Crossbar, GivenLineSumsChangeNothing) {
  for (const Path path : {Path::floating, Path::integer}) {
    for (const bool transpose : {false, true}) {
      ProductCase c({5, 12, 9, Sense::single, transpose, path, 2, 3, 4});
      ProductTotals own, given;
      c.run(false, &own);
      std::vector<double> sums(c.driven());
      driven_line_siemens(c.matrix, 3, 4, 12, 9, transpose, sums);
      double all = 0;
      for (const float siemens : c.siemens) all += static_cast<double>(siemens);
      double total = 0;
      for (const double sum : sums) total += sum;
      EXPECT_NEAR(total, all, 1e-4 * all);
      c.job.driven_siemens = sums;
      c.run(false, &given);
      EXPECT_EQ(own.volts_squared_conductance, given.volts_squared_conductance);
    }
  }
}

TEST(Crossbar, SameBitsFromManyThreadsAndReusedScratch) {
  for (const Path path : {Path::floating, Path::integer}) {
    ProductCase c({37, 131, 77, Sense::single, false, path});
    c.job.noise = {0.03, 0};
    const auto expected = c.run();
    std::vector<std::vector<float>> results(4, std::vector<float>(expected.size()));
    std::vector<std::thread> threads;
    threads.reserve(results.size());
    for (auto& result : results) {
      threads.emplace_back([&c, &result] {
        ProductScratch scratch;
        ProductCase other({3, 200, 150, Sense::single, true, Path::floating});
        std::vector<float> amps(3 * 200);
        other.job.amps = {amps.data(), 3, 200};
        ProductJob mine = c.job;
        mine.amps = {result.data(), c.shape.batch, c.outputs()};
        for (int i = 0; i < 5; ++i) {
          crossbar_product(other.job, scratch);
          crossbar_product(mine, scratch);
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    for (const auto& result : results) EXPECT_EQ(result, expected);
  }
}

}  // namespace
}  // namespace sedma::kernels

#include "kernels/crossbar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <thread>
#include <vector>

namespace sedma::kernels {
namespace {

using hal::Sense;

std::size_t outputs_of(Sense sense, std::size_t lines) {
  if (sense == Sense::pair) return lines / 2;
  return sense == Sense::reference ? lines - 1 : lines;
}

// A product with all of its buffers, strided in every view; elements between the rows are poisoned with NaN.
struct Case {
  std::size_t batch, rows, cols, padding;
  bool transpose;
  Sense sense;
  std::vector<float> siemens, volts, full_scale;
  ProductJob job;

  Case(std::size_t batch_size, std::size_t row_count, std::size_t col_count, Sense how, bool transposed, std::size_t pad, unsigned seed)
      : batch(batch_size), rows(row_count), cols(col_count), padding(pad), transpose(transposed), sense(how) {
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> cell(1e-6f, 1e-5f), volt(-0.5f, 0.5f);
    const auto fill = [&](std::vector<float>& to, std::size_t count, std::size_t width, auto& distribution) {
      to.assign(count * (width + padding), std::numeric_limits<float>::quiet_NaN());
      for (std::size_t r = 0; r < count; ++r) {
        for (std::size_t c = 0; c < width; ++c) to[r * (width + padding) + c] = distribution(generator);
      }
    };
    fill(siemens, rows, cols, cell);
    fill(volts, batch, driven(), volt);
    full_scale.assign(outputs(), 0);
    for (std::size_t j = 0; j < outputs(); ++j) full_scale[j] = 1e-6f * static_cast<float>(driven()) * (0.5f + static_cast<float>(j % 3));
    job.siemens = {siemens.data(), rows, cols, cols + padding};
    job.volts = {volts.data(), batch, driven(), driven() + padding};
    job.full_scale_amps = full_scale;
    job.sense = sense;
    job.transpose = transpose;
    job.converters = {8, 8, 0.5f};
    job.key = derive(Key{seed}, 1);
  }
  std::size_t driven() const { return transpose ? cols : rows; }
  std::size_t outputs() const { return transpose ? rows : outputs_of(sense, cols); }
  float step(std::size_t j) const {
    return job.converters.adc_bits == 0 ? 0.0f : full_scale[j] / static_cast<float>((1 << (job.converters.adc_bits - 1)) - 1);
  }
  std::vector<float> run(bool reference, ProductTotals* totals = nullptr) {
    std::vector<float> amps(batch * (outputs() + padding), -7.0f);
    job.amps = {amps.data(), batch, outputs(), outputs() + padding};
    ProductScratch scratch;
    const ProductTotals found = reference ? crossbar_product_reference(job) : crossbar_product(job, scratch);
    if (totals != nullptr) *totals = found;
    return amps;
  }
  void expect_equal(const std::vector<float>& fast, const std::vector<float>& plain) const {
    const double rounding = 1e-6 * std::sqrt(static_cast<double>(driven())) * 1e-5;
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t j = 0; j < outputs() + padding; ++j) {
        const std::size_t i = b * (outputs() + padding) + j;
        const double allowed = j < outputs() ? static_cast<double>(step(j)) * 1.001 + rounding : 0;
        ASSERT_NEAR(fast[i], plain[i], allowed) << "vector " << b << " output " << j << " of " << batch << " x " << rows << " x " << cols;
      }
    }
  }
};

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

TEST(Crossbar, TwoByThreeByHand) {
  const std::vector<float> siemens = {1e-6f, 2e-6f, 3e-6f, 4e-6f, 5e-6f, 6e-6f};
  const std::vector<float> volts = {0.5f, -0.25f};
  std::vector<float> amps(3);
  ProductJob job;
  job.siemens = {siemens.data(), 2, 3};
  job.volts = {volts.data(), 1, 2};
  job.amps = {amps.data(), 1, 3};
  ProductScratch scratch;
  const ProductTotals totals = crossbar_product(job, scratch);
  EXPECT_NEAR(amps[0], -0.5e-6, 1e-12);
  EXPECT_NEAR(amps[1], -0.25e-6, 1e-12);
  EXPECT_NEAR(amps[2], 0, 1e-12);
  EXPECT_NEAR(totals.volts_squared_conductance, 0.25 * 6e-6 + 0.0625 * 15e-6, 1e-12);
  EXPECT_DOUBLE_EQ(totals.volts_squared, 0.25 + 0.0625);
  EXPECT_EQ(totals.driven_rows, 2u);
  EXPECT_EQ(totals.conversions, 3u);
  job.sense = Sense::pair;
  const std::vector<float> even = {1e-6f, 2e-6f, 3e-6f, 4e-6f};
  job.siemens = {even.data(), 2, 2};
  job.amps = {amps.data(), 1, 1};
  EXPECT_EQ(crossbar_product(job, scratch).conversions, 1u);
  EXPECT_NEAR(amps[0], 0.5 * (1e-6 - 2e-6) - 0.25 * (3e-6 - 4e-6), 1e-12);
}

TEST(Crossbar, EqualsThePlainReferenceOverShapes) {
  std::mt19937 generator(5);
  for (unsigned round = 0; round < 120; ++round) {
    const std::size_t batch = round % 4 == 0 ? 1 : 1 + generator() % 70, rows = 1 + generator() % 97;
    const Sense sense = static_cast<Sense>(generator() % 3);
    const bool transpose = sense == Sense::single && generator() % 2 == 0;
    std::size_t cols = 1 + generator() % 83;
    if (sense == Sense::pair) cols *= 2;
    if (sense == Sense::reference) cols += 1;
    Case c(batch, rows, cols, sense, transpose, generator() % 5, round);
    c.job.converters.dac_bits = static_cast<std::uint8_t>(round % 5 == 0 ? 0 : 2 + generator() % 15);
    c.job.converters.adc_bits = static_cast<std::uint8_t>(round % 7 == 0 ? 0 : 2 + generator() % 15);
    c.job.read_noise = round % 3 == 0 ? 0.0 : 0.05;
    c.job.vector = round % 2 == 0 ? 0 : (std::uint64_t{1} << 40);
    ProductTotals fast, plain;
    c.expect_equal(c.run(false, &fast), c.run(true, &plain));
    EXPECT_NEAR(fast.volts_squared_conductance / plain.volts_squared_conductance, 1, 1e-9);
    EXPECT_NEAR(fast.volts_squared / plain.volts_squared, 1, 1e-9);
    EXPECT_EQ(fast.driven_rows, plain.driven_rows);
    EXPECT_EQ(fast.conversions, plain.conversions);
  }
}

TEST(Crossbar, OneFullScaleForAll) {
  Case c(3, 10, 8, Sense::single, false, 0, 1);
  c.full_scale.assign(8, c.full_scale[0]);
  const auto each = c.run(false);
  c.job.full_scale_amps = {c.full_scale.data(), 1};
  EXPECT_EQ(c.run(false), each);
}

TEST(Crossbar, SplittingABatchStaysWithinOneStep) {
  Case c(67, 61, 46, Sense::pair, false, 0, 2);
  c.job.read_noise = 0.02;
  const auto whole = c.run(false);
  std::vector<float> singles(whole.size());
  ProductScratch scratch;
  for (std::size_t b = 0; b < c.batch; ++b) {
    ProductJob one = c.job;
    one.volts = {c.volts.data() + b * c.driven(), 1, c.driven()};
    one.amps = {singles.data() + b * c.outputs(), 1, c.outputs()};
    one.vector = b;
    crossbar_product(one, scratch);
  }
  c.expect_equal(whole, singles);
}

TEST(Crossbar, ABatchOfBlocksIsItsBlocks) {
  Case c(2 * product_block + 1, 33, 21, Sense::single, false, 0, 3);
  c.job.read_noise = 0.02;
  const auto whole = c.run(false);
  std::vector<float> parts(whole.size());
  ProductScratch scratch;
  for (std::size_t b = 0; b < c.batch; b += product_block) {
    const std::size_t count = std::min(product_block, c.batch - b);
    ProductJob part = c.job;
    part.volts = {c.volts.data() + b * c.driven(), count, c.driven()};
    part.amps = {parts.data() + b * c.outputs(), count, c.outputs()};
    part.vector = b;
    crossbar_product(part, scratch);
  }
  EXPECT_EQ(whole, parts);
}

TEST(Crossbar, GivenLineSumsChangeNothing) {
  for (const bool transpose : {false, true}) {
    Case c(5, 12, 9, Sense::single, transpose, 2, 4);
    ProductTotals own, given;
    c.run(false, &own);
    std::vector<double> sums(c.driven());
    driven_line_siemens(c.job.siemens, transpose, sums);
    c.job.driven_siemens = sums;
    c.run(false, &given);
    EXPECT_EQ(own.volts_squared_conductance, given.volts_squared_conductance);
  }
}

// Variance of every output against sum (F G v)^2; the reference line's noise is shared by the outputs of a vector.
TEST(Crossbar, NoiseHasTheVarianceOfTheCells) {
  const std::size_t batch = 20000;
  const double noise = 0.1;
  for (const Sense sense : {Sense::single, Sense::pair, Sense::reference}) {
    Case c(batch, 7, 6, sense, false, 0, 6);
    for (std::size_t b = 1; b < batch; ++b) std::copy_n(c.volts.begin(), c.rows, c.volts.begin() + static_cast<long>(b * c.rows));
    c.job.converters = {};
    c.job.read_noise = noise;
    const auto noisy = c.run(false);
    c.job.read_noise = 0;
    const auto clean = c.run(false);
    std::vector<double> line(c.cols, 0);
    for (std::size_t i = 0; i < c.rows; ++i) {
      for (std::size_t k = 0; k < c.cols; ++k) line[k] += std::pow(noise * static_cast<double>(c.siemens[i * c.cols + k] * c.volts[i]), 2);
    }
    const std::size_t outputs = c.outputs();
    const auto covariance = [&](std::size_t j, std::size_t k) {
      double sum = 0;
      for (std::size_t b = 0; b < batch; ++b) {
        sum += static_cast<double>(noisy[b * outputs + j] - clean[b * outputs + j]) *
               static_cast<double>(noisy[b * outputs + k] - clean[b * outputs + k]);
      }
      return sum / static_cast<double>(batch);
    };
    for (std::size_t j = 0; j < outputs; ++j) {
      double expected = line[j];
      if (sense == Sense::pair) expected = line[2 * j] + line[2 * j + 1];
      if (sense == Sense::reference) expected = line[j] + line[outputs];
      EXPECT_NEAR(covariance(j, j) / expected, 1, 0.05) << j;  // sd of the estimate: sqrt(2 / 20000) = 1 %
    }
    const double shared = sense == Sense::reference ? line[outputs] : 0;
    EXPECT_NEAR(covariance(0, 1), shared, 0.05 * std::sqrt(covariance(0, 0) * covariance(1, 1)));
  }
}

TEST(Crossbar, NoiseFollowsTheOrdinalOfTheVector) {
  Case c(4, 9, 5, Sense::single, false, 0, 7);
  for (std::size_t b = 1; b < 4; ++b) std::copy_n(c.volts.begin(), 9, c.volts.begin() + static_cast<long>(b * 9));
  c.job.converters = {};
  c.job.read_noise = 0.1;
  const auto first = c.run(false);
  c.job.vector = 2;
  const auto later = c.run(false);
  EXPECT_TRUE(std::equal(first.begin() + 10, first.end(), later.begin()));
  EXPECT_NE(std::vector<float>(first.begin(), first.begin() + 5), std::vector<float>(first.begin() + 5, first.begin() + 10));
  c.job.key = derive(Key{7}, 2);
  EXPECT_NE(c.run(false), later);
}

TEST(Crossbar, SameBitsFromManyThreadsAndReusedScratch) {
  Case c(37, 131, 77, Sense::single, false, 0, 8);
  c.job.read_noise = 0.03;
  const auto expected = c.run(false);
  std::vector<std::vector<float>> results(4, std::vector<float>(expected.size()));
  std::vector<std::thread> threads;
  threads.reserve(results.size());
  for (auto& result : results) {
    threads.emplace_back([&c, &result] {
      ProductScratch scratch;
      Case other(3, 200, 150, Sense::single, true, 0, 9);
      std::vector<float> amps(3 * 200);
      other.job.amps = {amps.data(), 3, 200};
      ProductJob mine = c.job;
      mine.amps = {result.data(), c.batch, c.outputs()};
      for (int i = 0; i < 5; ++i) {
        crossbar_product(other.job, scratch);
        crossbar_product(mine, scratch);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const auto& result : results) EXPECT_EQ(result, expected);
}

TEST(Crossbar, NoAllocationOnceTheLargestShapeWasSeen) {
  Case big(40, 64, 64, Sense::single, false, 0, 10), small(3, 20, 30, Sense::pair, false, 0, 11);
  std::vector<float> amps(40 * 64);
  ProductScratch scratch;
  const auto run = [&](Case& c) {
    c.job.amps = {amps.data(), c.batch, c.outputs()};
    c.job.read_noise = 0.1;
    crossbar_product(c.job, scratch);
    return std::vector<const void*>{scratch.volts.data(),          scratch.lines.data(),         scratch.variance.data(),
                                    scratch.squares.data(),        scratch.squared_volts.data(), scratch.normals.data(),
                                    scratch.driven_siemens.data(), scratch.driven_squares.data()};
  };
  const auto buffers = run(big);
  EXPECT_EQ(run(small), buffers);
  EXPECT_EQ(run(big), buffers);
}

}  // namespace
}  // namespace sedma::kernels

// The law of the read noise of a product: one Gaussian per output with the variance of its cells.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "kernels/crossbar.h"
#include "tests/kernels/product_case.h"

namespace sedma::kernels {
namespace {

using hal::Sense;

constexpr double full = case_full_siemens;

// Columns, by c % 3: all low and alike; mixed; from nothing to the top.
void fill_columns(ProductCase& c) {
  std::mt19937 generator(c.shape.seed);
  std::uniform_real_distribution<float> mixed(1e-6f, 1e-5f), any(0, 1e-5f);
  for (std::size_t i = 0; i < c.siemens.size(); ++i) {
    const std::size_t kind = i % c.shape.cols % 3;
    c.siemens[i] = kind == 0 ? 3e-7f : kind == 1 ? mixed(generator) : any(generator);
  }
  c.set_window();
}

double volts_of(const ProductCase& c, std::size_t vector, std::size_t i) {
  return static_cast<double>(quantize(c.job.volts(vector, i), c.job.converters.volts_max, c.job.converters.dac_bits));
}

// The law: sum of v^2 sigma(G)^2 of every line, by the cells that were asked for.
std::vector<double> line_variances(const ProductCase& c, std::size_t vector) {
  std::vector<double> variance(c.shape.cols, 0);
  for (std::size_t i = 0; i < c.shape.rows; ++i) {
    const double volts = volts_of(c, vector, i);
    for (std::size_t k = 0; k < c.shape.cols; ++k) {
      const std::size_t cell = i * c.shape.cols + k;
      const double sd = c.shape.with_sd
                            ? static_cast<double>(c.sd[cell])
                            : std::hypot(c.job.noise.floor_siemens, c.job.noise.relative * static_cast<double>(c.siemens[cell]));
      variance[k] += volts * volts * sd * sd;
    }
  }
  return variance;
}

double output_variance(const ProductCase& c, const std::vector<double>& line, std::size_t j) {
  if (c.shape.sense == Sense::pair) return line[2 * j] + line[2 * j + 1];
  return c.shape.sense == Sense::reference ? line[j] + line[c.outputs()] : line[j];
}

// Noise of every output of every vector: what the product is with noise, less what it is without.
std::vector<double> noise_of(ProductCase& c) {
  const ReadNoise noise = c.job.noise;
  const auto noisy = c.run();
  c.job.noise = {};
  const auto clean = c.run();
  c.job.noise = noise;
  std::vector<double> difference(noisy.size());
  for (std::size_t i = 0; i < noisy.size(); ++i) difference[i] = static_cast<double>(noisy[i]) - static_cast<double>(clean[i]);
  return difference;
}

// The largest distance between the distribution of `values` (in units of their sd) and the standard normal one.
double kolmogorov_smirnov(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  double largest = 0;
  for (std::size_t i = 0; i < values.size(); ++i) {
    const double law = 0.5 * std::erfc(-values[i] / std::numbers::sqrt2), n = static_cast<double>(values.size());
    largest = std::max({largest, law - static_cast<double>(i) / n, static_cast<double>(i + 1) / n - law});
  }
  return largest;
}

void expect_standard_normal(const std::vector<double>& z, double variance_error) {
  const auto n = static_cast<double>(z.size());
  double sums[4] = {};
  for (const double value : z) {
    for (int power = 1; power <= 4; ++power) sums[power - 1] += std::pow(value, power) / n;
  }
  // Five standard deviations of each estimate.
  EXPECT_NEAR(sums[0], 0, 5 / std::sqrt(n));
  EXPECT_NEAR(sums[1], 1, 5 * std::sqrt(2 / n) + variance_error);
  EXPECT_NEAR(sums[2], 0, 5 * std::sqrt(15 / n));
  EXPECT_NEAR(sums[3] / (sums[1] * sums[1]), 3, 5 * std::sqrt(24 / n));
  EXPECT_LT(kolmogorov_smirnov(z), 2.23 / std::sqrt(n) + 0.25 * variance_error / 2);  // 2.23: one in ten thousand
}

TEST(CrossbarNoise, IsTheLawOfTheCells) {
  for (const Path path : {Path::integer, Path::floating}) {
    for (const ReadNoise noise : {ReadNoise{0.1, 0}, ReadNoise{0, 2e-7}, ReadNoise{0.05, 1e-7}}) {
      for (const Sense sense : {Sense::single, Sense::pair, Sense::reference}) {
        ProductCase c({.batch = 12000, .rows = 9, .cols = 12, .sense = sense, .path = path});
        fill_columns(c);
        for (std::size_t b = 1; b < c.shape.batch; ++b) std::copy_n(c.volts.begin(), 9, c.volts.begin() + static_cast<long>(b * 9));
        c.job.converters.adc_bits = 0;
        c.job.noise = noise;
        const auto difference = noise_of(c);
        const auto line = line_variances(c, 0);
        std::vector<double> z(c.shape.batch);
        for (std::size_t j = 0; j < c.outputs(); ++j) {
          const double sd = std::sqrt(output_variance(c, line, j));
          for (std::size_t b = 0; b < z.size(); ++b) z[b] = difference[b * c.outputs() + j] / sd;
          SCOPED_TRACE(j);
          expect_standard_normal(z, 0.02);
        }
      }
    }
  }
}

TEST(CrossbarNoise, OutputsShareOnlyTheReferenceLine) {
  for (const Path path : {Path::integer, Path::floating}) {
    for (const Sense sense : {Sense::single, Sense::pair, Sense::reference}) {
      ProductCase c({.batch = 20000, .rows = 7, .cols = 6, .sense = sense, .path = path});
      for (std::size_t b = 1; b < c.shape.batch; ++b) std::copy_n(c.volts.begin(), 7, c.volts.begin() + static_cast<long>(b * 7));
      c.job.converters.adc_bits = 0;
      c.job.noise = {0.1, 0};
      const auto difference = noise_of(c);
      const auto line = line_variances(c, 0);
      const std::size_t outputs = c.outputs();
      for (std::size_t j = 0; j < outputs; ++j) {
        for (std::size_t k = 0; k < j; ++k) {
          double covariance = 0;
          for (std::size_t b = 0; b < c.shape.batch; ++b) covariance += difference[b * outputs + j] * difference[b * outputs + k];
          const double scale = std::sqrt(output_variance(c, line, j) * output_variance(c, line, k));
          const double expected = sense == Sense::reference ? line[outputs] : 0;
          EXPECT_NEAR(covariance / 20000 / scale, expected / scale, 0.05) << j << " " << k;  // sd of the estimate: 0.7 to 1 %
        }
      }
    }
  }
}

// Largest relative error of the variance of the outputs. The noise is much larger than the signal here, so that dividing by the normal that
// was drawn gives its sd to float precision.
double variance_error(ProductCase& c) {
  c.job.converters.adc_bits = 0;
  const auto difference = noise_of(c);
  double worst = 0;
  for (std::size_t b = 0; b < c.shape.batch; ++b) {
    const auto line = line_variances(c, b);
    std::vector<float> z(c.outputs());
    fill_normals(c.job.key, Use::read_noise, c.job.vector + b, 0, z);
    for (std::size_t j = 0; j < c.outputs(); ++j) {
      if (std::abs(z[j]) < 0.3f) continue;
      const double sd = difference[b * c.outputs() + j] / static_cast<double>(z[j]);
      worst = std::max(worst, std::abs(sd * sd / output_variance(c, line, j) - 1));
    }
  }
  return worst;
}

TEST(CrossbarNoise, VarianceOfMixedCellsIsWithinAFifthOfAPerCent) {
  for (const Path path : {Path::integer, Path::floating}) {
    for (const std::size_t batch : {std::size_t{1}, std::size_t{40}}) {
      for (const std::size_t rows : {std::size_t{64}, std::size_t{301}}) {
        ProductCase c({.batch = batch, .rows = rows, .cols = 60, .path = path});
        c.job.noise = {10, 0};
        EXPECT_LT(variance_error(c), 0.002) << batch << " " << rows;
      }
    }
  }
}

TEST(CrossbarNoise, VarianceOfCellsThatAreAllLowIsWithinHalfALevel) {
  for (const double part : {0.02, 0.0236, 0.05, 0.1, 0.3, 1.0}) {
    ProductCase c({.batch = 10, .rows = 64, .cols = 3});
    std::fill(c.siemens.begin(), c.siemens.end(), static_cast<float>(part * full));
    c.set_window();
    c.job.noise = {10, 0};
    // Half a level, half a step of the 15-bit grid, and what the squares of the codes lose.
    EXPECT_LT(variance_error(c), 1 / (part * part * 65534) + 1 / (part * 32767) + 0.002) << part;
  }
}

TEST(CrossbarNoise, VarianceOfSmallVoltsBesideALargeOne) {
  for (const Path path : {Path::integer, Path::floating}) {
    ProductCase c({.batch = 20, .rows = 512, .cols = 30, .path = path});
    for (std::size_t b = 0; b < c.shape.batch; ++b) {
      float* const volts = c.volts.data() + b * c.shape.rows;
      for (std::size_t i = 0; i < c.shape.rows; ++i) volts[i] = std::round(volts[i] * 6) * 0.5f / 127;  // codes -3 to 3
      volts[b * 25] = 0.5f;
    }
    c.job.noise = {10, 0};
    EXPECT_LT(variance_error(c), 0.002);
  }
}

// What the squares of the codes lose: nothing while they are few or small, else little of their sum.
TEST(CrossbarNoise, VarianceOfAlikeCellsIsThatOfTheVolts) {
  for (const float size : {0.2f, 0.6f, 1.0f, 100.0f}) {
    for (const std::size_t rows : {3u, 100u, 700u}) {
      ProductCase c({.batch = 20, .rows = rows, .cols = 30});
      for (float& value : c.volts) value *= size;
      for (float& value : c.siemens) value = 1e-5f;
      c.set_window();
      c.job.noise = {10, 0};
      EXPECT_LT(variance_error(c), size < 1 && rows == 3 ? 1e-4 : 4e-4) << size << " " << rows;
    }
  }
}

TEST(CrossbarNoise, VarianceOfStandardDeviationsOfOneByte) {
  for (const Path path : {Path::integer, Path::floating}) {
    for (const std::size_t batch : {std::size_t{1}, std::size_t{20}}) {
      ProductCase c({.batch = batch, .rows = 200, .cols = 60, .path = path, .with_sd = true});
      std::fill(c.siemens.begin(), c.siemens.end(), 0.0f);  // the standard deviations are small: no signal, so that floats resolve them
      c.set_window();
      c.job.noise = {0.02, 0};
      EXPECT_LT(variance_error(c), 0.005) << batch;
    }
  }
}

TEST(CrossbarNoise, FollowsTheOrdinalOfTheVector) {
  for (const Path path : {Path::integer, Path::floating}) {
    ProductCase c({.batch = 4, .rows = 9, .cols = 5, .path = path});
    for (std::size_t b = 1; b < 4; ++b) std::copy_n(c.volts.begin(), 9, c.volts.begin() + static_cast<long>(b * 9));
    c.job.converters.adc_bits = 0;
    c.job.noise = {0.1, 0};
    const auto first = c.run();
    c.job.vector = 2;
    const auto later = c.run();
    EXPECT_TRUE(std::equal(first.begin() + 10, first.end(), later.begin()));
    EXPECT_NE(std::vector<float>(first.begin(), first.begin() + 5), std::vector<float>(first.begin() + 5, first.begin() + 10));
    c.job.key = derive(Key{7}, 2);
    EXPECT_NE(c.run(), later);
  }
}

}  // namespace
}  // namespace sedma::kernels

// That the measured things are what the report calls them.

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

#include "bench/blas_reference.h"
#include "bench/cells.h"
#include "bench/product_case.h"
#include "bench/roofline.h"
#include "bench/timing.h"
#include "kernels/crossbar.h"

namespace sedma::bench {
namespace {

// Exact currents [batch, cols] of volts that passed the DAC.
std::vector<double> currents(const std::vector<float>& cells, const std::vector<float>& volts, std::size_t rows, std::size_t cols,
                             std::size_t batch, double power) {
  std::vector<double> amps(batch * cols, 0);
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t i = 0; i < rows; ++i) {
      const auto v = static_cast<double>(kernels::quantize(volts[b * rows + i], volts_max, converter_bits));
      for (std::size_t j = 0; j < cols; ++j) amps[b * cols + j] += std::pow(static_cast<double>(cells[i * cols + j]) * v, power);
    }
  return amps;
}

// Errors in units of what read noise and the ADC's step give: mean 0, variance 1.
TEST(Cases, AProductHasReadNoiseAndTwoConverters) {
  const std::size_t rows = 128, cols = 96, batch = 64;
  ProductCase product(rows, cols, batch, {});
  product.run();
  const auto cells = make_cells(rows, cols), volts = make_volts(batch, rows), full_scale = make_full_scale(rows, cols);
  const auto exact = currents(cells, volts, rows, cols, batch, 1), squares = currents(cells, volts, rows, cols, batch, 2);
  double sum = 0, sum_of_squares = 0;
  std::size_t clipped = 0;
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const auto full = static_cast<double>(full_scale[i % cols]), amps = static_cast<double>(product.amps()[i]);
    const double step = full / 127;
    EXPECT_NEAR(amps / step, std::nearbyint(amps / step), 1e-3);
    if (std::abs(exact[i]) > full) ++clipped;
    const double error = (amps - exact[i]) / std::sqrt(read_noise * read_noise * squares[i] + step * step / 12);
    sum += error;
    sum_of_squares += error * error;
  }
  const auto count = static_cast<double>(exact.size());
  EXPECT_EQ(clipped, 0u);
  EXPECT_NEAR(sum / count, 0, 4 / std::sqrt(count));
  EXPECT_NEAR(sum_of_squares / count, 1, 0.08);  // 6144 outputs: 1.8 %; the error of rounding is not normal
}

TEST(Cases, CellsSpreadAndSomeAreStuck) {
  const std::size_t side = 512;
  const auto cells = make_cells(side, side);
  const double low = kernels::terminal_siemens(material().g_min_siemens, kernels::access_transistor_ohms);
  const double high = kernels::terminal_siemens(material().g_max_siemens, kernels::access_transistor_ohms);
  std::size_t below = 0, above = 0;
  double sum = 0;
  for (const float cell : cells) {
    below += static_cast<double>(cell) < low ? 1 : 0;
    above += static_cast<double>(cell) > high ? 1 : 0;
    EXPECT_GT(cell, 0);
    EXPECT_LE(static_cast<double>(cell), full_siemens() * (1 + 1e-6));
    sum += static_cast<double>(cell);
  }
  const auto count = static_cast<double>(cells.size());
  EXPECT_GT(static_cast<double>(below) / count, 0.4 * stuck_fraction / 2);  // half of the stuck at G_min have a G_min below the nominal one
  EXPECT_GT(static_cast<double>(above) / count, 0.01);
  EXPECT_NEAR(sum / count / (0.5 * (low + high)), 1, 0.05);
  EXPECT_EQ(cells, make_cells(side, side));
}

TEST(Cases, EverySplitOfTheReferenceIsTheSameProduct) {
  for (const std::size_t batch : {1u, 7u}) {
    for (const std::size_t cols : {5u, 33u, 100u}) {
      BlasReference reference(70, cols, batch);
      reference.run(1, Split::single);
      const auto expected = reference.amps();
      for (const int threads : {2, 3}) {
        reference.run(1, Split::single);
        reference.run(threads, Split::openmp);
        for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(reference.amps()[i], expected[i], 1e-10) << i;
      }
      EXPECT_GT(*std::max_element(expected.begin(), expected.end()), 1e-7f);
    }
  }
}

TEST(Cases, EveryShareOfTheReadIsRead) {
  for (const std::size_t count : {1000u, 4096u, 100003u}) {
    ReadBandwidth reader(count * sizeof(float));
    for (const int threads : {1, 2, 3}) {
      reader.run(threads);
      EXPECT_NEAR(reader.sum() / (1e-3f * static_cast<float>(count)), 1, 1e-3) << count << " threads " << threads;
    }
  }
}

TEST(Timing, TasksTakeTurnsAndPreparationIsNotTimed) {
  std::string order;
  const auto note = [&order](char who) { return [&order, who] { order += who; }; };
  const auto rest = [] { std::this_thread::sleep_for(std::chrono::milliseconds(6)); };
  Effort effort;
  effort.seconds = 0;
  effort.least_rounds = 2;
  const auto timings = interleave({{[&] { note('a')(); }, rest}, {[&] { note('b')(); }, rest}}, effort);
  EXPECT_EQ(order, "abab");
  ASSERT_EQ(timings.size(), 2u);
  EXPECT_EQ(timings[0].samples, 2u);
  EXPECT_GE(timings[0].spread(), 1.0);
  EXPECT_LE(timings[0].seconds, timings[0].median_seconds);
}

}  // namespace
}  // namespace sedma::bench

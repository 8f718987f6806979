// Sessions on boards whose lines have resistance and whose cells change with time.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "runtime/operator_read.h"
#include "runtime/session.h"
#include "tests/runtime/support.h"

namespace sedma::runtime {
namespace {

using test::open_device;

struct Errors {
  double relative_l2 = 0;
  StageCost programming;
  std::vector<double> y;
};

Errors errors(const std::string& uri, const Matrix& matrix, const SessionOptions& options, std::size_t batch = 8) {
  const auto device = open_device(uri);
  auto session = Session::open(*device, matrix, options);
  SEDMA_CHECK(session.ok(), session.status().to_string());
  const std::vector<double> x = random_inputs(3, batch, matrix.cols());
  const auto product = session->multiply(x, batch);
  SEDMA_CHECK(product.ok(), product.status().to_string());
  std::vector<double> exact(batch * matrix.rows());
  SEDMA_CHECK(matrix.multiply(x, exact, batch).ok());
  return {compare(product->y, exact).relative_l2, session->programming(), product->y};
}

Matrix dense(std::uint32_t rows, std::uint32_t cols) {
  const std::vector<double> values = random_inputs(11, rows, cols);
  return Matrix::from_dense("dense", rows, cols, values).value();
}

SessionOptions with_slices(std::uint32_t slices) {
  SessionOptions options;
  options.choice.slices = slices;
  return options;
}

// The drop takes a fifth of the current at 256 x 256 on AlOx-HfO2: found by unit vectors, one slice makes up for it.
TEST(SessionWires, OneSliceMakesUpForTheDrop) {
  const Matrix matrix = dense(128, 256);  // fills a 256 x 256 array
  const std::string board = "emulator:AlOx-HfO2?arrays=4&rows=256&cols=256&seed=2";
  for (const std::string converters : {"", "&adc_bits=12&dac_bits=0"}) {
    const double wireless = errors(board + converters, matrix, with_slices(1)).relative_l2;
    const double raw = errors(board + converters + "&wires=series", matrix, with_slices(0)).relative_l2;
    const double uncorrected = errors(board + converters + "&wires=exact", matrix, with_slices(0)).relative_l2;
    const double corrected = errors(board + converters + "&wires=exact", matrix, with_slices(1)).relative_l2;
    std::printf(
        "wires=exact, AlOx-HfO2, 256 x 256%s: no slice %.3e, one slice %.3e; series model, no slice %.3e; no wires, one slice %.3e\n",
        converters.c_str(), uncorrected, corrected, raw, wireless);
    EXPECT_LE(corrected, 1.5 * wireless);
    EXPECT_LT(corrected, uncorrected);
  }
}

// A small matrix leaves room for its slices on the same array, where they would change each other's lines.
TEST(SessionWires, SlicesKeepApart) {
  const Matrix matrix = dense(40, 40);
  const std::string board = "emulator:AlOx-HfO2?arrays=8&rows=256&cols=256&adc_bits=0&dac_bits=0&seed=2&wires=exact";
  double before = 1;
  for (const std::uint32_t slices : {0u, 1u, 2u, 3u}) {
    const double error = errors(board, matrix, with_slices(slices)).relative_l2;
    EXPECT_LT(error, before / 4) << slices;
    before = error;
  }
}

// Rows of one entry are right after the first slice's gain: what is left of them is zero, and a slice of zeros must add nothing.
TEST(SessionWires, SlicesOfNothingAddNothing) {
  std::vector<Matrix::Entry> entries;
  for (std::uint32_t i = 0; i < 60; ++i) entries.push_back({i, i, 1e-3 * (1 + i % 7)});
  const Matrix matrix = Matrix::from_entries("diagonal", 60, 60, entries).value();
  const std::string board = "emulator:AlOx-HfO2?arrays=8&rows=128&cols=128&adc_bits=12&dac_bits=0&wires=exact";
  const double one = errors(board, matrix, with_slices(1)).relative_l2;
  EXPECT_LT(one, 3e-3);
  EXPECT_LT(errors(board, matrix, with_slices(2)).relative_l2, 1.2 * one);
}

// What unit vectors find is what products compute: with ideal converters and no noise the session knows its error.
TEST(SessionWires, UnitVectorsFindTheOperator) {
  const Matrix matrix = dense(20, 31);
  const auto device = open_device("emulator:TaOx-HfOx?arrays=1&rows=40&cols=48&adc_bits=0&dac_bits=0&wires=exact&wire_ohms=100");
  for (const kernels::Encoding encoding : {kernels::Encoding::pair, kernels::Encoding::offset}) {
    SessionOptions options;
    options.choice.encoding = encoding;
    auto session = Session::open(*device, matrix, options).value();
    ASSERT_TRUE(session.program().ok());
    EXPECT_GE(session.programming().products, 31u) << "read-back is paid for";
    const kernels::Window window{device->capabilities().g_min_siemens, device->capabilities().g_max_siemens};
    const Layout layout = session.layouts().front();
    OperatorRead read(*device, layout.placements[0], encoding, 1);
    StageCost cost;
    double seconds = 0;
    ASSERT_TRUE(read.submit(1, std::chrono::minutes(1)).ok());
    ASSERT_TRUE(read.finish(cost, seconds).ok());
    const std::vector<double> ones(20, 1.0), found = read.values(window, ones);
    // A product of all inputs is the sum of the unit vectors' ones.
    const std::vector<double> x = random_inputs(5, 1, 31);
    const std::vector<double> y = session.multiply(x, 1).value().y;
    std::vector<double> sum(20, 0.0);
    for (std::size_t i = 0; i < 20; ++i)
      for (std::size_t j = 0; j < 31; ++j) sum[i] += found[i * 31 + j] * x[j];
    // `y` has units and gains, one factor a row: the same one for another x.
    const std::vector<double> z = random_inputs(6, 1, 31);
    const std::vector<double> w = session.multiply(z, 1).value().y;
    for (std::size_t i = 0; i < 20; ++i) {
      double other = 0;
      for (std::size_t j = 0; j < 31; ++j) other += found[i * 31 + j] * z[j];
      EXPECT_NEAR(w[i] * sum[i], other * y[i], 1e-4 * std::abs(w[i] * sum[i]) + 1e-5) << i;
    }
  }
}

TEST(SessionWires, TheExpectedErrorKnowsTheDrop) {
  const Matrix matrix = dense(60, 128);
  const auto device = open_device("emulator:AlOx-HfO2?arrays=1&rows=128&cols=128&adc_bits=0&dac_bits=0&wires=exact");
  auto session = Session::open(*device, matrix, {}).value();
  const std::vector<double> x = random_inputs(3, 8, 128);
  const std::vector<double> y = session.multiply(x, 8).value().y, sd = session.expected_error(x, 8);
  std::vector<double> exact(8 * 60);
  ASSERT_TRUE(matrix.multiply(x, exact, 8).ok());
  double error = 0, expected = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    error += (y[i] - exact[i]) * (y[i] - exact[i]);
    expected += sd[i] * sd[i];
  }
  EXPECT_NEAR(std::sqrt(error / expected), 1, 0.25);
}

TEST(SessionWires, GainsTakeOutWhatAllLose) {
  const std::vector<double> wanted = {1, -2, 3, 4, 0, 0}, found = {0.8, -1.6, 2.4, 3, 0, 0};
  const auto gains = output_gains(wanted, found, 3);
  EXPECT_NEAR(gains[0], 1.25, 1e-12);
  EXPECT_NEAR(gains[1], (3 * 2.4 + 4 * 3) / (2.4 * 2.4 + 9), 1e-12);
  EXPECT_EQ(gains[2], 1);
}

TEST(SessionTime, WaitingCosts) {
  const Matrix matrix = dense(40, 60);
  const std::string board = "emulator:EpiRAM?arrays=2&rows=128&cols=128&relaxation=techC";
  SessionOptions fresh, old;
  old.wait_seconds = 1e5;
  const Errors young = errors(board, matrix, fresh), aged = errors(board, matrix, old);
  EXPECT_GT(aged.relative_l2, 2 * young.relative_l2);
  EXPECT_EQ(aged.programming.seconds, young.programming.seconds) << "waiting is no work of the device";
  SessionOptions never;
  never.wait_seconds = -1;
  const auto device = open_device(board);
  EXPECT_EQ(Session::open(*device, matrix, never).status().code(), Code::invalid_argument);
}

// With a fixed age nothing follows the clock: any number of arrays, lanes and turns gives the same product.
TEST(SessionTime, AFixedAgeIsTheSameEverywhere) {
  const Matrix matrix = dense(100, 90);
  const std::string physics = "&rows=64&cols=64&relaxation=techC&flicker=0.02&rtn=0.2&read_noise=0.01&d2d=0.05&age=1000";
  const auto expected = errors("emulator:EpiRAM?arrays=8&lanes=inline" + physics, matrix, with_slices(1)).y;
  EXPECT_EQ(errors("emulator:EpiRAM?arrays=8" + physics, matrix, with_slices(1)).y, expected);
  EXPECT_EQ(errors("emulator:EpiRAM?arrays=16" + physics, matrix, with_slices(1)).y, expected);
  EXPECT_EQ(errors("emulator:EpiRAM?arrays=3" + physics, matrix, with_slices(1)).y, expected);
}

}  // namespace
}  // namespace sedma::runtime

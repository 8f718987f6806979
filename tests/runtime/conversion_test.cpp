// Converter ranges and repeats of products: what they cost, what they are good for, and that nothing else depends on them. 0.4 s.
#include "runtime/conversion.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <limits>

#include "runtime/session.h"
#include "tests/runtime/support.h"
#include "tests/temporary_directory.h"

namespace sedma::runtime {
namespace {

using test::open_device;

const std::string noisy = "emulator:TaOx-HfOx?rows=64&cols=128&read_noise=0.02&d2d=0.05&stuck=0.01&seed=3&arrays=";

Matrix dense(std::uint32_t rows, std::uint32_t cols, std::uint64_t seed = 11) {
  return Matrix::from_dense("dense", rows, cols, random_inputs(seed, rows, cols)).value();
}

SessionOptions with(const Conversion& conversion, std::uint32_t slices = 0) {
  SessionOptions options;
  options.choice.slices = slices;
  options.choice.conversion = conversion;
  return options;
}

std::vector<double> multiplied(Session& session, std::span<const double> x, std::size_t batch) {
  auto product = session.multiply(x, batch);
  EXPECT_TRUE(product.ok()) << product.status().to_string();
  return product.ok() ? std::move(product->y) : std::vector<double>();
}

double error_of(const std::string& uri, const Matrix& matrix, const Conversion& conversion, std::size_t batch = 16) {
  const auto device = open_device(uri);
  return test::run(*device, matrix, with(conversion), batch).error.relative_l2;
}

TEST(Conversion, ScalesOfRepeatsAreDifferentAndNoLargerThanOne) {
  EXPECT_EQ(repeat_scale({}, 0), 1.0);
  EXPECT_EQ(repeat_variance({}), 1.0);
  for (const std::uint32_t repeats : {2u, 3u, 8u, 1000u}) {
    double sum = 0;
    for (std::uint32_t k = 0; k < repeats; ++k) {
      const double scale = repeat_scale({1, repeats}, k);
      EXPECT_LE(std::abs(scale), k == 0 ? 1.0 : std::abs(repeat_scale({1, repeats}, k - 1)) - 1e-5);
      EXPECT_GE(std::abs(scale), 0.7);
      sum += 1 / scale;
    }
    if (repeats % 2 == 0) {
      EXPECT_LT(std::abs(sum / repeats), 0.25) << "what a converter adds should cancel";
    }
    EXPECT_GT(repeat_variance({1, repeats}) * repeats, 1.0);
    EXPECT_LT(repeat_variance({1, repeats}) * repeats, 1.5);
  }
}

TEST(Conversion, RefusesWhatNoBoardCanDo) {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const std::vector<Conversion> bad = {{1, 0}, {1, 1001}, {nan, 1}, {0, 1}, {-1, 1}, {inf, 1}, {9e-4, 1}, {1001, 1}};
  const auto device = open_device(noisy + "4");
  const Matrix matrix = dense(20, 30);
  auto session = Session::open(*device, matrix, {}).value();
  const auto x = random_inputs(1, 2, 30);
  const std::vector<double> before = multiplied(session, x, 2);
  for (const Conversion& conversion : bad) {
    EXPECT_EQ(session.set_conversion(conversion).code(), Code::invalid_argument) << conversion.headroom << ' ' << conversion.repeats;
    EXPECT_EQ(Session::open(*device, matrix, with(conversion)).status().code(), Code::invalid_argument);
  }
  EXPECT_EQ(session.set_conversion({1, 0}).to_string(), "invalid_argument: repeats of a product are 0; they must lie in [1, 1000]");
  EXPECT_EQ(session.set_conversion({nan, 1}).to_string(), "invalid_argument: headroom is nan; it must lie in [0.001, 1000]");
  session.continue_from(0, 1);
  EXPECT_EQ(multiplied(session, x, 2), before) << "a refusal changes nothing";
}

// Slices, both encodings, the correction products: what is set later is as if it had been there at the start.
TEST(Conversion, SetLaterItIsThatOfASessionOpenedWithIt) {
  const Matrix matrix = dense(50, 70, 5);
  const auto x = random_inputs(2, 5, 70);
  SessionOptions offset = with({}), products = with({}), sliced = with({}, 1);
  offset.choice.encoding = kernels::Encoding::offset;
  products.products = true;
  std::vector<std::vector<double>> seen;
  for (const SessionOptions& options : {sliced, offset, products}) {
    for (const Conversion& conversion : {Conversion{0.25, 1}, Conversion{1, 4}, Conversion{0.37, 3}}) {
      const auto one = open_device(noisy + "8"), other = open_device(noisy + "8");
      auto switched = Session::open(*one, matrix, options).value();
      ASSERT_TRUE(switched.program().ok());
      const std::uint64_t pulses = switched.programming().pulses;
      ASSERT_TRUE(switched.set_conversion(conversion).ok());
      const std::vector<double> y = multiplied(switched, x, 5);
      if (!options.products) {
        EXPECT_EQ(switched.programming().pulses, pulses) << "no cell is written";
      }
      SessionOptions from_start = options;
      from_start.choice.conversion = conversion;
      auto opened = Session::open(*other, matrix, from_start).value();
      EXPECT_EQ(multiplied(opened, x, 5), y);
      EXPECT_EQ(opened.tile_hashes(), switched.tile_hashes());
      EXPECT_EQ(opened.expected_error(x, 5), switched.expected_error(x, 5));
      seen.push_back(y);
    }
  }
  for (std::size_t k = 1; k < seen.size(); ++k) EXPECT_NE(seen[k], seen[k - 1]);
}

// Vector v of a run takes the ordinals from v * repeats on, so that neither the cut of a batch nor an interruption shows.
TEST(Conversion, BitsDoNotDependOnTheCutOfABatch) {
  const Matrix matrix = dense(40, 60, 6);
  const auto x = random_inputs(4, 9, 60);
  const Conversion conversion{0.5, 3};
  std::vector<double> first;
  for (const std::size_t each : {9u, 4u, 1u}) {
    for (const char* arrays : {"8", "1"}) {
      const auto device = open_device(noisy + arrays);
      auto session = Session::open(*device, matrix, with(conversion, 1)).value();
      std::vector<double> y;
      ASSERT_TRUE(session
                      .multiply_each(x, 9, each,
                                     [&](std::size_t, Product&& product) {
                                       y.insert(y.end(), product.y.begin(), product.y.end());
                                       return Status();
                                     })
                      .ok());
      if (first.empty()) first = y;
      EXPECT_EQ(y, first) << each << " at a time, " << arrays << " arrays";
    }
  }
  const auto device = open_device(noisy + "8");
  auto rest = Session::open(*device, matrix, with(conversion, 1)).value();
  rest.continue_from(4, 1);
  EXPECT_EQ(multiplied(rest, std::span(x).subspan(4 * 60), 5), std::vector<double>(first.begin() + 4 * 40, first.end()));
}

TEST(Conversion, EveryRepeatIsCounted) {
  const Matrix matrix = dense(60, 100, 7);
  const std::size_t batch = 4;
  for (const bool products : {false, true}) {
    SessionOptions once = with({}), often = with({1, 5});
    once.products = often.products = products;
    const auto a = open_device(noisy + "12"), b = open_device(noisy + "12");
    const auto one = test::run(*a, matrix, once, batch), five = test::run(*b, matrix, often, batch);
    EXPECT_EQ(five.multiplying.products, 5 * one.multiplying.products);
    EXPECT_EQ(five.multiplying.conversions, 5 * one.multiplying.conversions);
    EXPECT_EQ(five.multiplying.commands, one.multiplying.commands);
    EXPECT_NEAR(five.multiplying.seconds, 5 * one.multiplying.seconds, 1e-9 * five.multiplying.seconds);
    EXPECT_NEAR(five.multiplying.joules.adc, 5 * one.multiplying.joules.adc, 1e-9 * five.multiplying.joules.adc);
    EXPECT_NEAR(five.multiplying.joules.dac, 5 * one.multiplying.joules.dac, 1e-9 * five.multiplying.joules.dac);
    double squares = 0;  // volts are smaller, and the joules of cells and lines are those of their squares
    for (std::uint32_t k = 0; k < 5; ++k) squares += std::pow(repeat_scale({1, 5}, k), 2);
    EXPECT_NEAR(five.multiplying.joules.cells / one.multiplying.joules.cells, squares, 0.01 * squares);
    EXPECT_NEAR(five.multiplying.joules.lines / one.multiplying.joules.lines, squares, 0.01 * squares);
    if (!products) {
      EXPECT_EQ(five.programming.pulses, one.programming.pulses);
    }
  }
}

TEST(Conversion, ReadNoiseFallsWithTheRootOfRepeats) {
  const std::string board = "emulator:TaOx-HfOx?rows=64&cols=128&ideal_writing=on&adc_bits=0&dac_bits=0&read_noise=0.1&seed=3&arrays=4";
  const Matrix matrix = dense(60, 60, 8);
  const double one = error_of(board, matrix, {}, 32);
  for (const std::uint32_t repeats : {4u, 16u, 64u})
    EXPECT_NEAR(error_of(board, matrix, {1, repeats}, 32) / one, 1 / std::sqrt(repeats), 0.06 / std::sqrt(repeats)) << repeats;
}

TEST(Conversion, ARepeatAveragesWhatConvertersRound) {
  for (const std::uint32_t side : {32u, 64u, 128u, 256u}) {
    const std::string board = fmt::format("emulator:TaOx-HfOx?rows={}&cols=128&ideal_writing=on&adc_bits=8&dac_bits=8&arrays=1", side);
    const Matrix matrix = dense(64, side, side);
    for (const double headroom : {1.0, 0.25}) {
      const double ratio = error_of(board, matrix, {headroom, 4}, 32) / error_of(board, matrix, {headroom, 1}, 32);
      std::printf("%u inputs, headroom %g: four repeats leave %.3f of the rounding error\n", side, headroom, ratio);
      EXPECT_GT(ratio, 0.4) << side;
      EXPECT_LT(ratio, 0.72) << side;
    }
  }
}

// Half of the repeats are driven the other way round, so what a converter adds to every current cancels.
TEST(Conversion, OffsetsOfConvertersCancel) {
  const std::string board = "emulator:TaOx-HfOx?rows=64&cols=128&ideal_writing=on&adc_bits=12&dac_bits=0&adc_offset=0.02&arrays=1&seed=4";
  const Matrix matrix = dense(60, 60, 9);
  EXPECT_LT(error_of(board, matrix, {1, 4}), error_of(board, matrix, {}) / 8);
}

TEST(Conversion, ASmallerRangeIsFinerUntilOutputsSaturate) {
  const Matrix matrix = dense(64, 128, 10);
  const std::string board = "emulator:TaOx-HfOx?rows=128&cols=128&ideal_writing=on&adc_bits=8&dac_bits=0&arrays=1";
  const double whole = error_of(board, matrix, {}), quarter = error_of(board, matrix, {0.25, 1}),
               least = error_of(board, matrix, {1.0 / 64, 1});
  EXPECT_NEAR(quarter / whole, 0.25, 0.04);
  EXPECT_GT(least, 0.3);
  // What is too large stays at the end of the range, with its sign: it never comes round the other side.
  const auto device = open_device(board);
  const double headroom = 1.0 / 64;
  const auto run = test::run(*device, matrix, with({headroom, 1}), 4);
  const auto x = random_inputs(1, 4, 128);
  std::size_t saturated = 0;
  for (std::size_t b = 0; b < 4; ++b) {
    double largest = 0;
    for (std::size_t j = 0; j < 128; ++j) largest = std::max(largest, std::abs(x[b * 128 + j]));
    for (std::uint32_t i = 0; i < 64; ++i) {
      const double exact = run.exact[b * 64 + i], y = run.product.y[b * 64 + i], most = headroom * matrix.row_bounds()[i] * largest;
      EXPECT_LE(std::abs(y), most * (1 + 1e-6));
      if (std::abs(exact) < 1.05 * most) continue;
      ++saturated;
      EXPECT_NEAR(y, std::copysign(most, exact), 1e-6 * most);
    }
  }
  EXPECT_GT(saturated, 128u);
}

// With every vector at its worst all outputs are at the full scale: sums of slices and repeats stay what they are.
TEST(Conversion, TheLargestOutputsAreHeld) {
  std::vector<double> ones(32 * 48, 1.0);
  const Matrix matrix = Matrix::from_dense("ones", 32, 48, ones).value();
  const auto device = open_device("emulator:TaOx-HfOx?rows=48&cols=64&ideal_writing=on&adc_bits=8&dac_bits=8&arrays=4");
  for (const std::uint32_t repeats : {1u, 2u, 7u}) {
    auto session = Session::open(*device, matrix, with({1, repeats}, 1)).value();
    for (const double y : multiplied(session, std::vector<double>(48, -1e150), 1)) EXPECT_NEAR(y / -48e150, 1, 0.01);
  }
}

TEST(Conversion, ExpectedErrorsFollowIt) {
  const Matrix matrix = dense(64, 128, 12);
  const std::string board = "emulator:TaOx-HfOx?rows=128&cols=128&ideal_writing=on&adc_bits=8&dac_bits=8&arrays=1";
  for (const Conversion& conversion : {Conversion{1, 1}, Conversion{0.25, 1}, Conversion{0.25, 4}}) {
    const auto device = open_device(board);
    const auto run = test::run(*device, matrix, with(conversion), 32);
    double found = 0, expected = 0;
    for (std::size_t k = 0; k < run.exact.size(); ++k) {
      found += std::pow(run.product.y[k] - run.exact[k], 2);
      expected += std::pow(run.expected[k], 2);
    }
    EXPECT_NEAR(std::sqrt(found / expected), 1, 0.15) << conversion.headroom << ' ' << conversion.repeats;
  }
}

}  // namespace
}  // namespace sedma::runtime

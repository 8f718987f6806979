#include "runtime/session.h"

#include <gtest/gtest.h>

#include <cmath>

#include "runtime/digest.h"
#include "support.h"

namespace sedma::runtime {
namespace {

const char* const ideal = "emulator:TaOx-HfOx?c2c=off&adc_bits=0&dac_bits=0&transistor=off&rows=64&cols=64";

SessionOptions slices(std::uint32_t count) {
  SessionOptions options;
  options.choice.slices = count;
  return options;
}

TEST(Session, ProductWithinTheToleranceOfTheCells) {
  const auto device = test::open_device(ideal);
  const Matrix matrix = test::random_matrix(50, 40, 0.5, 1);
  const auto run = test::run(*device, matrix, {}, 3);
  EXPECT_GT(run.error.relative_l2, 0.0);
  EXPECT_LT(run.error.relative_l2, 0.02);  // half a level of 128, over a handful of entries
  EXPECT_EQ(run.programming.unconverged, 0u);
  EXPECT_GT(run.programming.pulses, 0u);
  EXPECT_GT(run.multiplying.seconds, 0.0);
}

TEST(Session, ResidualSlicesShrinkTheErrorGeometrically) {
  const auto device = test::open_device("emulator:EpiRAM?adc_bits=0&dac_bits=0");
  const Matrix matrix = test::random_matrix(40, 60, 0.4, 2);
  double previous = 1;
  for (std::uint32_t count = 0; count <= 2; ++count) {
    const double error = test::run(*device, matrix, slices(count), 4).error.relative_l2;
    EXPECT_LT(error, previous / 20) << count << " slices";
    previous = error;
  }
}

TEST(Session, BothEncodingsAndScalesAgreeWithTheMatrix) {
  const auto device = test::open_device("emulator:AlOx-HfO2?adc_bits=12&dac_bits=12&arrays=4&rows=32&cols=48");
  const Matrix matrix = test::random_matrix(70, 45, 0.3, 3);
  for (const auto encoding : {kernels::Encoding::pair, kernels::Encoding::offset})
    for (const auto scale : {kernels::Scale::output, kernels::Scale::tile}) {
      SessionOptions options = slices(1);
      options.choice.encoding = encoding;
      options.choice.scale = scale;
      const auto run = test::run(*device, matrix, options, 2);
      EXPECT_LT(run.error.relative_l2, 0.01) << static_cast<int>(encoding) << static_cast<int>(scale);
    }
}

// The promise: y does not depend on how many arrays there are, nor on who runs them.
TEST(Session, SameBitsForAnyNumberOfArraysAndLanes) {
  const Matrix matrix = test::random_matrix(150, 130, 0.2, 4);
  std::string first;
  for (const char* lanes : {"inline", "threads"})
    for (const int arrays : {1, 3, 7, 64}) {
      const auto device = test::open_device(
          fmt::format("emulator:TaOx-HfOx?arrays={}&rows=32&cols=40&lanes={}&read_noise=0.01&d2d=0.05&stuck=0.01", arrays, lanes));
      const auto run = test::run(*device, matrix, slices(1), 3);
      const std::string bits = digest(run.product.y);
      if (first.empty()) first = bits;
      EXPECT_EQ(bits, first) << arrays << " arrays, " << lanes;
      if (arrays == 1) {
        EXPECT_GT(run.layout.turns, 10u);
      }
    }
}

TEST(Session, TurnsCountTheirReprogramming) {
  const Matrix matrix = test::random_matrix(64, 64, 1.0, 5);
  const auto few = test::open_device("emulator:TaOx-HfOx?arrays=1&rows=32&cols=32"),
             many = test::open_device("emulator:TaOx-HfOx?arrays=64&rows=32&cols=32");
  const auto a = test::run(*few, matrix, {}, 1), b = test::run(*many, matrix, {}, 1);
  EXPECT_EQ(a.layout.turns, b.layout.arrays);
  EXPECT_GT(a.programming.pulses, b.programming.pulses);  // every load erases what the one before left
  EXPECT_GT(a.programming.seconds, b.programming.seconds);
  EXPECT_EQ(a.multiplying.conversions, b.multiplying.conversions);
  EXPECT_NEAR(a.multiplying.joules.adc, b.multiplying.joules.adc, 1e-12 * b.multiplying.joules.adc);
}

// A residual is known only after the slice before it was read back: writing k more slices takes about k times longer, however many arrays
// there are.
TEST(Session, SlicesAreWrittenOneAfterAnother) {
  const Matrix matrix = test::random_matrix(64, 64, 1.0, 5);
  const auto device = test::open_device("emulator:TaOx-HfOx?arrays=64&rows=32&cols=32");
  const double one = test::run(*device, matrix, {}, 1).programming.seconds;
  const double three = test::run(*device, matrix, slices(2), 1).programming.seconds;
  EXPECT_GT(three, 2.0 * one);
  EXPECT_LT(three, 6.0 * one);
}

TEST(Session, AReloadInTurnsReplaysItsBits) {
  const auto device = test::open_device("emulator:AlOx-HfO2?arrays=2&rows=32&cols=32");
  const Matrix matrix = test::random_matrix(100, 90, 0.5, 6);
  auto session = Session::open(*device, matrix, slices(1));
  ASSERT_TRUE(session.ok());
  const auto x = random_inputs(3, 1, 90);
  const auto first = session->multiply(x, 1), second = session->multiply(x, 1);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->y, second->y);  // no read noise: the same cells, the same product
}

TEST(Session, ProgrammingAgainDrawsAnew) {
  const auto device = test::open_device("emulator:AlOx-HfO2?rows=32&cols=32");
  const Matrix matrix = test::random_matrix(20, 20, 0.5, 6);
  auto session = Session::open(*device, matrix, {});
  ASSERT_TRUE(session.ok());
  const auto x = random_inputs(3, 1, 20);
  const auto first = session->multiply(x, 1);
  ASSERT_TRUE(session->program().ok());
  const auto second = session->multiply(x, 1);
  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_NE(first->y, second->y);
}

TEST(Session, ABatchIsItsVectors) {
  const auto device = test::open_device("emulator:EpiRAM?adc_bits=0&dac_bits=0");
  const Matrix matrix = test::random_matrix(30, 50, 0.5, 7);
  auto session = Session::open(*device, matrix, {});
  ASSERT_TRUE(session.ok());
  const auto x = random_inputs(9, 5, 50);
  const auto batch = session->multiply(x, 5);
  ASSERT_TRUE(batch.ok());
  for (std::size_t b = 0; b < 5; ++b) {
    const auto one = session->multiply(std::span(x).subspan(b * 50, 50), 1);
    ASSERT_TRUE(one.ok());
    for (std::size_t i = 0; i < 30; ++i) EXPECT_NEAR(one->y[i], batch->y[b * 30 + i], 2e-5);
  }
}

// p = A x - dA dx: what is left is the product of two write errors.
TEST(Session, ProductsCorrectionLeavesTheProductOfTwoErrors) {
  const auto device = test::open_device("emulator:TaOx-HfOx?adc_bits=0&dac_bits=0&rows=64&cols=64");
  const Matrix matrix = test::random_matrix(60, 100, 0.5, 8);
  const auto plain = test::run(*device, matrix, {}, 2);
  SessionOptions options;
  options.products = true;
  const auto corrected = test::run(*device, matrix, options, 2);
  EXPECT_LT(corrected.error.relative_l2, plain.error.relative_l2 / 20);
  EXPECT_GT(corrected.programming.pulses, plain.programming.pulses);  // x~ is written for every vector
  EXPECT_EQ(corrected.multiplying.products,
            2 * plain.multiplying.products + 2u * 2u * 60u);  // and the 60 rows of A pass both segments of x~
}

TEST(Session, ProductsCorrectionSaysWhenThereIsNoRoom) {
  const auto device = test::open_device("emulator:TaOx-HfOx?arrays=1&rows=64&cols=64");
  SessionOptions options;
  options.products = true;
  const Matrix matrix = test::random_matrix(10, 10, 0.5, 8);
  const auto session = Session::open(*device, matrix, options);
  ASSERT_FALSE(session.ok());
  EXPECT_EQ(session.status().code(), Code::unsupported);
  EXPECT_NE(session.status().message().find("the board has 1"), std::string::npos) << session.status().message();
}

TEST(Session, DenoiseHelpsSmoothAndIsOffAtZero) {
  const auto device = test::open_device("emulator:TaOx-HfOx?adc_bits=6");
  // Rows of a smoothing kernel: y is smooth.
  std::vector<double> values(200 * 200);
  for (std::size_t k = 0; k < values.size(); ++k) {
    const std::size_t row = k / 200, col = k % 200;
    values[k] = std::exp(-0.002 * std::pow(static_cast<double>(row) - static_cast<double>(col), 2));
  }
  const Matrix matrix = std::move(Matrix::from_dense("smooth", 200, 200, values)).value();
  SessionOptions options;
  const auto without = test::run(*device, matrix, options, 1);
  options.lambda.value = 4;
  const auto with = test::run(*device, matrix, options, 1);
  EXPECT_LT(with.error.relative_l2, 0.8 * without.error.relative_l2);
}

TEST(Session, EmptyRowsAndColumnsAndZeroMatrices) {
  const auto device = test::open_device("emulator:Ag-aSi?rows=32&cols=32");
  const Matrix sparse = std::move(Matrix::from_entries("sparse", 90, 80, {{7, 70, 1e19}, {50, 3, 2e-38}, {51, 3, 4.9e-324}})).value();
  const auto run = test::run(*device, sparse, {}, 2);
  ASSERT_EQ(run.product.y.size(), 180u);
  for (std::size_t i = 0; i < 90; ++i)
    if (i != 7 && i != 50 && i != 51) {
      EXPECT_EQ(run.product.y[i], 0.0) << i;
    }
  EXPECT_NEAR(run.product.y[7] / run.exact[7], 1.0, 0.05);
  EXPECT_NEAR(run.product.y[50] / run.exact[50], 1.0, 0.05);

  const Matrix zero = std::move(Matrix::from_entries("zero", 5, 6, {})).value();
  const auto nothing = test::run(*device, zero, slices(1), 2);
  EXPECT_EQ(nothing.product.y, std::vector<double>(10, 0.0));
  EXPECT_EQ(nothing.programming.pulses, 0u);
}

TEST(Session, RefusesBadInputBeforeAnyPulse) {
  const auto device = test::open_device("emulator:Ag-aSi");
  const Matrix matrix = test::random_matrix(5, 6, 1, 1);
  auto session = Session::open(*device, matrix, {});
  ASSERT_TRUE(session.ok());
  std::vector<double> x(6, 1.0);
  x[4] = std::nan("");
  const auto bad = session->multiply(x, 1);
  ASSERT_FALSE(bad.ok());
  EXPECT_EQ(bad.status().code(), Code::invalid_argument);
  EXPECT_NE(bad.status().message().find("x(0, 4)"), std::string::npos) << bad.status().message();
  EXPECT_EQ(session->multiply(x, 2).status().code(), Code::invalid_argument);
  EXPECT_EQ(device->charged_pulses(), 0u);
  SessionOptions options;
  options.lambda.value = -1;
  EXPECT_EQ(Session::open(*device, matrix, options).status().code(), Code::invalid_argument);
}

TEST(Session, ProgressCanStopIt) {
  const auto device = test::open_device("emulator:Ag-aSi?rows=16&cols=16");
  SessionOptions options;
  options.progress = [](const char*, std::uint64_t done, std::uint64_t) { return done < 5; };
  const Matrix matrix = test::random_matrix(100, 100, 0.5, 1);
  auto session = Session::open(*device, matrix, options);
  ASSERT_TRUE(session.ok());
  EXPECT_EQ(session->program().code(), Code::aborted);
}

TEST(Session, AFaultNamesTileAndArray) {
  const auto device = test::open_device("faulty:emulator:TaOx-HfOx?rows=32&cols=32&fault.error=1&fault.seed=1");
  const Matrix matrix = test::random_matrix(20, 20, 0.5, 6);
  auto session = Session::open(*device, matrix, {});
  ASSERT_TRUE(session.ok());
  const Status status = session->program();
  EXPECT_EQ(status.code(), Code::device_fault);
  EXPECT_NE(status.message().find("array 0"), std::string::npos) << status.message();
}

// With its mask a board with 2 % stuck cells is as good as a clean one, unless the last slice has a bad pair of cells (seed 3 has none);
// without, it is not.
TEST(Session, GoesAroundBadCells) {
  const std::string uri = "emulator:TaOx-HfOx?arrays=4&rows=64&cols=64&identity=board&adc_bits=12&dac_bits=12&seed=3&stuck=";
  const Matrix matrix = test::random_matrix(60, 60, 0.5, 11);
  const auto clean = test::open_device(uri + "0"), bad = test::open_device(uri + "0.02"), probe = test::open_device(uri + "0.02");
  // A cell that answers to neither an erase nor a target is bad: two writings find them.
  Mask mask;
  const auto& c = probe->capabilities();
  for (std::uint32_t array = 0; array < c.arrays; ++array)
    for (const double target : {c.g_min_siemens, 0.5 * (c.g_min_siemens + c.g_max_siemens), c.g_max_siemens}) {
      std::vector<float> siemens(64 * 64, static_cast<float>(target));
      std::vector<hal::Outcome> outcome(siemens.size());
      hal::Program program;
      program.array = {array};
      program.siemens = {siemens.data(), 64, 64};
      program.tolerance_siemens = static_cast<float>(0.05 * c.g_range_siemens());
      program.passes = 100;
      program.max_pulses_per_cell = 10000;
      program.outcome = {outcome.data(), 64, 64};
      ASSERT_TRUE(probe->run(program).ok());
      for (std::uint32_t k = 0; k < 64 * 64; ++k)
        if (outcome[k] != hal::Outcome::converged) mask.cells.insert({array, k / 64, k % 64});
    }
  EXPECT_NEAR(static_cast<double>(mask.cells.size()), 0.02 * 4 * 64 * 64, 50);
  SessionOptions plain = slices(1), masked = slices(1);
  masked.mask = mask;
  const double without_faults = test::run(*clean, matrix, plain, 8).error.relative_l2;
  const auto with_mask = test::run(*bad, matrix, masked, 8);
  EXPECT_GT(with_mask.programming.compensated, 20u);
  EXPECT_LT(with_mask.error.relative_l2, 2.0 * without_faults);
  const auto unmasked = test::open_device(uri + "0.02");
  EXPECT_GT(test::run(*unmasked, matrix, plain, 8).error.relative_l2, 3.0 * without_faults);
}

TEST(Session, GoesAroundBadLines) {
  const auto device = test::open_device("emulator:EpiRAM?arrays=4&rows=32&cols=40&adc_bits=12&dac_bits=12");
  const Matrix matrix = test::random_matrix(40, 50, 0.5, 12);
  SessionOptions options = slices(1);
  options.mask.word_lines = {{0, 0}, {0, 7}, {1, 31}};
  options.mask.bit_lines = {{0, 5}, {2, 39}};
  for (const auto encoding : {kernels::Encoding::pair, kernels::Encoding::offset}) {
    options.choice.encoding = encoding;
    EXPECT_LT(test::run(*device, matrix, options, 2).error.relative_l2, 0.01);
  }
}

TEST(Session, ExpectedErrorIsTheErrorFound) {
  for (const char* material : {"Ag-aSi", "AlOx-HfO2", "EpiRAM", "TaOx-HfOx"})
    for (const std::uint32_t count : {0u, 1u}) {
      const auto device = test::open_device(fmt::format("emulator:{}", material));
      const Matrix matrix = test::random_matrix(200, 180, 0.3, 13);
      const auto run = test::run(*device, matrix, slices(count), 8);
      double sum = 0;
      for (std::size_t k = 0; k < run.exact.size(); ++k) sum += std::pow((run.product.y[k] - run.exact[k]) / run.expected[k], 2);
      EXPECT_NEAR(std::sqrt(sum / static_cast<double>(run.exact.size())), 1.0, 0.15) << material << " slices " << count;
    }
}

TEST(Inputs, VectorsDoNotDependOnTheBatch) {
  const auto three = random_inputs(5, 3, 10), one = random_inputs(5, 1, 10);
  EXPECT_TRUE(std::equal(one.begin(), one.end(), three.begin()));
  EXPECT_NE(random_inputs(6, 1, 10), one);
}

TEST(Compare, IsRelativeAndSurvivesExtremes) {
  const std::vector<double> exact{3e200, 4e200}, y{3e200, 4.5e200};
  const auto error = compare(y, exact);
  EXPECT_NEAR(error.relative_l2, 0.1, 1e-12);
  EXPECT_NEAR(error.relative_linf, 0.125, 1e-12);
  EXPECT_EQ(compare(exact, exact).relative_l2, 0.0);
  const std::vector<double> zero(2, 0.0);
  EXPECT_EQ(compare(zero, zero).relative_l2, 0.0);
  EXPECT_TRUE(std::isinf(compare(exact, zero).relative_l2));
}

}  // namespace
}  // namespace sedma::runtime

// Adaptive lambda of whole sessions, and the noise of every output that it rests on.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "runtime/matrix_file.h"
#include "runtime/memory/lambda.h"
#include "tests/runtime/support.h"

namespace sedma::runtime {
namespace {

using test::open_device;

struct Noise {
  std::string name, uri;
  kernels::ReadNoise read;
  SessionOptions options;
};

Noise noise_case(const std::string& name, const std::string& uri, double read_noise, kernels::Encoding encoding, std::uint32_t slices,
                 std::uint32_t passes) {
  Noise c{name, "emulator:" + uri + "&arrays=40&rows=128&cols=128&seed=3", {read_noise, 0}, {}};
  if (read_noise > 0) c.uri += "&read_noise=" + std::to_string(read_noise);
  c.options.choice.encoding = encoding;
  c.options.choice.slices = slices;
  c.options.choice.passes = passes;
  c.options.read_noise = c.read;
  return c;
}

double ratio_of(const Noise& c, const Matrix& matrix) {
  const auto device = open_device(c.uri);
  const test::Run run = test::run(*device, matrix, c.options, 64);
  double error = 0, expected = 0;
  for (std::size_t i = 0; i < run.exact.size(); ++i) {
    error += std::pow(run.product.y[i] - run.exact[i], 2);
    expected += run.expected[i] * run.expected[i];
  }
  return std::sqrt(expected / error);
}

// Predicted over found rms error. With a reference line all outputs share its error, one draw for a whole tile.
TEST(ExpectedError, IsCalibrated) {
  constexpr auto pair = kernels::Encoding::pair, offset = kernels::Encoding::offset;
  const std::string ideal = "?adc_bits=0&dac_bits=0";
  const Matrix dense = test::random_matrix(100, 150, 1, 1), sparse = test::random_matrix(300, 200, 0.05, 2);
  for (const std::string material : {"EpiRAM", "Ag-aSi", "AlOx-HfO2", "TaOx-HfOx"})
    for (const Noise& c :
         {noise_case("writing", material + ideal, 0, pair, 0, 10), noise_case("offset", material + ideal, 0, offset, 0, 10),
          noise_case("converters", material + "?adc_bits=8&dac_bits=8", 0, pair, 0, 100),
          noise_case("slices", material + "?adc_bits=10&dac_bits=10", 0, pair, 2, 50),
          noise_case("read noise", material + ideal, 0.05, pair, 0, 100),
          noise_case("read noise, offset", material + ideal, 0.05, offset, 0, 100),
          noise_case("read noise, slices", material + ideal, 0.02, pair, 1, 100)})
      for (const Matrix* matrix : {&dense, &sparse}) {
        const double ratio = ratio_of(c, *matrix);
        std::printf("%-10s %-20s %u x %u: predicted / found %.3f\n", material.c_str(), c.name.c_str(), matrix->rows(), matrix->cols(),
                    ratio);
        EXPECT_NEAR(ratio, 1, c.options.choice.encoding == offset ? 0.25 : 0.15) << material << ' ' << c.name << ' ' << matrix->rows();
      }
}

struct Errors {
  double plain = 0, adaptive = 0, smallest = 0, largest = 0, noise = 0;
};

// Root mean squares over the vectors of x, each relative to its y.
Errors errors_of(const std::string& uri, const MatrixSource& matrix, SessionOptions options, const std::vector<double>& x,
                 std::size_t batch) {
  const std::size_t rows = matrix.rows();
  std::vector<double> exact(batch * rows);
  EXPECT_TRUE(matrix.multiply(x, exact, batch).ok());
  Errors errors;
  for (const bool adaptive : {false, true}) {
    const auto device = open_device(uri);
    options.lambda.adaptive = adaptive;
    auto session = Session::open(*device, matrix, options);
    EXPECT_TRUE(session.ok()) << session.status().to_string();
    const auto product = session->multiply(x, batch);
    EXPECT_TRUE(product.ok()) << product.status().to_string();
    EXPECT_EQ(product->lambdas.size(), batch);
    double sum = 0;
    for (std::size_t b = 0; b < batch; ++b)
      sum += std::pow(compare(std::span(product->y).subspan(b * rows, rows), std::span(exact).subspan(b * rows, rows)).relative_l2, 2);
    (adaptive ? errors.adaptive : errors.plain) = std::sqrt(sum / static_cast<double>(batch));
    const auto [least, most] = std::minmax_element(product->lambdas.begin(), product->lambdas.end());
    errors.smallest = *least;
    errors.largest = *most;
  }
  return errors;
}

// Rows that are shifted bumps: the smoother x, the smoother y, and y is smooth for any x.
Matrix blur(std::uint32_t n, double width) {
  std::vector<double> values;
  for (std::uint32_t i = 0; i < n; ++i)
    for (std::uint32_t j = 0; j < n; ++j) values.push_back(std::exp(-std::pow((static_cast<double>(i) - j) / width, 2)));
  return Matrix::from_dense("blur", n, n, values).value();
}

constexpr const char* noisy_board = "emulator:Ag-aSi?arrays=40&rows=128&cols=128&adc_bits=0&dac_bits=0&seed=4";

SessionOptions few_passes() {
  SessionOptions options;
  options.choice.passes = 5;
  return options;
}

TEST(SessionLambda, SmoothOutputsGain) {
  const Matrix matrix = blur(200, 12);
  const std::vector<double> x = random_inputs(3, 16, 200);
  const Errors found = errors_of(noisy_board, matrix, few_passes(), x, 16);
  std::printf("blur 200: none %.4f, adaptive %.4f, lambda %.3g to %.3g\n", found.plain, found.adaptive, found.smallest, found.largest);
  EXPECT_LT(found.adaptive, 0.75 * found.plain);
  EXPECT_GT(found.smallest, 0);
}

TEST(SessionLambda, RoughOutputsLoseNothing) {
  const Matrix matrix = test::random_matrix(300, 200, 1, 5);
  const std::vector<double> x = random_inputs(3, 16, 200);
  const Errors found = errors_of(noisy_board, matrix, {}, x, 16);
  std::printf("rough 300: none %.4f, adaptive %.4f, lambda %.3g to %.3g\n", found.plain, found.adaptive, found.smallest, found.largest);
  EXPECT_LE(found.adaptive, 1.003 * found.plain);
}

TEST(SessionLambda, ZeroChangesNoBit) {
  const Matrix matrix = test::random_matrix(20, 30, 1, 5);  // too few outputs to smooth
  const std::vector<double> x = random_inputs(3, 4, 30);
  const auto product = [&](const LambdaRule& rule) {
    const auto device = open_device(noisy_board);
    SessionOptions options = few_passes();
    options.lambda = rule;
    return Session::open(*device, matrix, options)->multiply(x, 4).value();
  };
  const Product off = product({}), adaptive = product({true, 5, 100});
  EXPECT_EQ(off.y, adaptive.y);
  EXPECT_EQ(adaptive.lambdas, std::vector<double>(4, 0.0));
  EXPECT_EQ(off.lambdas, std::vector<double>(4, 0.0));
  EXPECT_EQ(product({false, 0.5, 0}).lambdas, std::vector<double>(4, 0.5));
}

TEST(SessionLambda, TheRuleCanChangeBetweenProducts) {
  const Matrix matrix = blur(100, 10);
  const auto device = open_device(noisy_board);
  auto session = Session::open(*device, matrix, few_passes()).value();
  const std::vector<double> x = random_inputs(3, 2, 100);
  const Product before = session.multiply(x, 2).value();
  EXPECT_EQ(before.lambdas, std::vector<double>(2, 0.0));
  ASSERT_TRUE(session.set_lambda({true, 0, 0}).ok());
  const Product after = session.multiply(x, 2).value();
  for (const double lambda : after.lambdas) EXPECT_GT(lambda, 0);
  EXPECT_EQ(session.set_lambda({false, -1, 0}).code(), Code::invalid_argument);
  EXPECT_EQ(session.set_lambda({true, 1, NAN}).code(), Code::invalid_argument);
  SessionOptions options;
  options.read_noise.relative = -0.1;
  EXPECT_EQ(Session::open(*device, matrix, options).status().code(), Code::invalid_argument);
}

// Errors that all outputs share (inputs rounded, a reference line, a drop along the lines) are no noise: they must not smooth.
TEST(SessionLambda, SharedErrorsDoNotSmooth) {
  const Matrix matrix = blur(120, 10);
  const std::vector<double> x = random_inputs(3, 8, 120);
  const std::string clean = "emulator:EpiRAM?arrays=40&rows=256&cols=256&ideal_writing=on&adc_bits=0";
  for (const std::string shared : {"&dac_bits=6", "&dac_bits=0&wires=exact"}) {
    for (const kernels::Encoding encoding : {kernels::Encoding::pair, kernels::Encoding::offset}) {
      SessionOptions options;
      options.choice.encoding = encoding;
      const Errors found = errors_of(clean + shared, matrix, options, x, 8);
      std::printf("shared errors%s: none %.4f, adaptive %.4f, lambda to %.3g\n", shared.c_str(), found.plain, found.adaptive,
                  found.largest);
      EXPECT_LE(found.adaptive, 1.02 * found.plain) << shared;
    }
  }
}

TEST(SessionLambda, MatricesOfTheCollection) {
  if (test::shared_dir().empty()) GTEST_SKIP() << "SEDMA_SHARED_DIR is not set";
  for (const std::string name : {"shaw_200", "foxgood_100", "nos5", "orsreg_1"}) {
    const auto matrix = open_matrix(test::shared_dir() + "/data/matrices/" + name + ".mtx");
    ASSERT_TRUE(matrix.ok()) << matrix.status().to_string();
    const std::vector<double> x = random_inputs(3, 8, (*matrix)->cols());
    for (const std::string material : {"Ag-aSi", "AlOx-HfO2", "TaOx-HfOx", "EpiRAM"}) {
      const std::string uri = "emulator:" + material + "?arrays=400&rows=128&cols=128&adc_bits=0&dac_bits=0&seed=4";
      const Errors found = errors_of(uri, **matrix, few_passes(), x, 8);
      std::printf("%-12s %-10s: none %.4f, adaptive %.4f, ratio %.3f, lambda %.3g to %.3g\n", name.c_str(), material.c_str(), found.plain,
                  found.adaptive, found.adaptive / found.plain, found.smallest, found.largest);
      EXPECT_LE(found.adaptive, (name == "shaw_200" || name == "foxgood_100" ? 0.7 : 1.02) * found.plain) << name << ' ' << material;
    }
  }
}

}  // namespace
}  // namespace sedma::runtime

// What the prior says of errors and costs, against sessions on the emulator.
#include "runtime/memory/prior.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>

#include "runtime/matrix_file.h"
#include "tests/runtime/support.h"

namespace sedma::test {
namespace {

using runtime::Choice;
using runtime::MatrixSource;
using runtime::Outcome;

constexpr std::size_t vectors = 200;

struct Board {
  std::string uri;
  std::unique_ptr<hal::Device> device;
  runtime::DeviceModel model;
};

Board open_board(const std::string& material, int bits, double read_noise) {
  Board board;
  board.uri = fmt::format("emulator:{}?arrays=512&adc_bits={}&dac_bits={}&read_noise={}&seed=5", material, bits, bits, read_noise);
  board.device = open_device(board.uri);
  board.model = runtime::published_model(board.device->capabilities()).value();
  board.model.cell.read_noise = read_noise;
  return board;
}

double nearest_rank(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1];
}

Outcome run(hal::Device& device, const MatrixSource& matrix, const Choice& choice) {
  runtime::SessionOptions options;
  options.choice = choice;
  auto session = runtime::Session::open(device, matrix, options).value();
  const std::vector<double> x = runtime::random_inputs(77, vectors, matrix.cols());
  std::vector<double> exact(vectors * matrix.rows());
  EXPECT_TRUE(matrix.multiply(x, exact, vectors).ok());
  const auto y = session.multiply(x, vectors);
  EXPECT_TRUE(y.ok()) << y.status().to_string();
  std::vector<double> errors;
  for (std::size_t v = 0; v < vectors; ++v)
    errors.push_back(
        runtime::compare({y->y.data() + v * matrix.rows(), matrix.rows()}, {exact.data() + v * matrix.rows(), matrix.rows()}).relative_l2);
  Outcome found;
  found.vectors = found.checked = vectors;
  found.error_p95 = nearest_rank(errors, 0.95);
  found.error_median = nearest_rank(errors, 0.5);
  found.programming_joules = session.programming().joules.total();
  found.programming_seconds = session.programming().seconds;
  found.pulses = static_cast<double>(session.programming().pulses);
  found.vector_joules = session.multiplying().joules.total() / static_cast<double>(vectors);
  found.vector_seconds = session.multiplying().seconds / static_cast<double>(vectors);
  found.unconverged = static_cast<double>(session.programming().unconverged) / static_cast<double>(session.programming().cells);
  return found;
}

/// Logarithms of predicted / found.
struct Misses {
  std::vector<double> p95, median, programming_joules, pulses, programming_seconds, vector_joules, vector_seconds;
};

double root_mean_square(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v * v;
  return values.empty() ? 0 : std::sqrt(sum / static_cast<double>(values.size()));
}

void add(const Outcome& predicted, const Outcome& found, Misses& misses) {
  const auto miss = [](double a, double b) { return a == b ? 0 : std::log(a / b); };
  misses.p95.push_back(miss(predicted.error_p95, found.error_p95));
  misses.median.push_back(miss(predicted.error_median, found.error_median));
  misses.programming_joules.push_back(miss(predicted.programming_joules, found.programming_joules));
  misses.pulses.push_back(miss(predicted.pulses, found.pulses));
  misses.programming_seconds.push_back(miss(predicted.programming_seconds, found.programming_seconds));
  misses.vector_joules.push_back(miss(predicted.vector_joules, found.vector_joules));
  misses.vector_seconds.push_back(miss(predicted.vector_seconds, found.vector_seconds));
}

std::string row(const std::string& what, const Outcome& p, const Outcome& f, double milliseconds) {
  return fmt::format(
      "{:<76} p95 {:8.2e} {:5.2f}  median {:5.2f}  J {:5.3f}  pulses {:5.3f}  s {:5.3f}  vector J {:5.3f} s {:5.3f}  {:5.1f} ms\n", what,
      f.error_p95, p.error_p95 / f.error_p95, p.error_median / f.error_median, p.programming_joules / f.programming_joules,
      p.pulses / f.pulses, p.programming_seconds / f.programming_seconds, p.vector_joules / f.vector_joules,
      p.vector_seconds / f.vector_seconds, milliseconds);
}

std::vector<Choice> choices_for(std::size_t round) {
  Choice base;
  base.tolerance_levels = 0.5;
  std::vector<Choice> all;
  const auto add = [&](std::uint32_t rows, std::uint32_t cols, kernels::Encoding encoding, std::uint32_t slices, std::uint32_t passes,
                       double headroom, std::uint32_t repeats) {
    Choice c = base;
    c.tile_rows = rows;
    c.tile_cols = cols;
    c.encoding = encoding;
    c.slices = slices;
    c.passes = passes;
    c.conversion = {headroom, repeats};
    all.push_back(c);
  };
  using enum kernels::Encoding;
  add(32, 32, pair, 0, 21, 1, 1);
  add(128, 256, pair, 1, 50, 0.5, 1);
  add(64, 64, offset, 0, 10, 0.25, 4);
  add(32, 128, offset, 2, 21, 0.25, 1);
  add(128, 64, pair, 2, 100, 0.25, 4);
  add(64, 128, pair, 0, 5, 0.125, 1);
  if (round % 2 == 1) std::reverse(all.begin(), all.end());
  return all;
}

Misses compare_all(const std::vector<std::string>& matrices, const std::vector<std::string>& materials, std::string& table) {
  Misses misses;
  std::size_t round = 0;
  for (const std::string& name : matrices) {
    const auto matrix = runtime::open_matrix(name).value();
    for (const std::string& material : materials) {
      for (const auto& [bits, noise] : {std::pair{8, 0.0}, {12, 0.02}}) {
        const Board board = open_board(material, bits, noise);
        const auto prior = runtime::Prior::open(*matrix, board.device->capabilities(), {}, board.model).value();
        for (const Choice& choice : choices_for(round++)) {
          const auto begin = std::chrono::steady_clock::now();
          const auto predicted = prior->predict({choice, false});
          const double took = std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
          EXPECT_TRUE(predicted.ok()) << predicted.status().to_string();
          if (!predicted.ok()) continue;
          const auto device = open_device(board.uri);
          const Outcome found = run(*device, *matrix, choice);
          add(*predicted, found, misses);
          table += row(
              fmt::format("{:.28} {} {} bits {} {}x{} {} k{} {} passes 1/{} x{}", name.substr(name.find_last_of("/:") + 1), material, bits,
                          noise, choice.tile_rows, choice.tile_cols, choice.encoding == kernels::Encoding::pair ? "pair" : "offset",
                          choice.slices, choice.passes, 1 / choice.conversion.headroom, choice.conversion.repeats),
              *predicted, found, took);
        }
      }
    }
  }
  return misses;
}

// What is found is one programming and 200 vectors, which scatter themselves.
void expect_close(const Misses& misses, const std::string& table, double error) {
  const std::string told = fmt::format(
      "{}rms of the logarithms: p95 {:.3f}, median {:.3f}, programming J {:.3f}, pulses {:.3f}, s {:.3f}, vector J {:.3f}, s {:.4f}\n",
      table, root_mean_square(misses.p95), root_mean_square(misses.median), root_mean_square(misses.programming_joules),
      root_mean_square(misses.pulses), root_mean_square(misses.programming_seconds), root_mean_square(misses.vector_joules),
      root_mean_square(misses.vector_seconds));
  EXPECT_LT(root_mean_square(misses.p95), error);
  EXPECT_LT(root_mean_square(misses.median), error);
  EXPECT_LT(root_mean_square(misses.programming_joules), 0.05);
  EXPECT_LT(root_mean_square(misses.pulses), 0.05);
  EXPECT_LT(root_mean_square(misses.programming_seconds), 0.05);
  EXPECT_LT(root_mean_square(misses.vector_joules), 0.02);
  EXPECT_LT(root_mean_square(misses.vector_seconds), 1e-6);
  if (::testing::Test::HasFailure() || std::getenv("SEDMA_PRIOR_TABLE") != nullptr) fmt::print("{}", told);
}

const std::vector<std::string> materials = {"TaOx-HfOx", "EpiRAM", "AlOx-HfO2", "Ag-aSi"};

TEST(Prior, ForeseesDenseMatrices) {
  std::string table;
  const Misses misses = compare_all({"gallery:random?rows=66&cols=66&density=1", "gallery:iperturb?n=128"}, materials, table);
  expect_close(misses, table, 0.15);
}

TEST(Prior, ForeseesSparseMatrices) {
  std::string table;
  const Misses misses = compare_all({"gallery:random?rows=500&cols=500&density=0.01"}, {"TaOx-HfOx", "AlOx-HfO2"}, table);
  expect_close(misses, table, 0.15);
}

TEST(Prior, ForeseesMeasuredMatrices) {
  const char* shared = std::getenv("SEDMA_SHARED_DIR");
  if (shared == nullptr) GTEST_SKIP() << "SEDMA_SHARED_DIR is not set";
  const std::string folder = std::string(shared) + "/data/matrices/";
  std::string table;
  const Misses misses = compare_all({folder + "bcsstk02.mtx", folder + "494_bus.mtx"}, {"TaOx-HfOx", "EpiRAM"}, table);
  expect_close(misses, table, 0.25);
}

TEST(Prior, RefusesWhatTheBoardCannotHold) {
  const auto device = open_device("emulator:TaOx-HfOx?arrays=2&rows=64&cols=64");
  const auto model = runtime::published_model(device->capabilities()).value();
  const runtime::Matrix matrix = random_matrix(100, 100, 1, 3);
  const auto prior = runtime::Prior::open(matrix, device->capabilities(), {}, model).value();
  Choice choice;
  EXPECT_EQ(prior->cost({choice, false}).status().code(), Code::out_of_range);
  choice.tile_rows = 64;
  EXPECT_EQ(prior->cost({choice, false}).status().code(), Code::invalid_argument);
}

TEST(Prior, ChoicesOfTheSameWritingAreQuick) {
  const Board board = open_board("TaOx-HfOx", 8, 0);
  const auto matrix = runtime::open_matrix("gallery:random?rows=1024&cols=1024&density=1").value();
  const auto prior = runtime::Prior::open(*matrix, board.device->capabilities(), {}, board.model).value();
  const auto predict = [&](std::uint32_t passes, double headroom) {
    Choice choice;
    choice.passes = passes;
    choice.conversion.headroom = headroom;
    const auto begin = std::chrono::steady_clock::now();
    EXPECT_TRUE(prior->predict({choice, false}).ok());
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin).count();
  };
  const double first = predict(21, 1), written = predict(21, 0.5), again = predict(21, 1), other = predict(10, 1);
  if (std::getenv("SEDMA_PRIOR_TABLE") != nullptr)
    fmt::print("1024 x 1024: first {:.2f} ms, other passes {:.2f}, other headroom {:.2f}, known {:.4f}\n", first, other, written, again);
  EXPECT_LT(written, first);
  EXPECT_LT(again, written);
}

}  // namespace
}  // namespace sedma::test

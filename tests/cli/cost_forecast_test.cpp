// What a dry run says of pulses, joules and seconds, against real runs on the emulator.

#include "cli/cost_forecast.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/materials.h"
#include "runtime/matrix.h"
#include "runtime/session.h"

namespace sedma::cli {
namespace {

const hal::Registry& registry() {
  static const hal::Registry drivers = make_registry();
  return drivers;
}

runtime::Matrix random_matrix(std::mt19937& random, std::uint32_t rows, std::uint32_t cols, double density) {
  std::normal_distribution<double> normal;
  std::bernoulli_distribution there(density);
  std::vector<double> values(std::size_t{rows} * cols, 0.0);
  for (double& value : values)
    if (there(random)) value = normal(random);
  values.back() = 1;
  return runtime::Matrix::from_dense("random", rows, cols, values).value();
}

/// Of one board, all of it.
runtime::Workload work_of_session(const runtime::Session& session, const runtime::SessionOptions& options, std::uint64_t batches,
                                  std::uint64_t vectors) {
  runtime::Workload work;
  work.choice = options.choice;
  const runtime::Layout layout = session.layouts().front();
  for (const runtime::Placement& placement : layout.placements) work.windows.push_back(runtime::work_of(placement));
  work.programmings = layout.turns > 1 ? batches : 1;
  work.vectors = vectors;
  return work;
}

void expect_at_most(const runtime::StageCost& real, const runtime::StageForecast& most) {
  constexpr double rounding = 1 + 1e-9;
  EXPECT_LE(real.pulses, most.pulses);
  EXPECT_LE(real.joules.cells, most.joules.cells * rounding);
  EXPECT_LE(real.joules.lines, most.joules.lines * rounding);
  EXPECT_LE(real.joules.dac, most.joules.dac * rounding);
  EXPECT_LE(real.joules.adc, most.joules.adc * rounding);
  EXPECT_LE(real.joules.verify, most.joules.verify * rounding);
  EXPECT_LE(real.seconds, most.seconds * rounding);
}

std::uint32_t below(std::mt19937& random, std::uint32_t end) { return static_cast<std::uint32_t>(random() % end); }

template <class T>
T one_of(std::mt19937& random, const std::vector<T>& choices) {
  return choices[random() % choices.size()];
}

std::string random_uri(std::mt19937& random) {
  std::string uri = fmt::format("emulator:{}?rows={}&cols={}&arrays={}&seed={}", kernels::published_materials()[below(random, 4)].name,
                                2 + below(random, 40), 2 + below(random, 40), 1 + below(random, 12), below(random, 1000));
  const std::vector<std::string> none = {""};
  for (const auto& options : {std::vector<std::string>{"", "&c2c=off"},
                              {"", "&transistor=off"},
                              {"", "", "&read_noise=0.05", "&read_noise_floor=0.02"},
                              {"", "", "&d2d=0.1", "&d2d=0.5"},
                              {"", "", "&stuck=0.1"},
                              {"", "", "&wires=exact", "&wires=series"},
                              {"", "", "", "&ideal_writing=on"},
                              {"", "", "&relaxation=techC"},
                              {"", "", "&slow_noise=techA", "&flicker=0.1&rtn=0.3"},
                              {"", "", "&iv_cubic=0.5"},
                              {"", "&identity=board"},
                              {"", "&adc_bits=0", "&adc_bits=12"},
                              {"", "&dac_bits=0", "&dac_bits=4"},
                              {"", "&columns_per_adc=1", "&columns_per_adc=64"}})
    uri += one_of(random, options);
  return uri;
}

runtime::SessionOptions random_options(std::mt19937& random, const hal::Capabilities& board) {
  runtime::SessionOptions options;
  runtime::Choice& choice = options.choice;
  choice.encoding = one_of(random, std::vector{kernels::Encoding::pair, kernels::Encoding::offset});
  choice.scale = one_of(random, std::vector{kernels::Scale::output, kernels::Scale::tile});
  choice.slices = below(random, 3);
  choice.passes = one_of(random, std::vector<std::uint32_t>{1, 2, 5, 21, 100});
  choice.max_pulses_per_cell = one_of(random, std::vector<std::uint32_t>{0, 0, 1, 7, 40});
  choice.tolerance_levels = one_of(random, std::vector{0.5, 0.01});
  choice.step_fraction = one_of(random, std::vector{0.3f, 1.0f, 0.05f});
  choice.read_repeats = 1 + below(random, 3);
  for (unsigned k = below(random, 3) * 4; k > 0; --k)
    options.mask.cells.insert({static_cast<std::uint32_t>(random() % board.arrays), static_cast<std::uint32_t>(random() % board.rows),
                               static_cast<std::uint32_t>(random() % board.cols)});
  if (below(random, 3) == 0 && board.rows > 4) options.mask.word_lines.insert({0, 1});
  return options;
}

TEST(CostForecast, NoRunPassesTheWorstCase) {
  std::mt19937 random(3);
  int runs = 0, several_turns = 0;
  for (int round = 0; round < 400; ++round) {
    const std::string uri = random_uri(random);
    const auto board = open_board(registry(), {uri, {}, {}});
    if (!board.ok()) continue;  // options that exclude each other
    const runtime::Matrix matrix =
        random_matrix(random, 1 + below(random, 50), 1 + below(random, 50), one_of(random, std::vector{1.0, 0.3}));
    const runtime::SessionOptions options = random_options(random, board->device->capabilities());
    auto session = runtime::Session::open(*board->device, matrix, options);
    if (!session.ok()) continue;  // no room for one value
    SCOPED_TRACE(
        fmt::format("{}, {} x {}, slices {}, passes {}", uri, matrix.rows(), matrix.cols(), options.choice.slices, options.choice.passes));
    const std::uint64_t batch = 1 + below(random, 4);
    const runtime::Workload work = work_of_session(*session, options, 2, 2 * batch);
    const runtime::CostForecast costs = runtime::worst_case(work, board->device->capabilities(), emulated_model(*board));
    for (int k = 0; k < 2; ++k) {
      const auto y = session->multiply(runtime::random_inputs(random(), batch, matrix.cols()), batch);
      ASSERT_TRUE(y.ok()) << y.status().to_string();
    }
    ASSERT_TRUE(costs.worst_case);
    expect_at_most(session->programming(), costs.worst_case->programming);
    expect_at_most(session->multiplying(), costs.worst_case->multiplying);
    EXPECT_NEAR(session->multiplying().seconds, costs.worst_case->multiplying.seconds, 0.01 * session->multiplying().seconds);
    EXPECT_EQ(costs.worst_case_pulses, costs.worst_case->total().pulses);
    EXPECT_FALSE(costs.expected);
    ++runs;
    several_turns += work.programmings > 1 ? 1 : 0;
  }
  EXPECT_GT(runs, 200);
  EXPECT_GT(several_turns, 30);
}

// Cells that can never be where they should be spend all that they may.
TEST(CostForecast, TheWorstCaseOfPulsesIsNotFarOff) {
  std::mt19937 random(4);
  const auto board = open_board(registry(), {"emulator:TaOx-HfOx?rows=32&cols=64&arrays=4&stuck=1&seed=3", {}, {}}).value();
  const runtime::Matrix matrix = random_matrix(random, 32, 32, 1);
  runtime::SessionOptions options;
  options.choice.max_pulses_per_cell = 500;
  options.choice.passes = 400;
  auto session = runtime::Session::open(*board.device, matrix, options).value();
  const runtime::CostForecast costs =
      runtime::worst_case(work_of_session(session, options, 1, 1), board.device->capabilities(), emulated_model(board));
  ASSERT_TRUE(session.program().ok());
  EXPECT_LE(session.programming().pulses, costs.worst_case_pulses);
  EXPECT_GT(static_cast<double>(session.programming().pulses), 0.3 * static_cast<double>(costs.worst_case_pulses));
}

/// Ones: with one cell a value nearly every cell is at G_max.
runtime::Matrix ones(std::uint32_t size) {
  return runtime::Matrix::from_dense("ones", size, size, std::vector<double>(std::size_t{size} * size, 1.0)).value();
}

// Every line at full voltage, every cell but those of the reference line at G_max.
TEST(CostForecast, TheWorstCaseOfAProductIsReached) {
  const auto board =
      open_board(registry(), {"emulator:TaOx-HfOx?rows=64&cols=65&arrays=1&ideal_writing=on&iv_cubic=0.5&dac_bits=0", {}, {}}).value();
  runtime::SessionOptions options;
  options.choice.encoding = kernels::Encoding::offset;
  const runtime::Matrix matrix = ones(64);
  auto session = runtime::Session::open(*board.device, matrix, options).value();
  const runtime::CostForecast costs =
      runtime::worst_case(work_of_session(session, options, 1, 3), board.device->capabilities(), emulated_model(board));
  ASSERT_TRUE(session.multiply(std::vector<double>(std::size_t{3} * 64, 1.0), 3).ok());
  expect_at_most(session.programming(), costs.worst_case->programming);
  expect_at_most(session.multiplying(), costs.worst_case->multiplying);
  EXPECT_EQ(costs.worst_case_pulses, 0u);
  EXPECT_GT(session.programming().joules.cells, 0.98 * costs.worst_case->programming.joules.cells);
  EXPECT_GT(session.multiplying().joules.cells, 0.98 * costs.worst_case->multiplying.joules.cells);
  EXPECT_GT(session.multiplying().joules.lines, 0.99 * costs.worst_case->multiplying.joules.lines);
}

// Down takes 100 pulses where up takes 97: cells at G_max are erased by more pulses than the board has levels.
TEST(CostForecast, AnEraseTakesTheRampDown) {
  const auto board = open_board(registry(), {"emulator:Ag-aSi?rows=64&cols=65&arrays=1&c2c=off", {}, {}}).value();
  runtime::SessionOptions options;
  options.choice.encoding = kernels::Encoding::offset;
  options.choice.tolerance_levels = 0.01;
  const runtime::Matrix matrix = ones(64);
  ASSERT_TRUE(runtime::Session::open(*board.device, matrix, options).value().program().ok());
  options.choice.max_pulses_per_cell = 1;
  auto session = runtime::Session::open(*board.device, matrix, options).value();
  const runtime::CostForecast costs =
      runtime::worst_case(work_of_session(session, options, 1, 1), board.device->capabilities(), emulated_model(board));
  ASSERT_TRUE(session.program().ok());
  expect_at_most(session.programming(), costs.worst_case->programming);
  EXPECT_GT(session.programming().pulses, std::uint64_t{64} * 65 * (board.device->capabilities().levels + 1));
}

TEST(CostForecast, TheCorrectionWithProductsIsInIt) {
  std::mt19937 random(5);
  for (const std::uint32_t rows : {20u, 70u}) {
    const auto board = open_board(registry(), {"emulator:EpiRAM?rows=32&cols=32&arrays=64&seed=3", {}, {}}).value();
    const runtime::Matrix matrix = random_matrix(random, rows, 50, 1);
    runtime::SessionOptions options;
    options.products = true;
    options.choice.passes = 21;
    auto session = runtime::Session::open(*board.device, matrix, options).value();
    runtime::Workload work = work_of_session(session, options, 1, 3);
    work.products = runtime::Workload::Products{matrix.rows(), matrix.cols()};
    const auto costs = forecast_costs(work, matrix, session.plan().tiles, registry(), board);
    ASSERT_TRUE(costs.ok()) << costs.status().to_string();
    ASSERT_TRUE(session.multiply(runtime::random_inputs(7, 3, matrix.cols()), 3).ok());
    expect_at_most(session.programming(), costs->worst_case->programming);
    expect_at_most(session.multiplying(), costs->worst_case->multiplying);
    EXPECT_NEAR(session.multiplying().seconds, costs->expected->multiplying.seconds, 0.01 * session.multiplying().seconds);
    const auto pulses = static_cast<double>(session.programming().pulses);
    EXPECT_NEAR(pulses, static_cast<double>(costs->expected->programming.pulses), 0.15 * pulses);
  }
}

void expect_within(double real, double expected, double part, const char* what) {
  EXPECT_NEAR(expected, real, part * real) << what << " is off by " << (expected / real - 1) * 100 << " %";
}

TEST(CostForecast, WhatIsExpectedComesTrueWithin15Percent) {
  std::mt19937 random(6);
  for (const auto* material : {"TaOx-HfOx", "EpiRAM", "AlOx-HfO2", "Ag-aSi"}) {
    for (const std::uint32_t size : {64u, 256u}) {
      for (const std::uint32_t passes : {21u, 100u}) {
        SCOPED_TRACE(fmt::format("{}, {}, {} passes", material, size, passes));
        const auto board = open_board(registry(), {fmt::format("emulator:{}?rows=64&cols=64&arrays=40&seed=11", material), {}, {}}).value();
        const runtime::Matrix matrix = random_matrix(random, size, size, size == 64 ? 1.0 : 0.5);
        runtime::SessionOptions options;
        options.choice.passes = passes;
        options.choice.slices = size == 64 ? 1 : 0;
        auto session = runtime::Session::open(*board.device, matrix, options).value();
        const auto costs = forecast_costs(work_of_session(session, options, 1, 64), matrix, session.plan().tiles, registry(), board);
        ASSERT_TRUE(costs.ok()) << costs.status().to_string();
        ASSERT_TRUE(session.multiply(runtime::random_inputs(8, 64, size), 64).ok());
        const runtime::RunForecast& expected = costs->expected.value();
        expect_within(static_cast<double>(session.programming().pulses), static_cast<double>(expected.programming.pulses), 0.15, "pulses");
        expect_within(session.programming().joules.total(), expected.programming.joules.total(), 0.15, "joules of writing");
        expect_within(session.programming().joules.cells, expected.programming.joules.cells, 0.15, "joules of cells");
        expect_within(session.programming().joules.verify, expected.programming.joules.verify, 0.15, "joules of verifying");
        expect_within(session.programming().seconds, expected.programming.seconds, 0.15, "seconds of writing");
        expect_within(session.multiplying().joules.total(), expected.multiplying.joules.total(), 0.15, "joules of products");
        expect_within(session.multiplying().joules.cells, expected.multiplying.joules.cells, 0.15, "joules of cells in products");
        expect_within(session.multiplying().seconds, expected.multiplying.seconds, 0.001, "seconds of products");
        EXPECT_LE(expected.total().pulses, costs->worst_case_pulses);
        EXPECT_LE(expected.total().joules.total(), costs->worst_case->total().joules.total());
        EXPECT_LE(expected.total().seconds, costs->worst_case->total().seconds);
      }
    }
  }
}

TEST(CostForecast, ABoardThatIsNoEmulatorIsNotGuessedAt) {
  runtime::Workload work;
  work.choice.max_pulses_per_cell = 10;
  work.windows = {{0, 0, 0, 4, 6, 4, 6, 0}, {1, 0, 0, 2, 2, 2, 2, 1}};
  hal::Capabilities board;
  board.arrays = 2;
  board.rows = board.cols = 8;
  board.levels = 32;
  const runtime::CostForecast costs = runtime::worst_case(work, board, std::nullopt);
  EXPECT_EQ(costs.worst_case_pulses, (24u + 3u) * (10 + 32) + 10);
  const Json json = costs_json(costs);
  EXPECT_TRUE(json["expected"].is_null());
  EXPECT_EQ(json["worst_case"]["pulses"], costs.worst_case_pulses);
  EXPECT_TRUE(json["worst_case"]["joules"].is_null());
  EXPECT_TRUE(json["worst_case"]["seconds"].is_null());
  EXPECT_NE(json["note"].get<std::string>().find("no emulator"), std::string::npos);
  EXPECT_NE(costs_text(costs).expected.find("not known"), std::string::npos);
  EXPECT_NE(costs_text(costs).worst_case.find("1,144 pulses; joules and seconds not known"), std::string::npos);
}

TEST(CostForecast, BoardsWorkAtTheSameTime) {
  std::mt19937 random(9);
  const auto board = open_board(registry(), {"emulator:TaOx-HfOx?rows=16&cols=16&arrays=8&seed=3", {}, {}}).value();
  const runtime::Matrix matrix = random_matrix(random, 20, 20, 1);
  const runtime::SessionOptions options;
  const auto session = runtime::Session::open(*board.device, matrix, options).value();
  runtime::Workload work = work_of_session(session, options, 1, 2);
  const runtime::CostForecast one = forecast_costs(work, matrix, session.plan().tiles, registry(), board).value();
  work.windows.resize(1);
  const runtime::CostForecast less = forecast_costs(work, matrix, session.plan().tiles, registry(), board).value();
  const std::vector<runtime::CostForecast> boards = {less, one};
  const runtime::CostForecast both = runtime::together(boards);
  EXPECT_EQ(both.worst_case_pulses, one.worst_case_pulses + less.worst_case_pulses);
  EXPECT_EQ(both.worst_case->programming.seconds, std::max(one.worst_case->programming.seconds, less.worst_case->programming.seconds));
  EXPECT_DOUBLE_EQ(both.expected->total().joules.total(), one.expected->total().joules.total() + less.expected->total().joules.total());
  const std::vector<runtime::CostForecast> mixed = {one, runtime::CostForecast{}};
  EXPECT_FALSE(runtime::together(mixed).expected);
  EXPECT_FALSE(runtime::together(mixed).worst_case);
  const Json json = costs_json(both);
  EXPECT_EQ(json["expected"]["pulses"], both.expected->total().pulses);
  EXPECT_EQ(json["worst_case"]["seconds"], both.worst_case->total().seconds);
  EXPECT_TRUE(json["note"].is_null());
}

// A trial must not leave a recording, nor use up a fault.
TEST(CostForecast, AWrappedEmulatorIsTriedOnATwinOfWhatIsInside) {
  std::mt19937 random(10);
  const auto board = open_board(registry(), {"faulty:emulator:TaOx-HfOx?rows=16&cols=16&arrays=8&seed=3", {}, {}}).value();
  const runtime::Matrix matrix = random_matrix(random, 12, 12, 1);
  const runtime::SessionOptions options;
  const auto session = runtime::Session::open(*board.device, matrix, options).value();
  const auto costs = forecast_costs(work_of_session(session, options, 1, 2), matrix, session.plan().tiles, registry(), board);
  ASSERT_TRUE(costs.ok()) << costs.status().to_string();
  EXPECT_GT(costs->expected->total().pulses, 0u);
  EXPECT_EQ(board.device->charged_pulses(), 0u);
}

}  // namespace
}  // namespace sedma::cli

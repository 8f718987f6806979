// Write-verify on the host: the rules of Program over Pulse and Read.

#include "hal/verify.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "tests/hal/tiny_device.h"

namespace sedma::testing {
namespace {

using hal::Outcome;

constexpr hal::Drive up{1.5f, 0, 1e-7f, 0}, down{-1.5f, 0, 1e-7f, 0};
constexpr std::chrono::seconds patience{60};

/// A board without verify_on_board, a window of it and the buffers of a Program.
struct Bench {
  static constexpr std::uint32_t rows = 5, cols = 4;

  explicit Bench(TinyOptions options = {}) : board(host_only(options)) {
    program.array = {1};
    program.row = 3;
    program.col = 7;
    program.siemens = {target.data(), rows, cols};
    program.tolerance_siemens = static_cast<float>(0.6 * level());
    program.passes = 60;
    program.max_pulses_per_cell = 500;
    program.readback_siemens = {readback.data(), rows, cols};
    program.pulses = {pulses.data(), rows, cols};
    program.outcome = {outcome.data(), rows, cols};
    for (std::size_t i = 0; i < target.size(); ++i) target[i] = static_cast<float>(1e-6 + 9e-6 * static_cast<double>(i) / 19);
  }
  static TinyOptions host_only(TinyOptions options) {
    options.features &= ~static_cast<std::uint32_t>(hal::Feature::verify_on_board);
    return options;
  }
  double level() const { return board.capabilities().g_range_siemens() / board.capabilities().levels; }
  double count(float from, float to) const { return (static_cast<double>(to) - static_cast<double>(from)) / level(); }
  Result<hal::Completion> run(std::chrono::nanoseconds deadline = patience) {
    return hal::write_verify(
        board, program, up, down, 0.3, [this](float from, float to) { return count(from, to); }, deadline);
  }
  std::vector<float> read() {
    std::vector<float> siemens(std::size_t{rows} * cols);
    hal::Read command;
    command.array = program.array;
    command.siemens = {siemens.data(), rows, cols};
    command.row = program.row;
    command.col = program.col;
    command.rows = rows;
    command.cols = cols;
    command.volts = 0.3;
    EXPECT_TRUE(board.run(command).ok());
    return siemens;
  }
  std::uint64_t counted() const { return std::accumulate(pulses.begin(), pulses.end(), std::uint64_t{0}); }

  TinyDevice board;
  std::vector<float> target = std::vector<float>(20), readback = std::vector<float>(20, -1.0f);
  std::vector<std::uint32_t> pulses = std::vector<std::uint32_t>(20, 77);
  std::vector<Outcome> outcome = std::vector<Outcome>(20, Outcome::masked);
  hal::Program program;
};

TEST(WriteVerify, ReachesItsTargets) {
  Bench bench;
  const auto done = bench.run();
  ASSERT_TRUE(done.ok()) << done.status().to_string();
  EXPECT_EQ(done->unconverged, 0u);
  EXPECT_EQ(done->stats.pulses, bench.counted());
  EXPECT_EQ(bench.board.charged_pulses(), bench.counted());
  EXPECT_GT(done->stats.seconds, 0);
  EXPECT_GT(done->stats.joules.verify, 0);
  EXPECT_GT(done->stats.joules.cells, 0);
  const std::vector<float> read = bench.read();
  for (std::size_t i = 0; i < read.size(); ++i) {
    EXPECT_EQ(bench.outcome[i], Outcome::converged) << i;
    EXPECT_EQ(bench.readback[i], read[i]) << i;
    EXPECT_LE(std::abs(read[i] - bench.target[i]), bench.program.tolerance_siemens) << i;
  }
}

TEST(WriteVerify, GoesDownToo) {
  Bench bench;
  ASSERT_TRUE(bench.run().ok());
  std::reverse(bench.target.begin(), bench.target.end());
  const auto done = bench.run();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->unconverged, 0u);
}

TEST(WriteVerify, ACellAtItsTargetGetsNoPulse) {
  Bench bench;
  ASSERT_TRUE(bench.run().ok());
  const auto done = bench.run();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->stats.pulses, 0u);
  EXPECT_EQ(bench.counted(), 0u);
}

TEST(WriteVerify, OutOfPassesSaysWhichSide) {
  Bench bench;
  bench.program.passes = 1;
  const auto done = bench.run();
  ASSERT_TRUE(done.ok());
  EXPECT_GT(done->unconverged, 0u);
  std::uint64_t low = 0;
  for (std::size_t i = 0; i < bench.outcome.size(); ++i) low += bench.outcome[i] == Outcome::too_low ? 1 : 0;
  EXPECT_EQ(low, done->unconverged);
  ASSERT_EQ(bench.outcome[19], Outcome::too_low);
  EXPECT_EQ(bench.pulses[19], 19u);  // 0.3 of the 64 to the top
  std::fill(bench.target.begin(), bench.target.end(), 1e-6f);
  ASSERT_TRUE(bench.run().ok());
  EXPECT_EQ(bench.outcome[19], Outcome::too_high);
}

TEST(WriteVerify, BudgetOfACellIsKept) {
  Bench bench;
  bench.program.max_pulses_per_cell = 7;
  const auto done = bench.run();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(bench.pulses[19], 7u);
  EXPECT_EQ(bench.outcome[19], Outcome::out_of_budget);
  EXPECT_EQ(bench.outcome[0], Outcome::converged);
}

TEST(WriteVerify, MaskedCellsAreLeftAlone) {
  Bench bench;
  std::vector<std::uint8_t> mask(20, 0);
  mask[19] = mask[6] = 3;
  bench.program.mask = {mask.data(), Bench::rows, Bench::cols};
  const std::vector<float> before = bench.read();
  const auto done = bench.run();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->unconverged, 0u);
  const std::vector<float> after = bench.read();
  for (const std::size_t i : {std::size_t{19}, std::size_t{6}}) {
    EXPECT_EQ(after[i], before[i]);
    EXPECT_EQ(bench.readback[i], before[i]);
    EXPECT_EQ(bench.pulses[i], 0u);
    EXPECT_EQ(bench.outcome[i], Outcome::masked);
  }
}

TEST(WriteVerify, ErasesBeforeItWrites) {
  Bench bench;
  std::fill(bench.target.begin(), bench.target.end(), 9e-6f);
  ASSERT_TRUE(bench.run().ok());
  std::fill(bench.target.begin(), bench.target.end(), 1e-6f);
  bench.program.erase = true;
  bench.program.max_pulses_per_cell = 1;
  bench.program.passes = 1;
  const auto done = bench.run();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->unconverged, 0u);
  EXPECT_GT(bench.pulses[0], 50u);  // not bound by max_pulses_per_cell
  EXPECT_LE(bench.pulses[0], 65u);
  EXPECT_EQ(done->stats.pulses, bench.counted());
}

TEST(WriteVerify, AgreesWithTheBoardsOwnLoop) {
  Bench host;
  ASSERT_TRUE(host.run().ok());
  TinyDevice board{TinyOptions{}};
  std::vector<float> readback(20);
  std::vector<std::uint32_t> pulses(20);
  hal::Program program = host.program;
  program.readback_siemens = {readback.data(), Bench::rows, Bench::cols};
  program.pulses = {pulses.data(), Bench::rows, Bench::cols};
  ASSERT_TRUE(board.run(program).ok());
  EXPECT_EQ(readback, host.readback);  // linear cells without noise: the same steps
  EXPECT_EQ(pulses, host.pulses);
}

TEST(WriteVerify, OutputsAreOptional) {
  Bench bench;
  bench.program.readback_siemens = {};
  bench.program.pulses = {};
  bench.program.outcome = {};
  const auto done = bench.run();
  ASSERT_TRUE(done.ok());
  EXPECT_EQ(done->unconverged, 0u);
  EXPECT_GT(done->stats.pulses, 0u);
}

TEST(WriteVerify, NoiseIsNewInEveryRound) {
  TinyOptions options;
  options.read_noise = 0.02;
  Bench bench(options);
  const auto done = bench.run();
  ASSERT_TRUE(done.ok());
  // With one value of noise for all rounds the read-back would equal this read; it must not for most cells.
  const std::vector<float> read = bench.read();
  int equal = 0;
  for (std::size_t i = 0; i < read.size(); ++i) equal += read[i] == bench.readback[i] ? 1 : 0;
  EXPECT_LT(equal, 3);
}

TEST(WriteVerify, RefusesWhatProgramRefuses) {
  Bench bench;
  const auto code = [&] { return bench.run().status().code(); };
  bench.target[3] = 2e-4f;
  EXPECT_EQ(code(), Code::out_of_range);
  bench.target[3] = std::nanf("");
  EXPECT_EQ(code(), Code::invalid_argument);
  bench.target[3] = 2e-6f;
  bench.program.passes = 0;
  EXPECT_EQ(code(), Code::invalid_argument);
  bench.program.passes = 5;
  bench.program.row = 21;
  EXPECT_EQ(code(), Code::out_of_range);
  bench.program.row = 3;
  EXPECT_EQ(bench.run(std::chrono::nanoseconds(0)).status().code(), Code::invalid_argument);
  EXPECT_EQ(hal::write_verify(bench.board, bench.program, up, down, 0.3, nullptr, patience).status().code(), Code::invalid_argument);
  const auto linear = [](float from, float to) { return static_cast<double>(to - from); };
  EXPECT_EQ(hal::write_verify(bench.board, bench.program, {5, 0, 1e-7f, 0}, down, 0.3, linear, patience).status().code(),
            Code::out_of_range);
  EXPECT_EQ(bench.board.charged_pulses(), 0u);
  TinyOptions pulseless;
  pulseless.features &= ~static_cast<std::uint32_t>(hal::Feature::raw_pulses);
  Bench without(pulseless);
  EXPECT_EQ(without.run().status().code(), Code::unsupported);
}

TEST(WriteVerify, StopsAtTheDeadlineAndAtALimit) {
  Bench bench;
  EXPECT_EQ(bench.run(std::chrono::nanoseconds(1)).status().code(), Code::deadline_exceeded);
  hal::Limits limits;
  limits.max_total_pulses = 100;
  TinyDevice limited(Bench::host_only({}), limits);
  const auto linear = [&](float from, float to) { return bench.count(from, to); };
  const auto done = hal::write_verify(limited, bench.program, up, down, 0.3, linear, patience);
  EXPECT_EQ(done.status().code(), Code::out_of_range);
  EXPECT_LE(limited.charged_pulses(), 100u);
  EXPECT_EQ(bench.counted(), limited.charged_pulses());  // the outputs say what was given before
}

TEST(WriteVerify, APulseResponseWithoutAnAnswerTakesWhatIsLeft) {
  Bench bench;
  bench.program.passes = 1;
  bench.program.max_pulses_per_cell = 9;
  const auto infinite = [](float, float) { return INFINITY; };
  ASSERT_TRUE(hal::write_verify(bench.board, bench.program, up, down, 0.3, infinite, patience).ok());
  EXPECT_EQ(bench.pulses[19], 9u);
}

}  // namespace
}  // namespace sedma::testing

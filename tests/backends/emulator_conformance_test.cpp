// The conformance suite on emulated boards of many shapes.
#include <gtest/gtest.h>

#include "hal/conformance.h"
#include "tests/backends/emulator_bench.h"

namespace sedma::backends {
namespace {

struct Board {
  const char* name;
  const char* uri;
  double read_noise, write_sigma;
};

std::ostream& operator<<(std::ostream& stream, const Board& board) { return stream << board.name; }

class EmulatorConformance : public testing::TestWithParam<Board> {};

TEST_P(EmulatorConformance, Passes) {
  const Board& board = GetParam();
  hal::ConformanceOptions options;
  options.pulses = 1'000'000'000;
  options.read_relative_sigma = board.read_noise;
  options.write_sigma = board.write_sigma;
  const auto report = hal::run_conformance([&] { return emulator_bench::try_open(board.uri); }, options);
  std::size_t passed = 0;
  for (const hal::ConformanceCase& each : report.cases) {
    EXPECT_NE(each.outcome, hal::ConformanceCase::Outcome::failed) << each.name << ": " << each.message;
    EXPECT_NE(each.outcome, hal::ConformanceCase::Outcome::unavailable) << each.name << ": " << each.message;
    EXPECT_NE(each.outcome, hal::ConformanceCase::Outcome::over_budget) << each.name << ": " << each.message;
    EXPECT_LE(each.pulses, each.worst_case_pulses) << each.name;
    passed += each.outcome == hal::ConformanceCase::Outcome::passed ? 1 : 0;
  }
  EXPECT_TRUE(report.passed());
  EXPECT_GT(passed, report.cases.size() / 2);
}

INSTANTIATE_TEST_SUITE_P(
    Boards, EmulatorConformance,
    testing::Values(Board{"inline", "emulator:TaOx-HfOx?arrays=4&rows=64&cols=64&lanes=inline", 0, 0},
                    Board{"threads", "emulator:TaOx-HfOx?arrays=4&rows=64&cols=64", 0, 0},
                    Board{"tall", "emulator:EpiRAM?arrays=3&rows=48&cols=8", 0, 0},
                    Board{"wide", "emulator:EpiRAM?arrays=3&rows=8&cols=48", 0, 0},
                    Board{"one_array", "emulator:AlOx-HfO2?arrays=1&rows=40&cols=24", 0, 0},
                    Board{"one_cell", "emulator:EpiRAM?arrays=1&rows=1&cols=1", 0, 0},
                    Board{"silver", "emulator:Ag-aSi?arrays=2&rows=40&cols=24", 0, 0},
                    Board{"coarse", "emulator:TaOx-HfOx?arrays=2&rows=32&cols=32&adc_bits=4&dac_bits=4", 0, 0},
                    Board{"ideal", "emulator:EpiRAM?arrays=2&rows=32&cols=32&adc_bits=0&dac_bits=0", 0, 0},
                    Board{"fine", "emulator:EpiRAM?arrays=2&rows=32&cols=32&adc_bits=16&dac_bits=16&transistor=off", 0, 0},
                    Board{"noisy", "emulator:EpiRAM?arrays=2&rows=32&cols=32&read_noise=0.01", 0.01, 0.02},
                    Board{"noisy_board", "emulator:EpiRAM?arrays=2&rows=32&cols=32&read_noise=0.01&identity=board", 0.01, 0.02},
                    Board{"spread", "emulator:EpiRAM?arrays=2&rows=32&cols=32&d2d=0.02&stuck=0.005&identity=board", 0, 0}),
    [](const testing::TestParamInfo<Board>& board) { return std::string(board.param.name); });

}  // namespace
}  // namespace sedma::backends

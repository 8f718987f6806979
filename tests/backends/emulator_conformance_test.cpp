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
  double line_error = 0, converter_error = 0, read_sigma_siemens = 0;
};

std::ostream& operator<<(std::ostream& stream, const Board& board) { return stream << board.name; }

class EmulatorConformance : public testing::TestWithParam<Board> {};

TEST_P(EmulatorConformance, Passes) {
  const Board& board = GetParam();
  hal::ConformanceOptions options;
  options.pulses = 1'000'000'000;
  options.read_relative_sigma = board.read_noise;
  options.write_sigma = board.write_sigma;
  options.line_relative_error = board.line_error;
  options.cell_error_siemens = emulator_bench::entry_error(board.uri);
  options.converter_error = board.converter_error;
  options.read_sigma_siemens = board.read_sigma_siemens;
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
                    // 0.237 Ohm a cell drops at most 0.237 G_max (n (n + 1)) / 2 on either line; sensing through 100 Ohm drops 100 n G_max.
                    Board{"wires", "emulator:TaOx-HfOx?arrays=2&rows=40&cols=32&wires=exact", 0, 0, 0.006},
                    Board{"wires_float", "emulator:AlOx-HfO2?arrays=2&rows=24&cols=40&wires=exact&dac_bits=12&sense_ohms=100", 0, 0, 0.1},
                    Board{"wires_noisy", "emulator:TaOx-HfOx?arrays=2&rows=40&cols=32&wires=exact&read_noise=0.01", 0.01, 0.02, 0.006},
                    Board{"series", "emulator:TaOx-HfOx?arrays=2&rows=40&cols=32&wires=series&source_ohms=50", 0, 0, 0.001},
                    Board{"floor", "emulator:EpiRAM?arrays=2&rows=32&cols=32&read_noise_floor=0.005", 0, 0.02, 0, 0, 6e-8},
                    Board{"converters", "emulator:EpiRAM?arrays=2&rows=32&cols=32&adc_gain=0.01&adc_offset=0.01", 0, 0, 0, 0.14},
                    Board{"cubic", "emulator:EpiRAM?arrays=2&rows=32&cols=32&iv_cubic=0.2", 0, 0, 0.051},
                    Board{"float_path", "emulator:TaOx-HfOx?arrays=2&rows=40&cols=32&path=float&read_noise=0.01", 0.01, 0.02},
                    Board{"aged", "emulator:EpiRAM?arrays=2&rows=32&cols=32&relaxation=techC&flicker=0.01&age=0", 0, 0.1},
                    Board{"spread", "emulator:EpiRAM?arrays=2&rows=32&cols=32&d2d=0.02&stuck=0.005&identity=board", 0, 0}),
    [](const testing::TestParamInfo<Board>& board) { return std::string(board.param.name); });

}  // namespace
}  // namespace sedma::backends

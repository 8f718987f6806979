// What Device::submit accepts: one good command of each kind, and every way in which it can be wrong.
#include "hal/commands.h"

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "tests/hal/scripted_device.h"

namespace sedma::hal {
namespace {

constexpr float nan = std::numeric_limits<float>::quiet_NaN();
constexpr float infinity = std::numeric_limits<float>::infinity();

/// Good commands on a window [3, 4] at (2, 1) of array 1, and the buffers they need.
struct Commands {
  std::vector<float> siemens = std::vector<float>(12, 5e-5f), readback = std::vector<float>(12), volts = std::vector<float>(6, 0.5f),
                     amps = std::vector<float>(8), scales = std::vector<float>(4, 1e-4f), reads = std::vector<float>(24);
  std::vector<std::uint8_t> mask = std::vector<std::uint8_t>(12, 0);
  std::vector<std::uint32_t> given = std::vector<std::uint32_t>(12);
  std::vector<Outcome> outcomes = std::vector<Outcome>(12);
  std::vector<std::int32_t> counts = {3, -2, 0, std::numeric_limits<std::int32_t>::min(), 1, 1, 1, 1, -1, -1, -1, -1};
  std::vector<Reading> readings;
  Program program;
  Pulse pulse;
  Read read;
  Mvm mvm;
  Idle idle{0.5};
  SelfTest self_test{&readings};

  Commands() {
    program.array = pulse.array = read.array = mvm.array = {1};
    program.row = pulse.row = read.row = mvm.row = 2;
    program.col = pulse.col = read.col = mvm.col = 1;
    read.rows = mvm.rows = 3;
    read.cols = mvm.cols = 4;
    program.siemens = {siemens.data(), 3, 4};
    program.tolerance_siemens = 1e-6f;
    program.max_pulses_per_cell = 10;
    program.mask = {mask.data(), 3, 4};
    program.readback_siemens = {readback.data(), 3, 4};
    program.pulses = {given.data(), 3, 4};
    program.outcome = {outcomes.data(), 3, 4};
    pulse.pulses = {counts.data(), 3, 4};
    pulse.up = {1.4f, 2.0f, 1e-5f, 1e-3f};
    pulse.down = {-1.6f, 0.0f, 1e-7f, 1e-5f};
    read.siemens = {reads.data(), 6, 4};
    read.repeats = 2;
    read.volts = -0.5;
    mvm.volts = {volts.data(), 2, 3};
    mvm.amps = {amps.data(), 2, 4};
    mvm.full_scale_amps = scales;
  }
  Commands(const Commands&) = delete;
  Commands& operator=(const Commands&) = delete;

  void transpose() {
    mvm.transpose = true;
    mvm.rows = 4;
    mvm.cols = 3;
  }
  void sense(Sense how) {
    mvm.sense = how;
    mvm.amps = {amps.data(), 2, how == Sense::pair ? std::size_t{2} : std::size_t{3}};
    mvm.full_scale_amps = std::span<const float>(scales.data(), 1);
  }
};

using Change = std::function<void(Commands&)>;

struct Hostile {
  Change change;
  Code code;
  std::string says;  // part of the message
};

Status submit_changed(const Change& change, Command (*pick)(const Commands&), const Capabilities& board = scripted_capabilities()) {
  Commands commands;
  change(commands);
  ScriptedDevice device({}, board);
  const auto pending = device.submit(pick(commands));
  EXPECT_EQ(device.submissions, pending.ok() ? 1 : 0);
  if (!pending.ok()) {
    EXPECT_EQ(device.charged_pulses(), 0u) << pending.status().message();
  }
  return pending.status();
}

void expect_refused(const std::vector<Hostile>& table, Command (*pick)(const Commands&),
                    const Capabilities& board = scripted_capabilities()) {
  for (const auto& each : table) {
    const Status status = submit_changed(each.change, pick, board);
    EXPECT_EQ(status.code(), each.code) << each.says << " | " << status.message();
    EXPECT_NE(status.message().find(each.says), std::string::npos) << each.says << " | " << status.message();
  }
}

Command program_of(const Commands& c) { return c.program; }
Command pulse_of(const Commands& c) { return c.pulse; }
Command read_of(const Commands& c) { return c.read; }
Command mvm_of(const Commands& c) { return c.mvm; }
Command idle_of(const Commands& c) { return c.idle; }
Command self_test_of(const Commands& c) { return c.self_test; }

void expect_accepted(const Change& change, Command (*pick)(const Commands&), const Capabilities& board = scripted_capabilities()) {
  const Status status = submit_changed(change, pick, board);
  EXPECT_TRUE(status.ok()) << status.to_string();
}

TEST(Commands, GoodOnesAreAccepted) {
  for (const auto pick : {program_of, pulse_of, read_of, mvm_of, idle_of, self_test_of}) expect_accepted([](Commands&) {}, pick);
  expect_accepted([](Commands& c) { c.transpose(); }, mvm_of);
  expect_accepted([](Commands& c) { c.sense(Sense::pair); }, mvm_of);
  expect_accepted([](Commands& c) { c.sense(Sense::reference); }, mvm_of);
}

TEST(Commands, HaveNames) {
  const Commands c;
  EXPECT_EQ(name(program_of(c)), "program");
  EXPECT_EQ(name(pulse_of(c)), "pulse");
  EXPECT_EQ(name(read_of(c)), "read");
  EXPECT_EQ(name(mvm_of(c)), "mvm");
  EXPECT_EQ(name(idle_of(c)), "idle");
  EXPECT_EQ(name(self_test_of(c)), "self_test");
}

TEST(Commands, HostilePrograms) {
  expect_refused(
      {{[](Commands& c) { c.program.array = {3}; }, Code::out_of_range, "array 3 asked; the device has 3 arrays"},
       {[](Commands& c) { c.program.row = 6; }, Code::out_of_range, "window [3, 4] at (6, 1) asked; the array is [8, 6]"},
       {[](Commands& c) { c.program.col = 0xffffffff; }, Code::out_of_range, "window"},
       {[](Commands& c) { c.program.siemens.rows = 0; }, Code::invalid_argument, "empty"},
       {[](Commands& c) { c.program.siemens.rows = std::numeric_limits<std::size_t>::max(); }, Code::out_of_range, "window"},
       {[](Commands& c) {
          c.program.siemens = {nullptr, 3, 4};
        },
        Code::invalid_argument, "siemens is absent"},
       {[](Commands& c) { c.program.siemens.stride = 3; }, Code::invalid_argument, "stride 3"},
       {[](Commands& c) { c.siemens[1] = 2e-4f; }, Code::out_of_range, "cell (0, 1) asks for 0.0002 S; the device holds [1e-06, 0.0001] S"},
       {[](Commands& c) { c.siemens[11] = 0.9e-6f; }, Code::out_of_range, "cell (2, 3) asks for"},
       {[](Commands& c) { c.siemens[5] = nan; }, Code::invalid_argument, "cell (1, 1) asks for nan S"},
       {[](Commands& c) { c.siemens[5] = -infinity; }, Code::invalid_argument, "cell (1, 1) asks for -inf S"},
       {[](Commands& c) { c.siemens[5] = nan, c.mask[5] = 1; }, Code::invalid_argument, "cell (1, 1)"},
       {[](Commands& c) { c.program.mask.rows = 2; }, Code::invalid_argument, "mask is [2, 4]; [3, 4] is needed"},
       {[](Commands& c) { c.program.readback_siemens.cols = 5; }, Code::invalid_argument, "readback_siemens"},
       {[](Commands& c) { c.program.pulses.rows = 4; }, Code::invalid_argument, "pulses is [4, 4]"},
       {[](Commands& c) { c.program.outcome.stride = 0; }, Code::invalid_argument, "outcome has stride 0"},
       {[](Commands& c) { c.program.tolerance_siemens = 0; }, Code::invalid_argument, "tolerance_siemens = 0 S"},
       {[](Commands& c) { c.program.tolerance_siemens = nan; }, Code::invalid_argument, "tolerance_siemens"},
       {[](Commands& c) { c.program.tolerance_siemens = infinity; }, Code::invalid_argument, "tolerance_siemens"},
       {[](Commands& c) { c.program.passes = 0; }, Code::invalid_argument, "passes = 0"},
       {[](Commands& c) { c.program.max_pulses_per_cell = 0; }, Code::invalid_argument, "max_pulses_per_cell = 0"},
       {[](Commands& c) { c.program.schedule.step_fraction = 0; }, Code::invalid_argument, "step_fraction = 0"},
       {[](Commands& c) { c.program.schedule.step_fraction = nan; }, Code::invalid_argument, "step_fraction = nan"}},
      program_of);
  expect_accepted([](Commands& c) { c.siemens[5] = 1, c.mask[5] = 1; }, program_of);
  expect_accepted([](Commands& c) { c.siemens[0] = 1e-4f, c.siemens[1] = 1e-6f; }, program_of);  // rounded, as floats are
  Capabilities board = scripted_capabilities();
  board.features &= ~static_cast<std::uint32_t>(Feature::verify_on_board);
  expect_refused({{[](Commands&) {}, Code::unsupported, "verify_on_board"}}, program_of, board);
}

TEST(Commands, HostilePulses) {
  expect_refused(
      {{[](Commands& c) { c.pulse.array = {7}; }, Code::out_of_range, "array 7"},
       {[](Commands& c) { c.pulse.col = 3; }, Code::out_of_range, "window"},
       {[](Commands& c) { c.pulse.pulses = {}; }, Code::invalid_argument, "empty"},
       {[](Commands& c) { c.pulse.up.cell_volts = 1.41f; }, Code::out_of_range, "up.cell_volts = 1.41 V; cell_volts is [-1.6, 1.4] V"},
       {[](Commands& c) { c.pulse.down.cell_volts = -1.7f; }, Code::out_of_range, "down.cell_volts"},
       {[](Commands& c) { c.pulse.up.gate_volts = -0.1f; }, Code::out_of_range, "up.gate_volts"},
       {[](Commands& c) { c.pulse.down.width_seconds = 0; }, Code::out_of_range, "down.width_seconds = 0 s"},
       {[](Commands& c) { c.pulse.up.compliance_amps = 2e-3f; }, Code::out_of_range, "up.compliance_amps"},
       {[](Commands& c) { c.pulse.up.width_seconds = infinity; }, Code::invalid_argument, "up = {"},
       {[](Commands& c) { c.pulse.down.gate_volts = nan, c.counts.assign(12, 1); }, Code::invalid_argument, "down = {"}},
      pulse_of);
  expect_accepted([](Commands& c) { c.counts.assign(12, 1), c.pulse.down = {}; }, pulse_of);  // a drive that is not used
  Capabilities board = scripted_capabilities();
  board.gate_volts = board.compliance_amps = {};
  expect_refused({{[](Commands&) {}, Code::unsupported, "up.gate_volts = 2 V; the board has no gate_volts, so it must be 0"}}, pulse_of,
                 board);
  const auto zero = [](Commands& c) { c.pulse.up.gate_volts = c.pulse.up.compliance_amps = c.pulse.down.compliance_amps = 0; };
  expect_accepted(zero, pulse_of, board);
  board.features = 0;
  expect_refused({{zero, Code::unsupported, "raw_pulses"}}, pulse_of, board);
}

TEST(Commands, HostileReads) {
  expect_refused(
      {{[](Commands& c) { c.read.array = {3}; }, Code::out_of_range, "array 3"},
       {[](Commands& c) { c.read.rows = 0; }, Code::invalid_argument, "empty"},
       {[](Commands& c) { c.read.rows = 7; }, Code::out_of_range, "window"},
       {[](Commands& c) { c.read.repeats = 0; }, Code::invalid_argument, "repeats = 0"},
       {[](Commands& c) { c.read.repeats = 0xffffffff; }, Code::invalid_argument, "siemens is [6, 4]; [12884901885, 4] is needed"},
       {[](Commands& c) { c.read.siemens = {}; }, Code::invalid_argument, "siemens is absent"},
       {[](Commands& c) { c.read.volts = 0; }, Code::invalid_argument, "volts = 0 V"},
       {[](Commands& c) { c.read.volts = std::nan(""); }, Code::invalid_argument, "volts = nan V"},
       {[](Commands& c) { c.read.volts = 0.6; }, Code::out_of_range, "volts = 0.6 V; read_volts is [-0.5, 0.5] V"},
       {[](Commands& c) { c.read.interval_seconds = -1; }, Code::invalid_argument, "interval_seconds = -1 s"},
       {[](Commands& c) { c.read.interval_seconds = std::nan(""); }, Code::invalid_argument, "interval_seconds"}},
      read_of);
  Capabilities board = scripted_capabilities();
  board.read_volts = {};
  expect_refused({{[](Commands&) {}, Code::unsupported, "read_volts"}}, read_of, board);
  expect_refused({{[](Commands&) {}, Code::unsupported, "read_volts"}}, mvm_of, board);
}

TEST(Commands, HostileProducts) {
  expect_refused(
      {{[](Commands& c) { c.mvm.array = {3}; }, Code::out_of_range, "array 3"},
       {[](Commands& c) { c.mvm.cols = 6; }, Code::out_of_range, "window"},
       {[](Commands& c) { c.mvm.volts = {}; }, Code::invalid_argument, "volts is absent"},
       {[](Commands& c) { c.mvm.volts.rows = 0; }, Code::invalid_argument, "no vector"},
       {[](Commands& c) { c.mvm.volts.cols = 2; }, Code::invalid_argument, "volts is [2, 2]; [2, 3] is needed"},
       {[](Commands& c) { c.mvm.amps = {}; }, Code::invalid_argument, "amps is absent"},
       {[](Commands& c) { c.mvm.amps.rows = 1; }, Code::invalid_argument, "amps is [1, 4]; [2, 4] is needed"},
       {[](Commands& c) { c.volts[4] = 0.7f; }, Code::out_of_range, "mvm: volts(1, 1) = 0.7 V; read_volts is [-0.5, 0.5] V"},
       {[](Commands& c) { c.volts[0] = nan; }, Code::invalid_argument, "volts(0, 0) = nan V"},
       {[](Commands& c) { c.volts[5] = infinity; }, Code::invalid_argument, "volts(1, 2) = inf V"},
       {[](Commands& c) { c.mvm.full_scale_amps = {}; }, Code::invalid_argument, "full_scale_amps has 0 values; 1 or 4 are needed"},
       {[](Commands& c) { c.mvm.full_scale_amps = std::span<const float>(c.scales.data(), 3); }, Code::invalid_argument, "has 3 values"},
       {[](Commands& c) { c.scales[2] = 0; }, Code::invalid_argument, "full_scale_amps[2] = 0 A"},
       {[](Commands& c) { c.scales[2] = nan; }, Code::invalid_argument, "full_scale_amps[2] = nan A"},
       {[](Commands& c) { c.mvm.transpose = true; }, Code::invalid_argument, "volts is [2, 3]; [2, 4] is needed"},
       {[](Commands& c) { c.transpose(), c.mvm.sense = Sense::pair; }, Code::invalid_argument, "transposed"},
       {[](Commands& c) { c.sense(Sense::pair), c.mvm.cols = 3; }, Code::invalid_argument, "3 columns asked"},
       {[](Commands& c) { c.sense(Sense::reference), c.mvm.cols = 1; }, Code::invalid_argument, "1 column asked"},
       {[](Commands& c) { c.sense(Sense::pair), c.mvm.amps.cols = 4; }, Code::invalid_argument, "amps is [2, 4]; [2, 2] is needed"},
       {[](Commands& c) { c.mvm.sense = static_cast<Sense>(9); }, Code::invalid_argument, "sense = 9"}},
      mvm_of);
  Capabilities board = scripted_capabilities();
  board.features = 0;
  board.adc_bits = 0;
  expect_refused({{[](Commands& c) { c.transpose(); }, Code::unsupported, "transpose"},
                  {[](Commands& c) { c.sense(Sense::reference); }, Code::unsupported, "analog_subtract"}},
                 mvm_of, board);
  expect_accepted([](Commands& c) { c.mvm.full_scale_amps = {}; }, mvm_of, board);
  board.read_volts = {0.1, 0.2, 0};
  expect_accepted([](Commands& c) { c.volts = {0, 0.1f, 0.2f, 0, 0, 0}; }, mvm_of, board);  // lines that are not driven
  expect_refused({{[](Commands& c) { c.volts = {0, -0.1f, 0, 0, 0, 0}; }, Code::out_of_range, "volts(0, 1)"}}, mvm_of, board);
}

TEST(Commands, HostileIdlesAndSelfTests) {
  expect_refused({{[](Commands& c) { c.idle.seconds = -1; }, Code::invalid_argument, "seconds = -1 s"},
                  {[](Commands& c) { c.idle.seconds = std::nan(""); }, Code::invalid_argument, "seconds = nan s"},
                  {[](Commands& c) { c.idle.seconds = HUGE_VAL; }, Code::invalid_argument, "seconds = inf s"}},
                 idle_of);
  expect_refused({{[](Commands& c) { c.self_test.readings = nullptr; }, Code::invalid_argument, "readings is absent"}}, self_test_of);
}

TEST(Commands, StatsAdd) {
  Stats a, b;
  a.pulses = 3;
  b.pulses = 4;
  b.joules.adc = 2;
  b.begin_utc_ns = 100;
  b.end_utc_ns = 200;
  b.device_time_seconds = 7;
  a += b;
  b.begin_utc_ns = 50;
  b.end_utc_ns = 60;
  a += b;
  a += Stats();
  EXPECT_EQ(a.pulses, 11u);
  EXPECT_EQ(a.joules.total(), 4);
  EXPECT_EQ(a.begin_utc_ns, 50);
  EXPECT_EQ(a.end_utc_ns, 200);
  EXPECT_EQ(a.device_time_seconds, 7);
}

}  // namespace
}  // namespace sedma::hal

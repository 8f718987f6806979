#include "hal/limits.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <thread>
#include <vector>

#include "tests/hal/scripted_device.h"

namespace sedma::hal {
namespace {

constexpr double nan = std::numeric_limits<double>::quiet_NaN();
constexpr double infinity = std::numeric_limits<double>::infinity();
constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();

/// A Program of a [2, 3] window at (1, 2) of array 1, with room for its targets.
struct ProgramOf {
  explicit ProgramOf(std::uint32_t max_pulses_per_cell) {
    command.array = {1};
    command.row = 1;
    command.col = 2;
    command.siemens = View<const float>(targets.data(), 2, 3);
    command.tolerance_siemens = 1e-6f;
    command.max_pulses_per_cell = max_pulses_per_cell;
  }
  std::vector<float> targets = std::vector<float>(6, 5e-5f);
  std::vector<std::uint8_t> mask = std::vector<std::uint8_t>(6, 0);
  Program command;
};

struct PulseOf {
  explicit PulseOf(std::vector<std::int32_t> values) : counts(std::move(values)) {
    command.pulses = View<const std::int32_t>(counts.data(), 1, counts.size());
    command.up = {1.2f, 1.5f, 1e-6f, 1e-4f};
    command.down = {-1.5f, 2.0f, 1e-6f, 1e-4f};
  }
  std::vector<std::int32_t> counts;
  Pulse command;
};

TEST(Limits, TighterTakesTheSmallerOfEachField) {
  Limits a = counted(10, 1000), b = counted(20, 500);
  a.max_cell_volts = 1.5;
  b.max_gate_volts = 2.0;
  a.max_read_volts = 0.2;
  b.max_read_volts = nan;
  const Limits both = Limits::tighter(a, b);
  EXPECT_EQ(both.max_pulses_per_cell, 10u);
  EXPECT_EQ(both.max_total_pulses, 500u);
  EXPECT_EQ(both.max_cell_volts, 1.5);
  EXPECT_EQ(both.max_gate_volts, 2.0);
  EXPECT_TRUE(std::isnan(*both.max_read_volts));
  EXPECT_TRUE(std::isnan(*Limits::tighter(b, a).max_read_volts));
  EXPECT_FALSE(both.max_line_amps);
}

TEST(Limits, ValidateNamesTheField) {
  EXPECT_TRUE(Limits().validate().ok());
  for (const double bad : {nan, infinity, -1.0}) {
    Limits limits;
    limits.max_width_seconds = bad;
    EXPECT_EQ(limits.validate().code(), Code::invalid_argument);
    EXPECT_NE(limits.validate().message().find("max_width_seconds"), std::string::npos);
  }
}

TEST(Limits, WritingIsCoveredByThreeFields) {
  Limits limits = counted(10, 1000);
  EXPECT_FALSE(limits.cover_writing());
  limits.max_cell_volts = 1.5;
  EXPECT_TRUE(limits.cover_writing());
}

TEST(Ledger, ChargesTheWorstCaseOfAProgram) {
  Ledger ledger(counted(100, 10000), scripted_capabilities());
  ProgramOf program(7);
  const auto plain = ledger.charge(program.command);
  ASSERT_TRUE(plain.ok()) << plain.status().to_string();
  EXPECT_EQ(plain->total, 42u);
  EXPECT_EQ(plain->per_cell, std::vector<std::uint32_t>(6, 7));
  program.mask[4] = 1;
  program.command.mask = View<const std::uint8_t>(program.mask.data(), 2, 3);
  program.command.erase = true;
  const auto erased = ledger.charge(program.command);  // 16 levels: 7 + 16 pulses for each of 5 cells
  EXPECT_EQ(erased.value().total, 115u);
  EXPECT_EQ(erased.value().per_cell, (std::vector<std::uint32_t>{23, 23, 23, 23, 0, 23}));
  EXPECT_EQ(ledger.total_pulses(), 157u);
}

TEST(Ledger, AnalogCellsEraseWithinTheirPulses) {
  Capabilities analog = scripted_capabilities();
  analog.levels = 0;
  Ledger ledger(Limits(), analog);
  ProgramOf program(9);
  program.command.erase = true;
  EXPECT_EQ(ledger.charge(program.command).value().total, 6u * 18u);
}

TEST(Ledger, AnEraseIsChargedAsTheRampDown) {
  Capabilities board = scripted_capabilities();  // 16 levels
  board.erase_pulses = 20;
  Ledger ledger(Limits(), board);
  ProgramOf program(7);
  program.command.erase = true;
  EXPECT_EQ(ledger.charge(program.command).value().total, 6u * 27u);
}

TEST(Ledger, ARefusalChangesNothing) {
  Ledger ledger(counted(10, 50), scripted_capabilities());
  EXPECT_TRUE(ledger.charge(ProgramOf(7).command).ok());  // 42 of 50, 7 of 10 a cell
  const auto total = ledger.charge(ProgramOf(3).command);
  EXPECT_EQ(total.status().to_string(), "out_of_range: program: 18 pulses asked in the worst case; 8 of max_total_pulses = 50 are left");
  const auto cell = ledger.charge(PulseOf({0, 4}).command);
  EXPECT_TRUE(cell.ok()) << "another array";
  PulseOf other({0, 4});
  other.command.array = {1};
  other.command.row = 1;
  other.command.col = 1;  // its second cell is the window's first
  EXPECT_EQ(ledger.charge(other.command).status().to_string(),
            "out_of_range: pulse: cell (1, 2) of array 1: 4 pulses asked in the worst case; 3 of max_pulses_per_cell = 10 are left");
  EXPECT_EQ(ledger.total_pulses(), 46u);
  other.counts = {4, 3};
  EXPECT_TRUE(ledger.charge(other.command).status().code() == Code::out_of_range) << "7 of 4 in all";
  other.counts = {1, 3};
  EXPECT_TRUE(ledger.charge(other.command).ok()) << "the refusals left the cell's 3";
}

TEST(Ledger, SettlingGivesBackWhatWasNotSpent) {
  Ledger ledger(counted(10, 100), scripted_capabilities());
  const auto charge = ledger.charge(ProgramOf(10).command).value();
  EXPECT_EQ(ledger.charge(ProgramOf(1).command).status().code(), Code::out_of_range);
  ledger.settle(charge, 6, {1, 1, 1, 1, 1, 1});
  EXPECT_EQ(ledger.total_pulses(), 6u);
  EXPECT_TRUE(ledger.charge(ProgramOf(9).command).ok());
  EXPECT_EQ(ledger.charge(ProgramOf(1).command).status().code(), Code::out_of_range);
}

TEST(Ledger, CellsKeepTheirWorstCaseWhereTheSpentCountsAreUnknown) {
  Ledger ledger(counted(10, 100), scripted_capabilities());
  ledger.settle(ledger.charge(ProgramOf(10).command).value(), 6, {});
  EXPECT_EQ(ledger.total_pulses(), 6u);
  EXPECT_EQ(ledger.charge(ProgramOf(1).command).status().code(), Code::out_of_range);
}

TEST(Ledger, RecordsMoreThanTheWorstCaseAndLeavesMaskedCellsAlone) {
  Ledger ledger(counted(10, 1000), scripted_capabilities());
  ProgramOf program(2);
  program.mask[0] = 1;
  program.command.mask = View<const std::uint8_t>(program.mask.data(), 2, 3);
  ledger.settle(ledger.charge(program.command).value(), 40, {99, 8, 8, 8, 8, 8});
  EXPECT_EQ(ledger.total_pulses(), 40u);
  EXPECT_TRUE(ledger.charge(program.command).ok());  // 8 + 2
  program.mask.assign(6, 1);
  program.mask[0] = 0;
  program.command.max_pulses_per_cell = 10;
  EXPECT_TRUE(ledger.charge(program.command).ok()) << "what stands in a masked cell's count is not its own";
}

TEST(Ledger, ExtremeCountsDoNotOverflow) {
  const std::int32_t lowest = std::numeric_limits<std::int32_t>::min();
  Ledger free((Limits()), scripted_capabilities());
  EXPECT_EQ(free.charge(PulseOf({lowest, 1}).command).value().total, 2147483649u);
  Ledger wide(counted(most, most), scripted_capabilities());
  for (int i = 0; i < 2; ++i) {
    const bool fits = wide.charge(PulseOf({lowest}).command).ok();
    EXPECT_EQ(fits, i == 0) << "a cell's count ends at 32 bits, whatever the limit";
  }
  Ledger cells(counted(most, most), scripted_capabilities());
  ProgramOf program(std::numeric_limits<std::uint32_t>::max());
  program.command.erase = true;
  EXPECT_EQ(cells.charge(program.command).status().code(), Code::out_of_range);
  Capabilities huge = scripted_capabilities();
  huge.levels = std::numeric_limits<std::uint32_t>::max();
  Ledger total((Limits()), huge);
  EXPECT_EQ(total.charge(program.command).value().total, 6u * 2u * std::uint64_t{0xffffffffu});
  EXPECT_EQ(total.charge(program.command).value().total, 6u * 2u * std::uint64_t{0xffffffffu});
}

TEST(Ledger, TheTotalSaturates) {
  Limits limits;
  limits.max_total_pulses = most - 1;
  Ledger ledger(limits, scripted_capabilities());
  ledger.settle({}, most - 2, {});
  EXPECT_TRUE(ledger.charge(PulseOf({1}).command).ok());
  EXPECT_FALSE(ledger.charge(PulseOf({1}).command).ok());
  EXPECT_FALSE(ledger.charge(PulseOf({1000}).command).ok());
}

TEST(Ledger, DrivesKeepTheLimits) {
  struct Case {
    std::optional<double> Limits::*limit;
    double allows, refuses;
    const char* name;
  };
  const Case cases[] = {{&Limits::max_cell_volts, 1.5, 1.4, "max_cell_volts"},
                        {&Limits::max_gate_volts, 2.0, 1.9, "max_gate_volts"},
                        {&Limits::max_width_seconds, 1e-6, 9e-7, "max_width_seconds"},
                        {&Limits::max_compliance_amps, 1e-4, 9e-5, "max_compliance_amps"}};
  for (const auto& each : cases) {
    Limits limits;
    limits.*each.limit = each.allows;
    EXPECT_TRUE(Ledger(limits, scripted_capabilities()).charge(PulseOf({-1}).command).ok()) << each.name;
    limits.*each.limit = each.refuses;
    const auto refused = Ledger(limits, scripted_capabilities()).charge(PulseOf({-1}).command);
    EXPECT_EQ(refused.status().code(), Code::out_of_range) << each.name;
    EXPECT_NE(refused.status().message().find(each.name), std::string::npos) << refused.status().message();
  }
  Limits limits;
  limits.max_cell_volts = 1.3;
  EXPECT_TRUE(Ledger(limits, scripted_capabilities()).charge(PulseOf({1}).command).ok()) << "only the drive that is used counts";
}

TEST(Ledger, AProgramMayUseAllOfEveryKnob) {
  const std::pair<std::optional<double> Limits::*, double> knobs[] = {{&Limits::max_cell_volts, 1.6},
                                                                      {&Limits::max_gate_volts, 2.0},
                                                                      {&Limits::max_width_seconds, 1e-5},
                                                                      {&Limits::max_compliance_amps, 1e-3}};
  for (const auto& [limit, extreme] : knobs) {
    Limits limits;
    limits.*limit = extreme;
    EXPECT_TRUE(Ledger(limits, scripted_capabilities()).charge(ProgramOf(1).command).ok());
    limits.*limit = 0.99 * extreme;
    EXPECT_EQ(Ledger(limits, scripted_capabilities()).charge(ProgramOf(1).command).status().code(), Code::out_of_range);
  }
}

TEST(Ledger, ALimitOnAKnobThatIsNotThereIsRefusedByName) {
  Capabilities bare = scripted_capabilities();
  bare.compliance_amps = {};
  bare.gate_volts = {};
  Limits limits;
  limits.max_gate_volts = 1;  // no transistor: kept by itself
  PulseOf pulse({1});
  pulse.command.up.gate_volts = pulse.command.up.compliance_amps = 0;
  EXPECT_TRUE(Ledger(limits, bare).charge(pulse.command).ok());
  EXPECT_TRUE(Ledger(limits, bare).charge(ProgramOf(1).command).ok());
  limits.max_compliance_amps = 1e-4;
  EXPECT_EQ(Ledger(limits, bare).charge(pulse.command).status().code(), Code::unsupported);
  EXPECT_EQ(Ledger(limits, bare).charge(ProgramOf(1).command).status().to_string(),
            "unsupported: program: the board has no knob for max_compliance_amps = 0.0001 A");
}

TEST(Ledger, ReadsAndProductsKeepTheLimits) {
  std::vector<float> volts(8, 0.2f), amps(6), siemens(1);
  volts[3] = -0.2f;
  Mvm mvm;
  mvm.rows = 8;
  mvm.cols = 6;
  mvm.volts = View<const float>(volts.data(), 1, 8);
  mvm.amps = View<float>(amps.data(), 1, 6);
  Read read;
  read.rows = read.cols = 1;
  read.siemens = View<float>(siemens.data(), 1, 1);
  read.volts = -0.2;
  Limits limits;
  limits.max_read_volts = 0.2;
  limits.max_line_amps = 1.6e-4;  // 8 rows of 0.2 V at 1e-4 S
  Ledger keeps(limits, scripted_capabilities());
  EXPECT_TRUE(keeps.charge(mvm).ok());
  EXPECT_TRUE(keeps.charge(read).ok());
  EXPECT_EQ(keeps.total_pulses(), 0u);
  limits.max_line_amps = 1.59e-4;
  const Status line = Ledger(limits, scripted_capabilities()).charge(mvm).status();
  EXPECT_EQ(line.code(), Code::out_of_range);
  EXPECT_NE(line.message().find("max_line_amps = 0.000159 A"), std::string::npos) << line.message();
  limits.max_read_volts = 0.19;
  EXPECT_EQ(Ledger(limits, scripted_capabilities()).charge(mvm).status().code(), Code::out_of_range);
  EXPECT_EQ(Ledger(limits, scripted_capabilities()).charge(read).status().to_string(),
            "out_of_range: read: -0.2 V asked; max_read_volts = 0.19 V");
}

TEST(Ledger, APhysicalBoardIsNotWrittenWithoutLimits) {
  Capabilities physical = scripted_capabilities();
  physical.features |= static_cast<std::uint32_t>(Feature::physical);
  Limits limits;
  limits.max_pulses_per_cell = 10;
  EXPECT_EQ(Ledger(limits, physical).charge(ProgramOf(1).command).status().to_string(),
            "unsupported: program: a physical board is not written without limits; missing: max_cell_volts, max_total_pulses");
  EXPECT_EQ(Ledger(limits, physical).charge(PulseOf({1}).command).status().code(), Code::unsupported);
  EXPECT_TRUE(Ledger(limits, physical).charge(Idle{1}).ok());
  limits = counted(10, 100);
  limits.max_cell_volts = 1.6;
  EXPECT_TRUE(Ledger(limits, physical).charge(ProgramOf(1).command).ok());
}

TEST(Ledger, ConcurrentChargesNeverExceedTheLimit) {
  Ledger ledger(counted(500, 2000), scripted_capabilities());
  std::atomic<std::uint64_t> given{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      const PulseOf pulse({1, 2});
      for (int i = 0; i < 300; ++i) {
        if (auto charge = ledger.charge(pulse.command); charge.ok()) given += charge->total;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(ledger.total_pulses(), given.load());
  EXPECT_EQ(given.load(), 3u * 250u);  // the second cell is full after 250
}

}  // namespace
}  // namespace sedma::hal

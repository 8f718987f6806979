#include "hal/device.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <limits>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

#include "tests/hal/scripted_device.h"

namespace sedma::hal {
namespace {

using std::chrono::nanoseconds;

TEST(Device, RunReturnsTheCompletion) {
  ScriptedDevice device;
  device.answer = spends(3);
  EXPECT_EQ(device.run(Small(5).program).value().stats.pulses, 12u);
  EXPECT_EQ(device.submissions, 1);
}

TEST(Device, SettlesWithoutACallersBuffer) {
  ScriptedDevice device(counted(10, 40));
  device.answer = spends(2);
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(device.run(Small(4).program).ok()) << i;  // 2 + 4 <= 10, ... 6 + 4 <= 10
  EXPECT_EQ(device.charged_pulses(), 32u);
  EXPECT_EQ(device.run(Small(3).program).status().code(), Code::out_of_range);
  EXPECT_TRUE(device.run(Small(2).program).ok());
  EXPECT_EQ(device.charged_pulses(), 40u);
}

TEST(Device, SettlesFromACallersBuffer) {
  ScriptedDevice device(counted(10, 1000));
  device.answer = spends(2);
  std::vector<std::uint32_t> given(10, 77);
  Small small(10);
  small.program.pulses = View<std::uint32_t>(given.data(), 2, 2, 5);
  EXPECT_TRUE(device.run(small.program).ok());
  EXPECT_EQ(given, (std::vector<std::uint32_t>{2, 2, 77, 77, 77, 2, 2, 77, 77, 77}));
  EXPECT_EQ(device.charged_pulses(), 8u);
  EXPECT_EQ(device.run(Small(9).program).status().code(), Code::out_of_range);
  EXPECT_TRUE(device.run(Small(8).program).ok());
}

TEST(Device, BelievesTheLargerOfTwoAccounts) {
  ScriptedDevice device(counted(10, 1000));
  device.answer = [](const Command& command, Clock::time_point) -> Result<std::unique_ptr<Operation>> {
    const auto& program = std::get<Program>(command);
    for (std::size_t r = 0; r < 2; ++r) std::fill_n(program.pulses.row(r), 2, 3u);
    return finished(Completion());  // forgets Stats::pulses
  };
  EXPECT_TRUE(device.run(Small(5).program).ok());
  EXPECT_EQ(device.charged_pulses(), 12u);
}

TEST(Device, ARefusalOfTheBackendCostsNothing) {
  ScriptedDevice device(counted(10, 1000));
  device.answer = [](const Command&, Clock::time_point) -> Result<std::unique_ptr<Operation>> {
    return Status(Code::unavailable, "link down");
  };
  for (int i = 0; i < 3; ++i) EXPECT_EQ(device.run(Small(10).program).status().to_string(), "unavailable: link down");
  EXPECT_EQ(device.charged_pulses(), 0u);
  device.answer = spends(1);
  EXPECT_TRUE(device.run(Small(10).program).ok());
}

TEST(Device, AFailureAndAnExceptionKeepTheWorstCase) {
  ScriptedDevice device;
  device.answer = [](const Command&, Clock::time_point) -> Result<std::unique_ptr<Operation>> {
    return finished(Status(Code::device_fault, "line 3 is open"));
  };
  EXPECT_EQ(device.run(Small(5).program).status().code(), Code::device_fault);
  EXPECT_EQ(device.charged_pulses(), 20u);
  device.answer = [](const Command&, Clock::time_point) -> Result<std::unique_ptr<Operation>> { throw std::runtime_error("oops"); };
  EXPECT_EQ(device.run(Small(5).program).status().to_string(), "internal: the backend threw: oops");
  device.answer = [](const Command&, Clock::time_point) -> Result<std::unique_ptr<Operation>> { throw std::bad_alloc(); };
  EXPECT_EQ(device.run(Small(5).program).status().to_string(), "unavailable: out of memory");
  device.answer = [](const Command&, Clock::time_point) -> Result<std::unique_ptr<Operation>> { throw 7; };
  EXPECT_EQ(device.run(Small(5).program).status().code(), Code::internal);
  device.answer = [](const Command&, Clock::time_point) -> Result<std::unique_ptr<Operation>> { return std::unique_ptr<Operation>(); };
  EXPECT_EQ(device.run(Small(5).program).status().code(), Code::internal);
  EXPECT_EQ(device.charged_pulses(), 100u);
}

TEST(Device, RawPulsesAreChargedAsTheyAre) {
  ScriptedDevice device(counted(10, 1000));
  std::vector<std::int32_t> counts = {3, -4, 0};
  Pulse pulse;
  pulse.pulses = View<const std::int32_t>(counts.data(), 1, 3);
  pulse.up = {1.0f, 1.0f, 1e-6f, 1e-4f};
  pulse.down = {-1.0f, 1.0f, 1e-6f, 1e-4f};
  EXPECT_TRUE(device.run(pulse).ok());
  EXPECT_EQ(device.charged_pulses(), 7u);
}

TEST(Device, DeadlinesArePositiveAndMayBeFarAway) {
  ScriptedDevice device;
  for (const auto deadline : {nanoseconds(0), nanoseconds(-1), nanoseconds::min()}) {
    EXPECT_EQ(device.run(Idle{1}, deadline).status().code(), Code::invalid_argument);
  }
  EXPECT_EQ(device.submissions, 0);
  device.answer = [](const Command&, Clock::time_point deadline) -> Result<std::unique_ptr<Operation>> {
    EXPECT_EQ(deadline, Clock::time_point::max());
    return finished(Completion());
  };
  EXPECT_TRUE(device.run(Idle{1}, nanoseconds::max()).ok());
}

/// Looks at every command that reaches the backend and counts what it gives.
struct Audit {
  std::uint64_t given = 0, reached = 0;
  std::vector<std::uint64_t> cells = std::vector<std::uint64_t>(3 * 8 * 6);

  void give(ArrayId array, std::size_t row, std::size_t col, std::uint64_t pulses) {
    given += pulses;
    cells.at((array.value * 8 + row) * 6 + col) += pulses;
  }
  void see(const Program& program) {
    for (std::size_t r = 0; r < program.siemens.rows; ++r) {
      for (std::size_t c = 0; c < program.siemens.cols; ++c) {
        EXPECT_GE(program.siemens(r, c), 0.999e-6f);
        EXPECT_LE(program.siemens(r, c), 1.001e-4f);
        program.pulses(r, c) = static_cast<std::uint32_t>((r + c) % (program.max_pulses_per_cell + 1));
        give(program.array, program.row + r, program.col + c, program.pulses(r, c));
      }
    }
  }
  void see(const Pulse& pulse) {
    for (std::size_t c = 0; c < pulse.pulses.cols; ++c) {
      const std::int32_t count = pulse.pulses(0, c);
      if (count == 0) continue;
      EXPECT_LE(std::abs((count > 0 ? pulse.up : pulse.down).cell_volts), 1.6001f);
      EXPECT_LE((count > 0 ? pulse.up : pulse.down).width_seconds, 1.001e-5f);
      give(pulse.array, pulse.row, pulse.col + c, static_cast<std::uint64_t>(std::abs(count)));
    }
  }
  void see(const Mvm& mvm) {
    double sum = 0;
    for (std::size_t i = 0; i < mvm.volts.cols; ++i) sum += std::abs(double{mvm.volts(0, i)});
    EXPECT_LE(sum * 1e-4, 1.501e-4);
  }
  template <class Other>
  void see(const Other&) {}
};

/// Random commands, most of them wrong somewhere.
class Chaos {
 public:
  Command next() {
    for (float& value : values_) value = below(400) == 0 ? std::numeric_limits<float>::quiet_NaN() : number(0.9e-6f, 1.005e-4f);
    for (auto& count : counts_) count = static_cast<std::int32_t>(below(9)) - 4;
    switch (below(3)) {
      case 0: return program();
      case 1: return pulse();
      default: return mvm();
    }
  }

 private:
  std::uint32_t below(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
  float number(float low, float high) { return std::uniform_real_distribution<float>(low, high)(random_); }
  template <class T>
  T placed() {
    T command;
    command.array = {below(4)};
    command.row = below(8);
    command.col = below(6);
    return command;
  }
  Command program() {
    auto command = placed<Program>();
    command.siemens = View<const float>(values_.data(), 1 + below(3), 1 + below(3));
    command.tolerance_siemens = number(-1e-6f, 9e-6f);
    command.max_pulses_per_cell = below(30);
    return command;
  }
  Command pulse() {
    auto command = placed<Pulse>();
    command.pulses = View<const std::int32_t>(counts_.data(), 1, 1 + below(3));
    command.up = {number(0.5f, 1.5f), 1.0f, number(1e-7f, 1.1e-5f), 1e-4f};
    command.down = {number(-1.7f, -0.5f), 1.0f, 1e-6f, 1e-4f};
    return command;
  }
  Command mvm() {
    for (float& value : values_) value = number(-0.45f, 0.45f);
    auto command = placed<Mvm>();
    command.rows = 4 + below(3);
    command.cols = 1 + below(3);
    command.volts = View<const float>(values_.data(), 1, command.rows);
    command.amps = View<float>(amps_.data(), 1, command.cols);
    command.full_scale_amps = std::span<const float>(&full_scale_, 1);
    return command;
  }

  std::mt19937 random_{11};
  std::vector<float> values_ = std::vector<float>(64), amps_ = std::vector<float>(64);
  std::vector<std::int32_t> counts_ = std::vector<std::int32_t>(64);
  float full_scale_ = 1e-3f;
};

TEST(Device, NothingBeyondALimitReachesTheBackend) {
  Limits limits = counted(300, 20000);
  limits.max_cell_volts = 1.6;
  limits.max_read_volts = 0.4;
  limits.max_line_amps = 1.5e-4;
  limits.max_width_seconds = 1e-5;
  ScriptedDevice device(limits);
  Audit audit;
  device.answer = [&](const Command& command, Clock::time_point) -> Result<std::unique_ptr<Operation>> {
    ++audit.reached;
    const std::uint64_t before = audit.given;
    std::visit([&](const auto& each) { audit.see(each); }, command);
    Completion completion;
    completion.stats.pulses = audit.given - before;
    return finished(completion);
  };
  Chaos chaos;
  for (int i = 0; i < 1000; ++i) {
    const Status status = device.run(chaos.next()).status();
    EXPECT_EQ(device.charged_pulses(), audit.given) << "settled to what was given; a refusal costs nothing: " << status.to_string();
  }
  EXPECT_GT(audit.reached, 100u);
  EXPECT_LT(audit.reached, 900u);
  EXPECT_LE(audit.given, 20000u);
  EXPECT_LE(*std::max_element(audit.cells.begin(), audit.cells.end()), 300u);
}

TEST(Device, ManyThreadsOneLedger) {
  ScriptedDevice device(counted(100, 1000));
  Lanes lanes(2);
  device.answer = [&](const Command& command, Clock::time_point deadline) -> Result<std::unique_ptr<Operation>> {
    return lanes.submit(std::get<Program>(command).array, deadline,
                        [program = std::get<Program>(command)](const StopToken&) -> Result<Completion> {
                          Completion completion;
                          for (std::size_t r = 0; r < 2; ++r) std::fill_n(program.pulses.row(r), 2, 1u);
                          completion.stats.pulses = 4;
                          return completion;
                        });
  };
  device.on_cancel = [&] { lanes.cancel(); };
  std::atomic<std::uint64_t> completed{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 3; ++t) {
    threads.emplace_back([&, t] {
      Small small(10);
      small.program.array = {t};
      for (int i = 0; i < 100; ++i) {
        if (device.run(small.program).ok()) ++completed;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(device.charged_pulses(), 4 * completed);
  EXPECT_GT(completed, 150u);
  EXPECT_LE(completed, 250u);
}

}  // namespace
}  // namespace sedma::hal

// Injected faults: each of its kind, as often as asked, repeatable, and never reported as ok.

#include "backends/faulty/faulty.h"

#include <gtest/gtest.h>

#include <cmath>
#include <thread>

#include "hal/conformance.h"
#include "tests/hal/tiny_device.h"

namespace sedma::testing {
namespace {

using namespace std::chrono_literals;

std::unique_ptr<hal::Device> open(const std::string& options, const TinyOptions& tiny = {}, const hal::Limits& limits = {}) {
  hal::Registry registry;
  EXPECT_TRUE(registry.add(backends::faulty_driver()).ok());
  EXPECT_TRUE(registry.add(tiny_driver(tiny)).ok());
  auto device = registry.open("faulty:tiny:" + options, limits);
  EXPECT_TRUE(device.ok()) << device.status().to_string();
  return device.ok() ? std::move(*device) : nullptr;
}

Status refusal(const std::string& uri) {
  hal::Registry registry;
  EXPECT_TRUE(registry.add(backends::faulty_driver()).ok());
  EXPECT_TRUE(registry.add(tiny_driver()).ok());
  return registry.open(uri).status();
}

/// A read of a few cells and where it puts them.
struct Reading {
  explicit Reading(std::uint32_t array = 0) {
    command.array = {array};
    command.siemens = {siemens.data(), 3, 4};
    command.rows = 3;
    command.cols = 4;
    command.volts = 0.3;
  }
  std::vector<float> siemens = std::vector<float>(12, -1.0f);
  hal::Read command;
};

std::vector<Code> codes_of(hal::Device& device, int commands) {
  std::vector<Code> codes;
  for (int i = 0; i < commands; ++i) codes.push_back(device.run(Reading().command, 20ms).status().code());
  return codes;
}

TEST(Faulty, WithoutFaultsItIsTheInnerDevice) {
  const TinyOptions tiny;
  hal::Registry registry;
  ASSERT_TRUE(registry.add(backends::faulty_driver()).ok());
  ASSERT_TRUE(registry.add(tiny_driver(tiny)).ok());
  hal::ConformanceOptions options;
  options.pulses = 10'000'000;
  const auto report = hal::run_conformance([&] { return registry.open("faulty:tiny:"); }, options);
  EXPECT_TRUE(report.passed());
  for (const auto& c : report.cases) EXPECT_EQ(c.outcome, hal::ConformanceCase::Outcome::passed) << c.name << ": " << c.message;
}

TEST(Faulty, ErrorsAreDeviceFaultsAsOftenAsAsked) {
  const auto device = open("?fault.error=0.25&fault.seed=3");
  const std::vector<Code> codes = codes_of(*device, 2000);
  const auto faults = std::count(codes.begin(), codes.end(), Code::device_fault);
  EXPECT_EQ(faults + std::count(codes.begin(), codes.end(), Code::ok), 2000);
  EXPECT_NEAR(static_cast<double>(faults), 500, 6 * std::sqrt(2000 * 0.25 * 0.75));
}

TEST(Faulty, FaultsFollowTheSeedAndTheOrdinalOnly) {
  const std::vector<Code> first = codes_of(*open("?fault.error=0.3&fault.garbage=0.2&fault.seed=7"), 200);
  EXPECT_EQ(codes_of(*open("?fault.error=0.3&fault.garbage=0.2&fault.seed=7"), 200), first);
  EXPECT_NE(codes_of(*open("?fault.error=0.3&fault.garbage=0.2&fault.seed=8"), 200), first);
}

TEST(Faulty, HalfOfTheFailedCommandsWereCarriedOut) {
  const auto device = open("?fault.error=1");
  int changed = 0;
  for (int i = 0; i < 200; ++i) {
    Reading reading;
    EXPECT_EQ(device->run(reading.command).status().code(), Code::device_fault);
    changed += reading.siemens[0] != -1.0f ? 1 : 0;
  }
  EXPECT_NEAR(changed, 100, 45);
}

TEST(Faulty, GarbageIsReportedAndReal) {
  const auto device = open("?fault.garbage=1");
  Reading reading;
  const auto result = device->run(reading.command);
  EXPECT_EQ(result.status().code(), Code::data_corrupt);
  int wrong = 0;
  for (const float siemens : reading.siemens) wrong += siemens != 1e-6f ? 1 : 0;
  EXPECT_GE(wrong, 11);
  std::vector<float> target(6, 5e-6f), readback(6);
  std::vector<std::uint32_t> pulses(6, 1);
  std::vector<hal::Outcome> outcome(6, hal::Outcome::masked);
  hal::Program program;
  program.siemens = {target.data(), 2, 3};
  program.tolerance_siemens = 1e-7f;
  program.passes = 40;
  program.max_pulses_per_cell = 200;
  program.readback_siemens = {readback.data(), 2, 3};
  program.pulses = {pulses.data(), 2, 3};
  program.outcome = {outcome.data(), 2, 3};
  EXPECT_EQ(device->run(program).status().code(), Code::data_corrupt);
  EXPECT_NE(readback[0], 5e-6f);
  for (const hal::Outcome each : outcome) EXPECT_LE(each, hal::Outcome::out_of_budget);
  std::vector<hal::Reading> readings;
  EXPECT_EQ(device->run(hal::SelfTest{&readings}).status().code(), Code::data_corrupt);
}

TEST(Faulty, AHangLastsUntilTheDeadline) {
  const auto device = open("?fault.hang=1");
  Reading reading;
  const auto begin = hal::Clock::now();
  EXPECT_EQ(device->run(reading.command, 50ms).status().code(), Code::deadline_exceeded);
  const auto took = hal::Clock::now() - begin;
  EXPECT_GE(took, 49ms);
  EXPECT_LT(took, 10s);
  EXPECT_EQ(reading.siemens[0], -1.0f);
}

TEST(Faulty, CancelEndsAHang) {
  const auto device = open("?fault.hang=1");
  Reading reading;
  auto pending = device->submit(reading.command, 60s);
  ASSERT_TRUE(pending.ok());
  EXPECT_FALSE(pending->done());
  EXPECT_EQ(pending->wait(1ms).status().code(), Code::deadline_exceeded);
  std::thread canceller([&] {
    std::this_thread::sleep_for(20ms);
    device->cancel();
  });
  EXPECT_EQ(pending->wait(30s).status().code(), Code::aborted);
  canceller.join();
}

TEST(Faulty, ADelayTakesItsTimeAndCancelCutsItShort) {
  const auto device = open("?fault.delay_seconds=0.05", {.threads = 1});
  Reading reading;
  const auto begin = hal::Clock::now();
  EXPECT_TRUE(device->run(reading.command, 60s).ok());
  EXPECT_GE(hal::Clock::now() - begin, 50ms);
  const auto slow = open("?fault.delay_seconds=600");
  auto pending = slow->submit(reading.command, 600s);
  ASSERT_TRUE(pending.ok());
  EXPECT_FALSE(pending->done());
  slow->cancel();
  EXPECT_TRUE(pending->done());
  const auto result = pending->wait(10s);  // it had been carried out before
  EXPECT_TRUE(result.ok() || result.status().code() == Code::aborted) << result.status().to_string();
}

TEST(Faulty, ADelayLongerThanTheDeadlineIsDeadlineExceededOrDone) {
  const auto device = open("?fault.delay_seconds=5");
  Reading reading;
  const auto begin = hal::Clock::now();
  const auto result = device->run(reading.command, 20ms);
  EXPECT_LT(hal::Clock::now() - begin, 4s);
  EXPECT_TRUE(result.ok() || result.status().code() == Code::deadline_exceeded) << result.status().to_string();
}

TEST(Faulty, ALostBoardStaysLost) {
  const auto device = open("?fault.lost_after=3");
  const std::vector<Code> codes = codes_of(*device, 6);
  EXPECT_EQ(codes, (std::vector<Code>{Code::ok, Code::ok, Code::ok, Code::unavailable, Code::unavailable, Code::unavailable}));
  device->cancel();
  EXPECT_EQ(codes_of(*device, 1), (std::vector<Code>{Code::unavailable}));
}

TEST(Faulty, NoBufferIsTouchedAfterCancel) {
  const auto device = open("?fault.garbage=1&fault.delay_seconds=0.02", {.threads = 2});
  std::vector<Reading> readings(40);
  std::vector<hal::Pending> pending;
  for (std::size_t i = 0; i < readings.size(); ++i) {
    readings[i] = Reading(static_cast<std::uint32_t>(i % 3));
    auto started = device->submit(readings[i].command, 60s);
    ASSERT_TRUE(started.ok());
    pending.push_back(std::move(*started));
  }
  device->cancel();
  for (Reading& reading : readings) std::fill(reading.siemens.begin(), reading.siemens.end(), 42.0f);
  for (hal::Pending& each : pending) {
    const auto result = each.wait(30s);
    EXPECT_TRUE(result.ok() || result.status().code() == Code::aborted) << result.status().to_string();
  }
  for (const Reading& reading : readings)
    for (const float siemens : reading.siemens) EXPECT_EQ(siemens, 42.0f);
}

TEST(Faulty, ManyThreadsMeetTheExpectedNumberOfFaults) {
  const auto device = open("?fault.error=0.2&fault.garbage=0.1&fault.hang=0.02", {.threads = 3});
  std::atomic<int> failed{0}, ok{0}, other{0};
  std::vector<std::thread> threads;
  for (std::uint32_t t = 0; t < 8; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 50; ++i) {
        Reading reading(t % 3);
        const Code code = device->run(reading.command, 20ms).status().code();
        (code == Code::ok ? ok : code == Code::device_fault || code == Code::data_corrupt ? failed : other) += 1;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(ok + failed + other, 400);
  EXPECT_GT(failed, 40);
  EXPECT_GT(ok, 100);
}

TEST(Faulty, LimitsLieBeneath) {
  hal::Limits limits;
  limits.max_read_volts = 0.1;
  const auto device = open("", {}, limits);
  EXPECT_EQ(device->run(Reading().command).status().code(), Code::out_of_range);
  ASSERT_TRUE(device->limits().max_read_volts.has_value());
}

TEST(Faulty, BadOptionsAreRefusedByName) {
  for (const char* uri : {"faulty:tiny:?fault.error=1.5", "faulty:tiny:?fault.error=often", "faulty:tiny:?fault.explode=1",
                          "faulty:tiny:?error=0.1", "faulty:tiny", "faulty:", "faulty:nothing:", "faulty:tiny:?fault.delay_seconds=-1"}) {
    const Status status = refusal(uri);
    EXPECT_EQ(status.code(), Code::invalid_argument) << uri << ": " << status.to_string();
  }
  EXPECT_NE(refusal("faulty:tiny:?fault.explode=1").message().find("explode"), std::string::npos);
}

}  // namespace
}  // namespace sedma::testing

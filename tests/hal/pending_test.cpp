// What a Pending promises: deadlines, cancels, and who keeps the charge.
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <stdexcept>
#include <thread>
#include <utility>

#include "hal/device.h"
#include "tests/hal/scripted_device.h"

namespace sedma::hal {
namespace {

using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;

TEST(Pending, MayBeWaitedForOnceAndMovedFromIsInert) {
  ScriptedDevice device;
  auto pending = device.submit(Idle{1}).value();
  Pending moved = std::move(pending);
  EXPECT_TRUE(pending.done());  // NOLINT(bugprone-use-after-move): that it is inert is what is tested
  EXPECT_EQ(pending.wait().status().code(), Code::invalid_argument);
  EXPECT_TRUE(moved.wait().ok());
  EXPECT_EQ(moved.wait().status().code(), Code::invalid_argument);
  Pending empty;
  EXPECT_EQ(empty.wait().status().code(), Code::invalid_argument);
}

TEST(Pending, AShortWaitLeavesTheCommandRunning) {
  ScriptedDevice device;
  const auto event = std::make_shared<Event>();
  device.answer = waits_for(event);
  auto pending = device.submit(Idle{1}, seconds(20)).value();
  EXPECT_FALSE(pending.done());
  for (const auto timeout : {nanoseconds(-5), nanoseconds(0), nanoseconds(1000)}) {
    EXPECT_EQ(pending.wait(timeout).status().code(), Code::deadline_exceeded);
  }
  EXPECT_EQ(device.cancels, 0);
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(10));
    event->set(Completion());
  });
  EXPECT_TRUE(pending.wait().ok());
  later.join();
  EXPECT_EQ(device.cancels, 0);
}

TEST(Pending, AtTheDeadlineTheDeviceIsCancelled) {
  ScriptedDevice device(counted(10, 1000));
  const auto event = std::make_shared<Event>();
  device.answer = waits_for(event);
  device.on_cancel = [&] { event->set(Status(Code::aborted, "cancelled")); };
  const auto start = Clock::now();
  const auto result = device.run(Small(5).program, milliseconds(30));
  EXPECT_EQ(result.status().code(), Code::deadline_exceeded) << result.status().message();
  EXPECT_GE(Clock::now() - start, milliseconds(30));
  EXPECT_LT(Clock::now() - start, seconds(10));
  EXPECT_EQ(device.cancels, 1);
  EXPECT_EQ(device.charged_pulses(), 20u) << "what was given is unknown";
}

TEST(Pending, ADeviceThatDoesNotEvenAnswerACancelIsLeft) {
  ScriptedDevice device;
  device.answer = waits_for(std::make_shared<Event>());
  EXPECT_EQ(device.run(Idle{1}, milliseconds(5)).status().code(), Code::deadline_exceeded);
  EXPECT_EQ(device.cancels, 1);
}

TEST(Pending, ACompletionDuringTheCancelWins) {
  ScriptedDevice device;
  const auto event = std::make_shared<Event>();
  device.answer = waits_for(event);
  device.on_cancel = [&] {
    Completion completion;
    completion.stats.pulses = 6;
    event->set(completion);
  };
  EXPECT_EQ(device.run(Small(5).program, milliseconds(5)).value().stats.pulses, 6u);
  EXPECT_EQ(device.charged_pulses(), 6u);
}

TEST(Pending, AnExceptionOfTheBackendBecomesAStatus) {
  struct Throwing final : Operation {
    bool done() const noexcept override { return false; }
    bool wait_until(Clock::time_point) override { throw std::runtime_error("oops"); }
    Result<Completion> take() override { throw std::runtime_error("oops"); }
  };
  ScriptedDevice device;
  device.answer = [](const Command&, Clock::time_point) -> Result<std::unique_ptr<Operation>> {
    return std::unique_ptr<Operation>(std::make_unique<Throwing>());
  };
  device.on_cancel = [] { throw std::runtime_error("no"); };
  EXPECT_EQ(device.run(Idle{1}).status().code(), Code::internal);
  EXPECT_EQ(device.cancels, 1) << "the destructor cancels what it cannot wait for";
}

TEST(Pending, TheDestructorWaitsAndSettles) {
  ScriptedDevice device(counted(10, 1000));
  const auto event = std::make_shared<Event>();
  device.answer = waits_for(event);
  std::thread later;
  {
    const auto pending = device.submit(Small(5).program, seconds(20)).value();
    later = std::thread([&] {
      std::this_thread::sleep_for(milliseconds(10));
      event->set(Completion());  // no pulse
    });
  }
  EXPECT_TRUE(event->is_set());
  EXPECT_EQ(device.charged_pulses(), 0u);
  EXPECT_EQ(device.cancels, 0);
  later.join();
}

TEST(Pending, TheDestructorCancelsAtTheDeadlineAndKeepsTheCharge) {
  ScriptedDevice device;
  device.answer = waits_for(std::make_shared<Event>());
  { const auto pending = device.submit(Small(5).program, milliseconds(5)).value(); }
  EXPECT_EQ(device.cancels, 1);
  EXPECT_EQ(device.charged_pulses(), 20u);
}

TEST(Pending, AssigningFinishesTheOldOne) {
  ScriptedDevice device;
  device.answer = spends(1);
  auto pending = device.submit(Small(5).program).value();
  pending = device.submit(Small(5).program).value();
  EXPECT_EQ(device.charged_pulses(), 4u + 20u);
  EXPECT_TRUE(pending.wait().ok());
  EXPECT_EQ(device.charged_pulses(), 8u);
}

}  // namespace
}  // namespace sedma::hal

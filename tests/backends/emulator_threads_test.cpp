// Lanes: the same bits as inline, order within an array, cancelling; and commands that must be refused without a trace.
#include <gtest/gtest.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <thread>

#include "tests/backends/emulator_bench.h"

namespace sedma::backends {
namespace {

using namespace emulator_bench;
using std::chrono::seconds;

constexpr float nan = std::numeric_limits<float>::quiet_NaN(), infinity = std::numeric_limits<float>::infinity();

// Numbers of a session over several arrays, submitted without waiting in between.
struct Session {
  std::vector<float> floats;
  std::vector<std::uint64_t> counts;
  std::vector<double> costs;
  bool operator==(const Session&) const = default;
};

struct Work {
  At at;
  std::vector<float> target, siemens;
  Written written;
  Product product;
};

Session session(const std::string& lanes, const std::string& identity) {
  const auto device =
      open("emulator:AlOx-HfO2?arrays=6&rows=64&cols=50&d2d=0.1&stuck=0.02&read_noise=0.01&lanes=" + lanes + "&identity=" + identity);
  std::vector<Work> works;
  for (std::uint32_t i = 0; i < 18; ++i) works.push_back({{i % 6, i, 2 * i % 7, 20 + i, 10 + i}, {}, {}, {}, {}});
  std::vector<hal::Pending> pending;
  const auto submit = [&](const hal::Command& command) {
    auto result = device->submit(command, seconds(60));
    ASSERT_TRUE(result.ok()) << result.status().to_string();
    pending.push_back(std::move(result).value());
  };
  for (std::uint32_t i = 0; i < works.size(); ++i) {
    Work& work = works[i];
    work.target = pattern(*device, work.at.size(), i);
    submit(make_program(*device, work.at, work.target, {0.02, 15, 5000, i % 2 == 0, i}, work.written));
    submit(make_read(work.at, work.siemens, 2, i));
    prepare(*device, work.at, 5, work.product);
    submit(work.product.command);
  }
  Session found;
  for (hal::Pending& each : pending) {
    const auto completion = each.wait();
    EXPECT_TRUE(completion.ok()) << completion.status().to_string();
    if (!completion.ok()) continue;
    const hal::Stats& stats = completion->stats;
    found.counts.insert(found.counts.end(), {stats.pulses, stats.conversions, completion->unconverged});
    found.costs.insert(found.costs.end(), {stats.seconds, stats.joules.total(), stats.device_time_seconds});
  }
  for (const Work& work : works) {
    for (const auto* values : {&work.written.siemens, &work.siemens, &work.product.amps}) {
      found.floats.insert(found.floats.end(), values->begin(), values->end());
    }
  }
  return found;
}

TEST(EmulatorThreads, EqualInlineBitForBit) {
  for (const char* identity : {"tile", "board"}) {
    const Session expected = session("inline", identity);
    for (int round = 0; round < 3; ++round) EXPECT_EQ(session("threads", identity), expected) << identity;
  }
}

TEST(EmulatorThreads, CommandsOnAnArrayKeepTheirOrder) {
  const auto device = open("emulator:TaOx-HfOx?arrays=4&rows=16&cols=16&c2c=off");
  const At at{2, 0, 0, 16, 16};
  const hal::Capabilities& board = device->capabilities();
  std::vector<std::vector<float>> targets, reads(20);
  std::vector<Written> writtens(20);
  std::vector<hal::Pending> pending;
  for (std::size_t i = 0; i < 20; ++i) {
    targets.emplace_back(at.size(), static_cast<float>(board.g_min_siemens + (i % 2 == 0 ? 0.2 : 0.8) * board.g_range_siemens()));
  }
  for (std::size_t i = 0; i < 20; ++i) {
    pending.push_back(device->submit(make_program(*device, at, targets[i], {0.02, 60, 5000, false, i}, writtens[i])).value());
    pending.push_back(device->submit(make_read(at, reads[i])).value());
  }
  for (hal::Pending& each : pending) EXPECT_TRUE(each.wait().ok());
  for (std::size_t i = 0; i < 20; ++i) EXPECT_EQ(reads[i], writtens[i].siemens) << i;
}

TEST(EmulatorThreads, ManyCallersAtOnce) {
  for (const char* lanes : {"threads", "inline"}) {
    const auto device = open(std::string("emulator:TaOx-HfOx?arrays=3&rows=24&cols=24&lanes=") + lanes);
    std::vector<std::thread> callers;
    for (std::uint32_t i = 0; i < 6; ++i) {
      callers.emplace_back([&device, i] {
        const At at{i % 3, i < 3 ? 0 : 12u, 0, 12, 24};
        for (std::uint64_t round = 0; round < 5; ++round) {
          const Written written = program(*device, at, pattern(*device, at.size()), {0.02, 20, 5000, true, i});
          EXPECT_EQ(read(*device, at), written.siemens);
          run(*device, hal::Idle{1e-3});
        }
      });
    }
    for (std::thread& caller : callers) caller.join();
    EXPECT_GT(run(*device, hal::Idle{0}).stats.device_time_seconds, 0.03 * (1 - 1e-9));
  }
}

// After cancel() nothing is written to the caller's buffers any more, and the device goes on working.
TEST(EmulatorThreads, CancelStopsEverything) {
  for (int round = 0; round < 5; ++round) {
    const auto device = open("emulator:EpiRAM?arrays=2&rows=512&cols=512");
    const At at{0, 0, 0, 512, 512};
    const auto target = pattern(*device, at.size());
    std::vector<Written> written(4);
    std::vector<hal::Pending> pending;
    for (std::uint32_t i = 0; i < 4; ++i) {
      At each = at;
      each.array = i % 2;
      pending.push_back(device->submit(make_program(*device, each, target, {1e-6, 5000, 1000000, false, i}, written[i])).value());
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(3 * round));
    device->cancel();
    std::vector<std::vector<std::uint32_t>> pulses;
    for (const Written& each : written) pulses.push_back(each.pulses);
    for (hal::Pending& each : pending) {
      const auto completion = each.wait(seconds(10));
      ASSERT_FALSE(completion.ok());
      EXPECT_EQ(completion.status().code(), Code::aborted);
    }
    for (std::size_t i = 0; i < written.size(); ++i) EXPECT_EQ(written[i].pulses, pulses[i]);
    EXPECT_EQ(read(*device, {0, 0, 0, 4, 4}).size(), 16u);
  }
}

TEST(EmulatorThreads, ADeadlineEndsALongProduct) {
  const auto device = open("emulator:EpiRAM?arrays=1&rows=512&cols=512");
  Product product;
  prepare(*device, {0, 0, 0, 512, 512}, 30000, product);
  const auto completion = device->run(product.command, std::chrono::milliseconds(5));
  ASSERT_FALSE(completion.ok());
  EXPECT_EQ(completion.status().code(), Code::deadline_exceeded);
}

TEST(EmulatorHostile, RefusalsChangeNothing) {
  const auto device = open("emulator:TaOx-HfOx?arrays=2&rows=16&cols=16");
  const At at{1, 2, 3, 6, 8};
  program(*device, at, pattern(*device, at.size()));
  const auto before = read(*device, at);
  Written written;
  auto target = pattern(*device, at.size());
  const auto refused = [&](const hal::Command& command, Code code, const std::string& said) {
    const auto result = device->run(command);
    ASSERT_FALSE(result.ok()) << said;
    EXPECT_EQ(result.status().code(), code) << result.status().to_string();
    EXPECT_NE(result.status().message().find(said), std::string::npos) << result.status().message();
  };
  hal::Program many_passes = make_program(*device, at, target, {}, written);
  many_passes.passes = UINT32_MAX;
  refused(many_passes, Code::out_of_range, "passes");
  for (const float bad : {nan, infinity, -1.0f, 1.0f}) {
    target[5] = bad;
    EXPECT_FALSE(device->run(make_program(*device, at, target, {}, written)).ok());
    Product product;
    prepare(*device, at, 2, product);
    product.volts[3] = bad;
    EXPECT_FALSE(device->run(product.command).ok());
  }
  const std::vector<std::int32_t> counts(at.size(), 3);
  hal::Pulse command;
  command.array = {1};
  command.row = 2;
  command.col = 3;
  command.pulses = {counts.data(), 6, 8};
  command.up = {0.8f, 0, 50e-9f, 0};
  refused(command, Code::unsupported, "1.6 V");
  command.up = {1.6f, 0, 25e-9f, 0};
  refused(command, Code::unsupported, "5e-08 s");
  command.up = {1.6f, 1, 50e-9f, 0};
  EXPECT_FALSE(device->run(command).ok());
  const std::vector<std::int32_t> endless(at.size(), std::numeric_limits<std::int32_t>::min());
  command.pulses = {endless.data(), 6, 8};
  command.down = {-1.6f, 0, 50e-9f, 0};
  refused(command, Code::out_of_range, "2147483648 pulses");
  EXPECT_EQ(read(*device, at), before);
}

// Numbers at the ends of what is allowed give finite results.
TEST(EmulatorHostile, ExtremesStayFinite) {
  const auto device = open("emulator:AlOx-HfO2?arrays=1&rows=8&cols=8&read_noise=1&d2d=1&stuck=0.5");
  const At at{0, 0, 0, 8, 8};
  program(*device, at, pattern(*device, at.size()), {1e-9, 50, UINT32_MAX, true, UINT64_MAX});
  const std::vector<std::int32_t> counts(at.size(), -(1 << 22));
  hal::Pulse down;
  down.pulses = {counts.data(), 8, 8};
  down.down = {-1.0f, 0, 100e-6f, 0};
  EXPECT_EQ(run(*device, down).stats.pulses, std::uint64_t{64} << 22);
  for (const float siemens : read(*device, at, 3, UINT64_MAX)) EXPECT_TRUE(std::isfinite(siemens));
  for (const float scale : {1e-45f, 1e-30f, 3e38f}) {
    Product product;
    prepare(*device, at, 2, product);
    product.full_scale = {scale};
    product.command.full_scale_amps = product.full_scale;
    product.command.vector = UINT64_MAX;
    run(*device, product.command);
    for (const float amps : product.amps) EXPECT_LE(std::abs(amps), scale);
  }
}

}  // namespace
}  // namespace sedma::backends

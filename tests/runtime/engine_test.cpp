#include "runtime/engine.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <future>
#include <random>
#include <thread>

#include "tests/hal/scripted_device.h"
#include "tests/runtime/engine_testing.h"
#include "tests/runtime/matrix_testing.h"

namespace sedma::test {
namespace {

using runtime::fails;
using runtime::succeeds;

// Everything random on the board: whatever depends on where or when a tile is written shows.
const std::string noisy = "emulator:TaOx-HfOx?rows=32&cols=40&read_noise=0.01&d2d=0.05&stuck=0.01&lanes=inline&arrays=";
const runtime::Geometry geometry{32, 40, false};

TEST(Engine, PartsAddUpToTheWholeOverAnyBoards) {
  for (const std::uint32_t slices : {0u, 1u}) {
    const Problem problem(random_matrix(150, 130, 0.2, 4), geometry, slices);
    const std::vector<double> expected = whole(problem, noisy + "100");
    std::mt19937 random(slices);
    for (int round = 0; round < 5; ++round) {
      Rank ranks[2] = {{open_device(noisy + "70"), problem}, {open_device(noisy + "90"), problem}};
      Accumulator y[2] = {problem.accumulator(), problem.accumulator()};
      Groups parts[2][2];  // of each board, multiplied one after another
      for (const std::uint32_t group : problem.all()) parts[random() % 2][random() % 2].push_back(group);
      for (int r = 0; r < 2; ++r) {
        std::reverse(parts[r][0].begin(), parts[r][0].end());
        for (const Groups& part : parts[r]) ASSERT_TRUE(succeeds(ranks[r].take(part)));
        for (const Groups& part : parts[r]) ASSERT_TRUE(succeeds(ranks[r].multiply(problem, part, y[r])));
      }
      for (std::size_t b = 0; b < problem.batch; ++b)
        for (std::size_t i = 0; i < problem.matrix.rows(); ++i) y[0].add_sum(b, i, y[1].sum(b, i));
      EXPECT_EQ(problem.values_of(y[0]), expected) << "slices " << slices << ", round " << round;
    }
  }
}

TEST(Engine, DroppedAndHeldElsewhereIsTheSame) {
  const Problem problem(random_matrix(100, 90, 0.3, 5), geometry, 1);
  const std::vector<double> expected = whole(problem, noisy + "64");
  Rank rank(open_device(noisy + "64"), problem);
  const Groups all = problem.all();
  ASSERT_GT(all.size(), 3u);
  const Groups first(all.begin(), all.begin() + 2), rest(all.begin() + 2, all.end());
  ASSERT_TRUE(succeeds(rank.take(all)));
  rank.engine.drop(first);
  EXPECT_TRUE(fails(rank.engine.program(first, 0, rank.programming), Code::internal, "not held"));
  const std::uint64_t pulses = rank.programming.pulses;
  // They come back in the other order, and so to other arrays.
  ASSERT_TRUE(succeeds(rank.take({first[1]})));
  ASSERT_TRUE(succeeds(rank.take({first[0]})));
  EXPECT_GT(rank.programming.pulses, pulses);
  Accumulator y = problem.accumulator();
  ASSERT_TRUE(succeeds(rank.multiply(problem, rest, y)));
  ASSERT_TRUE(succeeds(rank.multiply(problem, first, y)));
  EXPECT_EQ(problem.values_of(y), expected);
}

TEST(Engine, GrowingIntoTurnsAndBackIsTheSame) {
  for (const std::uint32_t slices : {0u, 1u}) {
    const Problem problem(random_matrix(100, 90, 0.3, 6), geometry, slices);
    const std::vector<double> expected = whole(problem, noisy + "64", 7);
    const Groups all = problem.all();
    const auto half = static_cast<std::ptrdiff_t>(all.size() / 2);
    const Groups first(all.begin(), all.begin() + half), rest(all.begin() + half, all.end());
    std::uint32_t arrays = 0;
    for (const std::uint32_t group : first) arrays += problem.plan.groups[group].loads;
    Rank rank(open_device(noisy + std::to_string(arrays)), problem);
    ASSERT_TRUE(succeeds(rank.take(first, 7)));
    EXPECT_EQ(rank.engine.layout().turns, 1u);
    Accumulator alone = problem.accumulator(), again = problem.accumulator();
    ASSERT_TRUE(succeeds(rank.multiply(problem, first, alone)));
    const StageCost before = rank.programming;
    ASSERT_TRUE(succeeds(rank.take(rest, 7)));
    EXPECT_GT(rank.engine.layout().turns, 1u);
    EXPECT_EQ(rank.programming.pulses, before.pulses) << "written by products, turn by turn";
    for (int product = 0; product < 2; ++product) {
      Accumulator y = problem.accumulator();
      ASSERT_TRUE(succeeds(rank.multiply(problem, all, y)));
      EXPECT_EQ(problem.values_of(y), expected) << "slices " << slices;
    }
    rank.engine.drop(rest);
    EXPECT_EQ(rank.engine.layout().turns, 1u);
    ASSERT_TRUE(succeeds(rank.multiply(problem, first, again)));
    EXPECT_EQ(problem.values_of(again), problem.values_of(alone));
    const std::uint64_t pulses = rank.programming.pulses;
    ASSERT_TRUE(succeeds(rank.multiply(problem, first, again)));
    EXPECT_EQ(rank.programming.pulses, pulses) << "now they stay";
  }
}

TEST(Engine, GroupsKeepTheirOwnOrdinals) {
  const Problem problem(random_matrix(60, 50, 0.5, 7), geometry, 0);
  const std::vector<double> zero = whole(problem, noisy + "64", 0), one = whole(problem, noisy + "64", 1);
  EXPECT_NE(zero, one);
  Rank rank(open_device(noisy + "64"), problem);
  ASSERT_TRUE(succeeds(rank.take(problem.all(), 0)));
  ASSERT_TRUE(succeeds(rank.take({0}, 1)));
  Accumulator y = problem.accumulator();
  ASSERT_TRUE(succeeds(rank.multiply(problem, problem.all(), y)));
  const std::vector<double> mixed = problem.values_of(y);
  EXPECT_NE(mixed, zero);
  EXPECT_NE(mixed, one);
}

TEST(Engine, WhatWasNotProgrammedIsNotMultiplied) {
  const Problem problem(random_matrix(60, 50, 0.5, 7), geometry, 0);
  Rank rank(open_device(noisy + "64"), problem);
  Accumulator y = problem.accumulator();
  EXPECT_TRUE(fails(rank.multiply(problem, {0}, y), Code::internal, "not held"));
  rank.engine.hold(Groups{0});
  EXPECT_TRUE(fails(rank.multiply(problem, {0}, y), Code::internal, "not programmed"));
  EXPECT_TRUE(succeeds(rank.multiply(problem, {}, y)));
  EXPECT_EQ(rank.device->charged_pulses(), 0u);
}

TEST(Engine, HashesAreThoseOfTheTilesProgrammed) {
  const Problem problem(random_matrix(60, 50, 0.5, 8), geometry, 1);
  Rank rank(open_device(noisy + "64"), problem);
  rank.engine.hold(problem.all());
  EXPECT_TRUE(rank.engine.hashes().empty());
  ASSERT_TRUE(succeeds(rank.take({1})));
  const auto hashes = rank.engine.hashes();
  ASSERT_EQ(hashes.size(), problem.plan.groups[1].tiles.size());
  for (const auto& [tile, hash] : hashes) {
    const runtime::Tile& t = problem.plan.tiles[tile];
    std::vector<double> values(t.rows.size() * t.cols.size());
    ASSERT_TRUE(problem.matrix.gather(t.rows, t.cols, values.data()).ok());
    EXPECT_EQ(hash, runtime::tile_hash(values, t.rows.size(), t.cols.size(), problem.plan.choice));
  }
}

TEST(Engine, StoppedFromAnotherThreadWhileProgramming) {
  const Problem problem(random_matrix(150, 130, 0.5, 9), geometry, 1);
  const std::vector<double> expected = whole(problem, noisy + "100");
  std::promise<void> begun;
  bool told = false;
  runtime::EngineOptions options;
  options.progress = [&](const char*, std::uint64_t, std::uint64_t) {
    if (!std::exchange(told, true)) begun.set_value();
    return true;
  };
  Rank rank(open_device("emulator:TaOx-HfOx?rows=32&cols=40&read_noise=0.01&d2d=0.05&stuck=0.01&arrays=100"), problem, options);
  std::thread other([&] {
    begun.get_future().wait();
    rank.engine.stop();
  });
  // Programs over and over until it is stopped.
  Status status;
  while (status.ok()) status = rank.take(problem.all());
  other.join();
  EXPECT_EQ(status.code(), Code::aborted) << status.to_string();
  Accumulator y = problem.accumulator();
  EXPECT_EQ(rank.take(problem.all()).code(), Code::aborted) << "until resume()";
  EXPECT_EQ(rank.multiply(problem, problem.all(), y).code(), Code::aborted);
  rank.engine.resume();
  ASSERT_TRUE(succeeds(rank.take(problem.all())));
  ASSERT_TRUE(succeeds(rank.multiply(problem, problem.all(), y)));
  EXPECT_EQ(problem.values_of(y), expected);
}

// A board that never answers until it is cancelled.
struct Stuck {
  std::shared_ptr<hal::ScriptedDevice> device = std::make_shared<hal::ScriptedDevice>();
  std::shared_ptr<hal::Event> event = std::make_shared<hal::Event>();
  Stuck() {
    device->answer = hal::waits_for(event);
    device->on_cancel = [this] { event->set(Status(Code::aborted, "cancelled")); };
  }
};

TEST(Engine, StopEndsAWait) {
  const Problem problem(random_matrix(10, 10, 1, 1), {8, 6, false}, 0);
  const Stuck stuck;
  Rank rank(stuck.device, problem);
  auto programming = std::async(std::launch::async, [&] { return rank.take({0}); });
  while (stuck.device->submissions == 0) std::this_thread::yield();
  rank.engine.stop();
  EXPECT_EQ(programming.get().code(), Code::aborted);
}

TEST(Engine, TheWatchIsAskedWhileWaiting) {
  const Problem problem(random_matrix(10, 10, 1, 1), {8, 6, false}, 0);
  const Stuck stuck;
  int asked = 0;
  runtime::EngineOptions options;
  options.progress = [&](const char*, std::uint64_t done, std::uint64_t) {
    EXPECT_EQ(done, 0u);
    if (++asked < 3) return true;
    stuck.device->cancel();
    return false;
  };
  Rank rank(stuck.device, problem, options);
  EXPECT_TRUE(fails(rank.take({0}), Code::aborted, "stopped at program 0 of 1"));
  EXPECT_EQ(asked, 3);
}

TEST(Engine, AFailedProgrammingIsNoProgramming) {
  const Problem problem(random_matrix(20, 20, 0.5, 6), geometry, 0);
  Rank rank(open_device("faulty:emulator:TaOx-HfOx?rows=32&cols=40&fault.error=1&fault.seed=1"), problem);
  EXPECT_TRUE(fails(rank.take({0}), Code::device_fault, "array 0"));
  Accumulator y = problem.accumulator();
  EXPECT_EQ(rank.multiply(problem, {0}, y).code(), Code::internal);
}

}  // namespace
}  // namespace sedma::test

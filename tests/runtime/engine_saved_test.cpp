// Cells that outlive their process.

#include <gtest/gtest.h>

#include "tests/hal/tiny_device.h"
#include "tests/runtime/engine_testing.h"
#include "tests/runtime/matrix_testing.h"
#include "tests/temporary_directory.h"

namespace sedma::test {
namespace {

using runtime::fails;
using runtime::SavedCells;
using runtime::succeeds;

constexpr std::uint32_t physical = 1 | 2 | 4 | 8 | 32 | 128 | 256;

hal::Limits generous() {
  hal::Limits limits;
  limits.max_cell_volts = 2;
  limits.max_pulses_per_cell = 1'000'000;
  limits.max_total_pulses = 1'000'000'000;
  return limits;
}

std::shared_ptr<hal::Device> chip(std::uint32_t features = physical) {
  testing::TinyOptions options;
  options.arrays = 12;
  options.rows = 16;
  options.cols = 20;
  options.levels = 64;
  options.features = features;
  return std::make_shared<testing::TinyDevice>(options, generous());
}

class Restored : public ::testing::Test {
 protected:
  Problem problem_{random_matrix(25, 30, 0.6, 3), {16, 20, false}, 1};
  std::shared_ptr<hal::Device> device_ = chip();
  testing::TemporaryDirectory directory_;
  std::string path_ = directory_ / "cells.h5";
  std::vector<double> y_;

  static runtime::EngineOptions keeping() {
    runtime::EngineOptions options;
    options.keep_cells = true;
    return options;
  }
  // What a first process leaves behind: programmed cells, and a file.
  SavedCells leave(std::uint64_t ordinal) {
    Rank first(device_, problem_, keeping());
    EXPECT_TRUE(succeeds(first.take(problem_.all(), ordinal)));
    EXPECT_EQ(first.engine.layout().turns, 1u);
    Accumulator y = problem_.accumulator();
    EXPECT_TRUE(succeeds(first.multiply(problem_, problem_.all(), y)));
    y_ = problem_.values_of(y);
    EXPECT_TRUE(succeeds(first.engine.save(path_)));
    return runtime::read_saved_cells(path_).value();
  }
};

TEST_F(Restored, TakesCellsOverWithoutAPulse) {
  const SavedCells saved = leave(3);
  const std::uint64_t pulses = device_->charged_pulses();
  Rank second(device_, problem_, keeping());
  second.engine.hold(problem_.all());
  const auto taken = second.engine.restore(saved, second.programming);
  ASSERT_TRUE(taken.ok()) << taken.status().to_string();
  EXPECT_EQ(*taken, problem_.all());
  EXPECT_EQ(second.programming.commands, problem_.plan.tiles.size() * 2) << "a read for every slice of a tile";
  EXPECT_GT(second.programming.seconds, 0);
  Accumulator y = problem_.accumulator();
  ASSERT_TRUE(succeeds(second.multiply(problem_, problem_.all(), y)));
  EXPECT_EQ(problem_.values_of(y), y_);
  EXPECT_EQ(device_->charged_pulses(), pulses);
  EXPECT_EQ(second.engine.hashes().size(), problem_.plan.tiles.size());
  // And it can be left behind once more.
  ASSERT_TRUE(succeeds(second.engine.save(path_)));
  EXPECT_EQ(runtime::read_saved_cells(path_)->slices.size(), saved.slices.size());
  EXPECT_EQ(runtime::read_saved_cells(path_)->slices[0].ordinal, 3u);
}

TEST_F(Restored, ACellThatChangedCostsItsGroup) {
  const SavedCells saved = leave(0);
  const std::int32_t many = 20;  // of 64 levels
  hal::Pulse pulse;
  pulse.array = {saved.slices[0].array};
  pulse.row = saved.slices[0].word_lines[0];
  pulse.col = saved.slices[0].bit_lines[0];
  const std::int32_t direction = saved.slices[0].found_siemens[0] < 5e-6f ? many : -many;
  pulse.pulses = {&direction, 1, 1};
  pulse.up.width_seconds = pulse.down.width_seconds = 1e-7f;
  pulse.up.cell_volts = 1;
  pulse.down.cell_volts = -1;
  ASSERT_TRUE(succeeds(device_->run(pulse)));
  Rank second(device_, problem_);
  second.engine.hold(problem_.all());
  const auto taken = second.engine.restore(saved, second.programming);
  ASSERT_TRUE(taken.ok());
  Groups others = problem_.all();
  others.erase(others.begin());
  EXPECT_EQ(*taken, others);
}

TEST_F(Restored, OnlyWhatFits) {
  const SavedCells saved = leave(0);
  const auto none = [&](const Problem& problem, std::shared_ptr<hal::Device> device, const SavedCells& cells) {
    Rank second(std::move(device), problem);
    second.engine.hold(problem.all());
    const auto taken = second.engine.restore(cells, second.programming);
    return taken.ok() && taken->empty() && second.programming.commands == 0;
  };
  SavedCells elsewhere = saved, other = saved, emulated = saved;
  elsewhere.board_id = "another chip";
  other.content += 1;
  emulated.physical = false;
  EXPECT_TRUE(none(problem_, device_, elsewhere));
  EXPECT_TRUE(none(problem_, device_, other));
  EXPECT_TRUE(none(problem_, device_, emulated));
  EXPECT_TRUE(none(problem_, chip(1 | 2 | 4 | 8 | 32 | 256), saved)) << "a board that forgets";
  SavedCells moved = saved, cut = saved;
  for (auto& slice : moved.slices) slice.array ^= 1;
  for (auto& slice : cut.slices) slice.found_siemens.pop_back();
  EXPECT_TRUE(none(problem_, device_, moved));
  EXPECT_TRUE(none(problem_, device_, cut));
  // Hashes tell other values and options from these, whatever the file says of its matrix.
  Problem choice(random_matrix(25, 30, 0.6, 3), {16, 20, false}, 1);
  choice.plan.choice.passes = 11;
  EXPECT_TRUE(none(choice, device_, saved));
}

TEST_F(Restored, CellsThatWereNotKeptCannotBeSaved) {
  Rank rank(device_, problem_);
  ASSERT_TRUE(succeeds(rank.take(problem_.all())));
  EXPECT_TRUE(fails(rank.engine.save(path_), Code::invalid_argument, "keep_cells"));
}

TEST_F(Restored, ASessionGoesOn) {
  const auto x = runtime::random_inputs(2, 6, problem_.matrix.cols());
  const std::span<const double> head(x.data(), 3 * problem_.matrix.cols()), tail(x.data() + head.size(), head.size());
  runtime::SessionOptions options;
  options.choice = problem_.plan.choice;
  options.keep_cells = true;
  auto first = runtime::Session::open(*device_, problem_.matrix, options).value();
  ASSERT_TRUE(succeeds(first.multiply(head, 3)));
  ASSERT_TRUE(succeeds(first.save(directory_ / "run")));
  const auto expected = first.multiply(tail, 3);
  ASSERT_TRUE(expected.ok());
  const std::uint64_t pulses = device_->charged_pulses();
  auto second = runtime::Session::open(*device_, problem_.matrix, options).value();
  second.continue_from(3, 1);
  ASSERT_TRUE(succeeds(second.restore(directory_ / "run")));
  ASSERT_TRUE(succeeds(second.program()));
  const auto y = second.multiply(tail, 3);
  ASSERT_TRUE(y.ok());
  EXPECT_EQ(y->y, expected->y);
  EXPECT_EQ(device_->charged_pulses(), pulses);
  ASSERT_TRUE(succeeds(second.program()));
  EXPECT_GT(device_->charged_pulses(), pulses) << "only the first time";
  EXPECT_EQ(second.restore(directory_ / "nothing").code(), Code::unavailable);
}

}  // namespace
}  // namespace sedma::test

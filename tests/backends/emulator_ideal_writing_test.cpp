// ideal_writing=on: the cells are where they were wanted, for nothing.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/materials.h"
#include "tests/backends/emulator_bench.h"

namespace sedma::backends {
namespace {

using namespace emulator_bench;

std::string uri(const std::string& material, const std::string& options) {
  return "emulator:" + material + "?arrays=2&rows=40&cols=30&ideal_writing=on" + options;
}

TEST(EmulatorIdealWriting, PutsEveryCellOnItsTargetForNothing) {
  for (const char* name : {"Ag-aSi", "AlOx-HfO2", "EpiRAM", "TaOx-HfOx"}) {
    for (const char* options : {"", "&transistor=off", "&identity=board"}) {
      const auto device = open(uri(name, options));
      const At at{1, 2, 3, 20, 15};
      const auto target = pattern(*device, at.size());
      const Written written = program(*device, at, target, {1e-5, 1, 1, true, 9});
      const hal::Stats& stats = written.completion.stats;
      EXPECT_EQ(written.completion.unconverged, 0u) << name;
      EXPECT_EQ(stats.pulses, 0u) << name;
      EXPECT_EQ(stats.seconds, 0) << name;
      EXPECT_EQ(stats.joules.total(), 0) << name;
      for (std::size_t i = 0; i < target.size(); ++i) {
        EXPECT_NEAR(written.siemens[i] / target[i], 1, 1e-6) << name;
        EXPECT_EQ(written.outcome[i], hal::Outcome::converged) << name;
        EXPECT_EQ(written.pulses[i], 0u);
      }
      EXPECT_EQ(read(*device, at), written.siemens) << name;
    }
  }
}

TEST(EmulatorIdealWriting, StaysWithinACellsOwnRangeAndLeavesStuckOnes) {
  const At at{0, 0, 0, 40, 30};
  const auto real = open("emulator:TaOx-HfOx?arrays=1&rows=40&cols=30&d2d=0.1&stuck=0.1&c2c=off");
  const auto device = open(uri("TaOx-HfOx", "&d2d=0.1&stuck=0.1"));
  const auto top = static_cast<float>(device->capabilities().g_max_siemens);
  const std::vector<float> target(at.size(), top);
  const Written ideally = program(*device, at, target, {0.001, 1, 1, true, 9});
  const Written pulsed = program(*real, at, target, {0.001, 200, 100000, true, 9});
  std::size_t on_target = 0, below = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    // Where pulses end at the top of the cell's range or where it sticks, so does this: the same cells by the same random numbers.
    if (pulsed.outcome[i] != hal::Outcome::converged) {
      EXPECT_NEAR(ideally.siemens[i] / pulsed.siemens[i], 1, 0.02) << i;
    }
    (ideally.outcome[i] == hal::Outcome::converged ? on_target : below) += 1;
  }
  EXPECT_EQ(ideally.completion.unconverged, below);
  EXPECT_NEAR(static_cast<double>(on_target) / static_cast<double>(at.size()), 0.5, 0.06) << "half have a higher G_max";
}

TEST(EmulatorIdealWriting, MaskedCellsAreLeftAlone) {
  const auto device = open(uri("EpiRAM", ""));
  const At at{0, 5, 5, 4, 6};
  const auto before = pattern(*device, at.size());
  const Written first = program(*device, at, before);
  Written second;
  const std::vector<float> target(at.size(), static_cast<float>(device->capabilities().g_max_siemens));
  std::vector<std::uint8_t> mask(at.size(), 0);
  for (std::size_t i = 0; i < mask.size(); i += 3) mask[i] = 1;
  hal::Program job = make_program(*device, at, target, {}, second);
  job.mask = {mask.data(), at.rows, at.cols};
  run(*device, job);
  for (std::size_t i = 0; i < mask.size(); ++i) {
    EXPECT_NEAR(second.siemens[i] / (mask[i] != 0 ? first.siemens[i] : target[i]), 1, 1e-6) << i;
    EXPECT_EQ(second.outcome[i], mask[i] != 0 ? hal::Outcome::masked : hal::Outcome::converged) << i;
  }
}

}  // namespace
}  // namespace sedma::backends

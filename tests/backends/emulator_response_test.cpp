// Boards whose cells differ from the published numbers of their material.
#include <gtest/gtest.h>

#include <cmath>

#include "kernels/materials.h"
#include "kernels/pulses.h"
#include "tests/backends/emulator_bench.h"

namespace sedma::backends {
namespace {

using namespace emulator_bench;

constexpr At window = {0, 0, 0, 96, 64};

/// sd over cells of the terminal conductance after `count` pulses from G_min, fraction of the range.
double spread_after(const std::string& uri, std::int32_t count) {
  const auto device = open(uri);
  pulse(*device, window, count);
  double sum = 0, squares = 0;
  for (const float siemens : read(*device, window)) {
    const double share = static_cast<double>(siemens) / device->capabilities().g_range_siemens();
    sum += share;
    squares += share * share;
  }
  const auto cells = static_cast<double>(window.size());
  return std::sqrt(squares / cells - sum * sum / cells / cells);
}

// Without the transistor the terminal sees the cell itself; far from both ends nothing is clipped.
TEST(EmulatorResponse, NoiseOfAPulseIsWhatTheUriSays) {
  for (const double scale : {0.2, 0.5}) {
    for (const std::int32_t count : {40, 60}) {
      const double found = spread_after(fmt::format("emulator:TaOx-HfOx?arrays=1&transistor=off&c2c_scale={}", scale), count);
      EXPECT_NEAR(found / (scale * 0.037 * std::sqrt(count)), 1, 0.05) << scale << " " << count;  // 6144 cells: 0.9 %
    }
  }
}

TEST(EmulatorResponse, NonlinearityBendsTheLawThatPulsesFollow) {
  for (const kernels::Material& material : kernels::published_materials()) {
    for (const double factor : {0.5, 1.0, 1.5, 3.0}) {
      const auto device =
          open(fmt::format("emulator:{}?arrays=1&rows=4&cols=4&transistor=off&c2c=off&nonlinearity={}", material.name, factor));
      const auto up = static_cast<std::int32_t>(material.levels_up / 3);
      pulse(*device, {}, up);
      const double a = material.a_up_pulses / factor;
      const double share = (1 - std::exp(-up / a)) / (1 - std::exp(-static_cast<double>(material.levels_up) / a));
      const double expected = material.g_min_siemens + share * (material.g_max_siemens - material.g_min_siemens);
      EXPECT_NEAR(static_cast<double>(read(*device, {})[0]) / expected, 1, 1e-4) << material.name << " " << factor;
    }
  }
}

TEST(EmulatorResponse, MoreNoiseMakesWorseWriting) {
  const auto rms = [](const std::string& options) {
    const auto device = open("emulator:EpiRAM?arrays=1" + options);
    const auto target = pattern(*device, window.size());
    const Written written = program(*device, window, target, {0.005, 21});
    double squares = 0;
    for (std::size_t i = 0; i < target.size(); ++i) squares += std::pow(static_cast<double>(written.siemens[i] - target[i]), 2);
    return std::sqrt(squares / static_cast<double>(target.size())) / device->capabilities().g_range_siemens();
  };
  const double published = rms("");
  EXPECT_EQ(rms("&c2c_scale=1&nonlinearity=1"), published);
  EXPECT_GT(rms("&c2c_scale=1.5"), 1.2 * published);
  EXPECT_LT(rms("&c2c_scale=0.5"), 0.8 * published);
}

}  // namespace
}  // namespace sedma::backends

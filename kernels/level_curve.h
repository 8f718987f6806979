#pragma once
// A figure of a cell as a function of its level: straight lines through five points.

#include <array>
#include <cstddef>

namespace sedma::kernels {

/// Piecewise linear through (level[i], value[i]), constant outside. Levels ascend strictly; 0 is the lowest conductance, 1 the highest.
struct LevelCurve {
  std::array<double, 5> level{0, 0.25, 0.5, 0.75, 1};
  std::array<double, 5> value{};

  /// The same value at every level.
  static constexpr LevelCurve flat(double value) noexcept { return {{0, 0.25, 0.5, 0.75, 1}, {value, value, value, value, value}}; }
};

/// The curve as first value + sum of slope[i] times how far the level reaches into segment i: no branches, so that it vectorises. The
/// scalar and the vector code take the steps of operator() in its order.
struct LevelLine {
  std::array<float, 4> from{}, width{}, slope{};
  float first = 0;

  explicit LevelLine(const LevelCurve& curve) noexcept : first(static_cast<float>(curve.value[0])) {
    for (std::size_t i = 0; i < 4; ++i) {
      from[i] = static_cast<float>(curve.level[i]);
      width[i] = static_cast<float>(curve.level[i + 1] - curve.level[i]);
      slope[i] = static_cast<float>((curve.value[i + 1] - curve.value[i]) / (curve.level[i + 1] - curve.level[i]));
    }
  }
  float operator()(float level) const noexcept {
    float sum = first;
    for (std::size_t i = 0; i < 4; ++i) {
      float into = level - from[i];
      into = into < 0.0f ? 0.0f : into;
      into = into > width[i] ? width[i] : into;
      sum = sum + slope[i] * into;
    }
    return sum;
  }
};

}  // namespace sedma::kernels

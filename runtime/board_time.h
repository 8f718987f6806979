#pragma once
// The seconds of a board whose arrays work beside each other.

#include <cstdint>
#include <vector>

#include "hal/device.h"

namespace sedma::runtime {

/// Adds up what commands take: arrays work at the same time where the board can (Feature::parallel_arrays), slices and turns one after the
/// other. The engine counts with it what was run, the cost model what would be.
class BoardTime {
 public:
  explicit BoardTime(const hal::Capabilities& board) : seconds_(board.arrays, 0.0), parallel_(board.has(hal::Feature::parallel_arrays)) {}
  /// @pre array < Capabilities::arrays
  void add(std::uint32_t array, double seconds) { seconds_[array] += seconds; }
  /// What the arrays have taken since the last time.
  double finish();

 private:
  std::vector<double> seconds_;
  bool parallel_;
};

}  // namespace sedma::runtime

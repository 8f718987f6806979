#pragma once
// What work on a device cost.

#include <cstdint>

#include "hal/commands.h"

namespace sedma::runtime {

/// What a stage cost on the device. `seconds` is the time of the board: arrays work at the same time if it can (Feature::parallel_arrays),
/// and so do boards.
struct StageCost {
  hal::Joules joules;
  double seconds = 0;
  std::uint64_t pulses = 0, conversions = 0;
  std::uint64_t products = 0;  ///< array products (one vector through one window)
  std::uint64_t cells = 0;     ///< cells written (Program targets, masked ones not counted)
  std::uint64_t unconverged = 0;
  std::uint64_t compensated = 0;    ///< bad cells whose partner took their error over
  std::uint64_t uncompensated = 0;  ///< bad cells that leave an error
  std::uint64_t commands = 0;
  /// Adds counts and joules, and `seconds` as after one another.
  StageCost& operator+=(const StageCost& other) noexcept;
};

}  // namespace sedma::runtime

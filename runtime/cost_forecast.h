#pragma once
// What a run costs at most, before anything is sent to a device, and the pieces that forecasts are made of.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "hal/commands.h"
#include "runtime/device_model.h"
#include "runtime/layout.h"
#include "runtime/plan.h"

namespace sedma::runtime {

/// One slice of a tile as its costs see it. All lines are those of one array.
struct WindowWork {
  std::uint32_t array = 0, turn = 0, slice = 0;
  std::uint32_t word_lines = 0, bit_lines = 0;  ///< that hold values
  std::uint32_t rows = 0, cols = 0;             ///< of the smallest window around them
  std::uint32_t bad_cells = 0;
};
inline WindowWork work_of(const Placement& p) {
  return {p.array,
          p.turn,
          p.slice,
          static_cast<std::uint32_t>(p.word_lines.size()),
          static_cast<std::uint32_t>(p.bit_lines.size()),
          p.word_lines.back() - p.word_lines.front() + 1,
          p.bit_lines.back() - p.bit_lines.front() + 1,
          p.bad_cells};
}

/// What one board is to do.
struct Workload {
  Choice choice;
  std::vector<WindowWork> windows;  ///< in the order they are programmed
  std::uint64_t programmings = 1;   ///< of all windows; with several turns one for every batch
  std::uint64_t vectors = 1;        ///< multiplied, in all batches
  /// Correction `products`: x~ is written for every vector, and multiplied by the rows of the matrix.
  struct Products {
    std::uint32_t rows = 0, cols = 0;  ///< of the matrix
  };
  std::optional<Products> products;
};

struct StageForecast {
  std::uint64_t pulses = 0;
  hal::Joules joules;
  double seconds = 0;  ///< of the device, arrays working at the same time where they can
};
struct RunForecast {
  StageForecast programming, multiplying;
  StageForecast total() const;
};

struct CostForecast {
  std::optional<RunForecast> expected;  ///< nothing: nobody knows
  std::uint64_t worst_case_pulses = 0;
  std::optional<RunForecast> worst_case;  ///< nothing: the board states no model of energy and time
};

/// What no run passes, whatever the matrix, the vectors and the random numbers are; recovery from a loss, which writes again, aside.
/// Without a model there are only pulses. Cost: O(windows).
CostForecast worst_case(const Workload& work, const hal::Capabilities& board, const std::optional<DeviceModel>& device);

/// Of boards that work at the same time: pulses and joules add up, each stage takes as long as on the slowest board. Expected or worst case
/// only where every board has it. @pre !boards.empty()
CostForecast together(std::span<const CostForecast> boards);

}  // namespace sedma::runtime

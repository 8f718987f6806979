#pragma once
// What a run will cost, before anything is sent to a device: what no run passes, and what is to be expected.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "cli/board.h"
#include "cli/output_file.h"
#include "hal/commands.h"
#include "runtime/matrix_source.h"
#include "runtime/plan.h"

namespace sedma::cli {

/// One slice of a tile as its costs see it. All lines are those of one array.
struct WindowWork {
  std::uint32_t array = 0, turn = 0, slice = 0;
  std::uint32_t word_lines = 0, bit_lines = 0;  ///< that hold values
  std::uint32_t rows = 0, cols = 0;             ///< of the smallest window around them
  std::uint32_t bad_cells = 0;
};
/// Of a runtime::Placement.
template <class Placement>
WindowWork work_of(const Placement& p) {
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
  runtime::Choice choice;
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
  std::optional<RunForecast> expected;  ///< nothing: no emulator, nobody knows
  std::uint64_t worst_case_pulses = 0;
  std::optional<RunForecast> worst_case;  ///< nothing: the board states no model of energy and time
};

/// What no run passes, whatever the matrix, the vectors and the random numbers are; recovery from a loss, which writes again, aside.
/// `assumptions`: of the emulator; without them there are only pulses. Cost: O(windows).
CostForecast worst_case(const Workload& work, const hal::Capabilities& board,
                        const std::optional<backends::EmulatorAssumptions>& assumptions);

/// The same with what is expected: on a twin of the emulator up to four of the matrix's own tiles, spread evenly over `tiles`, are written
/// as `work.choice` says and multiplied by random vectors; what that cost is scaled to all cells. Within about 15 % where tiles are alike.
/// Errors: of the matrix and of the twin. Cost: that of writing four tiles.
Result<CostForecast> forecast_costs(const Workload& work, const runtime::MatrixSource& matrix, std::span<const runtime::Tile> tiles,
                                    const hal::Registry& registry, const Board& board);

/// Of boards that work at the same time: pulses and joules add up, each stage takes as long as on the slowest board. Expected or worst case
/// only where every board has it. @pre !boards.empty()
CostForecast together(std::span<const CostForecast> boards);

/// {"expected": {"pulses", "joules": {...}, "seconds", "programming": {...}, "multiplying": {...}} | null, "worst_case": the same, or with
/// null for joules and seconds, "note"}
Json costs_json(const CostForecast& costs);
/// One line for expected, one for worst case.
struct CostText {
  std::string expected, worst_case;
};
CostText costs_text(const CostForecast& costs);

}  // namespace sedma::cli

#pragma once
// What a layout of matrices on a board takes, told without touching it, and the static one beside it.

#include <cstdint>
#include <optional>
#include <string>

#include "hal/commands.h"
#include "runtime/cost_forecast.h"
#include "runtime/device_model.h"
#include "runtime/layout.h"
#include "runtime/matrix_source.h"
#include "runtime/plan.h"

namespace sedma::cli {

/// What the product of one vector costs the device, writing aside.
struct VectorCost {
  double seconds = 0, converter_joules = 0;  ///< exact: they depend on no value
  double most_joules = 0;                    ///< with lines and cells: every input at full voltage, every cell as conductive as cells are
};

struct LayoutFacts {
  std::uint64_t tiles = 0, arrays = 0, loads = 0;
  std::uint64_t turns = 0;    ///< loads of an array; with several all of them are written for every batch
  std::uint64_t windows = 0;  ///< most tiles and slices that take turns with one load
  double memory_efficiency = 0;
  std::optional<VectorCost> vector;  ///< nothing: nobody knows what the device takes
};

struct PlanFacts {
  std::string name;
  std::uint32_t rows = 0, cols = 0;
  std::uint64_t nonzeros = 0, cells_useful = 0;
  std::uint64_t counting_bound = 0;  ///< arrays that the useful cells alone would fill
  LayoutFacts chosen, fixed;         ///< as asked; Partition::fixed with the same tiles, encoding and slices
  runtime::Plan plan;                ///< of `chosen`
  runtime::Layout layout;
};

/// `device`: what products cost. Errors: of make_plan() and board_shape(). Cost: of make_plan(), and O(blocks of the grid).
Result<PlanFacts> plan_facts(const runtime::MatrixSource& matrix, const hal::Capabilities& board, const runtime::Choice& choice,
                             const std::optional<runtime::DeviceModel>& device);

/// Arrays as rectangles of characters, one for `step` x `step` lines: '.' empty, else a letter for each tile ('a' to 'z', 'A' to 'Z', again
/// from 'a'), its slices alike. At most `most` arrays, four in a line.
std::string plan_picture(const PlanFacts& facts, const hal::Capabilities& board, std::uint32_t step, std::uint32_t most);

}  // namespace sedma::cli

#include "cli/plan_facts.h"

#include <algorithm>
#include <utility>

#include "runtime/cost_model.h"

namespace sedma::cli {
namespace {

/// Adds up windows in the order of their loads.
class CostOfWindows {
 public:
  CostOfWindows(const std::optional<runtime::DeviceModel>& device, const hal::Capabilities& board, const runtime::Choice& choice)
      : time_(board) {
    if (device) model_.emplace(*device, board, choice);
  }
  void add(const runtime::WindowWork& window) {
    if (!model_) return;
    if (std::exchange(turn_, window.turn) != window.turn) cost_.seconds += time_.finish();
    const runtime::StageForecast exact = model_->product_overhead(window, 1);
    time_.add(window.array, exact.seconds);
    cost_.converter_joules += exact.joules.dac + exact.joules.adc;
    cost_.most_joules += model_->product(window, 1, window.word_lines).joules.total();
  }
  std::optional<VectorCost> finish() {
    if (!model_) return std::nullopt;
    cost_.seconds += time_.finish();
    return cost_;
  }

 private:
  std::optional<runtime::CostModel> model_;
  runtime::BoardTime time_;
  std::uint32_t turn_ = 0;
  VectorCost cost_;
};

std::uint64_t at_least_one_each(std::uint64_t count, std::uint64_t size) { return (count + size - 1) / size; }

LayoutFacts facts_of(const runtime::Plan& plan, const runtime::Layout& layout, CostOfWindows cost) {
  LayoutFacts facts{plan.tiles.size(), layout.arrays, plan.loads, layout.turns, 0, 0, {}};
  for (const runtime::Group& group : plan.groups) facts.windows = std::max<std::uint64_t>(facts.windows, group.spots.size() / group.loads);
  facts.memory_efficiency = runtime::memory_efficiency(plan, std::span(&layout, 1));
  for (const runtime::Placement& placement : layout.placements) cost.add(runtime::work_of(placement));
  facts.vector = cost.finish();
  return facts;
}

// The static layout has too many tiles to be made where the matrix is large; what it costs is known without.
LayoutFacts fixed_facts(const runtime::MatrixSource& matrix, const hal::Capabilities& board, const runtime::Plan& plan,
                        std::uint32_t tile_rows, std::uint32_t tile_cols, CostOfWindows cost) {
  LayoutFacts facts;
  facts.windows = 1;
  for (const runtime::Part& part : matrix.parts()) {
    for (std::uint32_t row = 0; row < part.rows; row += std::min(tile_rows, part.rows - row)) {
      const std::uint32_t bit_lines = kernels::bit_lines(plan.choice.encoding, std::min(tile_rows, part.rows - row));
      for (std::uint32_t col = 0; col < part.cols; col += std::min(tile_cols, part.cols - col)) {
        const std::uint32_t word_lines = std::min(tile_cols, part.cols - col);
        ++facts.tiles;
        for (std::uint32_t slice = 0; slice <= plan.choice.slices; ++slice, ++facts.loads)
          cost.add({static_cast<std::uint32_t>(facts.loads % board.arrays), static_cast<std::uint32_t>(facts.loads / board.arrays), slice,
                    word_lines, bit_lines, word_lines, bit_lines, 0});
      }
    }
  }
  facts.arrays = std::min<std::uint64_t>(facts.loads, board.arrays);
  facts.turns = at_least_one_each(facts.loads, board.arrays);
  if (facts.loads > 0)
    facts.memory_efficiency = static_cast<double>(plan.cells_useful) /
                              (static_cast<double>(facts.loads) * static_cast<double>(board.rows) * static_cast<double>(board.cols));
  facts.vector = cost.finish();
  return facts;
}

}  // namespace

Result<PlanFacts> plan_facts(const runtime::MatrixSource& matrix, const hal::Capabilities& board, const runtime::Choice& choice,
                             const std::optional<runtime::DeviceModel>& device) {
  SEDMA_ASSIGN_OR_RETURN(const runtime::BoardShape shape, runtime::board_shape(board, {}, choice.encoding));
  const runtime::Geometry geometry = runtime::common_geometry({&shape, 1});
  PlanFacts facts;
  SEDMA_ASSIGN_OR_RETURN(facts.plan, runtime::make_plan(matrix, geometry, choice));
  facts.layout = runtime::lay_out_all(facts.plan, shape, {});
  facts.name = matrix.name();
  facts.rows = matrix.rows();
  facts.cols = matrix.cols();
  facts.nonzeros = matrix.nonzeros();
  facts.cells_useful = facts.plan.cells_useful;
  facts.counting_bound = at_least_one_each(facts.cells_useful, std::uint64_t{board.rows} * board.cols);
  facts.chosen = facts_of(facts.plan, facts.layout, {device, board, choice});
  const std::uint32_t rows = choice.tile_rows != 0 ? choice.tile_rows : kernels::outputs_of(choice.encoding, geometry.bit_lines);
  const std::uint32_t cols = choice.tile_cols != 0 ? choice.tile_cols : geometry.word_lines;
  facts.fixed = fixed_facts(matrix, board, facts.plan, rows, cols, {device, board, choice});
  return facts;
}

}  // namespace sedma::cli

#include "runtime/layout.h"

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "runtime/pack.h"

namespace sedma::runtime {
namespace {

std::uint32_t count_bad_cells(const Placement& placement, const Mask& mask) {
  if (mask.cells.empty()) return 0;
  std::uint32_t bad = 0;
  for (const std::uint32_t row : placement.word_lines)
    for (const std::uint32_t col : placement.bit_lines) bad += static_cast<std::uint32_t>(mask.cells.count({placement.array, row, col}));
  return bad;
}

Placement place(const Plan& plan, const Spot& spot, std::uint32_t load, const BoardShape& shape, const Slots& slots,
                const ArrayLines& lines) {
  const Tile& tile = plan.tiles[spot.tile];
  const std::uint64_t array = load / slots.count();
  const auto slot = static_cast<std::uint32_t>(load % slots.count());
  Placement placement;
  placement.tile = spot.tile;
  placement.slice = spot.slice;
  placement.array = static_cast<std::uint32_t>(array % shape.arrays);
  placement.turn = static_cast<std::uint32_t>(array / shape.arrays);
  placement.word_lines = lines.word_lines(placement.array, slot / slots.cols * plan.geometry.word_lines + spot.row,
                                          static_cast<std::uint32_t>(tile.cols.size()));
  placement.bit_lines = lines.bit_lines(placement.array, slot % slots.cols * plan.geometry.bit_lines + spot.col,
                                        kernels::bit_lines(plan.choice.encoding, static_cast<std::uint32_t>(tile.rows.size())));
  return placement;
}

}  // namespace

void Shelves::hold(std::uint32_t group, std::uint32_t loads) {
  SEDMA_CHECK(!holds(group), group);
  std::vector<std::uint32_t>& mine = held_[group];
  for (; mine.size() < loads; ++lowest_) {
    if (lowest_ == taken_.size()) taken_.push_back(false);
    if (taken_[lowest_]) continue;
    taken_[lowest_] = true;
    mine.push_back(lowest_);
  }
}

void Shelves::drop(std::uint32_t group) {
  const auto found = held_.find(group);
  if (found == held_.end()) return;
  for (const std::uint32_t load : found->second) {
    taken_[load] = false;
    lowest_ = std::min(lowest_, load);
  }
  held_.erase(found);
}

Layout lay_out(const Plan& plan, const Shelves& shelves, const BoardShape& shape, const Mask& mask) {
  Layout layout;
  if (shelves.held().empty()) return layout;
  const Slots slots = slots_of(shape, plan.geometry);
  SEDMA_CHECK(slots.count() > 0 && shape.arrays > 0, shape.arrays, shape.word_lines, shape.bit_lines);
  const ArrayLines lines(shape.arrays, shape.rows, shape.cols, mask, plan.choice.encoding == kernels::Encoding::pair);
  std::set<std::uint32_t> arrays;
  std::set<std::pair<std::uint32_t, std::uint32_t>> loaded;  // turn, array
  for (const auto& [group, loads] : shelves.held()) {
    for (const Spot& spot : plan.groups[group].spots) {
      Placement placement = place(plan, spot, loads[spot.load], shape, slots, lines);
      placement.group = group;
      placement.bad_cells = count_bad_cells(placement, mask);
      layout.bad_cells += placement.bad_cells;
      layout.turns = std::max(layout.turns, placement.turn + 1);
      arrays.insert(placement.array);
      loaded.insert({placement.turn, placement.array});
      layout.placements.push_back(std::move(placement));
    }
  }
  // By tile last, so that a file is read from its first row to its last.
  std::sort(layout.placements.begin(), layout.placements.end(),
            [](const Placement& a, const Placement& b) { return std::tie(a.turn, a.slice, a.tile) < std::tie(b.turn, b.slice, b.tile); });
  layout.arrays = static_cast<std::uint32_t>(arrays.size());
  layout.cells_allocated = std::uint64_t{loaded.size()} * shape.rows * shape.cols;
  for (const std::uint32_t array : arrays) layout.bad_lines += lines.bad_lines(array);
  return layout;
}

Layout lay_out_all(const Plan& plan, const BoardShape& shape, const Mask& mask) {
  Shelves shelves;
  for (std::uint32_t group = 0; group < plan.groups.size(); ++group) shelves.hold(group, plan.groups[group].loads);
  return lay_out(plan, shelves, shape, mask);
}

double memory_efficiency(const Plan& plan, std::span<const Layout> boards) noexcept {
  std::uint64_t allocated = 0;
  for (const Layout& board : boards) allocated += board.cells_allocated;
  return allocated == 0 ? 0.0 : static_cast<double>(plan.cells_useful) / static_cast<double>(allocated);
}

}  // namespace sedma::runtime

#pragma once
// Where the groups of a plan lie on the arrays of one board: pure functions.

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "runtime/mask.h"
#include "runtime/plan.h"

namespace sedma::runtime {

/// Where one slice of a tile lies. Lines are physical line numbers, ascending, with gaps where bad ones are gone around.
struct Placement {
  std::uint32_t tile = 0, slice = 0;
  std::uint32_t array = 0, turn = 0;  ///< physical array; arrays are loaded `turns` times when loads outnumber them
  std::vector<std::uint32_t> word_lines, bit_lines;
  std::uint32_t bad_cells = 0;
  std::uint32_t group = 0;
};

/// The loads of a board, handed out to groups. A board with arrays larger than a load holds several in each (not where lines have
/// resistance): load n lies on array (n / slots) % arrays, in slot n % slots, in turn n / (slots * arrays).
class Shelves {
 public:
  /// The lowest free loads, slice after slice in ascending order; what is held stays where it is.
  void hold(std::uint32_t group, std::uint32_t loads);
  void drop(std::uint32_t group);
  bool holds(std::uint32_t group) const { return held_.count(group) != 0; }
  /// The loads of every group held.
  const std::map<std::uint32_t, std::vector<std::uint32_t>>& held() const noexcept { return held_; }

 private:
  std::map<std::uint32_t, std::vector<std::uint32_t>> held_;
  std::vector<bool> taken_;
  std::uint32_t lowest_ = 0;  // no load below is free
};

struct Layout {
  std::vector<Placement> placements;           ///< in the order they are programmed: turn, then slice, then tile
  std::uint32_t arrays = 0, turns = 0;         ///< physical arrays in use, loads of them
  std::uint64_t cells_allocated = 0;           ///< cells of all arrays in use, summed over turns
  std::uint64_t bad_cells = 0, bad_lines = 0;  ///< masked cells inside tiles; masked lines gone around in arrays in use
};

/// Cells that hold a nonzero entry over all cells of the arrays in use; 0 where none is.
double memory_efficiency(const Plan& plan, std::span<const Layout> boards) noexcept;

/// @pre the groups held and their tiles are filled in in `plan`; `shape` is that of the board and mask.
Layout lay_out(const Plan& plan, const Shelves& shelves, const BoardShape& shape, const Mask& mask);
/// All groups of a plan, in their order, on one board.
Layout lay_out_all(const Plan& plan, const BoardShape& shape, const Mask& mask);

}  // namespace sedma::runtime

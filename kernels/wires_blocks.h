// How a rectangle of cells is cut, and where the ports of its parts stand. Internal to kernels.
#pragma once

#include <array>
#include <cstddef>

namespace sedma::kernels::dissection {

/// A block's ports are the middles of the wire segments that cross its edges, on each side as many as lines cross it.
enum Side : std::size_t { left, right, top, bottom };

/// A rectangle of cells. `rank` of a side says when its ports are eliminated: the deepest cut, the highest number, first.
struct Block {
  std::size_t row, col, rows, cols;
  std::array<int, 4> rank;
};
inline constexpr int left_end = -1, bottom_end = -2;  ///< ports of the whole array, never eliminated
inline constexpr int open_end = -5;                   ///< the line ends here: no current, no port

inline std::size_t ports(const Block& block, std::size_t side) noexcept {
  if (block.rank[side] == open_end) return 0;
  return side == left || side == right ? block.rows : block.cols;
}

/// The ports of a block are numbered side after side, highest rank first: those that the next merge eliminates come first, and what a merge
/// leaves is in the right order for the next one.
struct Layout {
  std::array<std::size_t, 4> sides;  ///< in this order
  std::array<std::size_t, 4> first;  ///< number of a side's first port
  std::size_t count;
};

inline Layout layout_of(const Block& block) noexcept {
  Layout layout{{left, right, top, bottom}, {}, 0};
  for (std::size_t i = 1; i < 4; ++i) {  // an insertion sort; g++ 12 warns about the inside of std::sort here
    for (std::size_t k = i; k > 0 && block.rank[layout.sides[k]] > block.rank[layout.sides[k - 1]]; --k) {
      const std::size_t side = layout.sides[k];
      layout.sides[k] = layout.sides[k - 1];
      layout.sides[k - 1] = side;
    }
  }
  for (const std::size_t side : layout.sides) {
    layout.first[side] = layout.count;
    layout.count += ports(block, side);
  }
  return layout;
}

/// `count` ports of a part, numbers from `from` on, are numbers from `to` on where they are merged.
struct Segment {
  std::size_t from, to, count;
};
using Segments = std::array<Segment, 4>;

/// A block cut in two. The two networks share `shared` ports, which are numbers 0 ... of the merge; the ports of the block follow.
struct Cut {
  std::array<Block, 2> part;
  std::array<Segments, 2> segments;
  std::array<std::size_t, 2> part_ports;
  std::size_t shared, ports;
};

/// Cuts `block` between columns (`upright`) or between rows, `at` lines from its first, `depth` cuts below the whole.
inline Cut cut_of(const Block& block, bool upright, std::size_t at, int depth) noexcept {
  Cut cut{{block, block}, {}, {}, upright ? block.rows : block.cols, 0};
  Block &first = cut.part[0], &second = cut.part[1];
  const std::size_t shared_side[2] = {upright ? right : bottom, upright ? left : top};
  first.rank[shared_side[0]] = second.rank[shared_side[1]] = depth;
  if (upright) {
    first.cols = at, second.cols -= at, second.col += at;
  } else {
    first.rows = at, second.rows -= at, second.row += at;
  }
  const Layout whole = layout_of(block);
  cut.ports = whole.count;
  for (std::size_t p = 0; p < 2; ++p) {
    const Layout layout = layout_of(cut.part[p]);
    cut.part_ports[p] = layout.count;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::size_t side = layout.sides[i];
      const bool is_cut = upright ? side == top || side == bottom : side == left || side == right;
      const std::size_t to = side == shared_side[p] ? 0 : cut.shared + whole.first[side] + (p == 1 && is_cut ? at : 0);
      cut.segments[p][i] = {layout.first[side], to, ports(cut.part[p], side)};
    }
  }
  return cut;
}

}  // namespace sedma::kernels::dissection

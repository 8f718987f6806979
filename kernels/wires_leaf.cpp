// Nested dissection of 8 x 8 cells down to one, the same steps as merge() on vectors whose lanes are different leaves.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/wires_leaf.cpp"
#include "kernels/simd.h"
// These two in this order.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "kernels/isa.h"
#include "kernels/wires_blocks.h"
#include "kernels/wires_leaf.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels::dissection {
namespace HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

using D = hn::CappedTag<double, leaf_lanes>;
using V = hn::Vec<D>;

// Entry `i` of an array of groups of lanes.
HWY_INLINE V get(const double* from, std::size_t i) { return hn::LoadU(D(), from + i * leaf_lanes); }
HWY_INLINE void put(V v, double* to, std::size_t i) { hn::StoreU(v, D(), to + i * leaf_lanes); }

// One cell between its four half segments. With d = (l + r + G)(t + b + G) - G^2, written without a difference, eliminating the cell's two
// nodes leaves e.g. -l r (t + b + G) / d between left and right and -l b G / d between left and bottom.
void cell(const LeafBatch& batch, const Block& block, double* out) {
  const D d;
  const V g = get(batch.siemens, block.row * leaf_side + block.col);
  const V l = hn::Set(d, batch.half_word), b = hn::Set(d, batch.half_bit);
  const V r = block.col + 1 == leaf_side ? get(batch.right_siemens, 0) : l;
  const V t = block.row == 0 ? get(batch.top_siemens, 0) : b;
  const V word = hn::Add(l, r), bit = hn::Add(t, b);
  const V scale = hn::Div(hn::Set(d, -1.0), hn::MulAdd(word, bit, hn::Mul(g, hn::Add(word, bit))));
  const V through = hn::Mul(g, scale);
  const V words = hn::Mul(hn::Add(bit, g), scale), bits = hn::Mul(hn::Add(word, g), scale);
  const V segment[4] = {l, r, t, b};
  const Layout layout = layout_of(block);
  for (std::size_t i = 0; i < 4; ++i) {
    V sum = hn::Zero(d);
    for (std::size_t k = 0; k < 4; ++k) {
      if (k == i) continue;
      const std::size_t p = layout.sides[i], q = layout.sides[k];
      const bool word_p = p == left || p == right, word_q = q == left || q == right;
      const V coupling = hn::Mul(hn::Mul(segment[p], segment[q]), word_p != word_q ? through : word_p ? words : bits);
      if (k > i) put(coupling, out, i * 4 + k);
      sum = hn::Add(sum, coupling);
    }
    put(hn::Neg(sum), out, i * 4 + i);
  }
}

struct Front {
  double *panel, *rest;
  std::size_t shared, ports;

  double* at(std::size_t row, std::size_t column) const {
    const std::size_t rows = shared + ports;
    return column < shared ? panel + (column * rows + row) * leaf_lanes : rest + ((column - shared) * ports + (row - shared)) * leaf_lanes;
  }
};

void clear(const Front& front) {
  const V zero = hn::Zero(D());
  const std::size_t rows = front.shared + front.ports;
  for (std::size_t c = 0; c < rows; ++c) {
    double* const column = front.at(c, c);
    for (std::size_t r = 0; r < rows - c; ++r) put(zero, column, r);
  }
}

void add(const Front& front, const Segments& segments, std::size_t part_ports, const double* part) {
  for (std::size_t s = 0; s < segments.size(); ++s) {
    const Segment& columns = segments[s];
    for (std::size_t c = 0; c < columns.count; ++c) {
      const double* const from = part + (columns.from + c) * part_ports * leaf_lanes;
      for (std::size_t t = s; t < segments.size(); ++t) {
        const Segment& rows = segments[t];
        double* const to = front.at(rows.to, columns.to + c);
        for (std::size_t r = t == s ? c : 0; r < rows.count; ++r) put(hn::Add(get(to, r), get(from, rows.from + r)), to, r);
      }
    }
  }
}

// The shared columns become columns of the Cholesky factor, left to right.
void factor(const Front& front) {
  const std::size_t rows = front.shared + front.ports;
  for (std::size_t k = 0; k < front.shared; ++k) {
    double* const column = front.panel + k * rows * leaf_lanes;
    for (std::size_t m = 0; m < k; ++m) {
      const double* const before = front.panel + m * rows * leaf_lanes;
      const V scale = get(before, k);
      for (std::size_t i = k; i < rows; ++i) put(hn::NegMulAdd(get(before, i), scale, get(column, i)), column, i);
    }
    const V scale = hn::Div(hn::Set(D(), 1.0), hn::Sqrt(get(column, k)));
    for (std::size_t i = k; i < rows; ++i) put(hn::Mul(get(column, i), scale), column, i);
  }
}

// Two columns and `Height` rows of the rest lose their part of the product of the panel with itself.
template <std::size_t Height>
HWY_INLINE void reduce_tile(const Front& front, std::size_t row, std::size_t column) {
  const std::size_t rows = front.shared + front.ports;
  double* const to = front.at(front.shared + row, front.shared + column);
  double* const next = to + front.ports * leaf_lanes;
  V sum[Height], sum_next[Height];
  HWY_UNROLL(4)
  for (std::size_t h = 0; h < Height; ++h) sum[h] = get(to, h), sum_next[h] = get(next, h);
  for (std::size_t k = 0; k < front.shared; ++k) {
    const double* const below = front.panel + (k * rows + front.shared) * leaf_lanes;
    const V x = get(below, column), y = get(below, column + 1);
    HWY_UNROLL(4)
    for (std::size_t h = 0; h < Height; ++h) {
      const V v = get(below, row + h);
      sum[h] = hn::NegMulAdd(v, x, sum[h]);
      sum_next[h] = hn::NegMulAdd(v, y, sum_next[h]);
    }
  }
  HWY_UNROLL(4)
  for (std::size_t h = 0; h < Height; ++h) put(sum[h], to, h), put(sum_next[h], next, h);
}

// A block has an even number of ports. The entry above the diagonal that a tile on it computes too is never read.
void reduce(const Front& front) {
  for (std::size_t column = 0; column < front.ports; column += 2) {
    std::size_t row = column;
    for (; row + 4 <= front.ports; row += 4) reduce_tile<4>(front, row, column);
    if (row < front.ports) reduce_tile<2>(front, row, column);
  }
}

// As balance() of the large blocks: a row's entries add up to zero.
void balance(const Front& front) {
  const std::size_t n = front.ports;
  for (std::size_t i = 0; i < n; ++i) put(hn::Zero(D()), front.rest, i * n + i);
  for (std::size_t c = 0; c < n; ++c) {
    V sum = get(front.rest, c * n + c);
    for (std::size_t r = c + 1; r < n; ++r) {
      const V entry = get(front.rest, c * n + r);
      sum = hn::Sub(sum, entry);
      put(hn::Sub(get(front.rest, r * n + r), entry), front.rest, r * n + r);
    }
    put(sum, front.rest, c * n + c);
  }
}

// The matrix of `block` at `out`; what its parts need stands behind it.
void dissect(const LeafBatch& batch, const Block& block, int depth, double* out) {
  if (block.rows == 1 && block.cols == 1) return cell(batch, block, out);
  const bool upright = block.cols >= block.rows;
  const Cut cut = cut_of(block, upright, (upright ? block.cols : block.rows) / 2, depth);
  const Front front{out + cut.ports * cut.ports * leaf_lanes, out, cut.shared, cut.ports};
  double* const first = front.panel + cut.shared * (cut.shared + cut.ports) * leaf_lanes;
  double* const second = first + cut.part_ports[0] * cut.part_ports[0] * leaf_lanes;
  dissect(batch, cut.part[0], depth + 1, first);
  dissect(batch, cut.part[1], depth + 1, second);
  clear(front);
  add(front, cut.segments[0], cut.part_ports[0], first);
  add(front, cut.segments[1], cut.part_ports[1], second);
  factor(front);
  reduce(front);
  balance(front);
}

}  // namespace

void dissect_leaves(const LeafBatch& batch, const Block& leaf, double* work) {
  LeafBatch part = batch;
  for (std::size_t lane = 0; lane < leaf_lanes; lane += hn::Lanes(D())) {
    part.siemens = batch.siemens + lane;
    part.right_siemens = batch.right_siemens + lane;
    part.top_siemens = batch.top_siemens + lane;
    dissect(part, leaf, 0, work + lane);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels::dissection
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sedma::kernels::dissection {
namespace {
HWY_EXPORT(dissect_leaves);

// All four sides have ports, in the order of leaf_first_port().
constexpr Block whole_leaf{0, 0, leaf_side, leaf_side, {left_end, bottom_end - 1, bottom_end - 2, bottom_end}};

}  // namespace

std::size_t leaf_work() noexcept {
  std::size_t groups = 0;
  Block block = whole_leaf;
  while (block.rows * block.cols > 1) {  // the way of dissect() to the last cell
    const bool upright = block.cols >= block.rows;
    const Cut cut = cut_of(block, upright, (upright ? block.cols : block.rows) / 2, 0);
    groups += cut.ports * cut.ports + cut.shared * (cut.shared + cut.ports) + cut.part_ports[0] * cut.part_ports[0];
    block = cut.part[1];
  }
  return (groups + 16) * leaf_lanes;
}

void compute_leaves(const LeafBatch& batch, double* work) noexcept {
  choose_isa();
  HWY_DYNAMIC_DISPATCH(dissect_leaves)(batch, whole_leaf, work);
}

}  // namespace sedma::kernels::dissection
#endif  // HWY_ONCE

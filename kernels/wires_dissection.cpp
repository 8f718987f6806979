#include "kernels/wires_dissection.h"

#include <algorithm>

#include "kernels/wires_leaf.h"
#include "kernels/wires_merge.h"

namespace sedma::kernels::dissection {
namespace {

constexpr std::size_t leaf_cells = leaf_side * leaf_side;
constexpr std::size_t leaf_inputs = (leaf_cells + 2) * leaf_lanes;

std::size_t leaves_of(const Block& block) noexcept { return block.rows * block.cols / leaf_cells; }

Cut halve(const Block& block, int depth) noexcept {
  const bool upright = block.cols >= block.rows;
  const std::size_t lines = upright ? block.cols : block.rows;
  return cut_of(block, upright, lines / leaf_side / 2 * leaf_side, depth);
}

// Doubles from `out` on that Dissection::run() uses.
std::size_t stack_of(const Block& block, int depth) noexcept {
  if (leaves_of(block) == 1) {
    const std::size_t n = layout_of(block).count;
    return n * n;
  }
  const Cut cut = halve(block, depth);
  const std::size_t first = cut.part_ports[0] * cut.part_ports[0], second = cut.part_ports[1] * cut.part_ports[1];
  return std::max({stack_of(cut.part[0], depth + 1), first + stack_of(cut.part[1], depth + 1), first + second + merge_work(cut)});
}

class Dissection {
 public:
  Dissection(hal::View<const float> siemens, const Wires& wires, std::size_t padded_rows, double* leaf_pool)
      : siemens_(siemens), empty_rows_(padded_rows - siemens.rows), inputs_(leaf_pool), leaf_pool_(leaf_pool + leaf_inputs) {
    batch_.half_word = 2 / wires.word_ohms_per_cell;
    batch_.half_bit = 2 / wires.bit_ohms_per_cell;
    batch_.siemens = inputs_;
    batch_.right_siemens = inputs_ + leaf_cells * leaf_lanes;
    batch_.top_siemens = batch_.right_siemens + leaf_lanes;
  }

  // The matrix of `block` at `out`: both halves one behind the other, then merged in their place. The leaves of a small block are computed
  // side by side as soon as they are few enough (`batch`: the block that they are of).
  void run(const Block& block, int depth, const Block* batch, double* out) noexcept {
    if (batch == nullptr && leaves_of(block) <= leaf_lanes) {
      compute(block);
      batch = &block;
    }
    if (leaves_of(block) == 1) return fetch(block, *batch, out);
    const Cut cut = halve(block, depth);
    double* const second = out + cut.part_ports[0] * cut.part_ports[0];
    run(cut.part[0], depth + 1, batch, out);
    run(cut.part[1], depth + 1, batch, second);
    merge(cut, out, second, out, second + cut.part_ports[1] * cut.part_ports[1]);
  }

 private:
  static std::size_t lane_of(const Block& batch, std::size_t row, std::size_t col) noexcept {
    return ((row - batch.row) * (batch.cols / leaf_side) + (col - batch.col)) / leaf_side;
  }

  double siemens_at(std::size_t row, std::size_t col) const noexcept {
    return row < empty_rows_ || col >= siemens_.cols ? 0.0 : static_cast<double>(siemens_(row - empty_rows_, col));
  }

  void compute(const Block& block) noexcept {
    std::fill_n(inputs_, leaf_inputs, 0.0);
    for (std::size_t row = block.row; row < block.row + block.rows; row += leaf_side) {
      for (std::size_t col = block.col; col < block.col + block.cols; col += leaf_side) {
        double* const lane = inputs_ + lane_of(block, row, col);
        for (std::size_t i = 0; i < leaf_cells; ++i) {
          lane[i * leaf_lanes] = siemens_at(row + i / leaf_side, col + i % leaf_side);
        }
        const bool last = col + leaf_side == block.col + block.cols, first = row == block.row;
        if (!last || block.rank[right] != open_end) lane[leaf_cells * leaf_lanes] = batch_.half_word;
        if (!first || block.rank[top] != open_end) lane[(leaf_cells + 1) * leaf_lanes] = batch_.half_bit;
      }
    }
    compute_leaves(batch_, leaf_pool_);
  }

  // One leaf out of its lane, its ports in the order of `block`.
  void fetch(const Block& block, const Block& batch, double* out) const noexcept {
    const double* const lane = leaf_pool_ + lane_of(batch, block.row, block.col);
    const Layout layout = layout_of(block);
    std::size_t number[leaf_ports];
    for (std::size_t i = 0, n = 0; n < layout.count; ++i) {
      const std::size_t side = layout.sides[i];
      for (std::size_t p = 0; p < leaf_side; ++p) number[n++] = leaf_first_port(side) + p;
    }
    for (std::size_t c = 0; c < layout.count; ++c) {
      for (std::size_t r = c; r < layout.count; ++r) {
        const std::size_t low = std::min(number[r], number[c]), high = std::max(number[r], number[c]);
        out[c * layout.count + r] = lane[(low * leaf_ports + high) * leaf_lanes];
      }
    }
  }

  hal::View<const float> siemens_;
  std::size_t empty_rows_;
  double *inputs_, *leaf_pool_;
  LeafBatch batch_;
};

}  // namespace

Block whole_array(std::size_t rows, std::size_t cols) noexcept {
  const auto whole_leaves = [](std::size_t lines) { return (lines + leaf_side - 1) / leaf_side * leaf_side; };
  return {0, 0, whole_leaves(rows), whole_leaves(cols), {left_end, open_end, open_end, bottom_end}};
}

std::size_t dissection_work(const Block& array) noexcept { return leaf_inputs + leaf_work() + stack_of(array, 0); }

double* dissect(hal::View<const float> siemens, const Wires& wires, const Block& array, double* work) noexcept {
  double* const ends = work + leaf_inputs + leaf_work();
  Dissection(siemens, wires, array.rows, work).run(array, 0, nullptr, ends);
  return ends;
}

}  // namespace sedma::kernels::dissection

#pragma once
// The vectorised row of a write-verify. Internal to kernels.

#include <cstdint>
#include <vector>

#include "kernels/pulse_law.h"

namespace sedma::kernels {

/// Working arrays of a row, one object per thread: no allocation once it has seen the longest row.
class RowScratch {
 public:
  /// Makes room for `arrays` arrays of `cols` floats, and for their column numbers, each with a whole vector of room behind it.
  void reserve(std::size_t arrays, std::size_t cols) {
    stride_ = (cols + 2 * padding - 1) / padding * padding;
    if (floats_.size() < arrays * stride_) floats_.resize(arrays * stride_);
    if (columns_.size() < stride_) columns_.resize(stride_);
  }
  float* array(std::size_t i) noexcept { return floats_.data() + i * stride_; }
  std::uint32_t* columns() noexcept { return columns_.data(); }

 private:
  static constexpr std::size_t padding = 64;  // floats; no vector is longer
  std::vector<float> floats_;
  std::vector<std::uint32_t> columns_;
  std::size_t stride_ = 0;
};

/// write_row_reference by the chosen instruction set: the same bits.
RowTotals write_row(const WriteLaw& law, const RowJob& row, RowScratch& scratch);

}  // namespace sedma::kernels

#include "runtime/pack.h"

#include <algorithm>

namespace sedma::runtime {

Packer::Spot Packer::add(std::uint32_t height, std::uint32_t width, std::uint32_t first) {
  for (Shelf& shelf : shelves_) {
    if (shelf.array < first || shelf.height < height || shelf.used_cols + width > lines_.bit_line_count(shelf.array)) continue;
    const Spot spot{shelf.array, shelf.row, shelf.used_cols, height, width};
    shelf.used_cols += width;
    return spot;
  }
  std::uint32_t array = first;
  while (array < arrays() && used_rows_[array] + height > lines_.word_line_count(array)) ++array;
  if (array >= arrays()) used_rows_.resize(array + 1, 0);
  SEDMA_CHECK(used_rows_[array] + height <= lines_.word_line_count(array) && width <= lines_.bit_line_count(array), array, height, width);
  shelves_.push_back({array, used_rows_[array], height, width});
  used_rows_[array] += height;
  return {array, shelves_.back().row, 0, height, width};
}

ArrayLines::ArrayLines(const hal::Capabilities& capabilities, const Mask& mask, bool in_pairs)
    : rows_(capabilities.rows), cols_(capabilities.cols), smallest_rows_(capabilities.rows), smallest_cols_(capabilities.cols) {
  const Mask none;
  whole_ = {none.good_word_lines(0, rows_), none.good_bit_lines(0, cols_, in_pairs)};
  smallest_cols_ = static_cast<std::uint32_t>(whole_.cols.size());
  if (mask.word_lines.empty() && mask.bit_lines.empty()) return;
  for (std::uint32_t array = 0; array < capabilities.arrays; ++array) {
    masked_.push_back({mask.good_word_lines(array, rows_), mask.good_bit_lines(array, cols_, in_pairs)});
    smallest_rows_ = std::min(smallest_rows_, word_line_count(array));
    smallest_cols_ = std::min(smallest_cols_, bit_line_count(array));
  }
}

std::vector<std::uint32_t> ArrayLines::word_lines(const Packer::Spot& spot) const {
  const auto first = of(spot.array).rows.begin() + spot.row;
  return {first, first + spot.height};
}

std::vector<std::uint32_t> ArrayLines::bit_lines(const Packer::Spot& spot) const {
  const auto first = of(spot.array).cols.begin() + spot.col;
  return {first, first + spot.width};
}

std::uint32_t ArrayLines::bad_lines(std::uint32_t array) const { return rows_ - word_line_count(array) + cols_ - bit_line_count(array); }

}  // namespace sedma::runtime

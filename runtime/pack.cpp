#include "runtime/pack.h"

#include <algorithm>

namespace sedma::runtime {

std::size_t FirstFit::find(std::uint32_t wanted) const {
  if (tree_[1] < wanted) return size_;
  std::size_t node = 1;
  while (node < leaves_) {
    node *= 2;
    if (tree_[node] < wanted) ++node;
  }
  return std::min(node - leaves_, size_);
}

void FirstFit::push(std::uint32_t room) {
  if (size_ == leaves_) {
    std::vector<std::uint32_t> wider(4 * leaves_, 0);
    std::copy(tree_.begin() + static_cast<std::ptrdiff_t>(leaves_), tree_.end(), wider.begin() + static_cast<std::ptrdiff_t>(2 * leaves_));
    leaves_ *= 2;
    for (std::size_t node = leaves_ - 1; node > 0; --node) wider[node] = std::max(wider[2 * node], wider[2 * node + 1]);
    tree_ = std::move(wider);
  }
  set(size_++, room);
}

void FirstFit::take(std::size_t room, std::uint32_t amount) { set(room, left(room) - amount); }

void FirstFit::set(std::size_t room, std::uint32_t left) {
  std::size_t node = leaves_ + room;
  tree_[node] = left;
  for (node /= 2; node > 0; node /= 2) tree_[node] = std::max(tree_[2 * node], tree_[2 * node + 1]);
}

Packer::Place Packer::add(std::uint32_t height, std::uint32_t width) {
  SEDMA_CHECK(height <= lowest_ && height <= word_lines_ && width <= bit_lines_ && width > 0 && height > 0, height, width, lowest_);
  lowest_ = height;
  // No shelf is lower than what comes later: only its width decides.
  std::size_t shelf = cols_left_.find(width);
  if (shelf == shelves_.size()) {
    const std::size_t load = rows_left_.find(height);
    if (load == rows_left_.size()) {
      rows_left_.push(word_lines_);
      shelves_of_.emplace_back();
      held_.push_back(0);
    }
    shelves_of_[load].push_back(shelf);
    shelves_.push_back({static_cast<std::uint32_t>(load), word_lines_ - rows_left_.left(load)});
    rows_left_.take(load, height);
    cols_left_.push(bit_lines_);
  }
  const Place place{shelves_[shelf].load, shelves_[shelf].row, bit_lines_ - cols_left_.left(shelf)};
  cols_left_.take(shelf, width);
  if (++held_[place.load] == most_) close(place.load);
  return place;
}

// Nothing finds room there any more.
void Packer::close(std::size_t load) {
  rows_left_.take(load, rows_left_.left(load));
  for (const std::size_t shelf : shelves_of_[load]) cols_left_.take(shelf, cols_left_.left(shelf));
}

Slots slots_of(const BoardShape& board, const Geometry& geometry) noexcept {
  if (geometry.word_lines == 0 || geometry.bit_lines == 0) return {};
  const Slots slots{board.word_lines / geometry.word_lines, board.bit_lines / geometry.bit_lines};
  if (slots.count() == 0) return {};
  return board.line_drop ? Slots{1, 1} : slots;
}

ArrayLines::ArrayLines(std::uint32_t arrays, std::uint32_t rows, std::uint32_t cols, const Mask& mask, bool in_pairs)
    : rows_(rows), cols_(cols), smallest_rows_(rows), smallest_cols_(cols) {
  const Mask none;
  whole_ = {none.good_word_lines(0, rows_), none.good_bit_lines(0, cols_, in_pairs)};
  smallest_cols_ = static_cast<std::uint32_t>(whole_.cols.size());
  if (mask.word_lines.empty() && mask.bit_lines.empty()) return;
  for (std::uint32_t array = 0; array < arrays; ++array) {
    masked_.push_back({mask.good_word_lines(array, rows_), mask.good_bit_lines(array, cols_, in_pairs)});
    smallest_rows_ = std::min(smallest_rows_, static_cast<std::uint32_t>(masked_.back().rows.size()));
    smallest_cols_ = std::min(smallest_cols_, static_cast<std::uint32_t>(masked_.back().cols.size()));
  }
}

std::vector<std::uint32_t> ArrayLines::word_lines(std::uint32_t array, std::uint32_t first, std::uint32_t count) const {
  const auto begin = of(array).rows.begin() + first;
  return {begin, begin + count};
}

std::vector<std::uint32_t> ArrayLines::bit_lines(std::uint32_t array, std::uint32_t first, std::uint32_t count) const {
  const auto begin = of(array).cols.begin() + first;
  return {begin, begin + count};
}

std::uint32_t ArrayLines::bad_lines(std::uint32_t array) const {
  return rows_ - static_cast<std::uint32_t>(of(array).rows.size()) + cols_ - static_cast<std::uint32_t>(of(array).cols.size());
}

}  // namespace sedma::runtime

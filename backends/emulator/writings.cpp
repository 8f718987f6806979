#include "backends/emulator/writings.h"

#include <algorithm>

namespace sedma::backends::emulator {
namespace {

constexpr std::size_t most_writings = 65535;

}  // namespace

bool Rect::covers(const Rect& other) const noexcept {
  return row <= other.row && col <= other.col && other.row + other.rows <= row + rows && other.col + other.cols <= col + cols;
}

kernels::CellIds Writing::ids(std::uint32_t row, std::uint32_t col) const noexcept {
  return {key, base + row * stride + col, stride, event};
}

Writings::Writings(std::uint32_t rows, std::uint32_t cols, const Writing& board)
    : cols_(cols), owners_(std::size_t{rows} * cols, std::uint16_t{0}), writings_{board} {}

// A writing that covers everything leaves no other; otherwise the dead ones are looked for when the numbers run out.
Status Writings::add(const Rect& rect, hal::View<const std::uint8_t> left_alone, const Writing& writing) {
  if (left_alone.empty() && rect.size() == owners_.size()) writings_.resize(1);
  if (writings_.size() == most_writings) forget_unused();
  if (writings_.size() == most_writings) {
    return fail(Code::unavailable, "the emulator tells {} writings of cells that age apart, and all of them still own cells",
                most_writings);
  }
  const auto owner = static_cast<std::uint16_t>(writings_.size());
  writings_.push_back(writing);
  for (std::uint32_t r = 0; r < rect.rows; ++r) {
    std::uint16_t* const row = owners_.data() + std::size_t{rect.row + r} * cols_ + rect.col;
    for (std::uint32_t c = 0; c < rect.cols; ++c) {
      if (left_alone.empty() || left_alone(r, c) == 0) row[c] = owner;
    }
  }
  return {};
}

void Writings::forget_unused() {
  std::vector<std::uint16_t> moved(writings_.size(), 0);
  for (const std::uint16_t owner : owners_) moved[owner] = 1;
  std::uint16_t next = 1;
  for (std::size_t i = 1; i < writings_.size(); ++i) {
    if (moved[i] == 0) continue;
    writings_[next] = writings_[i];
    moved[i] = next++;
  }
  moved[0] = 0;
  writings_.resize(next);
  for (std::uint16_t& owner : owners_) owner = moved[owner];
}

bool Writings::alike(const Rect& rect) const noexcept {
  const std::uint16_t first = owners_[std::size_t{rect.row} * cols_ + rect.col];
  for (std::uint32_t r = 0; r < rect.rows; ++r) {
    const std::uint16_t* const row = owners_.data() + std::size_t{rect.row + r} * cols_ + rect.col;
    if (!std::all_of(row, row + rect.cols, [first](std::uint16_t owner) { return owner == first; })) return false;
  }
  return true;
}

void Writings::for_each(const Rect& rect, const std::function<void(const Rect&, const Writing&)>& visit) const {
  if (alike(rect)) {
    visit(rect, writings_[owners_[std::size_t{rect.row} * cols_ + rect.col]]);
    return;
  }
  for (std::uint32_t r = rect.row; r < rect.row + rect.rows; ++r) {
    const std::uint16_t* const row = owners_.data() + std::size_t{r} * cols_;
    const std::uint32_t end = rect.col + rect.cols;
    for (std::uint32_t c = rect.col; c < end;) {
      std::uint32_t last = c + 1;
      while (last < end && row[last] == row[c]) ++last;
      visit({r, c, 1, last - c}, writings_[row[c]]);
      c = last;
    }
  }
}

}  // namespace sedma::backends::emulator

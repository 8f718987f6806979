#pragma once
// Which writing each cell of an array last took part in: from when it ages, and by whose random numbers.

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "hal/status.h"
#include "hal/view.h"
#include "kernels/pulses.h"

namespace sedma::backends::emulator {

/// A rectangle of cells.
struct Rect {
  std::uint32_t row = 0, col = 0, rows = 0, cols = 0;
  bool operator==(const Rect&) const = default;
  bool covers(const Rect& other) const noexcept;
  std::size_t size() const noexcept { return static_cast<std::size_t>(rows) * cols; }
};

/// One writing of some cells. A cell (r, c) of the array is number base + r * stride + c of `key`, modulo 2^32.
struct Writing {
  kernels::Key key;
  std::uint32_t base = 0, stride = 0;
  std::uint64_t event = 0;
  double seconds = 0;    ///< of the array's clock, when it ended
  bool written = false;  ///< false: the board's identity of cells that nobody wrote: they do not relax
  /// Numbers for a window whose corner is (row, col).
  kernels::CellIds ids(std::uint32_t row, std::uint32_t col) const noexcept;
};

/// 2 bytes a cell.
class Writings {
 public:
  Writings() = default;
  /// All cells untouched, numbered as `board` says.
  Writings(std::uint32_t rows, std::uint32_t cols, const Writing& board);
  bool empty() const noexcept { return owners_.empty(); }
  /// The cells of `rect` belong to `writing` from now on, but for those that are nonzero in `left_alone` ([rows, cols]; may be empty).
  /// Errors: unavailable (65,535 writings that still own cells).
  Status add(const Rect& rect, hal::View<const std::uint8_t> left_alone, const Writing& writing);
  /// Calls `visit(part, writing)` for rectangles that together are `rect`, each of one writing.
  void for_each(const Rect& rect, const std::function<void(const Rect&, const Writing&)>& visit) const;
  /// All writings that may still own cells.
  std::span<const Writing> known() const noexcept { return writings_; }

 private:
  bool alike(const Rect& rect) const noexcept;
  void forget_unused();

  std::uint32_t cols_ = 0;
  std::vector<std::uint16_t> owners_;
  std::vector<Writing> writings_;
};

}  // namespace sedma::backends::emulator

#pragma once
// Packing rectangles of word lines x bit lines onto arrays, around bad lines.

#include <cstdint>
#include <vector>

#include "hal/commands.h"
#include "runtime/mask.h"

namespace sedma::runtime {

class ArrayLines;

/// Shelf packing, first fit: rectangles stand side by side on shelves of word lines. Give the tallest first. Arrays are numbered as if
/// the board had as many as needed; load n of physical array a is number n * arrays + a.
class Packer {
 public:
  explicit Packer(const ArrayLines& lines) : lines_(lines) {}
  struct Spot {
    std::uint32_t array = 0;              ///< as numbered above
    std::uint32_t row = 0, col = 0;       ///< counted in good lines
    std::uint32_t height = 0, width = 0;  ///< word lines, bit lines
  };
  /// Places a rectangle on an array numbered `first` or later. It must fit an empty array.
  Spot add(std::uint32_t height, std::uint32_t width, std::uint32_t first);
  std::uint32_t arrays() const noexcept { return static_cast<std::uint32_t>(used_rows_.size()); }

 private:
  struct Shelf {
    std::uint32_t array, row, height, used_cols;
  };
  const ArrayLines& lines_;
  std::vector<Shelf> shelves_;
  std::vector<std::uint32_t> used_rows_;  // per array
};

/// The good lines of every array of a board.
class ArrayLines {
 public:
  ArrayLines(const hal::Capabilities& capabilities, const Mask& mask, bool in_pairs);
  std::uint32_t smallest_word_lines() const noexcept { return smallest_rows_; }
  std::uint32_t smallest_bit_lines() const noexcept { return smallest_cols_; }
  std::uint32_t word_line_count(std::uint32_t array) const { return static_cast<std::uint32_t>(of(array).rows.size()); }
  std::uint32_t bit_line_count(std::uint32_t array) const { return static_cast<std::uint32_t>(of(array).cols.size()); }
  /// Physical line numbers of a spot.
  std::vector<std::uint32_t> word_lines(const Packer::Spot& spot) const;
  std::vector<std::uint32_t> bit_lines(const Packer::Spot& spot) const;
  std::uint32_t bad_lines(std::uint32_t array) const;
  std::uint64_t cells_per_array() const noexcept { return static_cast<std::uint64_t>(rows_) * cols_; }

 private:
  struct Good {
    std::vector<std::uint32_t> rows, cols;
  };
  const Good& of(std::uint32_t array) const { return masked_.empty() ? whole_ : masked_[array % masked_.size()]; }
  std::uint32_t rows_, cols_, smallest_rows_, smallest_cols_;
  Good whole_;
  std::vector<Good> masked_;  // per physical array; empty without bad lines
};

}  // namespace sedma::runtime

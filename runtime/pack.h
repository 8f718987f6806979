#pragma once
// Packing rectangles of word lines x bit lines into loads of arrays, and the good lines that loads lie on. Internal.

#include <cstdint>
#include <vector>

#include "runtime/mask.h"
#include "runtime/plan.h"

namespace sedma::runtime {

/// Numbered rooms; the first with enough left is found without looking at each: a tree of maxima.
class FirstFit {
 public:
  /// The first room with at least `wanted` left, or size().
  std::size_t find(std::uint32_t wanted) const;
  std::size_t size() const noexcept { return size_; }
  std::uint32_t left(std::size_t room) const { return tree_[leaves_ + room]; }
  void push(std::uint32_t room);
  void take(std::size_t room, std::uint32_t amount);

 private:
  void set(std::size_t room, std::uint32_t left);
  std::size_t size_ = 0, leaves_ = 1;
  std::vector<std::uint32_t> tree_ = {0, 0};  // node k has the children 2k and 2k + 1; leaves begin at leaves_
};

/// Shelf packing, first fit: rectangles stand side by side on shelves of word lines. Loads are numbered as they are opened.
class Packer {
 public:
  /// `most`: rectangles on one load, > 0.
  Packer(std::uint32_t word_lines, std::uint32_t bit_lines, std::uint32_t most)
      : word_lines_(word_lines), bit_lines_(bit_lines), most_(most) {}
  struct Place {
    std::uint32_t load = 0;
    std::uint32_t row = 0, col = 0;
  };
  /// @pre not higher than any before; fits an empty load. Cost: O(log shelves).
  Place add(std::uint32_t height, std::uint32_t width);
  std::uint32_t loads() const noexcept { return static_cast<std::uint32_t>(rows_left_.size()); }

 private:
  struct Shelf {
    std::uint32_t load, row;
  };
  void close(std::size_t load);
  std::uint32_t word_lines_, bit_lines_, most_;
  std::uint32_t lowest_ = UINT32_MAX;  // height of the last
  std::vector<Shelf> shelves_;
  FirstFit cols_left_;                                // per shelf
  FirstFit rows_left_;                                // per load
  std::vector<std::vector<std::size_t>> shelves_of_;  // per load
  std::vector<std::uint32_t> held_;                   // per load: rectangles
};

/// The loads that one array of a board holds side by side.
struct Slots {
  std::uint32_t rows = 0, cols = 0;
  std::uint64_t count() const noexcept { return std::uint64_t{rows} * cols; }
};
Slots slots_of(const BoardShape& board, const Geometry& geometry) noexcept;

/// The good lines of every array of a board. Pairs: of bit lines 2j, 2j + 1 either both are good or none.
class ArrayLines {
 public:
  ArrayLines(std::uint32_t arrays, std::uint32_t rows, std::uint32_t cols, const Mask& mask, bool in_pairs);
  std::uint32_t smallest_word_lines() const noexcept { return smallest_rows_; }
  std::uint32_t smallest_bit_lines() const noexcept { return smallest_cols_; }
  /// Physical numbers of `count` good lines, the first of them good line number `first`.
  std::vector<std::uint32_t> word_lines(std::uint32_t array, std::uint32_t first, std::uint32_t count) const;
  std::vector<std::uint32_t> bit_lines(std::uint32_t array, std::uint32_t first, std::uint32_t count) const;
  std::uint32_t bad_lines(std::uint32_t array) const;

 private:
  struct Good {
    std::vector<std::uint32_t> rows, cols;
  };
  const Good& of(std::uint32_t array) const { return masked_.empty() ? whole_ : masked_[array]; }
  std::uint32_t rows_, cols_, smallest_rows_, smallest_cols_;
  Good whole_;
  std::vector<Good> masked_;  // per array; empty without bad lines
};

}  // namespace sedma::runtime

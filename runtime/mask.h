#pragma once
// What is known to be bad on a board: word lines, bit lines, cells that the plan goes around.

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "hal/commands.h"
#include "hal/status.h"

namespace sedma::runtime {

/// Bad lines and cells of a board's arrays. A bad line is never used; a bad cell is left alone and its partner makes up for it.
class Mask {
 public:
  using Line = std::pair<std::uint32_t, std::uint32_t>;                    ///< array, line
  using CellAt = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;  ///< array, word line, bit line

  std::string board_id;  ///< empty: any board
  std::set<Line> word_lines, bit_lines;
  std::set<CellAt> cells;

  bool empty() const noexcept { return word_lines.empty() && bit_lines.empty() && cells.empty(); }
  /// ok if every index exists on the board and the board is the one named. Errors: out_of_range, invalid_argument.
  Status validate(const hal::Capabilities& capabilities) const;
  /// Lines of `array` that are good, ascending. For pairs a bad bit line takes its partner (2j, 2j+1) with it.
  std::vector<std::uint32_t> good_word_lines(std::uint32_t array, std::uint32_t count) const;
  std::vector<std::uint32_t> good_bit_lines(std::uint32_t array, std::uint32_t count, bool in_pairs) const;
};

/// Parses {"board_id": "...", "bad_word_lines": [[array, row], ...], "bad_bit_lines": [[array, col], ...], "bad_cells": [[array, row, col],
/// ...]}, every key optional. Errors: data_corrupt (not JSON: line and column; wrong key, type or length: says which and what was
/// expected).
Result<Mask> parse_mask(std::string_view text, const std::string& name);
/// Reads such a file. Errors: unavailable, and those of parse_mask.
Result<Mask> read_mask(const std::string& path);

}  // namespace sedma::runtime

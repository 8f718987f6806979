#pragma once
// Which entries of a dense file are != 0, in little memory. Internal.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sedma::runtime {

/// The places of the entries != 0 of a matrix with `cols` columns, row after row. A row without zeros takes 4 bytes, any other one bit a
/// column.
class RowPattern {
 public:
  RowPattern() = default;
  explicit RowPattern(std::uint32_t cols);

  /// The next row's columns, ascending, below cols.
  void add_row(std::span<const std::uint32_t> columns);
  /// The rows of another pattern of as many columns behind these.
  void append(const RowPattern& next);
  std::size_t rows() const noexcept { return slots_.size(); }
  /// Columns of a row, ascending: in `scratch`, or in the pattern where the row is full.
  std::span<const std::uint32_t> columns(std::size_t row, std::vector<std::uint32_t>& scratch) const;
  /// Entries of all rows.
  std::uint64_t count() const noexcept;
  std::uint64_t bytes() const noexcept;

  // Its parts, to be sent to another process: the number of every row's bits among `words` (full_row: it needs none).
  static constexpr std::uint32_t full_row = UINT32_MAX;
  std::span<const std::uint32_t> slots() const noexcept { return slots_; }
  std::span<const std::uint64_t> words() const noexcept { return words_; }
  /// False if these cannot be the parts of a pattern with `cols` columns.
  bool assign(std::uint32_t cols, std::vector<std::uint32_t> slots, std::vector<std::uint64_t> words);

 private:
  std::size_t words_per_row() const noexcept { return (all_.size() + 63) / 64; }
  std::vector<std::uint32_t> all_;    // 0 ... cols - 1
  std::vector<std::uint32_t> slots_;  // [rows]
  std::vector<std::uint64_t> words_;  // [rows with zeros, words_per_row()]
};

}  // namespace sedma::runtime

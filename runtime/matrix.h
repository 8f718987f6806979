#pragma once
// A sparse or dense matrix in double precision, as read from a file.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hal/status.h"

namespace sedma::runtime {

/// A matrix in compressed sparse rows: column indices ascend within a row, no duplicates, no stored zeros, all values finite.
/// A dense matrix is the same thing with every entry stored. Shape [rows, cols].
class Matrix {
 public:
  struct Entry {
    std::uint32_t row = 0, col = 0;
    double value = 0;
  };

  Matrix() = default;
  /// From coordinates in any order. Duplicates are summed in the order given, zeros (also those that sums leave) dropped.
  /// Errors: out_of_range (an index beyond the shape), invalid_argument (NaN or infinite value or sum; no rows or no columns),
  /// each naming the entry.
  static Result<Matrix> from_entries(std::string name, std::uint32_t rows, std::uint32_t cols, std::vector<Entry> entries);
  /// From row-major values [rows, cols]; zeros are dropped. Errors: invalid_argument (non-finite value, empty shape, wrong size).
  static Result<Matrix> from_dense(std::string name, std::uint32_t rows, std::uint32_t cols, std::span<const double> values);

  const std::string& name() const noexcept { return name_; }
  std::uint32_t rows() const noexcept { return rows_; }
  std::uint32_t cols() const noexcept { return cols_; }
  /// Entries != 0.
  std::size_t nonzeros() const noexcept { return values_.size(); }
  /// Offsets of the rows in columns() and values(), [rows + 1].
  std::span<const std::size_t> row_offsets() const noexcept { return offsets_; }
  std::span<const std::uint32_t> columns() const noexcept { return columns_; }
  std::span<const double> values() const noexcept { return values_; }

  /// y = A x for a batch: x [batch, cols], y [batch, rows], row-major, in double, summed in column order. Cost: batch * nonzeros.
  void multiply(std::span<const double> x, std::span<double> y, std::size_t batch) const;
  /// Copies the window [row, row+row_count) x [col, col+col_count) into a row-major dense buffer, zeros filled in.
  void copy_window(std::uint32_t row, std::uint32_t col, std::uint32_t row_count, std::uint32_t col_count, double* out) const;

 private:
  std::string name_;
  std::uint32_t rows_ = 0, cols_ = 0;
  std::vector<std::size_t> offsets_{0};
  std::vector<std::uint32_t> columns_;
  std::vector<double> values_;
};

}  // namespace sedma::runtime

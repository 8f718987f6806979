#pragma once
// A sparse or dense matrix in double precision, held in memory.

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hal/status.h"
#include "runtime/matrix_source.h"

namespace sedma::runtime {

/// A matrix in compressed sparse rows: column indices ascend within a row, no duplicates, no stored zeros, all values finite.
/// A dense matrix is the same thing with every entry stored, 12 bytes each. Shape [rows, cols].
class Matrix final : public MatrixSource {
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

  /// Offsets of the rows in columns() and values(), [rows + 1].
  std::span<const std::size_t> row_offsets() const noexcept { return offsets_; }
  std::span<const std::uint32_t> columns() const noexcept { return columns_; }
  std::span<const double> values() const noexcept { return values_; }

  std::span<const std::uint32_t> row_columns(std::uint32_t row, std::vector<std::uint32_t>& scratch) const override;
  Status gather(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> cols, double* out) const override;
  Status for_each_row(const RowVisitor& visit) const override;
  std::uint64_t bytes() const noexcept override;
  /// Copies the window [row, row+row_count) x [col, col+col_count) into a row-major dense buffer, zeros filled in.
  void copy_window(std::uint32_t row, std::uint32_t col, std::uint32_t row_count, std::uint32_t col_count, double* out) const;

 private:
  RowEntries entries(std::size_t row) const;
  void finish(std::string name, std::uint32_t rows, std::uint32_t cols);

  std::vector<std::size_t> offsets_{0};
  std::vector<std::uint32_t> columns_;
  std::vector<double> values_;
};

}  // namespace sedma::runtime

#pragma once
// Where the entries of a matrix come from: memory (runtime/matrix.h), or a file that is read in bands of rows and never held whole.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "hal/status.h"

namespace sedma::runtime {

/// Told what is done of what, from the calling thread. Returning false ends the work with `aborted`.
using Watch = std::function<bool(std::uint64_t done, std::uint64_t total)>;

/// Some entries of one row: columns ascending, values finite and != 0.
struct RowEntries {
  std::span<const std::uint32_t> columns;
  std::span<const double> values;
};

/// A block of a matrix outside of which its rows and columns hold nothing.
struct Part {
  std::uint32_t row = 0, rows = 0, col = 0, cols = 0;
  std::uint64_t content = 0;  ///< MatrixSource::content() of the block as a matrix alone
};

/// A matrix [rows, cols] of finite doubles, dense or sparse, as planning and programming see it. Its structure (which entries are != 0),
/// content hash and row sums are known from the start; values are handed out by gather() and for_each_row(), whose bits do not depend on
/// where they come from. Not thread-safe: a file's bands are kept behind the const calls.
class MatrixSource {
 public:
  using RowVisitor = std::function<Status(std::uint32_t row, const RowEntries& entries)>;

  virtual ~MatrixSource() = default;

  const std::string& name() const noexcept { return name_; }
  std::uint32_t rows() const noexcept { return rows_; }
  std::uint32_t cols() const noexcept { return cols_; }
  /// Entries != 0.
  std::uint64_t nonzeros() const noexcept { return nonzeros_; }
  /// xxh3-64 of the shape and of row_hash() of every row: the root of a session's random streams. Rows can be hashed anywhere, in any
  /// order.
  std::uint64_t content() const noexcept { return content_; }
  /// Sum of |a| of every row, added in column order, [rows].
  std::span<const double> row_bounds() const noexcept { return bounds_; }

  /// Blocks on the diagonal that share no row and no column and hold all there is; no tile reaches over their borders. Usually one.
  virtual std::vector<Part> parts() const { return {{0, rows_, 0, cols_, content_}}; }
  /// Columns of the entries != 0 of a row, ascending; they lie in `scratch` or in the matrix, until either changes. Reads no file.
  virtual std::span<const std::uint32_t> row_columns(std::uint32_t row, std::vector<std::uint32_t>& scratch) const = 0;
  /// Copies the entries at rows x cols (indices ascending, inside the shape) to out [rows.size(), cols.size()], row-major, zeros filled in.
  /// Errors: data_corrupt (a file that is not what it was when it was opened, or cannot be read any more: names the rows).
  virtual Status gather(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> cols, double* out) const = 0;
  /// Hands out every row in order; a failure of `visit` ends it. Errors: of `visit`, and as gather().
  virtual Status for_each_row(const RowVisitor& visit) const = 0;
  /// Memory that the matrix takes, buffers included.
  virtual std::uint64_t bytes() const noexcept = 0;

  /// y = A x for a batch: x [batch, cols] finite, y [batch, rows], row-major, in double, summed in column order. `watch` counts rows.
  /// Errors: as for_each_row(); aborted. Cost: batch * nonzeros, and one reading of a file.
  Status multiply(std::span<const double> x, std::span<double> y, std::size_t batch, const Watch& watch = {}) const;

 protected:
  MatrixSource() = default;
  MatrixSource(const MatrixSource&) = default;
  MatrixSource& operator=(const MatrixSource&) = default;
  MatrixSource(MatrixSource&&) = default;
  MatrixSource& operator=(MatrixSource&&) = default;
  /// What one look at every row has found; both [rows].
  void describe(std::string name, std::uint32_t rows, std::uint32_t cols, std::uint64_t nonzeros, std::span<const std::uint64_t> row_hashes,
                std::vector<double> row_bounds);

 private:
  std::string name_;
  std::uint32_t rows_ = 0, cols_ = 0;
  std::uint64_t nonzeros_ = 0, content_ = 0;
  std::vector<double> bounds_;
};

/// xxh3-64 of the values, seeded with that of the columns.
std::uint64_t row_hash(const RowEntries& entries) noexcept;
/// Sum of |a| in column order.
double row_bound(const RowEntries& entries) noexcept;

}  // namespace sedma::runtime

#include "runtime/matrix.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace sedma::runtime {
namespace {

bool before(const Matrix::Entry& a, const Matrix::Entry& b) { return a.row != b.row ? a.row < b.row : a.col < b.col; }

Status check_not_empty(const std::string& name, std::uint32_t rows, std::uint32_t cols) {
  if (rows != 0 && cols != 0) return {};
  return fail(Code::invalid_argument, "{}: a matrix has at least one row and one column, found {} x {}", name, rows, cols);
}

Status not_finite(const std::string& name, std::uint32_t row, std::uint32_t col, double value) {
  return fail(Code::invalid_argument, "{}: entry (row {}, column {}, counted from 0) is {}, expected a finite value", name, row, col,
              value);
}

}  // namespace

Result<Matrix> Matrix::from_entries(std::string name, std::uint32_t rows, std::uint32_t cols, std::vector<Entry> entries) {
  SEDMA_RETURN_IF_ERROR(check_not_empty(name, rows, cols));
  for (const Entry& entry : entries) {
    if (entry.row >= rows || entry.col >= cols) {
      return fail(Code::out_of_range, "{}: entry (row {}, column {}, counted from 0) is outside {} x {}", name, entry.row, entry.col, rows,
                  cols);
    }
    if (!std::isfinite(entry.value)) return not_finite(name, entry.row, entry.col, entry.value);
  }
  // Stable, so that duplicates are summed in the order given.
  if (!std::is_sorted(entries.begin(), entries.end(), before)) std::stable_sort(entries.begin(), entries.end(), before);
  std::size_t kept = 0;
  for (std::size_t i = 0; i < entries.size();) {
    Entry sum = entries[i++];
    for (; i < entries.size() && entries[i].row == sum.row && entries[i].col == sum.col; ++i) sum.value += entries[i].value;
    if (!std::isfinite(sum.value)) return not_finite(name, sum.row, sum.col, sum.value);
    if (sum.value != 0) entries[kept++] = sum;
  }
  entries.resize(kept);

  Matrix matrix;
  matrix.name_ = std::move(name);
  matrix.rows_ = rows;
  matrix.cols_ = cols;
  matrix.offsets_.assign(std::size_t{rows} + 1, 0);
  matrix.columns_.reserve(kept);
  matrix.values_.reserve(kept);
  for (const Entry& entry : entries) {
    ++matrix.offsets_[std::size_t{entry.row} + 1];
    matrix.columns_.push_back(entry.col);
    matrix.values_.push_back(entry.value);
  }
  for (std::size_t row = 0; row < rows; ++row) matrix.offsets_[row + 1] += matrix.offsets_[row];
  return matrix;
}

Result<Matrix> Matrix::from_dense(std::string name, std::uint32_t rows, std::uint32_t cols, std::span<const double> values) {
  SEDMA_RETURN_IF_ERROR(check_not_empty(name, rows, cols));
  if (values.size() != std::uint64_t{rows} * cols) {
    return fail(Code::invalid_argument, "{}: {} x {} needs {} values, found {}", name, rows, cols, std::uint64_t{rows} * cols,
                values.size());
  }
  Matrix matrix;
  matrix.rows_ = rows;
  matrix.cols_ = cols;
  matrix.offsets_.reserve(std::size_t{rows} + 1);
  for (std::uint32_t row = 0; row < rows; ++row) {
    const std::span<const double> line = values.subspan(std::size_t{row} * cols, cols);
    for (std::uint32_t col = 0; col < cols; ++col) {
      if (!std::isfinite(line[col])) return not_finite(name, row, col, line[col]);
      if (line[col] == 0) continue;
      matrix.columns_.push_back(col);
      matrix.values_.push_back(line[col]);
    }
    matrix.offsets_.push_back(matrix.values_.size());
  }
  matrix.name_ = std::move(name);
  return matrix;
}

void Matrix::multiply(std::span<const double> x, std::span<double> y, std::size_t batch) const {
  SEDMA_CHECK(x.size() == batch * cols_, x.size(), batch, cols_);
  SEDMA_CHECK(y.size() == batch * rows_, y.size(), batch, rows_);
  for (std::size_t vector = 0; vector < batch; ++vector) {
    const double* in = x.data() + vector * cols_;
    double* out = y.data() + vector * rows_;
    for (std::size_t row = 0; row < rows_; ++row) {
      double sum = 0;
      for (std::size_t k = offsets_[row]; k < offsets_[row + 1]; ++k) sum += values_[k] * in[columns_[k]];
      out[row] = sum;
    }
  }
}

void Matrix::copy_window(std::uint32_t row, std::uint32_t col, std::uint32_t row_count, std::uint32_t col_count, double* out) const {
  SEDMA_CHECK(row <= rows_ && row_count <= rows_ - row, row, row_count, rows_);
  SEDMA_CHECK(col <= cols_ && col_count <= cols_ - col, col, col_count, cols_);
  std::fill_n(out, std::size_t{row_count} * col_count, 0.0);
  const std::uint32_t end_col = col + col_count;
  for (std::uint32_t i = 0; i < row_count; ++i) {
    double* line = out + std::size_t{i} * col_count;
    const auto first = columns_.begin() + static_cast<std::ptrdiff_t>(offsets_[row + i]);
    const auto last = columns_.begin() + static_cast<std::ptrdiff_t>(offsets_[std::size_t{row} + i + 1]);
    for (auto at = std::lower_bound(first, last, col); at != last && *at < end_col; ++at) {
      line[*at - col] = values_[static_cast<std::size_t>(at - columns_.begin())];
    }
  }
}

}  // namespace sedma::runtime

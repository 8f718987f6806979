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
  matrix.offsets_.assign(std::size_t{rows} + 1, 0);
  matrix.columns_.reserve(kept);
  matrix.values_.reserve(kept);
  for (const Entry& entry : entries) {
    ++matrix.offsets_[std::size_t{entry.row} + 1];
    matrix.columns_.push_back(entry.col);
    matrix.values_.push_back(entry.value);
  }
  for (std::size_t row = 0; row < rows; ++row) matrix.offsets_[row + 1] += matrix.offsets_[row];
  matrix.finish(std::move(name), rows, cols);
  return matrix;
}

Result<Matrix> Matrix::from_dense(std::string name, std::uint32_t rows, std::uint32_t cols, std::span<const double> values) {
  SEDMA_RETURN_IF_ERROR(check_not_empty(name, rows, cols));
  if (values.size() != std::uint64_t{rows} * cols) {
    return fail(Code::invalid_argument, "{}: {} x {} needs {} values, found {}", name, rows, cols, std::uint64_t{rows} * cols,
                values.size());
  }
  Matrix matrix;
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
  matrix.finish(std::move(name), rows, cols);
  return matrix;
}

RowEntries Matrix::entries(std::size_t row) const {
  const std::size_t begin = offsets_[row], count = offsets_[row + 1] - begin;
  return {columns().subspan(begin, count), values().subspan(begin, count)};
}

void Matrix::finish(std::string name, std::uint32_t rows, std::uint32_t cols) {
  std::vector<std::uint64_t> hashes(rows);
  std::vector<double> bounds(rows);
  for (std::size_t row = 0; row < rows; ++row) {
    hashes[row] = row_hash(entries(row));
    bounds[row] = row_bound(entries(row));
  }
  describe(std::move(name), rows, cols, values_.size(), hashes, std::move(bounds));
}

std::span<const std::uint32_t> Matrix::row_columns(std::uint32_t row, std::vector<std::uint32_t>&) const { return entries(row).columns; }

Status Matrix::gather(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> cols, double* out) const {
  std::fill_n(out, rows.size() * cols.size(), 0.0);
  if (rows.empty() || cols.empty()) return {};
  SEDMA_CHECK(rows.back() < this->rows() && cols.back() < this->cols(), rows.back(), cols.back());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const RowEntries row = entries(rows[i]);
    double* line = out + i * cols.size();
    auto at = std::lower_bound(row.columns.begin(), row.columns.end(), cols.front());
    for (std::size_t j = 0; j < cols.size() && at != row.columns.end(); ++j) {
      while (at != row.columns.end() && *at < cols[j]) ++at;
      if (at != row.columns.end() && *at == cols[j]) line[j] = row.values[static_cast<std::size_t>(at - row.columns.begin())];
    }
  }
  return {};
}

Status Matrix::for_each_row(const RowVisitor& visit) const {
  for (std::uint32_t row = 0; row < rows(); ++row) SEDMA_RETURN_IF_ERROR(visit(row, entries(row)));
  return {};
}

std::uint64_t Matrix::bytes() const noexcept {
  return row_offsets().size_bytes() + columns().size_bytes() + values().size_bytes() + row_bounds().size_bytes();
}

void Matrix::copy_window(std::uint32_t row, std::uint32_t col, std::uint32_t row_count, std::uint32_t col_count, double* out) const {
  SEDMA_CHECK(row <= rows() && row_count <= rows() - row, row, row_count, rows());
  SEDMA_CHECK(col <= cols() && col_count <= cols() - col, col, col_count, cols());
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

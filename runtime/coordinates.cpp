#include "runtime/coordinates.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <utility>

namespace sedma::runtime {
namespace {

// What a file of any size may ask for (128 MiB at 8 bytes each), and what each of its bytes adds to that.
constexpr std::uint64_t free_elements = 1u << 24;
constexpr std::uint64_t elements_per_byte = 64;

std::uint64_t plausible_elements(std::uint64_t file_bytes) { return free_elements + elements_per_byte * file_bytes; }

Status check_side(const char* side, std::uint64_t count, std::uint64_t limit, std::uint64_t file_bytes) {
  const std::uint64_t most = std::min<std::uint64_t>(limit, UINT32_MAX);
  if (count > most) return fail(Code::out_of_range, "the header asks for {} {}; the limit is {}", count, side, most);
  if (count > plausible_elements(file_bytes)) {
    return fail(Code::out_of_range, "the header asks for {} {} in a file of {} bytes; at most {} are believed", count, side, file_bytes,
                plausible_elements(file_bytes));
  }
  return {};
}

}  // namespace

Status Expander::add(std::uint32_t row, std::uint32_t col, double value) {
  result_.entries.push_back({row, col, value});
  if (symmetry_ != Symmetry::general && row == col) {
    if (symmetry_ == Symmetry::skew) {
      return fail(Code::data_corrupt, "entry ({}, {}) lies on the diagonal, which a skew-symmetric file does not store", row + 1, col + 1);
    }
  } else if (symmetry_ != Symmetry::general) {
    (row > col ? lower_ : upper_) = true;
    // Mirroring both triangles would silently double a matrix that was stored in full.
    if (lower_ && upper_) {
      return fail(Code::data_corrupt, "entry ({}, {}) lies in the other triangle than those before; a {} file stores one triangle",
                  std::uint64_t{row} + 1, std::uint64_t{col} + 1, symmetry_ == Symmetry::skew ? "skew-symmetric" : "symmetric");
    }
    result_.entries.push_back({col, row, symmetry_ == Symmetry::skew ? -value : value});
  }
  if (result_.entries.size() > max_entries_) {
    return fail(Code::out_of_range, "more than {} entries after the symmetry is expanded, which is the limit", max_entries_);
  }
  return {};
}

Status check_shape(std::uint64_t rows, std::uint64_t cols, const ReadLimits& limits, std::uint64_t file_bytes) {
  if (rows == 0 || cols == 0) {
    return fail(Code::invalid_argument, "a matrix has at least one row and one column, found {} x {}", rows, cols);
  }
  SEDMA_RETURN_IF_ERROR(check_side("rows", rows, limits.max_rows, file_bytes));
  return check_side("columns", cols, limits.max_cols, file_bytes);
}

Result<Matrix> to_matrix(Coordinates coordinates, const std::string& name) {
  Result<Matrix> matrix = Matrix::from_entries(matrix_name(name), coordinates.rows, coordinates.cols, std::move(coordinates.entries));
  // The parsers checked every entry; what is left is a sum of duplicates that overflows: the file's fault, not the caller's.
  if (!matrix.ok()) return Status(Code::data_corrupt, matrix.status().message()).with_context(name);
  return matrix;
}

Result<DenseBlock> to_block(const Coordinates& coordinates, const std::string& name, const ReadLimits& limits, std::uint64_t file_bytes) {
  const std::uint64_t values = std::uint64_t{coordinates.rows} * coordinates.cols;
  const std::uint64_t most = std::min(limits.max_entries, plausible_elements(file_bytes));
  if (values > most) {
    return fail(Code::out_of_range, "{}: a dense block of {} x {} values; at most {} are read from {} bytes", name, coordinates.rows,
                coordinates.cols, most, file_bytes);
  }
  DenseBlock block{coordinates.rows, coordinates.cols, std::vector<double>(values)};
  for (const Matrix::Entry& entry : coordinates.entries) {
    double& cell = block.values[std::size_t{entry.row} * coordinates.cols + entry.col];
    cell = cell == 0 ? entry.value : cell + entry.value;  // 0 + -0 would lose the sign
    if (!std::isfinite(cell)) {
      return fail(Code::data_corrupt, "{}: the entries at ({}, {}) sum to {}", name, std::uint64_t{entry.row} + 1,
                  std::uint64_t{entry.col} + 1, cell);
    }
  }
  return block;
}

std::string matrix_name(const std::string& reference) {
  const std::size_t split = reference.rfind(":/");
  const std::string stem = std::filesystem::path(reference.substr(0, split)).stem().string();
  return split == std::string::npos ? stem : stem + reference.substr(split);
}

}  // namespace sedma::runtime

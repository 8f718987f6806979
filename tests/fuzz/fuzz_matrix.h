#pragma once
// What a parsed matrix must satisfy, whatever bytes it came from. Shared by the fuzzers of the matrix formats.

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "hal/status.h"
#include "runtime/matrix.h"
#include "runtime/matrix_file.h"

namespace sedma::fuzz {

/// Small enough that a fuzzer spends its time on the parser and not on clearing memory.
inline runtime::ReadLimits small_limits() { return {.max_rows = 4096, .max_cols = 4096, .max_entries = 1 << 16}; }

inline std::string_view text(const std::uint8_t* data, std::size_t size) { return {reinterpret_cast<const char*>(data), size}; }

inline void check_invariants(const runtime::Matrix& matrix) {
  const auto offsets = matrix.row_offsets();
  const auto columns = matrix.columns();
  SEDMA_CHECK(matrix.rows() > 0 && matrix.cols() > 0, matrix.rows(), matrix.cols());
  SEDMA_CHECK(offsets.size() == std::size_t{matrix.rows()} + 1 && offsets.front() == 0 && offsets.back() == columns.size());
  SEDMA_CHECK(columns.size() == matrix.values().size() && columns.size() == matrix.nonzeros());
  for (std::size_t row = 0; row < matrix.rows(); ++row) {
    SEDMA_CHECK(offsets[row] <= offsets[row + 1], row);
    for (std::size_t k = offsets[row]; k < offsets[row + 1]; ++k) {
      SEDMA_CHECK(columns[k] < matrix.cols(), row, columns[k]);
      SEDMA_CHECK(k == offsets[row] || columns[k - 1] < columns[k], row, columns[k]);
      SEDMA_CHECK(std::isfinite(matrix.values()[k]) && matrix.values()[k] != 0, row, columns[k], matrix.values()[k]);
    }
  }
}

inline void check_same(const runtime::Matrix& a, const runtime::Matrix& b) {
  const auto same_bits = [](double x, double y) { return std::bit_cast<std::uint64_t>(x) == std::bit_cast<std::uint64_t>(y); };
  SEDMA_CHECK(a.rows() == b.rows() && a.cols() == b.cols() && a.nonzeros() == b.nonzeros(), a.nonzeros(), b.nonzeros());
  SEDMA_CHECK(std::equal(a.row_offsets().begin(), a.row_offsets().end(), b.row_offsets().begin()));
  SEDMA_CHECK(std::equal(a.columns().begin(), a.columns().end(), b.columns().begin()));
  SEDMA_CHECK(std::equal(a.values().begin(), a.values().end(), b.values().begin(), same_bits));
}

/// A refusal must say why, and blame no defect of SEDMA.
inline void check_refusal(const Status& status) {
  const Code code = status.code();
  SEDMA_CHECK(code == Code::data_corrupt || code == Code::unsupported || code == Code::out_of_range || code == Code::invalid_argument,
              status.to_string());
  SEDMA_CHECK(status.message().starts_with("fuzz"), status.to_string());
  SEDMA_CHECK(status.message().size() < 1000, status.message().size());
}

/// Parses, and if that worked: invariants, and write -> parse gives the same.
template <class Parse, class Format>
void check_format(std::string_view bytes, const Parse& parse, const Format& format) {
  const Result<runtime::Matrix> matrix = parse(bytes, "fuzz", small_limits());
  if (!matrix.ok()) return check_refusal(matrix.status());
  check_invariants(*matrix);
  std::string written;
  const Status status = format(*matrix, [&](std::string_view piece) { return written += piece, Status(); });
  SEDMA_CHECK(status.ok(), status.to_string());
  const Result<runtime::Matrix> again = parse(written, "again", small_limits());
  SEDMA_CHECK(again.ok(), again.status().to_string());
  check_same(*matrix, *again);
}

}  // namespace sedma::fuzz

#include "runtime/matrix_source.h"

#include <xxhash.h>

#include <cmath>
#include <utility>

namespace sedma::runtime {

std::uint64_t row_hash(const RowEntries& entries) noexcept {
  const std::uint64_t places = XXH3_64bits(entries.columns.data(), entries.columns.size_bytes());
  return XXH3_64bits_withSeed(entries.values.data(), entries.values.size_bytes(), places);
}

double row_bound(const RowEntries& entries) noexcept {
  double sum = 0;
  for (const double value : entries.values) sum += std::abs(value);
  return sum;
}

void MatrixSource::describe(std::string name, std::uint32_t rows, std::uint32_t cols, std::uint64_t nonzeros,
                            std::span<const std::uint64_t> row_hashes, std::vector<double> row_bounds) {
  SEDMA_CHECK(row_hashes.size() == rows && row_bounds.size() == rows, row_hashes.size(), row_bounds.size(), rows);
  name_ = std::move(name);
  rows_ = rows;
  cols_ = cols;
  nonzeros_ = nonzeros;
  const std::uint64_t shape[2] = {rows, cols};
  content_ = XXH3_64bits_withSeed(row_hashes.data(), row_hashes.size_bytes(), XXH3_64bits(shape, sizeof shape));
  bounds_ = std::move(row_bounds);
}

Status MatrixSource::multiply(std::span<const double> x, std::span<double> y, std::size_t batch, const Watch& watch) const {
  SEDMA_CHECK(x.size() == batch * cols_, x.size(), batch, cols_);
  SEDMA_CHECK(y.size() == batch * rows_, y.size(), batch, rows_);
  return for_each_row([&](std::uint32_t row, const RowEntries& entries) -> Status {
    for (std::size_t vector = 0; vector < batch; ++vector) {
      const double* in = x.data() + vector * cols_;
      double sum = 0;
      for (std::size_t k = 0; k < entries.values.size(); ++k) sum += entries.values[k] * in[entries.columns[k]];
      y[vector * rows_ + row] = sum;
    }
    if (!watch || watch(std::uint64_t{row} + 1, rows_)) return {};
    return fail(Code::aborted, "stopped at row {} of {}", row + 1, rows_);
  });
}

}  // namespace sedma::runtime

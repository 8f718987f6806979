#include <algorithm>
#include <cmath>

#include "runtime/memory/prior.h"

namespace sedma::runtime {
namespace {

constexpr std::uint64_t most_magnitudes = 1u << 20;  // that the median of |a| is taken from

double median(std::vector<double>& values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

double decades(double large, double small) { return large > 0 && small > 0 ? std::log10(large / small) : 0.0; }

/// One look at every row.
class RowsSeen {
 public:
  explicit RowsSeen(const MatrixSource& matrix)
      : stride_(matrix.nonzeros() / most_magnitudes + 1), cols_(matrix.cols()), rows_(matrix.rows()) {}

  void add(std::uint32_t row, const RowEntries& entries) {
    double squares = 0, sum = 0, largest = 0, with_last = 0;
    std::size_t last = 0;
    for (std::size_t k = 0; k < entries.columns.size(); ++k) {
      const double a = entries.values[k], magnitude = std::abs(a);
      squares += a * a;
      sum += magnitude;
      largest = std::max(largest, magnitude);
      offsets_ += std::abs(entries.columns[k] / cols_ - row / rows_);
      if (seen_++ % stride_ == 0) magnitudes_.push_back(magnitude);
      while (last < last_columns_.size() && last_columns_[last] < entries.columns[k]) ++last;
      if (last < last_columns_.size() && last_columns_[last] == entries.columns[k]) with_last += a * last_values_[last];
    }
    last_columns_.assign(entries.columns.begin(), entries.columns.end());
    last_values_.assign(entries.values.begin(), entries.values.end());
    largest_ = std::max(largest_, largest);
    squares_ += squares;
    neighbours_ += with_last;
    if (squares == 0) return;
    const double norm = std::sqrt(squares);
    norms_.push_back(norm);
    peak_ += largest / norm;
    crowding_ += sum / norm;
  }

  void describe(MatrixFeatures& f) {
    if (norms_.empty()) return;
    const auto filled = static_cast<double>(norms_.size());
    f.bandwidth = offsets_ / f.nonzeros;
    f.dynamic_range = decades(largest_, median(magnitudes_));
    const double loudest = *std::max_element(norms_.begin(), norms_.end());
    f.row_spread = decades(loudest, median(norms_));
    f.row_peak = peak_ / filled;
    f.row_crowding = crowding_ / filled;
    f.output_lag1 = neighbours_ / squares_;
  }

 private:
  std::uint64_t stride_, seen_ = 0;
  double cols_, rows_;
  double offsets_ = 0, largest_ = 0, squares_ = 0, neighbours_ = 0, peak_ = 0, crowding_ = 0;
  std::vector<double> magnitudes_, norms_, last_values_;
  std::vector<std::uint32_t> last_columns_;
};

}  // namespace

Result<MatrixFeatures> features_of(const MatrixSource& matrix) {
  MatrixFeatures f;
  f.content = matrix.content();
  f.rows = matrix.rows();
  f.cols = matrix.cols();
  f.nonzeros = static_cast<double>(matrix.nonzeros());
  f.density = f.nonzeros / (f.rows * f.cols);
  RowsSeen seen(matrix);
  SEDMA_RETURN_IF_ERROR(matrix.for_each_row([&](std::uint32_t row, const RowEntries& entries) -> Status {
    seen.add(row, entries);
    return {};
  }));
  seen.describe(f);
  return f;
}

}  // namespace sedma::runtime

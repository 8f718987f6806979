#include "runtime/memory/product_checks.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>

namespace sedma::runtime {
namespace {

constexpr std::size_t nowhere = std::numeric_limits<std::size_t>::max();
constexpr std::size_t least_checked = 8;

using Clock = std::chrono::steady_clock;

}  // namespace

std::uint64_t CheckedErrors::above(double target) const {
  return static_cast<std::uint64_t>(std::count_if(errors.begin(), errors.end(), [&](double error) { return !(error <= target); }));
}

double median_of(std::vector<double> values) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return n % 2 == 1 ? values[n / 2] : (values[n / 2 - 1] + values[n / 2]) / 2;
}

double percentile_95(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto rank = (values.size() * 95 + 99) / 100;  // the smallest that 95 % do not pass
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(rank - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

ProductChecks::ProductChecks(const TunedRequest& request) : request_(request), where_(request.batch, nowhere) {
  const double share = std::ceil(request.check_share * static_cast<double>(request.batch));
  count_ = std::min(request.batch, std::max(least_checked, static_cast<std::size_t>(share)));
}

bool ProductChecks::planned(std::size_t vector) const noexcept {
  const auto before = [&](std::size_t v) { return (v * count_ + request_.batch - 1) / request_.batch; };
  return before(vector + 1) > before(vector);
}

std::vector<std::size_t> ProductChecks::missing(std::size_t first, std::size_t last, std::size_t at_least) const {
  std::vector<std::size_t> vectors;
  for (std::size_t v = first; v < last; ++v)
    if (where_[v] == nowhere && (planned(v) || v < first + at_least)) vectors.push_back(v);
  return vectors;
}

// All at once: a matrix in a file is read once for them.
Status ProductChecks::make_exact(const std::vector<std::size_t>& vectors) {
  if (vectors.empty()) return {};
  const Clock::time_point begin = Clock::now();
  const std::size_t cols = request_.matrix.cols(), rows = request_.matrix.rows(), before = exact_.size();
  std::vector<double> x;
  x.reserve(vectors.size() * cols);
  for (const std::size_t v : vectors) {
    const auto row = request_.x.subspan(v * cols, cols);
    x.insert(x.end(), row.begin(), row.end());
  }
  exact_.resize(before + vectors.size() * rows);
  Watch watch;
  if (request_.base.progress)
    watch = [this](std::uint64_t done, std::uint64_t total) { return request_.base.progress("check", done, total); };
  SEDMA_RETURN_IF_ERROR(request_.matrix.multiply(x, std::span(exact_).subspan(before), vectors.size(), watch));
  for (std::size_t k = 0; k < vectors.size(); ++k) where_[vectors[k]] = before / rows + k;
  seconds_ += std::chrono::duration<double>(Clock::now() - begin).count();
  return {};
}

Result<CheckedErrors> ProductChecks::check(std::size_t first, const Product& product, std::size_t at_least) {
  const std::size_t rows = product.rows, last = first + product.batch;
  const bool given = !request_.reference.empty();
  if (!given) {
    if (exact_.empty()) SEDMA_RETURN_IF_ERROR(make_exact(missing(0, request_.batch, 0)));
    SEDMA_RETURN_IF_ERROR(make_exact(missing(first, last, at_least)));
  }
  CheckedErrors checked;
  const std::span<const double> y = product.y, exact = given ? request_.reference : std::span<const double>(exact_);
  for (std::size_t v = first; v < last; ++v) {
    const std::size_t row = given ? v : where_[v];
    if (row == nowhere) continue;
    checked.errors.push_back(compare(y.subspan((v - first) * rows, rows), exact.subspan(row * rows, rows)).relative_l2);
  }
  return checked;
}

}  // namespace sedma::runtime

#pragma once
// Exact products of a share of the vectors of a run, to hold its products against. Internal.

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/memory/tuned_run.h"

namespace sedma::runtime {

/// The relative l2 errors of some vectors.
struct CheckedErrors {
  std::vector<double> errors;
  std::uint64_t above(double target) const;
};
/// Median, and 95th percentile by nearest rank; 0 of nothing.
double median_of(std::vector<double> values);
double percentile_95(std::vector<double> values);

class ProductChecks {
 public:
  /// What is looked at is spread evenly over the run and begins with its first vector.
  explicit ProductChecks(const TunedRequest& request);

  bool planned(std::size_t vector) const noexcept;
  /// Of the vectors first ... first + product.batch - 1: those planned and the first `at_least`. Errors: of the matrix; aborted.
  Result<CheckedErrors> check(std::size_t first, const Product& product, std::size_t at_least);
  double seconds() const noexcept { return seconds_; }  ///< host time for exact products

 private:
  Status make_exact(const std::vector<std::size_t>& vectors);
  std::vector<std::size_t> missing(std::size_t first, std::size_t last, std::size_t at_least) const;

  const TunedRequest& request_;
  std::size_t count_ = 0;           // of the vectors planned
  std::vector<std::size_t> where_;  // [batch]: row of exact_, or none
  std::vector<double> exact_;       // [any, rows]
  double seconds_ = 0;
};

}  // namespace sedma::runtime

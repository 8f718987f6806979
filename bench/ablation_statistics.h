#pragma once
// Quantiles, and intervals by the bootstrap: regrets are skewed, so nothing is taken for normal.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace sedma::bench {

/// Nearest rank: the smallest value that at least `share` of all are not above. @pre !values.empty(), 0 < share <= 1
double quantile(std::vector<double> values, double share);

struct Interval {
  double value = 0, low = 0, high = 0;
};
using Statistic = std::function<double(const std::vector<double>&)>;
/// `statistic` of the values and its 95 % interval by the percentile bootstrap (Efron and Tibshirani 1993, chapter 13): 2,000 samples of
/// the same size drawn with replacement; the same seed draws the same. @pre !values.empty()
Interval bootstrap(const std::vector<double>& values, const Statistic& statistic, std::uint64_t seed = 1);

}  // namespace sedma::bench

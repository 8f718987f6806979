#pragma once
// Moments of samples.

#include <cmath>
#include <span>

namespace sedma::kernels {

struct Moments {
  double mean = 0, variance = 0, kurtosis = 0;
};

inline Moments moments(std::span<const double> values) {
  Moments m;
  const auto n = static_cast<double>(values.size());
  for (const double v : values) m.mean += v / n;
  double fourth = 0;
  for (const double v : values) {
    const double square = (v - m.mean) * (v - m.mean);
    m.variance += square / n;
    fourth += square * square / n;
  }
  m.kurtosis = fourth / (m.variance * m.variance);
  return m;
}

inline double covariance(std::span<const double> a, std::span<const double> b) {
  const double mean_a = moments(a).mean, mean_b = moments(b).mean;
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += (a[i] - mean_a) * (b[i] - mean_b);
  return sum / static_cast<double>(a.size());
}

inline double correlation(std::span<const double> a, std::span<const double> b) {
  return covariance(a, b) / std::sqrt(moments(a).variance * moments(b).variance);
}

/// Slope of the straight line through (x, y) by least squares.
inline double slope(std::span<const double> x, std::span<const double> y) { return covariance(x, y) / moments(x).variance; }

}  // namespace sedma::kernels

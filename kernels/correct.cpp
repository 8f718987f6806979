#include "kernels/correct.h"

#include "hal/status.h"

namespace sedma::kernels {

// Thomas elimination, with every pivot written as lambda + e_i. From pivot_i = 1 + 2 lambda - lambda^2 / pivot_(i-1) follows
// e_i = 1 + ratio_(i-1) e_(i-1) with ratio = lambda / (lambda + e): sums and products of positive numbers only, so nothing cancels however
// large lambda is (the textbook form loses the 1 beside lambda from 1e16 on and ends in a division by zero).
void denoise(std::span<double> y, double lambda, std::span<double> scratch) noexcept {
  const std::size_t n = y.size();
  SEDMA_CHECK(lambda >= 0, lambda);
  SEDMA_CHECK(scratch.size() >= n, scratch.size(), n);
  if (n < 2 || lambda == 0) return;
  scratch[0] = 1;
  for (std::size_t i = 1; i < n; ++i) {
    const double e = scratch[i - 1];
    const double ratio = lambda / (lambda + e);
    scratch[i] = 1 + ratio * e;
    y[i] += ratio * y[i - 1];
  }
  y[n - 1] /= scratch[n - 1];  // the last row's diagonal is 1 + lambda, so its pivot is e alone
  for (std::size_t i = n - 1; i-- > 0;) {
    const double pivot = lambda + scratch[i];
    y[i] = y[i] / pivot + lambda / pivot * y[i + 1];
  }
}

}  // namespace sedma::kernels

#include "bench/ablation_statistics.h"

#include <algorithm>
#include <cmath>

#include "kernels/random.h"

namespace sedma::bench {

double quantile(std::vector<double> values, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size()) - 1e-9));
  const auto place = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), place, values.end());
  return *place;
}

Interval bootstrap(const std::vector<double>& values, const Statistic& statistic, std::uint64_t seed) {
  constexpr std::uint32_t samples = 2000;
  std::vector<double> found, sample(values.size());
  for (std::uint32_t s = 0; s < samples; ++s) {
    for (std::size_t i = 0; i < sample.size(); ++i) {
      const auto word = kernels::philox({seed}, kernels::Use::test, s, static_cast<std::uint32_t>(i))[0];
      sample[i] = values[static_cast<std::size_t>((std::uint64_t{word} * values.size()) >> 32)];
    }
    found.push_back(statistic(sample));
  }
  return {statistic(values), quantile(found, 0.025), quantile(found, 0.975)};
}

}  // namespace sedma::bench

#include "runtime/memory/usefulness.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <tuple>

namespace sedma::runtime {

double usefulness_at(const Pattern& pattern, std::int64_t utc_seconds) noexcept {
  const double waited = static_cast<double>(utc_seconds) - static_cast<double>(pattern.used_utc_seconds);
  return pattern.usefulness * std::exp2(-std::max(waited, 0.0) / usefulness_half_life_seconds);
}

double worth_of(const Pattern& pattern) noexcept {
  return std::log2(1 + pattern.usefulness + std::log2(1 + static_cast<double>(pattern.evidence))) +
         static_cast<double>(pattern.used_utc_seconds) / usefulness_half_life_seconds;
}

Standing standing_of(const PatternKey& key, const Pattern& pattern) {
  return {key, pattern.context.material, pattern.context.matrix.content, worth_of(pattern)};
}

std::vector<PatternKey> least_useful(std::span<const Standing> patterns, std::size_t count) {
  std::vector<std::size_t> order(patterns.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  const auto kind = [&](std::size_t i) { return std::tie(patterns[i].material, patterns[i].content); };
  std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t j) {
    if (kind(i) != kind(j)) return kind(i) < kind(j);
    if (patterns[i].worth != patterns[j].worth) return patterns[i].worth > patterns[j].worth;
    return patterns[i].key < patterns[j].key;
  });
  std::vector<std::pair<double, PatternKey>> ranked;
  ranked.reserve(order.size());
  double rank = 0;
  for (std::size_t k = 0; k < order.size(); ++k) {
    rank = k > 0 && kind(order[k]) == kind(order[k - 1]) ? rank + 1 : 1;
    ranked.emplace_back(patterns[order[k]].worth - std::log2(rank), patterns[order[k]].key);
  }
  count = std::min(count, ranked.size());
  std::partial_sort(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count), ranked.end());
  std::vector<PatternKey> least(count);
  std::transform(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(count), least.begin(),
                 [](const auto& each) { return each.second; });
  return least;
}

std::size_t evicted_count(std::size_t patterns, std::size_t capacity) noexcept {
  return patterns <= capacity ? 0 : patterns - capacity + capacity / 64;
}

}  // namespace sedma::runtime

#pragma once
// Which patterns are worth keeping.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "runtime/memory/pattern.h"

namespace sedma::runtime {

/// Usefulness halves in this time without a reward.
inline constexpr double usefulness_half_life_seconds = 90.0 * 86400;

/// What is left of a pattern's usefulness at a later time.
double usefulness_at(const Pattern& pattern, std::int64_t utc_seconds) noexcept;

/// What eviction looks at.
struct Standing {
  PatternKey key;
  std::string material;
  std::uint64_t content = 0;
  double worth = 0;  ///< of worth_of()
};
/// log2 of (1 + usefulness + log2(1 + evidence)) halved every half-life since it was last used. A logarithm without a "now": what is worth
/// more today is worth more tomorrow.
double worth_of(const Pattern& pattern) noexcept;
Standing standing_of(const PatternKey& key, const Pattern& pattern);

/// The `count` that a memory misses least, by worth / rank, the rank being a pattern's place by worth (from 1) among those of its material
/// and matrix: the 500th of a kind goes long before the only one of another. A pure function of the set. Cost: O(n log n).
std::vector<PatternKey> least_useful(std::span<const Standing> patterns, std::size_t count);

/// How many go at once: beyond the capacity down to 1/64 below it, so that a full memory does not sort for every pattern.
std::size_t evicted_count(std::size_t patterns, std::size_t capacity) noexcept;

}  // namespace sedma::runtime

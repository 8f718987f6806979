#pragma once
// All patterns of a memory in this process: by key, and by nearness.

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "runtime/memory/episodic.h"

namespace sedma::runtime {

struct PatternKeyHash {
  std::size_t operator()(const PatternKey& key) const noexcept { return static_cast<std::size_t>(key.low); }  // a hash already
};

/// Not thread-safe. A full scan finds the nearest: of 10,000 points it reads 640 KB in blocks that the compiler vectorises, which no tree
/// beats in 16 dimensions.
class PatternIndex {
 public:
  std::size_t size() const noexcept { return patterns_.size(); }
  const Pattern* find(const PatternKey& key) const;
  std::vector<Recalled> nearest(const FeatureVector& point, std::size_t k) const;
  /// By key.
  std::vector<Recalled> all() const;
  /// Adds a pattern, or merges it with what is there.
  void add(const PatternKey& key, const Pattern& pattern);
  bool erase(const PatternKey& key);
  void clear();
  /// Lets the least useful go until `capacity` holds what is left; `spared` stays.
  void evict(std::size_t capacity, const PatternKey& spared);

 private:
  static constexpr std::size_t lanes = 16;
  struct Block {
    float values[std::tuple_size_v<FeatureVector>][lanes];  // [feature][pattern]; lanes beyond the last pattern hold old values
  };
  void place(std::size_t slot, const FeatureVector& point);

  std::vector<Block> blocks_;
  std::vector<PatternKey> keys_;
  std::vector<Pattern> patterns_;
  std::unordered_map<PatternKey, std::size_t, PatternKeyHash> slots_;
};

}  // namespace sedma::runtime

#include "runtime/memory/pattern_index.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <tuple>
#include <utility>

#include "runtime/memory/usefulness.h"

namespace sedma::runtime {
namespace {

// The nearest so far, farthest on top of a heap.
struct Near {
  float squared;
  PatternKey key;
  std::size_t slot;
  bool operator<(const Near& other) const noexcept { return std::tie(squared, key) < std::tie(other.squared, other.key); }
};

}  // namespace

const Pattern* PatternIndex::find(const PatternKey& key) const {
  const auto found = slots_.find(key);
  return found == slots_.end() ? nullptr : &patterns_[found->second];
}

std::vector<Recalled> PatternIndex::nearest(const FeatureVector& point, std::size_t k) const {
  k = std::min(k, size());
  if (k == 0) return {};
  std::vector<Near> heap;
  heap.reserve(k + 1);
  float limit = std::numeric_limits<float>::infinity();
  for (std::size_t block = 0; block < blocks_.size(); ++block) {
    std::array<float, lanes> squared{};
    const auto add = [&](std::size_t first, std::size_t last) {
      for (std::size_t feature = first; feature < last; ++feature) {
        const float* values = blocks_[block].values[feature];
        const float wanted = point[feature];
        for (std::size_t lane = 0; lane < lanes; ++lane) squared[lane] += (values[lane] - wanted) * (values[lane] - wanted);
      }
      int near = 0;
      for (std::size_t lane = 0; lane < lanes; ++lane) near |= static_cast<int>(squared[lane] <= limit);
      return near != 0;
    };
    // Most blocks are too far after half of the features.
    if (!add(0, point.size() / 2) || !add(point.size() / 2, point.size())) continue;
    const std::size_t filled = std::min(lanes, size() - block * lanes);
    for (std::size_t lane = 0; lane < filled; ++lane) {
      const std::size_t slot = block * lanes + lane;
      if (!(squared[lane] <= limit)) continue;
      const Near candidate{squared[lane], keys_[slot], slot};
      if (heap.size() == k) {
        if (!(candidate < heap.front())) continue;
        std::pop_heap(heap.begin(), heap.end());
        heap.back() = candidate;
      } else {
        heap.push_back(candidate);
      }
      std::push_heap(heap.begin(), heap.end());
      if (heap.size() == k) limit = heap.front().squared;
    }
  }
  std::sort_heap(heap.begin(), heap.end());
  std::vector<Recalled> result(heap.size());
  std::transform(heap.begin(), heap.end(), result.begin(), [&](const Near& near) {
    return Recalled{near.key, std::sqrt(static_cast<double>(near.squared)), &patterns_[near.slot]};
  });
  return result;
}

std::vector<Recalled> PatternIndex::all() const {
  std::vector<Recalled> result(size());
  for (std::size_t slot = 0; slot < size(); ++slot) result[slot] = {keys_[slot], 0, &patterns_[slot]};
  std::sort(result.begin(), result.end(), [](const Recalled& a, const Recalled& b) { return a.key < b.key; });
  return result;
}

void PatternIndex::place(std::size_t slot, const FeatureVector& point) {
  if (slot / lanes >= blocks_.size()) blocks_.resize(slot / lanes + 1);
  for (std::size_t feature = 0; feature < point.size(); ++feature) blocks_[slot / lanes].values[feature][slot % lanes] = point[feature];
}

void PatternIndex::add(const PatternKey& key, const Pattern& pattern) {
  const auto [found, added] = slots_.try_emplace(key, size());
  if (added) {
    keys_.push_back(key);
    patterns_.push_back(pattern);
  } else {
    merge(patterns_[found->second], pattern);
  }
  place(found->second, feature_vector(patterns_[found->second].context));
}

bool PatternIndex::erase(const PatternKey& key) {
  const auto found = slots_.find(key);
  if (found == slots_.end()) return false;
  const std::size_t slot = found->second, last = size() - 1;
  slots_.erase(found);
  if (slot != last) {  // the last one moves into the gap
    keys_[slot] = keys_[last];
    patterns_[slot] = std::move(patterns_[last]);
    slots_[keys_[slot]] = slot;
    place(slot, feature_vector(patterns_[slot].context));
  }
  keys_.pop_back();
  patterns_.pop_back();
  blocks_.resize((size() + lanes - 1) / lanes);
  return true;
}

void PatternIndex::clear() { *this = PatternIndex(); }

void PatternIndex::evict(std::size_t capacity, const PatternKey& spared) {
  const std::size_t count = evicted_count(size(), capacity);
  if (count == 0) return;
  std::vector<Standing> standings;
  standings.reserve(size());
  for (std::size_t slot = 0; slot < size(); ++slot)
    if (keys_[slot] != spared) standings.push_back(standing_of(keys_[slot], patterns_[slot]));
  for (const PatternKey& key : least_useful(standings, count)) erase(key);
}

}  // namespace sedma::runtime

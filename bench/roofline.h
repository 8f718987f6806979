#pragma once
// What the machine itself can do: reading memory, and multiplying and adding in registers.

#include <cstddef>
#include <vector>

namespace sedma::bench {

/// Reads `bytes` of memory again and again: the sum of its floats in vectors, as many loads in flight as registers allow.
class ReadBandwidth {
 public:
  explicit ReadBandwidth(std::size_t bytes);
  /// Reads all of it passes() times; each of `threads` has a contiguous share, which it reads again and again.
  void run(int threads);
  /// As many as make 32 MiB, so that starting the threads counts for little; at least 1.
  std::size_t passes() const noexcept { return bytes() >= most_bytes ? 1 : most_bytes / bytes(); }
  std::size_t bytes() const noexcept { return values_.size() * sizeof(float); }
  float sum() const noexcept { return sum_; }  ///< of one pass

 private:
  static constexpr std::size_t most_bytes = std::size_t{32} << 20;
  float sum_of_share(std::size_t first, std::size_t count) const;
  std::vector<float> values_;
  float sum_ = 0;
};

/// A loop of independent fused multiply-adds on registers: what `threads` threads reach without any memory.
class FmaLoop {
 public:
  /// Multiply-adds of single floats in a run, shared among the threads: long enough that starting them counts for little.
  static constexpr std::size_t operations = std::size_t{1} << 26;
  void run(int threads);
  float sum() const noexcept { return sum_; }

 private:
  float sum_ = 0;
};

}  // namespace sedma::bench

#pragma once
// Sums that do not depend on the order of their terms.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace sedma::runtime {

/// y [batch, outputs] as fixed-point sums. A contribution to output i is rounded once to a multiple of 2^(e_i - 60), where 2^e_i >= the
/// bound given for that output, and added as a 128-bit integer: the same bits for any order, any number of threads and ranks.
class Accumulator {
 public:
  Accumulator(std::size_t batch, std::size_t outputs) : outputs_(outputs), sums_(batch * outputs, 0), exponents_(batch * outputs, 0) {}
  /// Bound on |y| of vector `b`, output `i`: contributions may exceed it up to 2^60 times (they are garbage then, but no overflow).
  void set_bound(std::size_t b, std::size_t i, double bound) noexcept;
  void add(std::size_t b, std::size_t i, double contribution) noexcept;
  /// A contribution to each of these outputs.
  void add(std::size_t b, std::span<const std::uint32_t> outputs, std::span<const double> contributions) noexcept;
  double value(std::size_t b, std::size_t i) const noexcept;

  __extension__ using Int128 = __int128;
  /// The sum so far in units of 2^(e_i - 60), to be sent to another process and added there, where the same bound is set.
  Int128 sum(std::size_t b, std::size_t i) const noexcept { return sums_[b * outputs_ + i]; }
  void add_sum(std::size_t b, std::size_t i, Int128 sum) noexcept { sums_[b * outputs_ + i] += sum; }

 private:
  std::size_t outputs_;
  std::vector<Int128> sums_;
  std::vector<int> exponents_;
};

}  // namespace sedma::runtime

#pragma once
// How often a call reads through its arrays, counted with page faults: a number that is the same on every machine.

#include <cstddef>
#include <functional>
#include <vector>

#include "bench/product_case.h"

namespace sedma::bench {

/// Counts the pages of some arrays that a call fetches when only the `window` pages fetched last are at hand, like a cache of 1 MiB that
/// holds nothing else: a page outside of it is protected, and touching it is a fault that lets it in and the oldest one out.
/// One object at a time; calls of one thread; not under a sanitizer or a debugger that wants SIGSEGV for itself.
class PageTraffic {
 public:
  /// Whole pages inside the arrays are watched. @pre window >= 2; the arrays are writable heap memory and outlive this object
  explicit PageTraffic(const std::vector<Memory>& arrays, std::size_t window = 256);
  ~PageTraffic();
  PageTraffic(const PageTraffic&) = delete;
  PageTraffic& operator=(const PageTraffic&) = delete;

  /// Pages fetched by `call` / pages watched: 1 reads everything once.
  double passes(const std::function<void()>& call);
};

}  // namespace sedma::bench

#pragma once
// The transfer matrix of an array with line resistance: the one place of bench/ that knows its kernel, product_case.cpp aside.

#include <cstddef>
#include <memory>

namespace sedma::bench {

/// side x side random cells (make_cells), 0.237 ohm a cell on both lines, drivers and converters without resistance.
class WiresCase {
 public:
  explicit WiresCase(std::size_t side);
  ~WiresCase();
  WiresCase(const WiresCase&) = delete;
  WiresCase& operator=(const WiresCase&) = delete;
  /// The whole effective matrix, on one thread.
  void run();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sedma::bench

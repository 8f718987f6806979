#pragma once
// Counts the allocations of the test program: allocation_count.cpp replaces operator new.

#include <cstddef>

namespace sedma::kernels {

/// Calls of operator new so far, in all threads. Under a sanitizer (tests/sanitizer.h) always 0.
std::size_t allocations() noexcept;

}  // namespace sedma::kernels

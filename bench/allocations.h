#pragma once
// How often the program called operator new. Only for programs that link sedma_bench_allocations, which replaces it.

#include <cstdint>

namespace sedma::bench {

/// Calls of operator new since the program started, by all threads.
std::uint64_t allocations() noexcept;

}  // namespace sedma::bench

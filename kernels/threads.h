#pragma once
// How many threads a kernel may use: the only header with <omp.h>.

#include <omp.h>

#include <cstddef>

namespace sedma::kernels {

/// Threads that the next parallel region of the calling thread may have (OMP_NUM_THREADS, or what use_threads() said).
inline int threads() noexcept { return omp_get_max_threads(); }
/// Sets that number for the calling thread; >= 1.
inline void use_threads(int count) noexcept { omp_set_num_threads(count); }

/// A thread of a team and its part of the work.
struct Share {
  std::size_t member = 0, team = 1;
  std::size_t begin(std::size_t count) const noexcept { return count * member / team; }
  std::size_t end(std::size_t count) const noexcept { return count * (member + 1) / team; }
};
/// The calling thread's, inside a parallel region.
inline Share share() noexcept { return {static_cast<std::size_t>(omp_get_thread_num()), static_cast<std::size_t>(omp_get_num_threads())}; }

}  // namespace sedma::kernels

#pragma once
// How many threads a kernel may use: the only header with <omp.h>.

#include <omp.h>

namespace sedma::kernels {

/// Threads that the next parallel region of the calling thread may have (OMP_NUM_THREADS, or what use_threads() said).
inline int threads() noexcept { return omp_get_max_threads(); }
/// Sets that number for the calling thread; >= 1.
inline void use_threads(int count) noexcept { omp_set_num_threads(count); }

}  // namespace sedma::kernels

#pragma once
// The product without a crossbar: OpenBLAS sgemv (one vector) or sgemm (more) of the same shape.

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/timing.h"

namespace sedma::bench {

/// How the threads of a reference are used: not at all; OpenMP over blocks of columns, each a call of single-threaded OpenBLAS; OpenBLAS'
/// own.
enum class Split : unsigned char { single, openmp, openblas };
std::string_view name(Split split) noexcept;  ///< "one thread", "OpenMP split", "OpenBLAS threads"

/// amps [batch, cols] = volts [batch, rows] * siemens [rows, cols], all row-major.
class BlasReference {
 public:
  BlasReference(std::size_t rows, std::size_t cols, std::size_t batch);
  /// One product. Split::openblas: the caller has set OpenBLAS' threads.
  void run(int threads, Split split);
  const std::vector<float>& amps() const noexcept { return amps_; }

 private:
  void columns(std::size_t first, std::size_t count);
  std::size_t rows_, cols_, batch_;
  std::vector<float> siemens_, volts_, amps_;
};

/// OpenBLAS' threads are timed apart from the others: while they wait they spin, which would disturb whatever runs beside them.
struct SplitTimings {
  Timing single, openmp, openblas;
  /// The faster of the two that can be timed beside other calls.
  Split quiet() const noexcept { return openmp.seconds < single.seconds ? Split::openmp : Split::single; }
  Split better() const noexcept { return openblas.seconds < of(quiet()).seconds ? Split::openblas : quiet(); }
  const Timing& of(Split split) const noexcept { return split == Split::single ? single : split == Split::openmp ? openmp : openblas; }
};
SplitTimings time_splits(BlasReference& reference, int threads, const Effort& effort);

/// Version and build options; the core that its kernels are for.
std::string blas_config();
std::string blas_core();

}  // namespace sedma::bench

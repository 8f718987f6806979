#include "bench/blas_reference.h"

#include <cblas.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "bench/cells.h"
#include "kernels/crossbar.h"
#include "kernels/threads.h"

namespace sedma::bench {

std::string_view name(Split split) noexcept {
  switch (split) {
    case Split::single: return "one thread";
    case Split::openmp: return "OpenMP split";
    case Split::openblas: return "OpenBLAS threads";
  }
  return "";
}

BlasReference::BlasReference(std::size_t rows, std::size_t cols, std::size_t batch)
    : rows_(rows), cols_(cols), batch_(batch), siemens_(make_cells(rows, cols)), volts_(make_volts(batch, rows)), amps_(batch * cols) {
  kernels::use_single_threaded_blas();
}

void BlasReference::columns(std::size_t first, std::size_t count) {
  const auto rows = static_cast<blasint>(rows_), cols = static_cast<blasint>(cols_), width = static_cast<blasint>(count);
  if (count == 0) return;
  if (batch_ == 1) {
    cblas_sgemv(CblasRowMajor, CblasTrans, rows, width, 1.0f, siemens_.data() + first, cols, volts_.data(), 1, 0.0f, amps_.data() + first,
                1);
  } else {
    cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, static_cast<blasint>(batch_), width, rows, 1.0f, volts_.data(), rows,
                siemens_.data() + first, cols, 0.0f, amps_.data() + first, cols);
  }
}

void BlasReference::run(int threads, Split split) {
  if (threads == 1 || split != Split::openmp) {
    columns(0, cols_);
    return;
  }
  constexpr std::size_t line = 16;  // floats of a cache line: no two threads write the same one
  const std::size_t width = (cols_ / static_cast<std::size_t>(threads) + line - 1) / line * line;
#pragma omp parallel for schedule(static) num_threads(threads)
  for (int i = 0; i < threads; ++i) {
    const std::size_t first = std::min(cols_, static_cast<std::size_t>(i) * width);
    const std::size_t last = i + 1 == threads ? cols_ : std::min(cols_, first + width);
    columns(first, last - first);
  }
}

SplitTimings time_splits(BlasReference& reference, int threads, const Effort& effort) {
  constexpr auto spin = std::chrono::milliseconds(100);  // longer than the threads of OpenBLAS and OpenMP wait awake
  SplitTimings timings;
  if (threads == 1) {
    timings.single = interleave({{[&] { reference.run(1, Split::single); }}}, effort).front();
    timings.openmp = timings.openblas = timings.single;
    return timings;
  }
  const auto quiet =
      interleave({{[&] { reference.run(1, Split::single); }, {}, spin_seconds}, {[&] { reference.run(threads, Split::openmp); }}}, effort);
  timings.single = quiet[0];
  timings.openmp = quiet[1];
  std::this_thread::sleep_for(spin);
  openblas_set_num_threads(threads);
  timings.openblas = interleave({{[&] { reference.run(threads, Split::openblas); }}}, effort).front();
  openblas_set_num_threads(1);
  std::this_thread::sleep_for(spin);
  return timings;
}

std::string blas_config() { return openblas_get_config(); }
std::string blas_core() { return openblas_get_corename(); }

}  // namespace sedma::bench

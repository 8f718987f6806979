#include "kernels/wires.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "hal/status.h"
#include "kernels/crossbar.h"
#include "kernels/wires_dissection.h"
#include "kernels/wires_merge.h"

namespace sedma::kernels {
namespace {

constexpr std::size_t alignment = 64 / sizeof(double);

void check(hal::View<const float> siemens, const Wires& w, hal::View<double> transfer) {
  SEDMA_CHECK(siemens.rows > 0 && siemens.cols > 0, siemens.rows, siemens.cols);
  SEDMA_CHECK(transfer.rows == siemens.rows && transfer.cols == siemens.cols, transfer.rows, transfer.cols, siemens.rows, siemens.cols);
  SEDMA_CHECK(w.word_ohms_per_cell > 0 && w.bit_ohms_per_cell > 0, w.word_ohms_per_cell, w.bit_ohms_per_cell);
  SEDMA_CHECK(w.source_ohms >= 0 && w.sense_ohms >= 0, w.source_ohms, w.sense_ohms);
}

// With the ends' conductances on the diagonal the matrix is that of the whole circuit, M = [[A, B^T], [B, C]] (left ends, bottom ends), and
// the bottom ends' volts per amp into the left ends are -S^-1 B A^-1, S = C - B A^-1 B^T. B, in the lower left of `m`, becomes S^-1 B A^-1.
void solve_ends(double* m, std::size_t lefts, std::size_t bottoms, double source_siemens, double sense_siemens) noexcept {
  const std::size_t n = lefts + bottoms;
  const auto whole = [](std::size_t size) { return static_cast<blasint>(size); };
  const auto triangle = [&](CBLAS_SIDE side, CBLAS_TRANSPOSE transpose, const double* factor, double* b) {
    cblas_dtrsm(CblasColMajor, side, CblasLower, transpose, CblasNonUnit, whole(bottoms), whole(lefts), 1.0, factor, whole(n), b, whole(n));
  };
  for (std::size_t i = 0; i < n; ++i) m[i * n + i] += i < lefts ? source_siemens : sense_siemens;
  double *const b = m + lefts, *const s = m + lefts * n + lefts;
  dissection::cholesky(m, lefts, n);
  triangle(CblasRight, CblasTrans, m, b);
  cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, whole(bottoms), whole(lefts), -1.0, b, whole(n), 1.0, s, whole(n));
  dissection::cholesky(s, bottoms, n);
  triangle(CblasLeft, CblasNoTrans, s, b);
  triangle(CblasLeft, CblasTrans, s, b);
  triangle(CblasRight, CblasNoTrans, m, b);
}

}  // namespace

void effective_matrix(hal::View<const float> siemens, const Wires& wires, hal::View<double> transfer, WireScratch& scratch) {
  check(siemens, wires, transfer);
  use_single_threaded_blas();
  const dissection::Block array = dissection::whole_array(siemens.rows, siemens.cols);
  const std::size_t wanted = alignment + dissection::dissection_work(array);
  if (scratch.pool.size() < wanted) scratch.pool.resize(wanted);
  const auto misaligned = reinterpret_cast<std::uintptr_t>(scratch.pool.data()) / sizeof(double) % alignment;
  double* const ends = dissection::dissect(siemens, wires, array, scratch.pool.data() + (alignment - misaligned) % alignment);

  const std::size_t ports = array.rows + array.cols, empty_rows = array.rows - siemens.rows;
  const double source = 1 / (wires.source_ohms + wires.word_ohms_per_cell / 2),
               sense = 1 / (wires.sense_ohms + wires.bit_ohms_per_cell / 2);
  solve_ends(ends, array.rows, array.cols, source, sense);
  for (std::size_t i = 0; i < siemens.rows; ++i) {
    const double* const column = ends + (empty_rows + i) * ports + array.rows;
    for (std::size_t j = 0; j < siemens.cols; ++j) transfer(i, j) = -source * sense * column[j];
  }
}

void series_matrix(hal::View<const float> siemens, const Wires& wires, hal::View<double> transfer) noexcept {
  for (std::size_t i = 0; i < siemens.rows; ++i) {
    const double bit_ohms = static_cast<double>(siemens.rows - i) * wires.bit_ohms_per_cell;
    for (std::size_t j = 0; j < siemens.cols; ++j) {
      const double ohms = wires.source_ohms + static_cast<double>(j + 1) * wires.word_ohms_per_cell + bit_ohms + wires.sense_ohms;
      const auto g = static_cast<double>(siemens(i, j));
      transfer(i, j) = g / (1 + g * ohms);
    }
  }
}

void transfer_noise(hal::View<const float> siemens, hal::View<const double> transfer, double relative, double floor_siemens,
                    hal::View<float> sd) noexcept {
  for (std::size_t i = 0; i < siemens.rows; ++i) {
    for (std::size_t j = 0; j < siemens.cols; ++j) {
      const auto g = static_cast<double>(siemens(i, j));
      const double share = g > transfer(i, j) ? transfer(i, j) / g : 1.0;
      sd(i, j) = static_cast<float>(std::sqrt(floor_siemens * floor_siemens + relative * g * relative * g) * share);
    }
  }
}

}  // namespace sedma::kernels

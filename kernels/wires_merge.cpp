#include "kernels/wires_merge.h"

#include <cblas.h>

#include <algorithm>
#include <cmath>

namespace sedma::kernels::dissection {
namespace {

blasint whole(std::size_t n) noexcept { return static_cast<blasint>(n); }

// The sum of the two networks: ports [0, shared) are columns of `panel` [shared + ports, shared], the others of `rest` [ports, ports].
struct Front {
  double *panel, *rest;
  std::size_t shared, ports;

  std::size_t rows() const noexcept { return shared + ports; }
  // Where entry (row, column) of the front is; those below follow it.
  double* at(std::size_t row, std::size_t column) const noexcept {
    return column < shared ? panel + column * rows() + row : rest + (column - shared) * ports + (row - shared);
  }
  void clear() const noexcept {
    for (std::size_t c = 0; c < rows(); ++c) std::fill_n(at(c, c), rows() - c, 0.0);
  }
};

void add(const Front& front, const Segments& segments, std::size_t part_ports, const double* part) noexcept {
  for (std::size_t s = 0; s < segments.size(); ++s) {
    const Segment& columns = segments[s];
    for (std::size_t c = 0; c < columns.count; ++c) {
      const double* const from = part + (columns.from + c) * part_ports;
      for (std::size_t t = s; t < segments.size(); ++t) {
        const Segment& rows = segments[t];
        const std::size_t skip = t == s ? c : 0;  // only what is below the diagonal
        double* const to = front.at(rows.to, columns.to + c);
        for (std::size_t r = skip; r < rows.count; ++r) to[r] += from[rows.from + r];
      }
    }
  }
}

// Without a path to ground the entries of a row add up to zero. The others have one sign and are exact to rounding, so their sum makes a
// better diagonal than the differences of elimination do, whatever the ratio of wire to cell conductance.
void balance(double* a, std::size_t n, double* ones, double* sums) noexcept {
  for (std::size_t i = 0; i < n; ++i) a[i * n + i] = 0;
  std::fill_n(ones, n, 1.0);
  cblas_dsymv(CblasColMajor, CblasLower, whole(n), -1.0, a, whole(n), ones, 1, 0.0, sums, 1);
  for (std::size_t i = 0; i < n; ++i) a[i * n + i] = sums[i];
}

constexpr std::size_t small = 24;  // below, plain loops are faster than calls

void small_cholesky(double* a, std::size_t n, std::size_t stride) noexcept {
  for (std::size_t k = 0; k < n; ++k) {
    double* const column = a + k * stride;
    const double scale = 1 / std::sqrt(column[k]);
    for (std::size_t i = k; i < n; ++i) column[i] *= scale;
    for (std::size_t j = k + 1; j < n; ++j) {
      const double factor = column[j];
      double* const to = a + j * stride;
      for (std::size_t i = j; i < n; ++i) to[i] -= factor * column[i];
    }
  }
}

}  // namespace

void cholesky(double* a, std::size_t n, std::size_t stride) noexcept {
  if (n <= small) return small_cholesky(a, n, stride);
  const std::size_t half = n / 2, rest = n - half;
  double *const below = a + half, *const corner = a + half * stride + half;
  cholesky(a, half, stride);
  cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, whole(rest), whole(half), 1.0, a, whole(stride), below,
              whole(stride));
  cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, whole(rest), whole(half), -1.0, below, whole(stride), 1.0, corner, whole(stride));
  cholesky(corner, rest, stride);
}

std::size_t merge_work(const Cut& cut) noexcept { return (cut.shared + cut.ports) * cut.shared + cut.ports * cut.ports; }

// NOLINTNEXTLINE(readability-non-const-parameter): the front in it is written
void merge(const Cut& cut, const double* first, const double* second, double* merged, double* work) noexcept {
  const std::size_t n = cut.ports, shared = cut.shared;
  const Front front{work, work + (shared + n) * shared, shared, n};
  front.clear();
  add(front, cut.segments[0], cut.part_ports[0], first);
  add(front, cut.segments[1], cut.part_ports[1], second);
  const std::size_t rows = front.rows();
  double* const below = front.panel + shared;
  cholesky(front.panel, shared, rows);
  cblas_dtrsm(CblasColMajor, CblasRight, CblasLower, CblasTrans, CblasNonUnit, whole(n), whole(shared), 1.0, front.panel, whole(rows),
              below, whole(rows));
  cblas_dsyrk(CblasColMajor, CblasLower, CblasNoTrans, whole(n), whole(shared), -1.0, below, whole(rows), 1.0, front.rest, whole(n));
  balance(front.rest, n, front.panel, front.panel + n);
  for (std::size_t c = 0; c < n; ++c) {
    const double* const from = front.rest + c * n;
    double* const to = merged + c * n;
    for (std::size_t r = c; r < n; ++r) to[r] = from[r];
  }
}

}  // namespace sedma::kernels::dissection

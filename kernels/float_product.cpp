// The float kernels by the chosen instruction set.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/float_product.cpp"
#include "kernels/simd.h"
// These two in this order.
#include <cblas.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "kernels/crossbar.h"
#include "kernels/float_product.h"
#include "kernels/isa.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

using F = hn::ScalableTag<float>;
using VF = hn::Vec<F>;
inline constexpr std::size_t lanes = HWY_TARGET == HWY_SCALAR ? 1 : HWY_MAX_BYTES / sizeof(float);

// Rows that the second cache does not keep are asked for so many columns ahead; for those that it keeps that would only take time.
inline constexpr std::size_t columns_ahead = 256, near_bytes = std::size_t{1} << 21;

// Adds `R` rows from `row` on to the sums of columns [begin, end): so many rows at a time, so that the sums are loaded and stored less
// often.
template <bool with_squares, bool far, std::size_t R>
HWY_NOINLINE void add_rows(const hal::View<const float>& matrix, const float* volts, std::size_t row, float* mean, float* squares,
                           std::size_t begin, std::size_t end) {
  const F f;
  VF v[R];
  HWY_UNROLL(8) for (std::size_t r = 0; r < R; ++r) v[r] = hn::Set(f, volts[row + r]);
  std::size_t c = begin;
  const float* const first = matrix.row(row);
  for (; c + lanes <= end; c += lanes) {
    VF sum = hn::LoadU(f, mean + c);
    VF square = hn::Zero(f);
    if constexpr (with_squares) square = hn::LoadU(f, squares + c);
    const std::size_t ahead = std::min(c + columns_ahead, end - 1);
    HWY_UNROLL(8) for (std::size_t r = 0; r < R; ++r) {
      if constexpr (far) __builtin_prefetch(first + r * matrix.stride + ahead);
      const VF g = hn::LoadU(f, first + r * matrix.stride + c);
      const VF amps = hn::Mul(g, v[r]);
      sum = hn::Add(sum, amps);
      if constexpr (with_squares) square = hn::MulAdd(amps, amps, square);
    }
    hn::StoreU(sum, f, mean + c);
    if constexpr (with_squares) hn::StoreU(square, f, squares + c);
  }
  for (; c < end; ++c) {
    for (std::size_t r = 0; r < R; ++r) {
      const float amps = first[r * matrix.stride + c] * volts[row + r];
      mean[c] += amps;
      if constexpr (with_squares) squares[c] += amps * amps;
    }
  }
}

template <bool with_squares, bool far>
HWY_INLINE void columns_as(const hal::View<const float>& matrix, const float* volts, float* mean, float* squares, std::size_t begin,
                           std::size_t end) {
  std::fill(mean + begin, mean + end, 0.0f);
  if constexpr (with_squares) std::fill(squares + begin, squares + end, 0.0f);
  constexpr std::size_t R = 8;
  std::size_t row = 0;
  for (; row + R <= matrix.rows; row += R) add_rows<with_squares, far, R>(matrix, volts, row, mean, squares, begin, end);
  for (; row < matrix.rows; ++row) add_rows<with_squares, far, 1>(matrix, volts, row, mean, squares, begin, end);
}

template <bool far>
HWY_INLINE void columns_from(const hal::View<const float>& matrix, const float* volts, float* mean, float* squares, std::size_t begin,
                             std::size_t end) {
  if (squares == nullptr) return columns_as<false, far>(matrix, volts, mean, squares, begin, end);
  columns_as<true, far>(matrix, volts, mean, squares, begin, end);
}

void columns(const hal::View<const float>& matrix, const float* volts, float* mean, float* squares, std::size_t begin, std::size_t end) {
  if (matrix.rows * matrix.cols * sizeof(float) > near_bytes) return columns_from<true>(matrix, volts, mean, squares, begin, end);
  columns_from<false>(matrix, volts, mean, squares, begin, end);
}

void rows(const hal::View<const float>& matrix, const float* volts, float* mean, float* squares, std::size_t begin, std::size_t end) {
  const F f;
  constexpr std::size_t parts = 4;
  for (std::size_t r = begin; r < end; ++r) {
    const float* const row = matrix.row(r);
    VF sums[parts], square_sums[parts];
    for (std::size_t p = 0; p < parts; ++p) sums[p] = square_sums[p] = hn::Zero(f);
    std::size_t c = 0;
    for (; c + parts * lanes <= matrix.cols; c += parts * lanes) {
      HWY_UNROLL(4) for (std::size_t p = 0; p < parts; ++p) {
        const VF amps = hn::Mul(hn::LoadU(f, row + c + p * lanes), hn::LoadU(f, volts + c + p * lanes));
        sums[p] = hn::Add(sums[p], amps);
        square_sums[p] = hn::MulAdd(amps, amps, square_sums[p]);
      }
    }
    float sum = hn::GetLane(hn::SumOfLanes(f, hn::Add(hn::Add(sums[0], sums[1]), hn::Add(sums[2], sums[3]))));
    float square =
        hn::GetLane(hn::SumOfLanes(f, hn::Add(hn::Add(square_sums[0], square_sums[1]), hn::Add(square_sums[2], square_sums[3]))));
    for (; c < matrix.cols; ++c) {
      const float amps = row[c] * volts[c];
      sum += amps;
      square += amps * amps;
    }
    mean[r] = sum;
    if (squares != nullptr) squares[r] = square;
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sedma::kernels {
namespace {
HWY_EXPORT(columns);
HWY_EXPORT(rows);

blasint size(std::size_t count) noexcept { return static_cast<blasint>(count); }

}  // namespace

void sum_columns(hal::View<const float> matrix, const float* volts, float* mean, float* squares, std::size_t begin,
                 std::size_t end) noexcept {
  choose_isa();
  HWY_DYNAMIC_DISPATCH(columns)(matrix, volts, mean, squares, begin, end);
}

void sum_rows(hal::View<const float> matrix, const float* volts, float* mean, float* squares, std::size_t begin, std::size_t end) noexcept {
  choose_isa();
  HWY_DYNAMIC_DISPATCH(rows)(matrix, volts, mean, squares, begin, end);
}

void multiply_slab(hal::View<const float> matrix, std::size_t vectors, const float* volts, float* out, std::size_t slab) noexcept {
  const std::size_t begin = slab * slab_cols, cols = std::min(slab_cols, matrix.cols - begin);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, size(vectors), size(cols), size(matrix.rows), 1.0f, volts, size(matrix.rows),
              matrix.data + begin, size(matrix.stride), 0.0f, out + begin, size(matrix.cols));
}

void multiply_transposed_slab(hal::View<const float> matrix, std::size_t vectors, const float* volts, float* out,
                              std::size_t slab) noexcept {
  const std::size_t begin = slab * slab_cols, rows = std::min(slab_cols, matrix.rows - begin);
  cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, size(vectors), size(rows), size(matrix.cols), 1.0f, volts, size(matrix.cols),
              matrix.row(begin), size(matrix.stride), 0.0f, out + begin, size(matrix.rows));
}

void use_single_threaded_blas() noexcept {
  static const bool once = (openblas_set_num_threads(1), true);
  static_cast<void>(once);
}

}  // namespace sedma::kernels
#endif  // HWY_ONCE

#pragma once
// A row-major window onto somebody else's array.

#include <cstddef>
#include <type_traits>

namespace sedma::hal {

/// A row-major window of shape [rows, cols] with `stride` elements from row to row. Does not own. Empty: data == nullptr.
template <class T>
struct View {
  T* data = nullptr;
  std::size_t rows = 0;
  std::size_t cols = 0;
  std::size_t stride = 0;

  View() = default;
  View(T* first, std::size_t row_count, std::size_t col_count) : View(first, row_count, col_count, col_count) {}
  View(T* first, std::size_t row_count, std::size_t col_count, std::size_t row_stride)
      : data(first), rows(row_count), cols(col_count), stride(row_stride) {}
  /// View<float> reads as View<const float>.
  template <class U>
  requires std::is_same_v<const U, T> View(const View<U>& other)
      : View(other.data, other.rows, other.cols, other.stride) {}  // NOLINT(google-explicit-constructor)

  bool empty() const noexcept { return data == nullptr; }
  std::size_t size() const noexcept { return rows * cols; }
  T* row(std::size_t r) const noexcept { return data + r * stride; }
  T& operator()(std::size_t r, std::size_t c) const noexcept { return data[r * stride + c]; }
};

}  // namespace sedma::hal

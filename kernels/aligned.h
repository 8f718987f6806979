#pragma once
// Vectors whose first element starts a cache line, for kernels that stream through them.

#include <cstddef>
#include <new>
#include <vector>

namespace sedma::kernels {

inline constexpr std::size_t cache_line = 64;

/// Allocates at multiples of a cache line.
template <class T>
struct AlignedAllocator {
  using value_type = T;
  AlignedAllocator() = default;
  template <class U>
  AlignedAllocator(const AlignedAllocator<U>&) noexcept {}  // NOLINT(google-explicit-constructor)
  T* allocate(std::size_t count) { return static_cast<T*>(::operator new (count * sizeof(T), std::align_val_t{cache_line})); }
  void deallocate(T* data, std::size_t) noexcept { ::operator delete (data, std::align_val_t{cache_line}); }
  template <class U>
  bool operator==(const AlignedAllocator<U>&) const noexcept {
    return true;
  }
};

template <class T>
using AlignedVector = std::vector<T, AlignedAllocator<T>>;

/// At least `count` elements at the start of `buffer`, which never shrinks.
template <class T>
T* at_least(AlignedVector<T>& buffer, std::size_t count) {
  if (buffer.size() < count) buffer.resize(count);
  return buffer.data();
}

}  // namespace sedma::kernels

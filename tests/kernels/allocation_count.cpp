#include "tests/kernels/allocation_count.h"

#include <atomic>
#include <cstdlib>
#include <new>

// The sanitizers bring their own operator new, and clang's cannot be replaced.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEDMA_COUNTS_ALLOCATIONS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEDMA_COUNTS_ALLOCATIONS 0
#endif
#endif
#ifndef SEDMA_COUNTS_ALLOCATIONS
#define SEDMA_COUNTS_ALLOCATIONS 1
#endif

#if SEDMA_COUNTS_ALLOCATIONS

namespace sedma::kernels {
namespace {

std::atomic<std::size_t> count{0};

void* allocate(std::size_t size, std::size_t alignment) {
  count.fetch_add(1, std::memory_order_relaxed);
  const std::size_t whole = (size + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, whole == 0 ? alignment : whole);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

std::size_t allocations() noexcept { return count.load(std::memory_order_relaxed); }

}  // namespace sedma::kernels

void* operator new(std::size_t size) { return sedma::kernels::allocate(size, __STDCPP_DEFAULT_NEW_ALIGNMENT__); }
void* operator new(std::size_t size, std::align_val_t alignment) {
  return sedma::kernels::allocate(size, static_cast<std::size_t>(alignment));
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }

#else

namespace sedma::kernels {

std::size_t allocations() noexcept { return 0; }

}  // namespace sedma::kernels

#endif

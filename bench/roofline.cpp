#include "bench/roofline.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "bench/roofline.cpp"
#include "kernels/simd.h"
// These two in this order.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "kernels/isa.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::bench {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

float sum_of(const float* values, std::size_t count) {
  const hn::ScalableTag<float> d;
  const std::size_t lanes = hn::Lanes(d);
  auto a0 = hn::Zero(d), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
  std::size_t i = 0;
  for (; i + 8 * lanes <= count; i += 8 * lanes) {
    const float* const p = values + i;
    a0 = hn::Add(a0, hn::LoadU(d, p));
    a1 = hn::Add(a1, hn::LoadU(d, p + lanes));
    a2 = hn::Add(a2, hn::LoadU(d, p + 2 * lanes));
    a3 = hn::Add(a3, hn::LoadU(d, p + 3 * lanes));
    a4 = hn::Add(a4, hn::LoadU(d, p + 4 * lanes));
    a5 = hn::Add(a5, hn::LoadU(d, p + 5 * lanes));
    a6 = hn::Add(a6, hn::LoadU(d, p + 6 * lanes));
    a7 = hn::Add(a7, hn::LoadU(d, p + 7 * lanes));
  }
  const auto all = hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), hn::Add(hn::Add(a4, a5), hn::Add(a6, a7)));
  float total = hn::GetLane(hn::SumOfLanes(d, all));
  for (; i < count; ++i) total += values[i];
  return total;
}

// Twelve chains: two multiply-adds a cycle at a latency of up to six.
float fma_chain(std::size_t operations) {
  const hn::ScalableTag<float> d;
  const auto factor = hn::Set(d, 0.999f), term = hn::Set(d, 0.001f);
  auto a0 = hn::Set(d, 1.0f), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0, a8 = a0, a9 = a0, b0 = a0, b1 = a0;
  const std::size_t rounds = operations / (12 * hn::Lanes(d));
  for (std::size_t i = 0; i < rounds; ++i) {
    a0 = hn::MulAdd(a0, factor, term);
    a1 = hn::MulAdd(a1, factor, term);
    a2 = hn::MulAdd(a2, factor, term);
    a3 = hn::MulAdd(a3, factor, term);
    a4 = hn::MulAdd(a4, factor, term);
    a5 = hn::MulAdd(a5, factor, term);
    a6 = hn::MulAdd(a6, factor, term);
    a7 = hn::MulAdd(a7, factor, term);
    a8 = hn::MulAdd(a8, factor, term);
    a9 = hn::MulAdd(a9, factor, term);
    b0 = hn::MulAdd(b0, factor, term);
    b1 = hn::MulAdd(b1, factor, term);
  }
  const auto low = hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), hn::Add(a4, a5));
  const auto high = hn::Add(hn::Add(hn::Add(a6, a7), hn::Add(a8, a9)), hn::Add(b0, b1));
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(low, high)));
}

}  // namespace HWY_NAMESPACE
}  // namespace sedma::bench
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sedma::bench {
namespace {
HWY_EXPORT(sum_of);
HWY_EXPORT(fma_chain);
}  // namespace

ReadBandwidth::ReadBandwidth(std::size_t bytes) : values_(bytes / sizeof(float), 1e-3f) { kernels::choose_isa(); }

float ReadBandwidth::sum_of_share(std::size_t first, std::size_t count) const {
  float sum = 0;
  for (std::size_t pass = 0; pass < passes(); ++pass) sum = HWY_DYNAMIC_DISPATCH(sum_of)(values_.data() + first, count);
  return sum;
}

void ReadBandwidth::run(int threads) {
  const std::size_t parts = static_cast<std::size_t>(threads), share = values_.size() / parts;
  if (parts == 1) {
    sum_ = sum_of_share(0, values_.size());
    return;
  }
  float total = 0;
#pragma omp parallel for schedule(static) num_threads(threads) reduction(+ : total)
  for (std::size_t i = 0; i < parts; ++i) {
    const std::size_t first = i * share, count = i + 1 == parts ? values_.size() - first : share;
    total += sum_of_share(first, count);
  }
  sum_ = total;
}

void FmaLoop::run(int threads) {
  kernels::choose_isa();
  if (threads == 1) {
    sum_ = HWY_DYNAMIC_DISPATCH(fma_chain)(operations);
    return;
  }
  float total = 0;
#pragma omp parallel for schedule(static) num_threads(threads) reduction(+ : total)
  for (int i = 0; i < threads; ++i) total += HWY_DYNAMIC_DISPATCH(fma_chain)(operations / static_cast<std::size_t>(threads));
  sum_ = total;
}

}  // namespace sedma::bench
#endif  // HWY_ONCE

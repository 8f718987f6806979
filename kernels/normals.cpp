// fill_normals by the chosen instruction set.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/normals.cpp"
#include "kernels/simd.h"
// These two in this order.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "kernels/isa.h"
#include "kernels/random.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {

// Normals of cells cell, cell + 1, ...: four each. Returns how many floats it wrote, whole vectors only.
std::size_t fill_whole(Key key, Use use, std::uint64_t event, std::uint32_t cell, std::span<float> out) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  (void)key, (void)use, (void)event, (void)cell, (void)out;
  return 0;
#else
  const std::size_t lanes = hn::Lanes(F());
  std::size_t done = 0;
  for (; done + 4 * lanes <= out.size(); done += 4 * lanes, cell += static_cast<std::uint32_t>(lanes)) {
    const Normals n = normals_of(key, use, hn::Iota(U(), cell), event);
    hn::StoreInterleaved4(n.z0, n.z1, n.z2, n.z3, F(), out.data() + done);
  }
  return done;
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sedma::kernels {
namespace {
HWY_EXPORT(fill_whole);

// From number `first` on, one cell at a time; at most `count` numbers.
void fill_scalar(Key key, Use use, std::uint64_t event, std::uint64_t first, std::span<float> out) noexcept {
  for (std::size_t i = 0; i < out.size();) {
    const std::uint64_t number = first + i;
    const auto z = normals4(key, use, static_cast<std::uint32_t>(number / 4), event);
    for (std::size_t word = number % 4; word < 4 && i < out.size(); ++word) out[i++] = z[word];
  }
}

}  // namespace

void fill_normals(Key key, Use use, std::uint64_t event, std::uint32_t first, std::span<float> out) noexcept {
  choose_isa();
  const std::size_t head = std::min(out.size(), static_cast<std::size_t>((4 - first % 4) % 4));
  fill_scalar(key, use, event, first, out.first(head));
  const std::uint64_t aligned = std::uint64_t{first} + head;
  const std::size_t done = HWY_DYNAMIC_DISPATCH(fill_whole)(key, use, event, static_cast<std::uint32_t>(aligned / 4), out.subspan(head));
  fill_scalar(key, use, event, aligned + done, out.subspan(head + done));
}

}  // namespace sedma::kernels
#endif  // HWY_ONCE

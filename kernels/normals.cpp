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

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

// Philox's rounds depend on each other, so that one vector of cells leaves most of the processor idle: P of them run side by side.
template <std::size_t P>
HWY_INLINE void philox_of_many(Key key, Use use, std::uint32_t cell, std::uint64_t event, Words (&out)[P]) {
  const U u;
  const VU word1 = hn::Set(u, static_cast<std::uint32_t>(use));
  const VU word2 = hn::Set(u, static_cast<std::uint32_t>(event));
  const VU word3 = hn::Set(u, static_cast<std::uint32_t>(event >> 32));
  Words even[P], odd[P];
  HWY_UNROLL(4) for (std::size_t p = 0; p < P; ++p) {
    const VU cells = hn::Iota(u, cell + static_cast<std::uint32_t>(p * hn::Lanes(u)));
    even[p] = {cells, word1, word2, word3};
    odd[p] = {hn::BitCast(u, hn::ShiftRight<32>(hn::BitCast(U64(), cells))), word1, word2, word3};
  }
  auto key0 = static_cast<std::uint32_t>(key.value);
  auto key1 = static_cast<std::uint32_t>(key.value >> 32);
  HWY_UNROLL(10)
  for (int round = 0; round < 10; ++round) {
    const VU k0 = hn::Set(u, key0), k1 = hn::Set(u, key1);
    HWY_UNROLL(4) for (std::size_t p = 0; p < P; ++p) {
      even[p] = philox_round(even[p], k0, k1);
      odd[p] = philox_round(odd[p], k0, k1);
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
  HWY_UNROLL(4) for (std::size_t p = 0; p < P; ++p) {
    out[p] = {interleave(even[p].w0, odd[p].w0), interleave(even[p].w1, odd[p].w1), interleave(even[p].w2, odd[p].w2),
              interleave(even[p].w3, odd[p].w3)};
  }
}

// Normals of P vectors of cells from `cell` on, four each.
template <std::size_t P>
HWY_INLINE void store_normals(Key key, Use use, std::uint32_t cell, std::uint64_t event, float* out) {
  Words words[P];
  philox_of_many(key, use, cell, event, words);
  HWY_UNROLL(4) for (std::size_t p = 0; p < P; ++p) {
    Normals n{hn::Zero(F()), hn::Zero(F()), hn::Zero(F()), hn::Zero(F())};
    normal_pair(words[p].w0, words[p].w1, n.z0, n.z1);
    normal_pair(words[p].w2, words[p].w3, n.z2, n.z3);
    hn::StoreInterleaved4(n.z0, n.z1, n.z2, n.z3, F(), out + p * 4 * hn::Lanes(F()));
  }
}

// Goes on from number `done` while P vectors of cells fit.
template <std::size_t P>
HWY_INLINE void fill_by(Key key, Use use, std::uint32_t first, std::uint64_t event, std::span<float> out, std::size_t& done) {
  const std::size_t step = P * 4 * hn::Lanes(F());
  for (; done + step <= out.size(); done += step)
    store_normals<P>(key, use, first + static_cast<std::uint32_t>(done / 4), event, out.data() + done);
}

#endif

// Normals of cells cell, cell + 1, ...: four each. Returns how many floats it wrote, whole vectors only.
std::size_t fill_whole(Key key, Use use, std::uint64_t event, std::uint32_t cell, std::span<float> out) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  (void)key, (void)use, (void)event, (void)cell, (void)out;
  return 0;
#else
  std::size_t done = 0;
  fill_by<4>(key, use, cell, event, out, done);
  fill_by<2>(key, use, cell, event, out, done);
  fill_by<1>(key, use, cell, event, out, done);
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

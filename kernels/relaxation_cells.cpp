// Relaxation of rows by the chosen instruction set: a vector of cells at a time, one draw after the other.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/relaxation_cells.cpp"
#include "kernels/simd.h"
// These two in this order.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <array>

#include "kernels/isa.h"
#include "kernels/relaxation_cells.h"
#include "kernels/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

// VarianceGammaTable::operator() of a vector of words.
HWY_INLINE VF variates(const VarianceGammaTable& table, VU words) {
  const F f;
  const I i;
  const U u;
  using Table = VarianceGammaTable;
  const VF whole = hn::ConvertTo(f, hn::BitCast(i, hn::ShiftRight<1>(words)));
  const VF t = hn::Mul(hn::Add(whole, hn::Set(f, 0.5f)), hn::Set(f, 0x1p-31f));
  const VU bits = hn::Sub(hn::BitCast(u, t), hn::Set(u, Table::first_bits));
  const VI piece = hn::BitCast(i, hn::ShiftRight<Table::index_shift>(bits));
  const VU rest = hn::And(bits, hn::Set(u, (1u << Table::index_shift) - 1u));
  const VF part = hn::Mul(hn::ConvertTo(f, hn::BitCast(i, rest)), hn::Set(f, 1.0f / (1 << Table::index_shift)));
  const VF low = hn::GatherIndex(f, table.values(), piece);
  const VF high = hn::GatherIndex(f, table.values() + 1, piece);
  const VF x = hn::Add(low, hn::Mul(part, hn::Sub(high, low)));
  return hn::BitCast(f, hn::Xor(hn::BitCast(u, x), hn::ShiftLeft<31>(words)));
}

// Sum of the first `draws` variates of a vector of cells, and of one more where `more` says so.
template <class Mask>
HWY_INLINE VF sum_of_draws(const RelaxationLaw& law, const VarianceGammaTable& table, VU cells, VU events, std::uint32_t draws, Mask more) {
  const F f;
  const auto high = static_cast<std::uint32_t>(law.first_event >> 32);
  VF sum = hn::Zero(f);
  for (std::uint32_t j = 0; j <= draws; j += 4) {
    const VU event = hn::Add(events, hn::Set(U(), j / 4));
    const Words words = philox_of_events(law.key, Use::relaxation, cells, event, high);
    const VU word[4] = {words.w0, words.w1, words.w2, words.w3};
    for (std::uint32_t w = 0; w < 4 && j + w < draws; ++w) sum = hn::Add(sum, variates(table, word[w]));
    if (draws - j < 4) sum = hn::Add(sum, hn::IfThenElseZero(more, variates(table, word[draws - j])));
  }
  return sum;
}

HWY_INLINE VF line(const LevelLine& curve, VF level) {
  const F f;
  VF sum = hn::Set(f, curve.first);
  for (std::size_t i = 0; i < 4; ++i) {
    const VF into = hn::Max(hn::Sub(level, hn::Set(f, curve.from[i])), hn::Zero(f));
    sum = hn::Add(sum, hn::Mul(hn::Set(f, curve.slope[i]), hn::Min(into, hn::Set(f, curve.width[i]))));
  }
  return sum;
}

// moved() of a vector.
HWY_INLINE VF moved_cells(const RelaxationLaw& law, VF g, VF kept, VF passing) {
  const F f;
  const VF level = hn::Mul(hn::Sub(g, hn::Set(f, law.g_min)), hn::Set(f, law.inverse_range));
  const VF x = hn::Add(hn::Mul(hn::Set(f, law.kept_sd), kept), hn::Mul(hn::Set(f, law.passing_sd), passing));
  const VF to = hn::Add(hn::Add(g, line(law.drift, level)), hn::Mul(line(law.spread, level), x));
  const VF least = hn::Min(g, hn::Set(f, law.least)), most = hn::Max(g, hn::Set(f, law.most));
  return hn::Min(hn::Max(to, least), most);
}

HWY_INLINE VF relaxed_cells(const RelaxationLaw& law, VU cells, VF g) {
  const F f;
  const U u;
  const auto low = static_cast<std::uint32_t>(law.first_event);
  const VU word = philox_of(law.key, Use::relaxation, cells, law.first_event).w0;
  const VU offset = hn::And(word, hn::Set(u, steps_per_draw - 1));
  const auto more = hn::RebindMask(f, hn::Not(hn::Gt(hn::Set(u, law.more_draws_from), offset)));
  const VU memory_offset = hn::ShiftRight<16>(hn::Mul(hn::ShiftRight<16>(word), hn::Set(u, law.memory_steps)));
  const auto earlier = hn::Gt(hn::Set(u, law.later_memory_from), memory_offset);
  const VU memory =
      hn::IfThenElse(earlier, hn::Set(u, low + draw_events * (law.memory + 2)), hn::Set(u, low + draw_events * (law.memory + 3)));
  const VF kept = sum_of_draws(law, *law.kept, cells, hn::Set(u, low + draw_events), law.draws, more);
  const VF passing = sum_of_draws(law, *law.passing, cells, memory, law.draws, more);
  return moved_cells(law, g, kept, passing);
}

#endif  // a target with vectors

// Whole vectors; returns how many cells it did.
// NOLINTNEXTLINE(readability-non-const-parameter): a target without vectors writes nothing
std::size_t relax_whole(const RelaxationLaw& law, std::uint32_t first_cell, const float* from, float* to, std::size_t count) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  (void)law, (void)first_cell, (void)from, (void)to, (void)count;
  return 0;
#else
  const F f;
  const std::size_t lanes = hn::Lanes(f);
  std::size_t c = 0;
  for (; c + lanes <= count; c += lanes) {
    const VU cells = hn::Iota(U(), first_cell + static_cast<std::uint32_t>(c));
    hn::StoreU(relaxed_cells(law, cells, hn::LoadU(f, from + c)), f, to + c);
  }
  return c;
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sedma::kernels {
namespace {
HWY_EXPORT(relax_whole);

float sum_of_draws(const RelaxationLaw& law, const VarianceGammaTable& table, std::uint32_t cell, std::uint64_t event,
                   std::uint32_t draws) noexcept {
  float sum = 0;
  std::array<std::uint32_t, 4> words{};
  for (std::uint32_t j = 0; j < draws; ++j) {
    if (j % 4 == 0) words = philox(law.key, Use::relaxation, cell, event + j / 4);
    sum = sum + table(words[j % 4]);
  }
  return sum;
}

}  // namespace

float relaxed_cell(const RelaxationLaw& law, std::uint32_t cell, float g) noexcept {
  const std::uint32_t word = philox(law.key, Use::relaxation, cell, law.first_event)[0];
  const std::uint32_t draws = law.draws + (draw_offset(word) >= law.more_draws_from ? 1u : 0u);
  const std::uint32_t memory = law.memory + (memory_offset(word, law.memory_steps) >= law.later_memory_from ? 1u : 0u);
  const float kept = sum_of_draws(law, *law.kept, cell, law.first_event + draw_events, draws);
  const float passing = sum_of_draws(law, *law.passing, cell, law.first_event + draw_events * (memory + 2), draws);
  return moved(law, g, kept, passing);
}

void relax_row(const RelaxationLaw& law, std::uint32_t first_cell, const float* from, float* to, std::size_t count) {
  choose_isa();
  for (std::size_t c = HWY_DYNAMIC_DISPATCH(relax_whole)(law, first_cell, from, to, count); c < count; ++c)
    to[c] = relaxed_cell(law, first_cell + static_cast<std::uint32_t>(c), from[c]);
}

}  // namespace sedma::kernels
#endif  // HWY_ONCE

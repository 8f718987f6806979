// The passes of a row's write-verify. Included once per target.

// clang-format off
#if defined(SEDMA_KERNELS_PULSE_ROWS_INL_H) == defined(HWY_TARGET_TOGGLE)
#ifdef SEDMA_KERNELS_PULSE_ROWS_INL_H
#undef SEDMA_KERNELS_PULSE_ROWS_INL_H
#else
#define SEDMA_KERNELS_PULSE_ROWS_INL_H
#endif
// clang-format on

#include <algorithm>
#include <cstddef>

#include "kernels/pulse_cells-inl.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {

#if HWY_TARGET != HWY_SCALAR && HWY_TARGET != HWY_EMU128

constexpr std::uint32_t group_passes = 4;  // passes that share one Philox call
constexpr std::size_t block_cells = 64;  // cells that go through a group together: several vectors, whose long chains of operations overlap
constexpr std::size_t max_lanes = HWY_MAX_BYTES / sizeof(float);

/// PassTally of each pass of a group, lane by lane.
struct GroupTally {
  HWY_ALIGN float longest_up[group_passes][max_lanes] = {};
  HWY_ALIGN float longest_down[group_passes][max_lanes] = {};
  std::uint32_t active[group_passes] = {};
};

/// A block's normals for a group of passes.
struct GroupNormals {
  HWY_ALIGN float z[group_passes][block_cells];

  HWY_INLINE void draw(const WriteLaw& law, Use use, VU cells, std::uint32_t pass, std::size_t at) {
    const F f;
    const Normals n = normals_of(law.key, use, cells, law.first_event + pass / group_passes);
    hn::Store(n.z0, f, z[0] + at);
    hn::Store(n.z1, f, z[1] + at);
    hn::Store(n.z2, f, z[2] + at);
    hn::Store(n.z3, f, z[3] + at);
  }
};

/// A block on its way through a group: where it starts and how far it is.
struct Block {
  std::size_t first = 0, size = 0;
  std::uint32_t pass = 0, in_group = 0;
  bool drawn = false;       // write normals: not before a cell needs them, for a cell at its target draws none
  Lanes live[block_cells];  // by vector
  GroupNormals write, read;
};

template <bool has_own>
class Row {
 public:
  Row(const WriteLaw& law, const RowJob& row, RowScratch& scratch) : law_(law), cells_(law, row, scratch, totals_) {}

  RowTotals write() {
    for (std::uint32_t pass = 0; pass < law_.passes && cells_.active() > 0; pass += group_passes) run_group(pass);
    last_reads();
    cells_.sum();
    return totals_;
  }

 private:
  void run_group(std::uint32_t first_pass);
  void run_block(Block& block, std::uint32_t passes, GroupTally& tally);
  bool open(Block& block, GroupTally& tally);
  void draw(Block& block);
  HWY_INLINE void read(std::size_t i, Lanes live, const float* normals);
  HWY_INLINE Lanes still_open(std::size_t i, Lanes live, std::uint32_t pass) const;
  HWY_INLINE VF believed_position(std::size_t i) const;
  HWY_INLINE VF count(std::size_t i, Lanes up, Lanes live) const;
  HWY_INLINE void step(std::size_t i, Lanes live, const float* normals, float* longest_up, float* longest_down);
  void last_reads();

  const WriteLaw& law_;
  RowTotals totals_;
  RowCells<has_own> cells_;
};

template <bool has_own>
void Row<has_own>::run_group(std::uint32_t first_pass) {
  const F f;
  const std::uint32_t passes = std::min(group_passes, law_.passes - first_pass);
  GroupTally tally;
  Block block;
  std::size_t kept = 0;
  for (std::size_t first = 0; first < cells_.active(); first += block_cells) {
    block.first = first;
    block.size = std::min(block_cells, cells_.active() - first);
    block.pass = first_pass;
    run_block(block, passes, tally);
    for (std::size_t at = 0; at < block.size; at += hn::Lanes(f)) {
      const Lanes live = block.live[at / hn::Lanes(f)];
      cells_.record(first + at, hn::AndNot(live, first_lanes(block.size - at)));
      kept = cells_.keep(first + at, kept, live);
    }
  }
  cells_.set_active(kept);
  for (std::uint32_t q = 0; q < passes; ++q) {
    const float up = most_of(hn::Load(f, tally.longest_up[q])), down = most_of(hn::Load(f, tally.longest_down[q]));
    add_pass(law_, {up, down, tally.active[q]}, totals_);
  }
}

template <bool has_own>
void Row<has_own>::run_block(Block& block, std::uint32_t passes, GroupTally& tally) {
  const std::size_t lanes = hn::Lanes(F());
  block.drawn = false;
  for (std::size_t at = 0; at < block.size; at += lanes) {
    block.live[at / lanes] = first_lanes(block.size - at);
    if (law_.noisy) block.read.draw(law_, Use::verify_noise, cells_.numbers(block.first + at), block.pass, at);
  }
  for (block.in_group = 0; block.in_group < passes; ++block.in_group) {
    if (!open(block, tally)) return;
    if (law_.sigma > 0 && !block.drawn) draw(block);
    const std::uint32_t q = block.in_group;
    for (std::size_t at = 0; at < block.size; at += lanes) {
      step(block.first + at, block.live[at / lanes], block.write.z[q] + at, tally.longest_up[q], tally.longest_down[q]);
    }
  }
}

// Reads the block's live cells; those that need pulses stay live. Returns whether there is one.
template <bool has_own>
bool Row<has_own>::open(Block& block, GroupTally& tally) {
  const F f;
  std::size_t still = 0, active = 0;
  for (std::size_t at = 0; at < block.size; at += hn::Lanes(f)) {
    Lanes& live = block.live[at / hn::Lanes(f)];
    active += hn::CountTrue(f, live);
    read(block.first + at, live, block.read.z[block.in_group] + at);
    live = still_open(block.first + at, live, block.pass + block.in_group);
    still += hn::CountTrue(f, live);
  }
  tally.active[block.in_group] += static_cast<std::uint32_t>(active);
  return still > 0;
}

template <bool has_own>
void Row<has_own>::draw(Block& block) {
  for (std::size_t at = 0; at < block.size; at += hn::Lanes(F())) {
    block.write.draw(law_, Use::write_noise, cells_.numbers(block.first + at), block.pass, at);
  }
  block.drawn = true;
}

template <bool has_own>
HWY_INLINE void Row<has_own>::read(std::size_t i, Lanes live, const float* normals) {
  const F f;
  const VF siemens = cells_.get(Array::siemens, i);
  VF seen = siemens;
  if (law_.noisy) {
    const VF relative = hn::Mul(hn::Set(f, law_.read_noise), siemens);
    const VF variance = hn::Add(hn::Set(f, law_.read_floor * law_.read_floor), hn::Mul(relative, relative));
    seen = hn::Add(seen, hn::Mul(hn::Sqrt(variance), hn::LoadU(f, normals)));
  }
  cells_.put(Array::read, i, hn::IfThenElse(live, seen, cells_.get(Array::read, i)));
  cells_.put(Array::read_siemens, i, hn::Add(cells_.get(Array::read_siemens, i), hn::IfThenElseZero(live, siemens)));
}

// Where the controller believes the cells to be.
template <bool has_own>
HWY_INLINE VF Row<has_own>::believed_position(std::size_t i) const {
  if (!has_own && !law_.noisy) return cells_.get(Array::x, i);
  const VF most = hn::Set(F(), terminal(law_.g_max, law_.series));
  return nominal_position(law_, bare_of(hn::Min(cells_.get(Array::read, i), most), law_.series));
}

// The cells that get pulses in this pass.
template <bool has_own>
HWY_INLINE Lanes Row<has_own>::still_open(std::size_t i, Lanes live, std::uint32_t pass) const {
  const F f;
  const VF error = hn::Sub(cells_.get(Array::target, i), cells_.get(Array::read, i));
  const VF distance = hn::Abs(hn::Sub(believed_position(i), cells_.get(Array::target_x, i)));
  const Lanes off = hn::Gt(hn::Abs(error), hn::Set(f, law_.tolerance));
  const Lanes in_budget = hn::Lt(cells_.get(Array::pulses, i), hn::Set(f, law_.budget));
  const Lanes far = hn::Ge(distance, hn::Set(f, settle_width(law_, pass)));
  return hn::And(hn::And(live, off), hn::And(in_budget, far));
}

HWY_INLINE VF pick(Lanes lanes, float yes, float no) { return hn::IfThenElse(lanes, hn::Set(F(), yes), hn::Set(F(), no)); }

// Pulses of this step: the controller's part.
template <bool has_own>
HWY_INLINE VF Row<has_own>::count(std::size_t i, Lanes up, Lanes live) const {
  const F f;
  const Branch &rise = law_.nominal.up, &fall = law_.nominal.down;
  const VF aim = pick(up, law_.aim_up, law_.aim_down);
  VF n = count_to(believed_position(i), cells_.get(Array::target_x, i), pick(up, rise.d, fall.d), pick(up, rise.floor, fall.floor), aim);
  n = hn::Min(hn::Max(n, hn::Set(f, 1.0f)), hn::Sub(hn::Set(f, law_.budget), cells_.get(Array::pulses, i)));
  return hn::IfThenElseZero(live, round_whole(n));
}

template <bool has_own>
HWY_INLINE void Row<has_own>::step(std::size_t i, Lanes live, const float* normals, float* longest_up, float* longest_down) {
  const F f;
  const Laws own = cells_.laws(i);
  const Lanes up = hn::Gt(cells_.get(Array::target, i), cells_.get(Array::read, i));
  const VF n = count(i, up, live);
  VF x = pulsed_of(cells_.get(Array::x, i), n, hn::IfThenElse(up, own.up_d, own.down_d), hn::IfThenElse(up, own.up_rate, own.down_rate));
  if (law_.sigma > 0) x = hn::Add(x, hn::Mul(hn::Mul(hn::Set(f, law_.sigma), hn::Sqrt(n)), hn::LoadU(f, normals)));
  x = clamp01(x);
  const VF before = cells_.get(Array::siemens, i);
  const VF after = terminal_of(hn::Add(own.g_min, hn::Mul(x, own.range)), law_.series);
  const VF energy = hn::Mul(pick(up, law_.weight_up, law_.weight_down), hn::Mul(hn::Add(before, after), n));
  const VF n_up = hn::IfThenElseZero(up, n);
  cells_.put(Array::x, i, x);
  cells_.put(Array::siemens, i, after);
  cells_.put(Array::energy, i, hn::Add(cells_.get(Array::energy, i), energy));
  cells_.put(Array::pulses, i, hn::Add(cells_.get(Array::pulses, i), n));
  cells_.put(Array::pulses_up, i, hn::Add(cells_.get(Array::pulses_up, i), n_up));
  hn::Store(hn::Max(hn::Load(f, longest_up), n_up), f, longest_up);
  hn::Store(hn::Max(hn::Load(f, longest_down), hn::Sub(n, n_up)), f, longest_down);
}

// The cells that used up their passes are read once more.
template <bool has_own>
void Row<has_own>::last_reads() {
  GroupNormals normals;
  for (std::size_t i = 0; i < cells_.active(); i += hn::Lanes(F())) {
    if (law_.noisy) normals.draw(law_, Use::verify_noise, cells_.numbers(i), law_.passes, 0);
    const Lanes valid = first_lanes(cells_.active() - i);
    read(i, valid, normals.z[law_.passes % group_passes]);
    cells_.record(i, valid);
  }
  add_pass(law_, {0.0f, 0.0f, static_cast<std::uint32_t>(cells_.active())}, totals_);
}

#endif  // a target with vectors

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#endif  // once per target

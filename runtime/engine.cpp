#include "runtime/engine.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/conversion.h"
#include "runtime/engine_impl.h"

namespace sedma::runtime {

std::uint64_t first_vector(const Geometry& geometry, const Choice& choice) noexcept {
  return geometry.apart ? std::uint64_t{geometry.word_lines} * choice.read_repeats : 0;
}

Engine::Impl::Impl(hal::Device& d, const Plan& p, const TileValues& v, const BoardShape& s, EngineOptions o)
    : device(d), plan(p), values(v), shape(s), options(std::move(o)) {
  const auto& c = device.capabilities();
  window = {c.g_min_siemens, c.g_max_siemens};
  volts_max = c.read_volts.max;
  line_drop = c.has(hal::Feature::line_drop);
  poll = [this] { return go_on(); };
}

// What is held keeps its place, so what is written stays good; once arrays are loaded in turns nothing stays on them.
void Engine::Impl::settle() {
  if (!stale) return;
  stale = false;
  layout = lay_out(plan, shelves, shape, options.mask);
  pieces.assign(layout.placements.size(), {});
  for (auto& [id, group] : groups) {
    group.pieces.clear();
    if (layout.turns > 1) group.written = false;
  }
  for (std::size_t k = 0; k < pieces.size(); ++k) {
    const Placement& placement = layout.placements[k];
    const std::vector<std::uint32_t>& tiles = plan.groups[placement.group].tiles;
    HeldGroup& group = groups.at(placement.group);
    const auto at = static_cast<std::size_t>(std::lower_bound(tiles.begin(), tiles.end(), placement.tile) - tiles.begin());
    pieces[k] = {&placement, &group, &group.tiles[at], &group.slices[placement.slice * tiles.size() + at]};
    group.pieces.push_back(k);
  }
}

std::uint64_t Engine::Impl::stream(const Piece& piece) const {
  const Tile& tile = tile_of(piece);
  const StreamRoot& root = plan.roots[part_of(plan, tile)];
  const std::uint64_t row = tile.block_row - root.block_row;
  const kernels::Key block = kernels::derive(kernels::Key{root.content}, (row << 32) | tile.block_col);
  return kernels::derive(kernels::derive(block, piece.placement->slice), piece.group->ordinal.value_or(0)).value;
}

Result<std::vector<std::size_t>> Engine::Impl::pieces_of(std::span<const std::uint32_t> asked) {
  settle();
  std::vector<std::size_t> all;
  for (const std::uint32_t id : asked) {
    const auto found = groups.find(id);
    if (found == groups.end()) return fail(Code::internal, "group {} is asked for and not held here", id);
    all.insert(all.end(), found->second.pieces.begin(), found->second.pieces.end());
  }
  std::sort(all.begin(), all.end());
  return all;
}

Status Engine::Impl::not_stopped() const { return stopped ? Status(Code::aborted, "stopped") : Status(); }

Status Engine::Impl::go_on() const {
  SEDMA_RETURN_IF_ERROR(not_stopped());
  if (!options.progress || options.progress(stage.name, stage.done, stage.total)) return {};
  return fail(Code::aborted, "stopped at {} {} of {}", stage.name, stage.done, stage.total);
}

void Engine::Impl::stop_again() const {
  if (stopped) device.cancel();
}

Status Engine::Impl::ended(Status status) const {
  if (status.ok() || !stopped || status.code() == Code::aborted) return status;
  return fail(Code::aborted, "stopped; {}", status.to_string());
}

Engine::Engine(hal::Device& device, const Plan& plan, const TileValues& values, const BoardShape& shape, EngineOptions options)
    : impl_(std::make_unique<Impl>(device, plan, values, shape, std::move(options))) {}
Engine::~Engine() = default;

const Layout& Engine::layout() const noexcept {
  impl_->settle();
  return impl_->layout;
}

void Engine::hold(std::span<const std::uint32_t> groups) {
  for (const std::uint32_t id : groups) {
    if (impl_->shelves.holds(id)) continue;
    const Group& group = impl_->plan.groups[id];
    impl_->shelves.hold(id, group.loads);
    HeldGroup& held = impl_->groups[id];
    held.tiles.resize(group.tiles.size());
    held.slices.resize(group.spots.size());
  }
  impl_->stale = true;
}

void Engine::drop(std::span<const std::uint32_t> groups) {
  for (const std::uint32_t id : groups) {
    impl_->shelves.drop(id);
    impl_->groups.erase(id);
  }
  impl_->stale = true;
}

Status Engine::program(std::span<const std::uint32_t> groups, std::uint64_t ordinal, StageCost& programming) {
  Impl& e = *impl_;
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::size_t> all, e.pieces_of(groups));
  for (const std::uint32_t id : groups) {
    e.groups.at(id).ordinal = ordinal;
    e.groups.at(id).written = false;
  }
  if (e.layout.turns > 1) return e.not_stopped();
  e.stage = {"program", 0, all.size()};
  const Status status = e.ended(e.write(all, programming));
  if (status.ok()) return {};
  for (const std::uint32_t id : groups)
    if (!e.groups.at(id).written) e.groups.at(id).ordinal.reset();
  return status;
}

Status Engine::multiply(const ProductTask& task, std::span<const std::uint32_t> groups, Accumulator& y, StageCost& programming,
                        StageCost& multiplying) {
  Impl& e = *impl_;
  SEDMA_RETURN_IF_ERROR(e.not_stopped());
  SEDMA_ASSIGN_OR_RETURN(std::vector<std::size_t> all, e.pieces_of(groups));
  if (task.part) {
    const auto other = [&](std::size_t k) { return part_of(e.plan, e.tile_of(e.pieces[k])) != *task.part; };
    all.erase(std::remove_if(all.begin(), all.end(), other), all.end());
  }
  std::vector<std::size_t> unwritten;
  for (const std::uint32_t id : groups) {
    const HeldGroup& group = e.groups.at(id);
    if (!group.ordinal) return fail(Code::internal, "group {} is to be multiplied and was not programmed", id);
    if (!group.written) unwritten.insert(unwritten.end(), group.pieces.begin(), group.pieces.end());
  }
  if (e.layout.turns > 1) return e.ended(e.multiply_in_turns(task, all, y, programming, multiplying));
  // They gave way to others while there were turns.
  std::sort(unwritten.begin(), unwritten.end());
  e.stage = {"program", 0, unwritten.size()};
  SEDMA_RETURN_IF_ERROR(e.ended(e.write(unwritten, programming)));
  e.stage = {"multiply", 0, all.size()};
  return e.ended(e.multiply_turn(task, all, y, multiplying));
}

Status Engine::Impl::multiply_in_turns(const ProductTask& task, Pieces all, Accumulator& y, StageCost& programming,
                                       StageCost& multiplying) {
  for (std::size_t begin = 0, end = 0; begin < all.size(); begin = end) {
    while (end < all.size() && pieces[all[end]].placement->turn == pieces[all[begin]].placement->turn) ++end;
    const Pieces turn = all.subspan(begin, end - begin);
    stage = {"program", begin, all.size()};
    SEDMA_RETURN_IF_ERROR(write(turn, programming));
    for (const std::size_t k : turn) pieces[k].group->written = false;  // the next turn takes its place
    stage = {"multiply", begin, all.size()};
    SEDMA_RETURN_IF_ERROR(multiply_turn(task, turn, y, multiplying));
  }
  return {};
}

std::vector<std::pair<std::uint32_t, TileHash>> Engine::hashes() const {
  std::vector<std::pair<std::uint32_t, TileHash>> hashes;
  for (const auto& [id, group] : impl_->groups)
    for (std::size_t t = 0; t < group.tiles.size(); ++t)
      if (group.ordinal && group.tiles[t].hash) hashes.emplace_back(impl_->plan.groups[id].tiles[t], *group.tiles[t].hash);
  std::sort(hashes.begin(), hashes.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return hashes;
}

void Engine::stop() noexcept {
  impl_->stopped = true;
  impl_->device.cancel();
}

void Engine::resume() noexcept { impl_->stopped = false; }

}  // namespace sedma::runtime

// What is on the arrays, kept for another process, and taken over from one.

#include <algorithm>
#include <cmath>
#include <deque>
#include <tuple>

#include "runtime/engine_impl.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t most_in_flight = 32;

using SliceKey = std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>;  // block row, block column, slice

bool same_cells(const std::vector<float>& read, const std::vector<float>& found, double tolerance_siemens) {
  return std::equal(read.begin(), read.end(), found.begin(), found.end(),
                    [&](float a, float b) { return std::abs(static_cast<double>(a) - static_cast<double>(b)) <= tolerance_siemens; });
}

}  // namespace

SavedSlice Engine::Impl::saved_slice(const Piece& piece) const {
  const Placement& placement = *piece.placement;
  const Tile& tile = tile_of(piece);
  const SliceState& state = *piece.state;
  SavedSlice saved;
  saved.block_row = tile.block_row;
  saved.block_col = tile.block_col;
  saved.slice = placement.slice;
  saved.ordinal = piece.group->ordinal.value_or(0);
  saved.hash = piece.tile->hash.value_or(TileHash{});
  saved.array = placement.array;
  saved.turn = placement.turn;
  saved.word_lines = placement.word_lines;
  saved.bit_lines = placement.bit_lines;
  saved.target_siemens = state.target;
  saved.found_siemens = state.found;
  saved.unit = state.unit;
  saved.full_scale_amps = state.full_scale;
  saved.write_variance = state.write_variance;
  saved.own_write_variance = state.own_write_variance;
  saved.sum_of_squares = state.sum_of_squares;
  return saved;
}

Status Engine::save(const std::string& path) {
  Impl& e = *impl_;
  e.settle();
  if (!e.options.keep_cells) return fail(Code::invalid_argument, "{}: cells were not kept (keep_cells), so none can be saved", path);
  const hal::Capabilities& board = e.device.capabilities();
  SavedCells cells;
  cells.board_id = board.board_id;
  cells.material = board.material;
  cells.physical = board.has(hal::Feature::physical);
  cells.content = e.options.content;
  for (const Piece& piece : e.pieces)
    if (piece.group->ordinal && !piece.state->target.empty()) cells.slices.push_back(e.saved_slice(piece));
  return write_saved_cells(path, cells);
}

// The saved slice that says what this piece's cells hold, or nullptr.
const SavedSlice* Engine::Impl::matching(const Piece& piece, const SavedSlice* saved) const {
  const Placement& placement = *piece.placement;
  const Tile& tile = tile_of(piece);
  const std::size_t cells = placement.word_lines.size() * placement.bit_lines.size(), outputs = tile.rows.size();
  const std::size_t converted = device.capabilities().has(hal::Feature::analog_subtract) ? outputs : placement.bit_lines.size();
  const bool alike = saved != nullptr && saved->turn == 0 && saved->array == placement.array && saved->word_lines == placement.word_lines &&
                     saved->bit_lines == placement.bit_lines && saved->target_siemens.size() == cells &&
                     saved->found_siemens.size() == cells && saved->unit.size() == outputs && saved->full_scale_amps.size() == converted &&
                     saved->write_variance.size() == outputs && saved->own_write_variance.size() == outputs &&
                     saved->sum_of_squares.size() == outputs;
  return alike ? saved : nullptr;
}

Result<std::vector<std::uint32_t>> Engine::restore(const SavedCells& saved, StageCost& programming) {
  Impl& e = *impl_;
  e.settle();
  const hal::Capabilities& board = e.device.capabilities();
  std::vector<std::uint32_t> taken_over;
  if (!board.has(hal::Feature::physical) || !saved.physical || saved.board_id != board.board_id || saved.content != e.options.content ||
      e.layout.turns != 1)
    return taken_over;
  std::map<SliceKey, const SavedSlice*> by_place;
  for (const SavedSlice& slice : saved.slices) by_place[{slice.block_row, slice.block_col, slice.slice}] = &slice;
  std::vector<const SavedSlice*> found(e.pieces.size(), nullptr);
  for (std::size_t k = 0; k < found.size(); ++k) {
    const Tile& tile = e.tile_of(e.pieces[k]);
    const auto at = by_place.find({tile.block_row, tile.block_col, e.pieces[k].placement->slice});
    found[k] = e.matching(e.pieces[k], at == by_place.end() ? nullptr : at->second);
  }
  std::vector<std::uint32_t> candidates;
  for (const auto& [id, group] : e.groups) {
    SEDMA_ASSIGN_OR_RETURN(const bool wanted, e.wants(group, found));
    if (wanted) candidates.push_back(id);
  }
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::size_t> all, e.pieces_of(candidates));
  auto changed = e.changed_cells(all, found, programming);
  if (!changed.ok()) return e.ended(changed.status());
  for (const std::uint32_t id : candidates) {
    HeldGroup& group = e.groups.at(id);
    if (changed->count(id) != 0) continue;
    for (const std::size_t k : group.pieces) {
      const SavedSlice& from = *found[k];
      SliceState& state = *e.pieces[k].state;
      state = {};
      state.unit = from.unit;
      state.full_scale = from.full_scale_amps;
      state.write_variance = from.write_variance;
      state.own_write_variance = from.own_write_variance;
      state.sum_of_squares = from.sum_of_squares;
      e.remember_noise(from.target_siemens, state);
      if (!e.options.keep_cells) continue;
      state.target = from.target_siemens;
      state.found = from.found_siemens;
    }
    group.ordinal = found[group.pieces.front()]->ordinal;
    group.written = true;
    taken_over.push_back(id);
  }
  return taken_over;
}

// Whether all slices of a group were saved, in one programming, of the values that its tiles have.
Result<bool> Engine::Impl::wants(const HeldGroup& group, const std::vector<const SavedSlice*>& found) const {
  for (const std::size_t k : group.pieces)
    if (found[k] == nullptr || found[k]->ordinal != found[group.pieces.front()]->ordinal) return false;
  for (const std::size_t k : group.pieces) {
    if (pieces[k].placement->slice == 0) {
      // Sets the tile's hash.
      SEDMA_RETURN_IF_ERROR(wanted_values(pieces[k]).status());
    }
    if (pieces[k].tile->hash != found[k]->hash) return false;
  }
  return true;
}

// The groups with a cell that is not what was found after it was written.
Result<std::set<std::uint32_t>> Engine::Impl::changed_cells(Pieces all, const std::vector<const SavedSlice*>& found,
                                                            StageCost& cost) const {
  const WritePolicy policy = write_policy(plan.choice, device.capabilities(), options.deadline);
  const double tolerance = static_cast<double>(policy.tolerance_siemens) + 0.01 * device.capabilities().g_range_siemens();
  BoardTime clock(device.capabilities());
  std::deque<std::pair<std::size_t, WindowRead>> reads;
  std::set<std::uint32_t> changed;

  const auto finish_oldest = [&]() -> Status {
    auto& [k, read] = reads.front();
    double seconds = 0;
    SEDMA_RETURN_IF_ERROR(read.finish(cost, seconds, poll));
    clock.add(pieces[k].placement->array, seconds);
    if (!same_cells(read.mean(), found[k]->found_siemens, tolerance)) changed.insert(pieces[k].placement->group);
    reads.pop_front();
    return {};
  };

  for (const std::size_t k : all) {
    if (reads.size() >= most_in_flight) SEDMA_RETURN_IF_ERROR(finish_oldest());
    reads.emplace_back(k, WindowRead(device, *pieces[k].placement, plan.choice.read_repeats));
    SEDMA_RETURN_IF_ERROR(reads.back().second.submit(policy.read_volts, stream(pieces[k]), policy.deadline));
    stop_again();
  }
  while (!reads.empty()) SEDMA_RETURN_IF_ERROR(finish_oldest());
  cost.seconds += clock.finish();
  return changed;
}

}  // namespace sedma::runtime

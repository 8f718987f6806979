#include "runtime/comm/tile_store.h"

#include <algorithm>

#include "runtime/comm/parcels.h"

namespace sedma::runtime {
namespace {

bool ascending_below(std::span<const std::uint32_t> indices, std::uint32_t limit) {
  const auto not_above = [](std::uint32_t a, std::uint32_t b) { return a >= b; };
  return std::adjacent_find(indices.begin(), indices.end(), not_above) == indices.end() && (indices.empty() || indices.back() < limit);
}

}  // namespace

TileStore::TileStore(const OpenMessage& open, const MatrixSource* matrix, std::mutex* matrix_lock)
    : open_(open), matrix_(matrix != nullptr && matrix->content() == open.content ? matrix : nullptr), matrix_lock_(matrix_lock) {
  plan_.choice = open.choice;
  plan_.geometry = open.geometry;
  plan_.roots = open.roots;
  plan_.tile_rows = open.tile_rows;
  plan_.tile_cols = open.tile_cols;
  plan_.tiles.resize(open.tiles);
  plan_.groups.resize(open.groups);
  if (matrix_ == nullptr) row_bounds_.assign(open.rows, 0.0);
}

Status TileStore::check(const HeldGroup& held, bool with_values) const {
  if (!with_values && matrix_ == nullptr)
    return fail(Code::internal, "group {} came without values, and this rank has not the matrix", held.index);
  bool right = held.index < open_.groups && ascending_below(held.group.tiles, open_.tiles) && held.group.loads > 0 &&
               held.tiles.size() == held.group.tiles.size();
  for (std::size_t k = 0; right && k < held.tiles.size(); ++k) {
    const HeldTile& tile = held.tiles[k];
    right = tile.index == held.group.tiles[k] && ascending_below(tile.tile.rows, open_.rows) && ascending_below(tile.tile.cols, open_.cols);
  }
  for (const Spot& spot : held.group.spots)
    right = right && spot.load < held.group.loads && std::binary_search(held.group.tiles.begin(), held.group.tiles.end(), spot.tile);
  if (right) return {};
  return fail(Code::data_corrupt, "group {} does not fit a session of {} tiles in {} groups", held.index, open_.tiles, open_.groups);
}

Status TileStore::hold(HoldMessage message) {
  for (const HeldGroup& group : message.groups) SEDMA_RETURN_IF_ERROR(check(group, message.with_values));
  if (!ascending_below(message.bound_rows, open_.rows)) return fail(Code::data_corrupt, "bounds of rows beyond {}", open_.rows);
  for (std::size_t k = 0; k < message.bound_rows.size() && !row_bounds_.empty(); ++k)
    row_bounds_[message.bound_rows[k]] = message.row_bounds[k];
  for (HeldGroup& held : message.groups) {
    for (HeldTile& tile : held.tiles) {
      plan_.tiles[tile.index] = std::move(tile.tile);
      if (message.with_values) blocks_[tile.index] = std::move(tile.block);
    }
    plan_.groups[held.index] = std::move(held.group);
    held_[held.index] = message.hold;
  }
  return {};
}

void TileStore::drop(std::span<const std::uint32_t> groups) {
  for (const std::uint32_t group : groups) {
    if (held_.erase(group) == 0) continue;
    for (const std::uint32_t tile : plan_.groups[group].tiles) {
      blocks_.erase(tile);
      plan_.tiles[tile] = {};
    }
    plan_.groups[group] = {};
  }
}

Status TileStore::gather(std::uint32_t index, double* out) const {
  const Tile& tile = plan_.tiles[index];
  if (const auto block = blocks_.find(index); block != blocks_.end()) {
    unpack_block(tile, block->second, out);
    return {};
  }
  if (matrix_ == nullptr) return fail(Code::internal, "tile {} is not held here", index);
  std::unique_lock<std::mutex> lock;
  if (matrix_lock_ != nullptr) lock = std::unique_lock(*matrix_lock_);
  return matrix_->gather(tile.rows, tile.cols, out);
}

double TileStore::row_bound(std::uint32_t row) const { return matrix_ != nullptr ? matrix_->row_bounds()[row] : row_bounds_[row]; }

bool TileStore::holds(std::span<const std::uint32_t> groups) const {
  return std::all_of(groups.begin(), groups.end(), [&](std::uint32_t group) { return held_.count(group) != 0; });
}

}  // namespace sedma::runtime

// Tiles as bytes: the longest of the messages.

#include "runtime/comm/messages.h"
#include "runtime/comm/wire.h"

namespace sedma::runtime {
namespace {

void put_block(ByteWriter& out, const TileBlock& block) {
  out.put(static_cast<std::uint8_t>(block.sparse));
  if (block.sparse) {
    out.put_all(std::span(block.row_counts));
    out.put_all(std::span(block.columns));
    out.put_all(std::span(block.values));
  } else {
    out.put_all(std::span(block.dense));
  }
}

TileBlock get_block(ByteReader& in, const Tile& tile) {
  TileBlock block;
  block.sparse = in.get_bool();
  if (!block.sparse) {
    block.dense = in.get_all<double>(std::uint64_t{tile.rows.size()} * tile.cols.size());
    return block;
  }
  block.row_counts = in.get_all<std::uint32_t>(tile.rows.size());
  std::uint64_t entries = 0;
  for (const std::uint32_t count : block.row_counts) {
    entries += count;
    if (count > tile.cols.size()) in.refuse();
  }
  block.columns = in.get_all<std::uint32_t>(entries);
  for (const std::uint32_t column : block.columns)
    if (column >= tile.cols.size()) in.refuse();
  block.values = in.get_all<double>(entries);
  return block;
}

void put_tile(ByteWriter& out, const HeldTile& held, bool with_values) {
  out.put(held.index);
  out.put(held.tile.block_row);
  out.put(held.tile.block_col);
  out.put<std::uint64_t>(held.tile.nonzeros);
  out.put_list(held.tile.rows);
  out.put_list(held.tile.cols);
  if (with_values) put_block(out, held.block);
}

HeldTile get_tile(ByteReader& in, bool with_values) {
  HeldTile held;
  held.index = in.get<std::uint32_t>();
  held.tile.block_row = in.get<std::uint32_t>();
  held.tile.block_col = in.get<std::uint32_t>();
  held.tile.nonzeros = static_cast<std::size_t>(in.get<std::uint64_t>());
  held.tile.rows = in.get_list<std::uint32_t>();
  held.tile.cols = in.get_list<std::uint32_t>();
  if (with_values) held.block = get_block(in, held.tile);
  return held;
}

void put_group(ByteWriter& out, const HeldGroup& held, bool with_values) {
  out.put(held.index);
  out.put(held.group.loads);
  out.put_list(held.group.tiles);
  out.put<std::uint64_t>(held.group.spots.size());
  for (const Spot& spot : held.group.spots)
    for (const std::uint32_t value : {spot.tile, spot.slice, spot.load, spot.row, spot.col}) out.put(value);
  out.put<std::uint64_t>(held.tiles.size());
  for (const HeldTile& tile : held.tiles) put_tile(out, tile, with_values);
}

HeldGroup get_group(ByteReader& in, bool with_values) {
  constexpr std::size_t spot_bytes = 5 * sizeof(std::uint32_t), least_tile_bytes = 36;
  HeldGroup held;
  held.index = in.get<std::uint32_t>();
  held.group.loads = in.get<std::uint32_t>();
  held.group.tiles = in.get_list<std::uint32_t>();
  held.group.spots.resize(in.get_count(spot_bytes));
  for (Spot& spot : held.group.spots)
    for (std::uint32_t* value : {&spot.tile, &spot.slice, &spot.load, &spot.row, &spot.col}) *value = in.get<std::uint32_t>();
  held.tiles.resize(in.get_count(least_tile_bytes));
  for (HeldTile& tile : held.tiles) tile = get_tile(in, with_values);
  return held;
}

}  // namespace

Bytes encode(const HoldMessage& message) {
  ByteWriter out;
  out.put(message.hold);
  out.put(static_cast<std::uint8_t>(message.with_values));
  if (message.with_values) {
    out.put_list(message.bound_rows);
    out.put_all(std::span(message.row_bounds));
  }
  out.put<std::uint64_t>(message.groups.size());
  for (const HeldGroup& group : message.groups) put_group(out, group, message.with_values);
  return out.take();
}

Result<HoldMessage> decode_hold(std::span<const std::byte> body) {
  constexpr std::size_t least_group_bytes = 32;
  return whole<HoldMessage>(body, name(MessageKind::hold), [](ByteReader& in) {
    HoldMessage message;
    message.hold = in.get<std::uint64_t>();
    message.with_values = in.get_bool();
    if (message.with_values) {
      message.bound_rows = in.get_list<std::uint32_t>();
      message.row_bounds = in.get_all<double>(message.bound_rows.size());
    }
    message.groups.resize(in.get_count(least_group_bytes));
    for (HeldGroup& group : message.groups) group = get_group(in, message.with_values);
    return message;
  });
}

bool sparse_is_shorter(const Tile& tile) noexcept {
  constexpr std::uint64_t entry_bytes = sizeof(std::uint32_t) + sizeof(double);
  return tile.rows.size() * sizeof(std::uint32_t) + tile.nonzeros * entry_bytes < tile.rows.size() * tile.cols.size() * sizeof(double);
}

std::uint64_t block_bytes(const Tile& tile) noexcept {
  constexpr std::uint64_t entry_bytes = sizeof(std::uint32_t) + sizeof(double);
  if (sparse_is_shorter(tile)) return 1 + tile.rows.size() * sizeof(std::uint32_t) + tile.nonzeros * entry_bytes;
  return 1 + tile.rows.size() * tile.cols.size() * sizeof(double);
}

}  // namespace sedma::runtime

#include "runtime/comm/parcels.h"

#include <algorithm>

namespace sedma::runtime {
namespace {

constexpr std::uint64_t parcel_bytes = 4u << 20;

// Indices [0, count) that are marked.
std::vector<std::uint32_t> marked(const std::vector<bool>& marks) {
  std::vector<std::uint32_t> indices;
  for (std::size_t i = 0; i < marks.size(); ++i)
    if (marks[i]) indices.push_back(static_cast<std::uint32_t>(i));
  return indices;
}

std::vector<bool> rows_marked(const Plan& plan, std::span<const std::uint32_t> groups, std::uint32_t rows) {
  std::vector<bool> marks(rows, false);
  for (const std::uint32_t group : groups)
    for (const std::uint32_t tile : plan.groups[group].tiles)
      for (const std::uint32_t row : plan.tiles[tile].rows) marks[row] = true;
  return marks;
}

HeldGroup described(const Plan& plan, std::uint32_t index) {
  HeldGroup held{index, plan.groups[index], {}};
  for (const std::uint32_t tile : held.group.tiles) held.tiles.push_back({tile, plan.tiles[tile], {}});
  return held;
}

std::uint64_t values_bytes(const Plan& plan, std::uint32_t group) {
  std::uint64_t bytes = 0;
  for (const std::uint32_t tile : plan.groups[group].tiles) bytes += block_bytes(plan.tiles[tile]);
  return bytes;
}

std::uint64_t described_bytes(const Plan& plan, std::uint32_t index) {
  constexpr std::uint64_t line = sizeof(std::uint32_t), length = sizeof(std::uint64_t);
  const Group& group = plan.groups[index];
  std::uint64_t bytes = 2 * line + 3 * length + group.tiles.size() * line + group.spots.size() * 5 * line;
  for (const std::uint32_t tile : group.tiles)
    bytes += 3 * line + 3 * length + (plan.tiles[tile].rows.size() + plan.tiles[tile].cols.size()) * line;
  return bytes;
}

}  // namespace

Lines lines_of(const Plan& plan, std::span<const std::uint32_t> groups, std::uint32_t rows, std::uint32_t cols) {
  std::vector<bool> columns(cols, false);
  for (const std::uint32_t group : groups)
    for (const std::uint32_t tile : plan.groups[group].tiles)
      for (const std::uint32_t col : plan.tiles[tile].cols) columns[col] = true;
  return {marked(rows_marked(plan, groups, rows)), marked(columns)};
}

Result<TileBlock> pack_block(const Tile& tile, std::span<const double> values) {
  TileBlock block;
  const auto entries = static_cast<std::size_t>(std::count_if(values.begin(), values.end(), [](double v) { return v != 0; }));
  if (entries != tile.nonzeros)
    return fail(Code::data_corrupt, "tile ({}, {}) has {} entries, but had {} when the matrix was opened", tile.block_row, tile.block_col,
                entries, tile.nonzeros);
  block.sparse = sparse_is_shorter(tile);
  if (!block.sparse) {
    block.dense.assign(values.begin(), values.end());
    return block;
  }
  const std::size_t cols = tile.cols.size();
  block.columns.reserve(entries);
  block.values.reserve(entries);
  for (std::size_t r = 0; r < tile.rows.size(); ++r) {
    const std::size_t before = block.values.size();
    for (std::size_t c = 0; c < cols; ++c) {
      if (values[r * cols + c] == 0) continue;
      block.columns.push_back(static_cast<std::uint32_t>(c));
      block.values.push_back(values[r * cols + c]);
    }
    block.row_counts.push_back(static_cast<std::uint32_t>(block.values.size() - before));
  }
  return block;
}

void unpack_block(const Tile& tile, const TileBlock& block, double* out) {
  if (!block.sparse) {
    std::copy(block.dense.begin(), block.dense.end(), out);
    return;
  }
  const std::size_t cols = tile.cols.size();
  std::fill(out, out + tile.rows.size() * cols, 0.0);
  std::size_t at = 0;
  for (std::size_t r = 0; r < block.row_counts.size(); ++r)
    for (const std::size_t end = at + block.row_counts[r]; at < end; ++at) out[r * cols + block.columns[at]] = block.values[at];
}

std::vector<std::vector<std::uint32_t>> parcels(const Plan& plan, std::span<const std::uint32_t> groups, bool with_values) {
  std::vector<std::vector<std::uint32_t>> runs;
  std::uint64_t bytes = parcel_bytes;
  for (const std::uint32_t group : groups) {
    const std::uint64_t more = described_bytes(plan, group) + (with_values ? values_bytes(plan, group) : 0);
    if (bytes + more > parcel_bytes) {
      runs.emplace_back();
      bytes = 0;
    }
    runs.back().push_back(group);
    bytes += more;
  }
  return runs;
}

Result<HoldMessage> hold_message(const Plan& plan, const MatrixSource& matrix, std::span<const std::uint32_t> groups, bool with_values) {
  HoldMessage message;
  message.with_values = with_values;
  if (with_values) message.bound_rows = marked(rows_marked(plan, groups, matrix.rows()));
  for (const std::uint32_t row : message.bound_rows) message.row_bounds.push_back(matrix.row_bounds()[row]);
  std::vector<double> values;
  for (const std::uint32_t group : groups) {
    message.groups.push_back(described(plan, group));
    if (!with_values) continue;
    for (HeldTile& held : message.groups.back().tiles) {
      values.resize(held.tile.rows.size() * held.tile.cols.size());
      SEDMA_RETURN_IF_ERROR(matrix.gather(held.tile.rows, held.tile.cols, values.data()));
      SEDMA_ASSIGN_OR_RETURN(held.block, pack_block(held.tile, values));
    }
  }
  return message;
}

std::uint64_t hold_bytes(const Plan& plan, std::span<const std::uint32_t> groups, bool with_values, std::uint32_t rows) {
  std::uint64_t bytes = sizeof(std::uint64_t) + 1 + sizeof(std::uint64_t);
  if (with_values) {
    const std::vector<bool> marks = rows_marked(plan, groups, rows);
    const auto bound_rows = static_cast<std::uint64_t>(std::count(marks.begin(), marks.end(), true));
    bytes += sizeof(std::uint64_t) + bound_rows * (sizeof(std::uint32_t) + sizeof(double));
  }
  for (const std::uint32_t group : groups) bytes += described_bytes(plan, group) + (with_values ? values_bytes(plan, group) : 0);
  return bytes;
}

}  // namespace sedma::runtime

#include "runtime/partition.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <span>
#include <utility>

namespace sedma::runtime {
namespace {

std::uint32_t steps(std::uint32_t length, std::uint32_t step) { return length / step + (length % step != 0 ? 1 : 0); }

// The blocks of one block row; only those that hold something come into being.
class BlockRow {
 public:
  BlockRow(const Part& part, std::uint32_t tile_cols) : first_col_(part.col), tile_cols_(tile_cols), seen_(part.cols, false) {}
  void add(std::uint32_t row, std::uint32_t block_row, std::span<const std::uint32_t> columns) {
    for (std::size_t k = 0; k < columns.size();) {
      const std::uint32_t block_col = (columns[k] - first_col_) / tile_cols_;
      const std::uint64_t end_col = first_col_ + (std::uint64_t{block_col} + 1) * tile_cols_;
      Tile& tile = tiles_[block_col];
      tile.block_row = block_row;
      tile.block_col = block_col;
      tile.rows.push_back(row);
      for (; k < columns.size() && columns[k] < end_col; ++k, ++tile.nonzeros) {
        if (seen_[columns[k] - first_col_]) continue;
        seen_[columns[k] - first_col_] = true;
        tile.cols.push_back(columns[k]);
      }
    }
  }
  void move_to(std::vector<Tile>& tiles) {
    for (auto& [block_col, tile] : tiles_) {
      for (const std::uint32_t col : tile.cols) seen_[col - first_col_] = false;
      std::sort(tile.cols.begin(), tile.cols.end());
      tiles.push_back(std::move(tile));
    }
    tiles_.clear();
  }

 private:
  std::uint32_t first_col_, tile_cols_;
  std::vector<bool> seen_;  // [cols of the part]: columns that a block of this block row has
  std::map<std::uint32_t, Tile> tiles_;
};

std::vector<std::uint32_t> numbers(std::uint32_t first, std::uint32_t count) {
  std::vector<std::uint32_t> all(count);
  std::iota(all.begin(), all.end(), first);
  return all;
}

}  // namespace

std::uint64_t blocks_of(const Part& part, const TileSize& size) noexcept {
  return std::uint64_t{steps(part.rows, size.rows)} * steps(part.cols, size.cols);
}

std::vector<Tile> cut_grid(const MatrixSource& matrix, const Part& part, const TileSize& size) {
  std::vector<Tile> tiles;
  BlockRow blocks(part, size.cols);
  std::vector<std::uint32_t> scratch;
  for (std::uint32_t k = 0; k < part.rows; ++k) {
    blocks.add(part.row + k, k / size.rows, matrix.row_columns(part.row + k, scratch));
    if ((k + 1) % size.rows == 0 || k + 1 == part.rows) blocks.move_to(tiles);
  }
  return tiles;
}

std::vector<Tile> cut_fixed(const MatrixSource& matrix, const Part& part, const TileSize& size) {
  std::vector<Tile> tiles;
  const std::uint32_t across = steps(part.cols, size.cols);
  for (std::uint32_t i = 0; i < steps(part.rows, size.rows); ++i) {
    for (std::uint32_t j = 0; j < across; ++j) {
      const std::uint32_t row = i * size.rows, col = j * size.cols;
      tiles.push_back({i, j, numbers(part.row + row, std::min(size.rows, part.rows - row)),
                       numbers(part.col + col, std::min(size.cols, part.cols - col)), 0});
    }
  }
  std::vector<std::uint32_t> scratch;
  for (std::uint32_t k = 0; k < part.rows; ++k)
    for (const std::uint32_t col : matrix.row_columns(part.row + k, scratch))
      ++tiles[std::size_t{k / size.rows} * across + (col - part.col) / size.cols].nonzeros;
  return tiles;
}

}  // namespace sedma::runtime

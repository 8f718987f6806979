#pragma once
// Cutting one part of a matrix into tiles, three ways. Internal.

#include <cstdint>
#include <vector>

#include "runtime/matrix_source.h"
#include "runtime/plan.h"

namespace sedma::runtime {

/// The largest tile, in matrix rows x columns, both > 0.
struct TileSize {
  std::uint32_t rows = 0, cols = 0;
};

/// Blocks of a grid that begins with the part, in the order of (block_row, block_col), both counted from 0.
std::uint64_t blocks_of(const Part& part, const TileSize& size) noexcept;
/// Every block, zeros and all.
std::vector<Tile> cut_fixed(const MatrixSource& matrix, const Part& part, const TileSize& size);
/// Blocks that hold something, without their empty lines.
std::vector<Tile> cut_grid(const MatrixSource& matrix, const Part& part, const TileSize& size);

/// Clusters of rows that use the same columns (runtime/row_clusters.cpp): block_row tells the cluster, in the order of their first rows,
/// block_col which run of size.cols of its columns.
///
/// Rows that a tile is not wide enough for, or that use every column, are taken in their order. All others are ordered by reverse
/// Cuthill-McKee (two rows are neighbours if they share a column); a cluster begins with the first row left and takes again and again the
/// row that brings fewest new columns (of equals the one longest in sight), until it has size.rows rows; if no row in sight is left, it
/// goes on with the next in order. Where size.cols columns are not enough, the cluster ends there or takes several runs of columns,
/// whichever gives more rows to a tile. Columns with more than 16 size.rows entries bring no row into sight. Cost: O(entries * log entries)
/// time and 12 bytes for every entry of the rows ordered.
std::vector<Tile> cut_clusters(const MatrixSource& matrix, const Part& part, const TileSize& size);

}  // namespace sedma::runtime

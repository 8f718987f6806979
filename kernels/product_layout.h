#pragma once
// Where a packed ProductMatrix keeps its cells. Internal to kernels.
//
// Panels of 32 columns, one after the other. Inside a panel the rows stand in pairs: [pair][32 columns][2 rows]. A panel is so one stream
// of memory, and two neighbours in memory are the two products that one multiply-add instruction on pairs sums into a column. The last
// panel and an odd last row are filled up with zeros.

#include <cstddef>

namespace sedma::kernels::layout {

inline constexpr std::size_t panel_cols = 32;
inline constexpr std::size_t pair_cells = 2 * panel_cols;  ///< cells of a pair of rows in a panel

/// Sums of so many row pairs fit into 32 bits: of a code (<= 127) times an entry (<= 32767) signed, and of a square (131,080 in all) times
/// a level (<= 32766) unsigned.
inline constexpr std::size_t block_pairs = 64, block_rows = 2 * block_pairs;

constexpr std::size_t pairs(std::size_t rows) noexcept { return (rows + 1) / 2; }
constexpr std::size_t panels(std::size_t cols) noexcept { return (cols + panel_cols - 1) / panel_cols; }
constexpr std::size_t cells(std::size_t rows, std::size_t cols) noexcept { return panels(cols) * pairs(rows) * pair_cells; }
/// Of cell (row, col) in a matrix of `rows` rows.
constexpr std::size_t index(std::size_t rows, std::size_t row, std::size_t col) noexcept {
  return (col / panel_cols * pairs(rows) + row / 2) * pair_cells + col % panel_cols * 2 + row % 2;
}

}  // namespace sedma::kernels::layout

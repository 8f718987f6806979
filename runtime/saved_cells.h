#pragma once
// The programmed state of one board, kept in a sealed HDF5 file: targets, conductances found by read-back, and what products need of them.

#include <cstdint>
#include <string>
#include <vector>

#include "hal/status.h"
#include "runtime/tile_hash.h"

namespace sedma::runtime {

/// One slice of a tile as it was written.
struct SavedSlice {
  std::uint32_t block_row = 0, block_col = 0, slice = 0;
  std::uint64_t ordinal = 0;  ///< of the programming
  TileHash hash;              ///< of the tile's values
  std::uint32_t array = 0, turn = 0;
  std::vector<std::uint32_t> word_lines, bit_lines;
  std::vector<float> target_siemens, found_siemens;  ///< [word lines, bit lines]; found: empty where operators were found by products
  std::vector<double> unit;                          ///< [outputs]
  std::vector<float> full_scale_amps;
  std::vector<double> write_variance, own_write_variance, sum_of_squares;  ///< [outputs]
};

struct SavedCells {
  std::string board_id, material;
  bool physical = false;      ///< Feature::physical: the cells outlive the process
  std::uint64_t content = 0;  ///< of the matrix
  std::vector<SavedSlice> slices;
};

/// Atomic, sealed (checksummed), with a format version; nothing is left behind on failure. Errors: invalid_argument (conductances that do
/// not fit their lines, a zero byte in a name), unavailable. Cost: a few datasets, whatever the number of slices.
Status write_saved_cells(const std::string& path, const SavedCells& cells);
/// The same, bit for bit. Errors: unavailable (no such file), data_corrupt (torn, damaged, or not such a file; says which), unsupported (a
/// newer version: says both).
Result<SavedCells> read_saved_cells(const std::string& path);

}  // namespace sedma::runtime

#pragma once
// A dense HDF5 dataset as a matrix, read in bands of rows. Internal: open_matrix() decides where it is used.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "hal/status.h"
#include "runtime/hdf5_dataset.h"
#include "runtime/matrix_part.h"
#include "runtime/matrix_source.h"
#include "runtime/row_pattern.h"

namespace sedma::runtime {

/// What one pass over rows of a dataset leaves of them: 16 bytes a row and the pattern.
struct DenseScan {
  std::vector<std::uint64_t> hashes;  ///< [rows], row_hash()
  std::vector<double> bounds;         ///< [rows], row_bound()
  RowPattern pattern;                 ///< [rows]

  /// Adds the rows that follow, of as many columns.
  void append(DenseScan&& next);
  /// To be sent from one process to another.
  std::string pack() const;
  /// Errors: data_corrupt (not the scan of a matrix of this shape).
  static Result<DenseScan> unpack(std::string_view bytes, std::uint64_t rows, std::uint64_t cols);
};

/// Whole rows that are read at once, so that the tiles of a block row cost one reading of it, and how many such bands are kept: together
/// at most 128 MiB and a quarter of the dataset as doubles. A band ends where chunks end if half of that holds a row of chunks; where it
/// does not, chunks are unpacked once for every band that they reach into.
struct Bands {
  std::uint64_t rows = 1, kept = 2;
};
/// `chunk_rows`: 1 if there are no chunks.
Bands bands_of(std::uint64_t rows, std::uint64_t cols, std::uint64_t chunk_rows) noexcept;

/// Whether a dataset is streamed: more values than limits.held_values, rows of at most 64 MiB as doubles, and chunks of at most about 8
/// times the rows of a band (each is unpacked once for every band).
bool is_streamed(const Hdf5Dataset& source, const ReadLimits& limits) noexcept;

/// Rows [first, end) of a matrix.
struct RowRange {
  std::uint64_t first = 0, end = 0;
  std::uint64_t count() const noexcept { return end - first; }
};
RowRange rows_of(RowPart part, std::uint64_t rows) noexcept;

/// The first pass over some rows; no other is read. `watch` counts them. Errors: data_corrupt (unreadable, or a value that is not finite:
/// says where), aborted.
Result<DenseScan> scan_dense(const Hdf5Dataset& source, const RowRange& rows, const Watch& watch);

/// Every band is checked against the hashes of the scan when it is read again. Tiles of a block row that needs more rows than are kept
/// cost one reading of it each.
class DenseFile final : public MatrixSource {
 public:
  /// @pre `scan` is that of all rows of `source`.
  DenseFile(Hdf5Dataset source, DenseScan scan);

  std::span<const std::uint32_t> row_columns(std::uint32_t row, std::vector<std::uint32_t>& scratch) const override;
  Status gather(std::span<const std::uint32_t> rows, std::span<const std::uint32_t> cols, double* out) const override;
  Status for_each_row(const RowVisitor& visit) const override;
  std::uint64_t bytes() const noexcept override;

 private:
  struct Kept {
    std::uint64_t band = UINT64_MAX, last_use = 0;
    std::vector<double> values;  // [rows of the band, cols]
  };
  /// The values of the band that holds `row`, from that row on; good until the next call.
  Result<const double*> from_row(std::uint32_t row) const;
  Status read(std::uint64_t band, std::vector<double>& values) const;

  Hdf5Dataset source_;
  Bands bands_;
  std::vector<std::uint64_t> hashes_;
  RowPattern pattern_;
  mutable std::vector<Kept> kept_;
  mutable std::uint64_t uses_ = 0;
};

}  // namespace sedma::runtime

#pragma once
// A dataset of an HDF5 file that is to be read as a matrix or as vectors. Internal.

#include <cstdint>
#include <string>
#include <vector>

#include "calibration/hdf5.h"
#include "hal/status.h"
#include "runtime/matrix_file.h"

namespace sedma::runtime {

struct Hdf5Dataset {
  calibration::hdf5::Reader reader;
  calibration::hdf5::Shape shape;
  std::uint64_t rows = 0, cols = 0;  ///< a vector is one row
  std::uint64_t file_bytes = 0;
  std::string reference;  ///< file:/dataset
  /// More entries != 0 than these are not believed of a file of this size.
  std::uint64_t most_entries() const noexcept;
  /// Reads the window [first_row, + row_count) x [first_col, + col_count) into `values`, row-major. Errors: data_corrupt (unreadable, or a
  /// value that is not finite: says which and where).
  Status read_finite(std::uint64_t first_row, std::uint64_t first_col, std::uint64_t row_count, std::uint64_t col_count,
                     std::vector<double>& values) const;
};

/// Opens a dataset (empty: the only numeric one of a fitting rank) and refuses what the limits exclude, what nobody would store in a file
/// of this size, and storage that cannot be read; no value is read yet. `vectors`: 1-D ones fit too. A foreign file may crash libhdf5:
/// first in a child process. Errors: as read_matrix().
Result<Hdf5Dataset> open_hdf5_dataset(const std::string& path, const std::string& dataset, const ReadLimits& limits, bool vectors);

}  // namespace sedma::runtime

#pragma once
// Reading and writing matrices and blocks of vectors: Matrix Market, Harwell-Boeing, NumPy .npy, HDF5.

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hal/status.h"
#include "runtime/matrix.h"

namespace sedma::runtime {

/// A dense row-major block [rows, cols] of doubles: input vectors x (one a row) or products y (one a row).
struct DenseBlock {
  std::size_t rows = 0, cols = 0;
  std::vector<double> values;
};

/// Upper bounds on what a header may ask for before anything is allocated.
struct ReadLimits {
  std::uint64_t max_rows = 1u << 31, max_cols = 1u << 31;
  std::uint64_t max_entries = 1ull << 31;  ///< stored entries, after symmetry is expanded
  std::uint64_t held_values = 1u << 23;    ///< open_matrix(): values of a dense HDF5 dataset (zeros too) that are held in memory
};

/// Reads a matrix; the format is told by the file's content (magic, banner), never by its name alone:
/// Matrix Market (coordinate and array; real, integer, pattern; general, symmetric, skew-symmetric), Harwell-Boeing and
/// Rutherford-Boeing (.rua, .rsa, .pua, .psa, .rza ... assembled real, integer and pattern types), NumPy .npy v1/v2/v3 (2-D, f4 f8
/// i1..i8 u1..u8 b1, C or Fortran order, little or big endian), HDF5 `file.h5:/path/to/dataset` (2-D, any real number type; read in
/// blocks of rows). `reference` without `:/path` for an HDF5 file with exactly one 2-D numeric dataset reads that one, otherwise the
/// message lists what there is. Integers beyond 2^53 become the nearest double. The name is the file's without its ending.
/// A foreign HDF5 file is first read by a short-lived child process, so that a crash inside libhdf5 becomes data_corrupt: call before
/// other threads exist. Files of our own prove by their seal that they are whole.
/// A symmetric file stores one triangle, either one; both are refused, for mirroring them would double the matrix.
/// Errors: unavailable (no such file, a directory, a fifo, not readable), data_corrupt (truncated, damaged, index out of range,
/// NaN or infinite entry: the message gives file:line or byte offset, what was expected and what was found),
/// unsupported (none of these formats; complex or Hermitian values, unassembled elements, by name), invalid_argument (wrong rank, no
/// such dataset, no rows or no columns), out_of_range (over the limits, or more than a file of this size is believed to hold).
/// The matrix is held whole, 12 bytes an entry != 0.
Result<Matrix> read_matrix(const std::string& reference, const ReadLimits& limits = {});

/// Opens a matrix of any of these formats, or one of the gallery (`gallery:fem9?n=255`, see gallery.h), without holding more of it than is
/// good. An HDF5 dataset of more than limits.held_values values (by default 2^23: at most 96 MiB once held) is streamed: read once here,
/// and again in bands of rows whenever its values are needed; at most 128 MiB of it, 16 bytes a row, and one bit for every value of a row
/// with zeros are kept. Held as by read_matrix(), like all else, are datasets with rows of more than 64 MiB as doubles, or stored in chunks
/// of more than about 8 times the rows of a band (4096 rows, where there are 16,384 columns). Either gives the same bits everywhere. A
/// streamed file must stay as it is: every band is checked against what was found here. `watch` counts the rows of the first reading of a
/// streamed dataset. The only part of one (MatrixPart). Errors: as read_matrix(); aborted. Cost: a foreign file that is streamed is read
/// once, in the child process.
Result<std::unique_ptr<MatrixSource>> open_matrix(const std::string& reference, const ReadLimits& limits = {}, const Watch& watch = {});

/// Reads input vectors as rows [batch, cols] from the same formats (1-D .npy and HDF5 arrays are one row). A Matrix Market array of
/// shape [cols, 1] where `cols` is expected is one vector; otherwise rows are vectors.
/// Errors: as read_matrix; invalid_argument if the length is not `cols`, saying both.
Result<DenseBlock> read_block(const std::string& reference, std::size_t cols, const ReadLimits& limits = {});

/// Writes a block, atomically (a temporary file beside it, fsync, rename; nothing is left behind on failure): `.npy`, `.mtx` (array)
/// or `file.h5[:/dataset]` (default dataset "/y"; the file is sealed and replaced as a whole) by the name's ending.
/// Errors: unsupported (another ending, listing these), unavailable (cannot write, with the system's reason), invalid_argument (empty,
/// of the wrong size, or with a value that is not finite, which no reader would take).
Status write_block(const std::string& reference, const DenseBlock& block);

/// Writes a matrix as Matrix Market coordinate (.mtx), .npy, Harwell-Boeing RUA (.rua; RRA if not square) or HDF5 (default dataset
/// "/matrix"), atomically, with all digits: reading it back gives the same bits.
/// Errors: as write_block; out_of_range (.npy and HDF5 are dense: more values than ReadLimits lets back in).
Status write_matrix(const std::string& reference, const Matrix& matrix);

// The parsers on bytes already in memory; `name` appears in messages. parse_npy takes a 1-D array as one row. These are what the fuzzers
// drive: any input, no crash.
Result<Matrix> parse_matrix_market(std::string_view bytes, const std::string& name, const ReadLimits& limits = {});
Result<Matrix> parse_harwell_boeing(std::string_view bytes, const std::string& name, const ReadLimits& limits = {});
Result<DenseBlock> parse_npy(std::string_view bytes, const std::string& name, const ReadLimits& limits = {});

}  // namespace sedma::runtime

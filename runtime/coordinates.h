#pragma once
// The entries of a matrix file before they become a Matrix or a block. Internal to runtime's file formats.

#include <cstdint>
#include <string>
#include <vector>

#include "hal/status.h"
#include "runtime/matrix.h"
#include "runtime/matrix_file.h"

namespace sedma::runtime {

/// Entries with indices from 0, zeros and duplicates included, symmetry expanded. Shape [rows, cols].
struct Coordinates {
  std::uint32_t rows = 0, cols = 0;
  std::vector<Matrix::Entry> entries;
};

enum class Symmetry { general, symmetric, skew };

/// Collects entries and adds the mirror image of those off the diagonal. Indices must lie inside the shape.
class Expander {
 public:
  Expander(std::uint32_t rows, std::uint32_t cols, Symmetry symmetry, std::uint64_t max_entries)
      : result_{rows, cols, {}}, symmetry_(symmetry), max_entries_(max_entries) {}
  /// `stored`: entries the file promises and has the bytes for.
  void reserve(std::uint64_t stored) { result_.entries.reserve(symmetry_ == Symmetry::general ? stored : 2 * stored); }
  /// Errors: data_corrupt (diagonal of a skew-symmetric matrix; both triangles of a symmetric one), out_of_range (too many).
  Status add(std::uint32_t row, std::uint32_t col, double value);
  Coordinates take() { return std::move(result_); }

 private:
  Coordinates result_;
  Symmetry symmetry_;
  std::uint64_t max_entries_;
  bool lower_ = false, upper_ = false;
};

/// Whether a header's shape may be believed: neither empty nor over the limits, nor absurd for a file of `file_bytes` bytes (the
/// offsets of the rows cost 8 bytes each, whatever the file holds). Errors: invalid_argument (empty), out_of_range.
Status check_shape(std::uint64_t rows, std::uint64_t cols, const ReadLimits& limits, std::uint64_t file_bytes);

/// Errors: data_corrupt (duplicates whose sum is infinite).
Result<Matrix> to_matrix(Coordinates coordinates, const std::string& name);

/// Dense, duplicates summed. Errors: out_of_range (values over the limit, or absurd for `file_bytes`), data_corrupt (infinite sum).
Result<DenseBlock> to_block(const Coordinates& coordinates, const std::string& name, const ReadLimits& limits, std::uint64_t file_bytes);

/// The name a matrix gets from its file: "dir/add32.mtx" gives "add32", "a.h5:/group/x" gives "a:/group/x".
std::string matrix_name(const std::string& reference);

}  // namespace sedma::runtime

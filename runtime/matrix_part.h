#pragma once
// A matrix that the processes of a job open together: each reads its own part of the file once.

#include <memory>
#include <span>
#include <string>

#include "hal/status.h"
#include "runtime/matrix_file.h"
#include "runtime/matrix_source.h"

namespace sedma::runtime {

/// Rows [rows * part / parts, rows * (part + 1) / parts) of a matrix.
struct RowPart {
  int part = 0, parts = 1;
};

/// What one process of a job has read of a matrix. open() and packed() on every process, exchange of what is packed, finish() on every
/// process. Of a streamed HDF5 dataset (see open_matrix()) every part scans its own rows and no others. Of a gallery matrix every process
/// has all. Any other matrix is read whole by part 0 alone; the file need not be there for the others. Move-only.
class MatrixPart {
 public:
  /// Call before other threads exist and before MPI starts: a foreign HDF5 file is first read by a child process. `watch` counts the rows
  /// of this part of a streamed dataset. Errors: as open_matrix(); invalid_argument (no such part). Cost: a part of the rows, and one
  /// reading of the whole file where it is sealed.
  static Result<MatrixPart> open(const std::string& reference, RowPart part, const ReadLimits& limits = {}, const Watch& watch = {});
  MatrixPart(MatrixPart&&) noexcept;
  MatrixPart& operator=(MatrixPart&&) noexcept;
  ~MatrixPart();

  /// What the others need of this part; empty where nothing is to be shared.
  std::string packed() const;
  /// The matrix, the same for any number of parts; nullptr where only part 0 has it. `packed_of_all_parts`: [parts], in order; that of this
  /// part is not looked at. Uses up the part. Errors: data_corrupt (the parts are not of one matrix: says which part and what it has),
  /// unavailable (the file is streamed, and not there for some part).
  Result<std::unique_ptr<MatrixSource>> finish(std::span<const std::string> packed_of_all_parts) &&;

  struct State;

 private:
  explicit MatrixPart(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace sedma::runtime

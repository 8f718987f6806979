#pragma once
// What a run reads from files, all of it before a device is open: reading HDF5 forks, and must do so before there are threads.

#include <cstddef>
#include <memory>
#include <vector>

#include "cli/multiply_options.h"
#include "cli/progress.h"
#include "hal/limits.h"
#include "runtime/mask.h"
#include "runtime/matrix_source.h"

namespace sedma::cli {

struct Inputs {
  std::unique_ptr<runtime::MatrixSource> matrix;
  runtime::Mask mask;
  hal::Limits limits;
  std::size_t batch = 0;
  std::vector<double> x;  ///< [batch, cols]
  double seconds = 0;     ///< that reading took
};

/// What a matrix is multiplied by.
struct Vectors {
  std::size_t batch = 0;
  std::vector<double> x;  ///< [batch, cols]
};

/// The vectors of --input, or random ones. Errors: of the file.
Result<Vectors> load_vectors(const MultiplyOptions& options, std::size_t cols);
/// The files that the options name, and random vectors where they name none. Errors: of the files.
Result<Inputs> load(const MultiplyOptions& options, Progress& progress);
/// Errors: invalid_argument (--batch is not what --input holds).
Status check_batch(const MultiplyOptions& options, std::size_t batch);

}  // namespace sedma::cli

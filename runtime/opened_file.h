#pragma once
// A file of matrices or vectors, its format told by its content. Internal to runtime's readers.

#include <string>

#include "hal/status.h"
#include "runtime/matrix.h"
#include "runtime/matrix_file.h"

namespace sedma::runtime {

enum class Format { matrix_market, harwell_boeing, npy, hdf5 };

struct FileName {
  std::string path, dataset;
};
/// "file.h5:/group/x" is a file and a dataset, unless there is a file of just that name.
FileName split_reference(const std::string& reference);
/// ".h5", in lower case.
std::string ending_of(const std::string& path);

struct OpenedFile {
  FileName name;
  Format format = Format::matrix_market;
  std::string bytes;  ///< of the whole file, unless it is HDF5
};

/// Looks at the start of a file; `bytes` stays empty. Errors: unavailable, data_corrupt (empty), unsupported (no known format),
/// invalid_argument (a dataset of what is not HDF5).
Result<OpenedFile> identify_file(const std::string& reference);
/// The same with its bytes.
Result<OpenedFile> open_file(const std::string& reference);
/// Held whole. Errors: as read_matrix().
Result<Matrix> read_opened_matrix(OpenedFile file, const ReadLimits& limits);

}  // namespace sedma::runtime

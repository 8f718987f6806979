#include "cli/load_matrix.h"

#include <fmt/format.h>

#include "calibration/file_io.h"
#include "cli/units.h"
#include "runtime/matrix_file.h"

namespace sedma::cli {

Result<std::unique_ptr<runtime::MatrixSource>> load_matrix(const std::string& reference, Progress& progress) {
  constexpr std::uint64_t long_to_read = 64u << 20;
  if (const auto size = calibration::file_size(reference); size.ok() && *size > long_to_read)
    progress.announce(fmt::format("reading {} ({})", printable(reference), bytes(*size)));
  auto matrix = runtime::open_matrix(reference, {}, [&](std::uint64_t done, std::uint64_t total) {
    progress.update("read", done, total);
    return true;
  });
  progress.clear();
  return matrix;
}

}  // namespace sedma::cli

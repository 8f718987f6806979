#pragma once
// Opening a matrix file on the command line: what takes long is shown.

#include <memory>
#include <string>

#include "cli/progress.h"
#include "hal/status.h"
#include "runtime/matrix_source.h"

namespace sedma::cli {

/// In memory or streamed, as runtime::open_matrix() decides. Until catch_interrupts() a signal ends the program, and its child process with
/// it. Errors: of open_matrix().
Result<std::unique_ptr<runtime::MatrixSource>> load_matrix(const std::string& reference, Progress& progress);

}  // namespace sedma::cli

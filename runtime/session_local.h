#pragma once
// A session of one process: one engine, with the values of the matrix at hand. Internal.

#include <memory>

#include "runtime/session_core.h"

namespace sedma::runtime {

/// Errors: as Session::open().
Result<std::unique_ptr<SessionCore>> open_local_core(hal::Device& device, const MatrixSource& matrix, const SessionOptions& options);

}  // namespace sedma::runtime

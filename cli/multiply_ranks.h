#pragma once
// `sedma multiply` under mpirun: every rank brings its board along, rank 0 leads.

#include <string>
#include <vector>

#include "cli/ending.h"
#include "cli/multiply_options.h"
#include "runtime/mpi_environment.h"

namespace sedma::cli {

/// What every rank runs; only rank 0 prints and writes. Where a rank was lost, it does not return but ends the process (and rank 0 the
/// job) once all is said and written.
Ending multiply_on_ranks(const MultiplyOptions& options, const std::vector<std::string>& argv, const runtime::Launched& launched);

}  // namespace sedma::cli

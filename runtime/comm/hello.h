#pragma once
// What every rank tells all others before they begin, and what follows from it. No MPI here. Internal.

#include <string>
#include <vector>

#include "hal/status.h"
#include "runtime/comm/job.h"

namespace sedma::runtime {

struct Hello {
  Status status;
  std::string version;  ///< and commit
  RankFacts facts;
  std::vector<std::string> isas;  ///< instruction sets that the rank can run and may use, best first
  double dead_after_seconds = 0;
};

std::string write_hello(const Hello& hello);
/// Errors: data_corrupt.
Result<Hello> read_hello(const std::string& bytes);

/// Why these ranks cannot work together, or ok: the first rank with a status that is not ok; unsupported (versions).
Status check_hellos(const std::vector<Hello>& ranks);
/// The best instruction set that all have. Errors: unsupported.
Result<std::string> common_isa(const std::vector<Hello>& ranks);

}  // namespace sedma::runtime

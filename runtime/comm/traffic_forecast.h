#pragma once
// What an undisturbed run sends, known without running it.

#include <cstdint>
#include <vector>

#include "runtime/comm/job.h"
#include "runtime/comm/transport.h"
#include "runtime/session.h"

namespace sedma::runtime {

/// Data messages and bytes of every rank with rank 0, and of rank 0 with all others, [ranks]: from the opening of a session through one
/// programming and the products of `batch` vectors, `each` at a time, to the last partial sum; as Transport::traffic() counts them when no
/// rank is lost and no sum exceeds 8 times the bound of its output. Closing, save() and restore() are not in it.
/// Errors: those of planning (names the rank); invalid_argument (each is 0).
Result<std::vector<Traffic>> forecast_traffic(const std::vector<RankFacts>& facts, const MatrixSource& matrix,
                                              const SessionOptions& options, std::uint64_t batch, std::uint64_t each);

}  // namespace sedma::runtime

#pragma once
// The published first-order correction, p = A~ x + A x~ - A~ x~, with x~ really written on an array.

#include "runtime/session.h"

namespace sedma::runtime {

/// ok if the board has room for x~ beside the plan. Errors: unsupported (residual slices too, several turns, a mask, no verify on board,
/// or too few free arrays: says how many there are and how many it takes).
Status check_products(const Plan& plan, const MatrixSource& matrix, const hal::Capabilities& capabilities, const SessionOptions& options);

}  // namespace sedma::runtime

#pragma once
// What Conversion means: how repeats of a vector differ, and what that does to errors of converters.

#include "hal/status.h"
#include "runtime/plan.h"

namespace sedma::runtime {

/// Errors: invalid_argument (headroom not in [1e-3, 1e3], repeats not in [1, 1000]).
Status check_conversion(const Conversion& conversion);

/// What repeat k < repeats of a vector is multiplied by before it is driven: (1 - 0.3 k / repeats), its sign alternating. Its codes and
/// currents then fall between others of the converters' steps, so that rounding errors differ and average out, and what a converter adds to
/// every current cancels. 1 for a single product.
/// Measured (emulator, 8-bit converters, normal matrices and vectors, cells written exactly): four repeats leave 0.57, 0.57, 0.60, 0.65 of
/// the rounding error of one at 32, 64, 128, 256 inputs and headroom 1, where a current is only some steps large, and 0.54 to 0.58 at
/// headroom 1/4. Spans of 0.1 and 0.6 in place of 0.3 leave 0.56 to 0.79 and 0.67 to 0.73 (simulated).
double repeat_scale(const Conversion& conversion, std::uint32_t repeat) noexcept;

/// Variance of the mean over all repeats / variance of one product, of errors that are as large at any scale and independent.
double repeat_variance(const Conversion& conversion) noexcept;

}  // namespace sedma::runtime

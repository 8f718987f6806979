#pragma once
// What a session will ask of its board, told from the plan alone: for --dry-run.

#include <cstddef>
#include <cstdint>

#include "hal/commands.h"
#include "runtime/matrix_source.h"
#include "runtime/plan.h"

namespace sedma::cli {

/// Commands submitted and pulses charged at most by programming once and multiplying one batch. Exact where no cell is masked; a window
/// with masked cells may be written a second time, and then it is counted twice.
struct Forecast {
  std::uint64_t programs = 0, reads = 0, products = 0;  ///< commands
  std::uint64_t worst_case_pulses = 0;
  std::uint64_t commands() const noexcept { return programs + reads + products; }
};

/// @pre `plan` was made for `matrix` and `board`. `products`: with the correction of that name.
Forecast forecast(const runtime::Plan& plan, const runtime::MatrixSource& matrix, const hal::Capabilities& board, bool products,
                  std::size_t batch);

}  // namespace sedma::cli

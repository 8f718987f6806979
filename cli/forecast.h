#pragma once
// What a session will ask of its board, told from the layout alone: for --dry-run.

#include <cstddef>
#include <cstdint>

#include "hal/commands.h"
#include "runtime/layout.h"
#include "runtime/matrix_source.h"

namespace sedma::cli {

/// Commands submitted. Exact where no cell is masked; a window with masked cells may be written a second time, and then it is counted
/// twice.
struct Forecast {
  std::uint64_t programs = 0, reads = 0, products = 0;
  std::uint64_t commands() const noexcept { return programs + reads + products; }
};

/// Vectors of one product after another: `batch` in all, `each` at a time (the last product may have fewer).
struct Vectorwise {
  std::size_t batch = 1, each = 1;
  std::uint64_t products() const noexcept { return (batch + each - 1) / each; }
};

/// @pre `layout` was made for `matrix` and `board`. `products`: with the correction of that name.
Forecast forecast(const runtime::Choice& choice, const runtime::Layout& layout, const runtime::MatrixSource& matrix,
                  const hal::Capabilities& board, bool products, const Vectorwise& vectors);

}  // namespace sedma::cli

#include "cli/forecast.h"

#include <algorithm>

namespace sedma::cli {

Forecast forecast(const runtime::Choice& choice, const runtime::Layout& layout, const runtime::MatrixSource& matrix,
                  const hal::Capabilities& board, bool products, const Vectorwise& vectors) {
  Forecast f;
  // Where the arrays cannot hold all at once, every product writes all again.
  const std::uint64_t writings = layout.turns > 1 ? vectors.products() : 1;
  const bool line_drop = board.has(hal::Feature::line_drop);
  for (const runtime::Placement& placement : layout.placements) {
    const std::uint64_t times = placement.bad_cells > 0 && choice.encoding == kernels::Encoding::pair ? 2 : 1;
    f.programs += times * writings;
    if (!line_drop || placement.bad_cells > 0) f.reads += times * writings;
    f.products += vectors.products() + (line_drop ? writings : 0);  // unit vectors tell what was written
  }
  if (!products) return f;
  // x~ lies on pairs of bit lines, as many inputs each as an array has word lines, and is written for every vector.
  const std::uint64_t segment = std::min(matrix.cols(), board.rows), segments = (matrix.cols() + segment - 1) / segment;
  f.programs += segments * vectors.batch;
  f.reads += segments * vectors.batch;
  f.products += segments * vectors.batch + layout.placements.size() * vectors.products();
  return f;
}

}  // namespace sedma::cli

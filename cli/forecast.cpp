#include "cli/forecast.h"

#include <algorithm>

namespace sedma::cli {
namespace {

// What one write of a cell may take: the pulses of write-verify, and of the erase before it.
struct CellWorstCase {
  std::uint64_t write = 0, erase = 0;
};

CellWorstCase worst_case(const runtime::Choice& choice, const hal::Capabilities& board) {
  const std::uint64_t levels = board.levels != 0 ? board.levels : 256;  // an analog board is written as one of 256 levels
  CellWorstCase worst;
  worst.write = choice.max_pulses_per_cell != 0 ? choice.max_pulses_per_cell : 8 * levels;
  worst.erase = board.levels != 0 ? board.levels : worst.write;
  return worst;
}

// x~ lies on pairs of bit lines, as many inputs each as an array has word lines, and is written for every vector.
void add_products(Forecast& f, const runtime::Plan& plan, const runtime::MatrixSource& matrix, const hal::Capabilities& board,
                  std::size_t batch, const CellWorstCase& worst) {
  const std::uint64_t segment = std::min(matrix.cols(), board.rows);
  const std::uint64_t segments = (matrix.cols() + segment - 1) / segment;
  f.programs += segments * batch;
  f.reads += segments * batch;
  f.products += segments * batch + plan.placements.size();
  f.worst_case_pulses += 2 * std::uint64_t{matrix.cols()} * batch * (worst.write + worst.erase);
}

}  // namespace

Forecast forecast(const runtime::Plan& plan, const runtime::MatrixSource& matrix, const hal::Capabilities& board, bool products,
                  std::size_t batch) {
  const CellWorstCase worst = worst_case(plan.choice, board);
  Forecast f;
  for (const runtime::Placement& placement : plan.placements) {
    const std::uint64_t cells = std::uint64_t{placement.word_lines.size()} * placement.bit_lines.size() - placement.bad_cells;
    const bool again = placement.bad_cells > 0 && plan.choice.encoding == kernels::Encoding::pair;
    f.programs += again ? 2 : 1;
    f.reads += again ? 2 : 1;
    f.products += 1;
    f.worst_case_pulses += cells * (worst.write + worst.erase) + (again ? placement.bad_cells * worst.write : 0);
  }
  if (products) add_products(f, plan, matrix, board, batch, worst);
  return f;
}

}  // namespace sedma::cli

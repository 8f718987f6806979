#include "runtime/memory/context.h"

#include <map>

namespace sedma::runtime {
namespace {

// A masked cell of a masked line counts once if the mask does not name it a second time.
double bad_cells(const hal::Capabilities& board, const Mask& mask) {
  struct Lines {
    std::uint64_t word = 0, bit = 0;
  };
  std::map<std::uint32_t, Lines> arrays;
  for (const auto& [array, line] : mask.word_lines) ++arrays[array].word;
  for (const auto& [array, line] : mask.bit_lines) ++arrays[array].bit;
  std::uint64_t bad = mask.cells.size();
  for (const auto& [array, lines] : arrays) bad += lines.word * board.cols + lines.bit * board.rows - lines.word * lines.bit;
  const double all = static_cast<double>(board.arrays) * board.rows * board.cols;
  return all > 0 ? static_cast<double>(bad) / all : 0;
}

}  // namespace

Context context_of(const MatrixFeatures& matrix, const hal::Capabilities& board, const Mask& mask, const DeviceModel& model,
                   double age_seconds) {
  Context context;
  context.matrix = matrix;
  context.material = board.material;
  context.profile = model.name;
  context.board = board.board_id;
  context.arrays = board.arrays;
  context.array_rows = board.rows;
  context.array_cols = board.cols;
  context.dac_bits = board.dac_bits;
  context.adc_bits = board.adc_bits;
  context.age_seconds = age_seconds;
  context.bad_cells = bad_cells(board, mask);
  return context;
}

}  // namespace sedma::runtime

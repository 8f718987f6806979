#include "runtime/cost_forecast.h"

#include <algorithm>

#include "runtime/cost_model.h"

namespace sedma::runtime {
namespace {

std::uint64_t cells_of(const WindowWork& window) { return std::uint64_t{window.word_lines} * window.bit_lines - window.bad_cells; }

// The partners of bad cells are written a second time, to make up for them.
bool written_again(const WindowWork& window, const Choice& choice) {
  return window.bad_cells > 0 && choice.encoding == kernels::Encoding::pair;
}

StageForecast write_at_most(const CostModel& model, const WindowWork& window, const Choice& choice) {
  StageForecast most = model.program(cells_of(window), window.word_lines, window.bit_lines, true);
  if (model.line_drop()) {
    most += model.product(window, std::uint64_t{window.word_lines} * choice.read_repeats, 1);  // unit vectors
    if (window.bad_cells > 0) most += model.read(window.rows, window.cols);
  } else {
    most += model.read(window.rows, window.cols);
  }
  if (!written_again(window, choice)) return most;
  most += model.program(window.bad_cells, std::min(window.word_lines, window.bad_cells), window.bit_lines, false);
  most += model.read(window.rows, window.cols);
  return most;
}

/// Where a part of x~ is written: a pair of bit lines.
std::vector<WindowWork> x_windows(const Workload::Products& products, const hal::Capabilities& board) {
  std::vector<WindowWork> windows;
  for (std::uint32_t first = 0; first < products.cols; first += board.rows) {
    const std::uint32_t lines = std::min(board.rows, products.cols - first);
    windows.push_back({0, 0, 0, lines, 2, lines, 2, 0});
  }
  return windows;
}

// One after the other, for every vector; then the matrix is multiplied a second time.
void add_products(const CostModel& model, const Workload& work, const hal::Capabilities& board, RunForecast& run) {
  run.multiplying = repeated(run.multiplying, 2);
  StageForecast written, multiplied;
  for (const WindowWork& window : x_windows(*work.products, board)) {
    written += model.program(cells_of(window), window.word_lines, window.bit_lines, true);
    written += model.read(window.rows, window.cols);
    multiplied += model.product({window.array, 0, 0, window.word_lines, 2, window.rows, 2, 0},
                                std::uint64_t{work.products->rows} * work.choice.conversion.repeats, window.word_lines);
  }
  run.programming += repeated(written, work.vectors);
  run.multiplying += repeated(multiplied, work.vectors);
}

/// Of a board of which nothing more is known; as hal::Limits charges it.
std::uint64_t pulses_at_most(const Workload& work, const hal::Capabilities& board) {
  const std::uint64_t levels = board.levels != 0 ? board.levels : 256;
  const std::uint64_t write = work.choice.max_pulses_per_cell != 0 ? work.choice.max_pulses_per_cell : 8 * levels;
  const std::uint64_t erase = board.ramp_down() != 0 ? board.ramp_down() : write;
  std::uint64_t pulses = 0;
  for (const WindowWork& window : work.windows)
    pulses += cells_of(window) * (write + erase) + (written_again(window, work.choice) ? window.bad_cells * write : 0);
  pulses *= work.programmings;
  if (work.products) pulses += 2 * std::uint64_t{work.products->cols} * (write + erase) * work.vectors;
  return pulses;
}

StageForecast slower(const StageForecast& a, const StageForecast& b) {
  StageForecast both = a;
  both += b;
  both.seconds = std::max(a.seconds, b.seconds);
  return both;
}

void add_board(const std::optional<RunForecast>& board, std::optional<RunForecast>& all) {
  if (!board || !all) {
    all.reset();
    return;
  }
  all->programming = slower(all->programming, board->programming);
  all->multiplying = slower(all->multiplying, board->multiplying);
}

}  // namespace

StageForecast RunForecast::total() const {
  StageForecast sum = programming;
  sum += multiplying;
  return sum;
}

CostForecast worst_case(const Workload& work, const hal::Capabilities& board, const std::optional<DeviceModel>& device) {
  CostForecast costs;
  if (!device) {
    costs.worst_case_pulses = pulses_at_most(work, board);
    return costs;
  }
  const CostModel model(*device, board, work.choice);
  RunForecast run = add_windows(
      work, board, [&](const WindowWork& window) { return write_at_most(model, window, work.choice); },
      [&](const WindowWork& window) { return model.product(window, work.choice.conversion.repeats, window.word_lines); });
  if (work.products) add_products(model, work, board, run);
  costs.worst_case_pulses = run.total().pulses;
  costs.worst_case = run;
  return costs;
}

CostForecast together(std::span<const CostForecast> boards) {
  SEDMA_CHECK(!boards.empty(), boards.size());
  CostForecast all = boards.front();
  for (const CostForecast& board : boards.subspan(1)) {
    all.worst_case_pulses += board.worst_case_pulses;
    add_board(board.expected, all.expected);
    add_board(board.worst_case, all.worst_case);
  }
  return all;
}

}  // namespace sedma::runtime

// What a run is expected to cost: some tiles of the matrix on a twin of the emulator, scaled to all of it.

#include <algorithm>
#include <cmath>
#include <vector>

#include "cli/cost_forecast.h"
#include "runtime/cost_model.h"
#include "runtime/matrix.h"
#include "runtime/session.h"

namespace sedma::cli {
namespace {

constexpr std::size_t most_tiles = 4;
constexpr std::size_t trial_vectors = 16;  // the largest entry of one random vector, which scales all others, says little
constexpr std::uint64_t trial_seed = 1;

/// What a trial found.
struct Trial {
  hal::Joules joules;                           // of writing
  double pulses = 0, cells = 0;                 // of writing, all slices
  double seconds = 0, word_lines = 0;           // of writing, all slices one after the other
  double cell_joules = 0, line_joules = 0;      // of products
  double product_cells = 0, product_lines = 0;  // cells and word lines times vectors
};

Result<runtime::Matrix> values_of(const runtime::MatrixSource& matrix, const runtime::Tile& tile) {
  std::vector<double> values(tile.rows.size() * tile.cols.size());
  SEDMA_RETURN_IF_ERROR(matrix.gather(tile.rows, tile.cols, values.data()));
  return runtime::Matrix::from_dense("trial", static_cast<std::uint32_t>(tile.rows.size()), static_cast<std::uint32_t>(tile.cols.size()),
                                     values);
}

Status add_tile(const runtime::Matrix& tile, const runtime::Choice& choice, const hal::Registry& registry, const hal::Uri& uri,
                Trial& trial) {
  SEDMA_ASSIGN_OR_RETURN(const std::unique_ptr<hal::Device> twin, open_twin(registry, uri));
  runtime::SessionOptions options;
  options.choice = choice;
  SEDMA_ASSIGN_OR_RETURN(runtime::Session session, runtime::Session::open(*twin, tile, options));
  SEDMA_RETURN_IF_ERROR(session.multiply(runtime::random_inputs(trial_seed, trial_vectors, tile.cols()), trial_vectors).status());
  const runtime::StageCost &written = session.programming(), &multiplied = session.multiplying();
  const double slices = 1.0 + choice.slices, vectors = static_cast<double>(trial_vectors) * choice.conversion.repeats;
  const double cells = slices * tile.cols() * kernels::bit_lines(choice.encoding, tile.rows());
  trial.joules += written.joules;
  trial.pulses += static_cast<double>(written.pulses);
  trial.cells += cells;
  trial.seconds += written.seconds;
  trial.word_lines += slices * tile.cols();
  trial.cell_joules += multiplied.joules.cells;
  trial.line_joules += multiplied.joules.lines;
  trial.product_cells += cells * vectors;
  trial.product_lines += slices * tile.cols() * vectors;
  return {};
}

runtime::StageForecast written(const Trial& trial, double cells, double word_lines) {
  const double factor = cells / trial.cells;
  runtime::StageForecast cost;
  cost.pulses = static_cast<std::uint64_t>(std::llround(trial.pulses * factor));
  cost.joules = {trial.joules.cells * factor, trial.joules.lines * factor, trial.joules.dac * factor, trial.joules.adc * factor,
                 trial.joules.verify * factor};
  cost.seconds = trial.seconds / trial.word_lines * word_lines;
  return cost;
}

runtime::StageForecast multiplied(const Trial& trial, const runtime::CostModel& model, const runtime::WindowWork& window,
                                  std::uint64_t vectors) {
  runtime::StageForecast cost = model.product_overhead(window, vectors);
  const double lines = static_cast<double>(vectors) * window.word_lines;
  cost.joules.cells = trial.cell_joules / trial.product_cells * lines * window.bit_lines;
  cost.joules.lines = trial.line_joules / trial.product_lines * lines;
  return cost;
}

// x~ on pairs of bit lines, as if it were a part of the matrix.
void add_products(const Trial& trial, const runtime::CostModel& model, const runtime::Workload& work, const hal::Capabilities& board,
                  runtime::RunForecast& run) {
  run.multiplying = repeated(run.multiplying, 2);
  const std::uint32_t lines = std::min(board.rows, work.products->cols);
  const std::uint32_t whole_windows = (work.products->cols + lines - 1) / lines;
  const double windows = whole_windows;
  const runtime::WindowWork window{0, 0, 0, lines, 2, lines, 2, 0};
  run.programming += repeated(written(trial, windows * lines * 2, windows * lines), work.vectors);
  const auto products = std::uint64_t{whole_windows} * work.products->rows * work.choice.conversion.repeats;
  run.multiplying += repeated(multiplied(trial, model, window, products), work.vectors);
}

}  // namespace

Result<runtime::CostForecast> forecast_costs(const runtime::Workload& work, const runtime::MatrixSource& matrix,
                                             std::span<const runtime::Tile> tiles, const hal::Registry& registry, const Board& board) {
  const hal::Capabilities& capabilities = board.device->capabilities();
  const std::optional<runtime::DeviceModel> device = emulated_model(board);
  runtime::CostForecast costs = runtime::worst_case(work, capabilities, device);
  if (!device) return costs;
  costs.expected = runtime::RunForecast{};
  if (tiles.empty() || work.windows.empty()) return costs;
  SEDMA_ASSIGN_OR_RETURN(const hal::Uri uri, hal::Uri::parse(board.uri));
  Trial trial;
  const std::size_t count = std::min(most_tiles, tiles.size());
  for (std::size_t k = 0; k < count; ++k) {
    SEDMA_ASSIGN_OR_RETURN(const runtime::Matrix tile, values_of(matrix, tiles[(2 * k + 1) * tiles.size() / (2 * count)]));
    SEDMA_RETURN_IF_ERROR(add_tile(tile, work.choice, registry, uri, trial).with_context("trial on a twin of the board"));
  }
  const runtime::CostModel model(*device, capabilities, work.choice);
  costs.expected = runtime::add_windows(
      work, capabilities,
      [&](const runtime::WindowWork& window) {
        return written(trial, static_cast<double>(window.word_lines) * window.bit_lines, window.word_lines);
      },
      [&](const runtime::WindowWork& window) { return multiplied(trial, model, window, work.choice.conversion.repeats); });
  if (work.products) add_products(trial, model, work, capabilities, *costs.expected);
  return costs;
}

}  // namespace sedma::cli

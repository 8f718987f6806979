#pragma once
// What writing costs: some word lines of some tiles over their whole width, written with the model's cells. Internal to the prior.

#include <cstdint>
#include <vector>

#include "runtime/cost_forecast.h"
#include "runtime/matrix_source.h"
#include "runtime/memory/trial_cells.h"

namespace sedma::runtime {

/// Some word lines of a tile.
struct TrialTile {
  std::uint32_t outputs = 0, inputs = 0, lines = 0;  ///< of the tile, and lines taken
  std::vector<double> values;  ///< row-major [outputs, lines + 1]; the last is the row's largest magnitude in the tile
};
/// Tiles spread evenly over the cells of the plan, lines over theirs. Errors: of the matrix.
Result<std::vector<TrialTile>> trial_tiles(const MatrixSource& matrix, const Plan& plan);

/// What one slice cost in tiles of about one size.
struct SliceTrial {
  double log_inputs = 0, log_lines = 0;  ///< of the tiles and their bit lines, in quarters of an octave
  double cells = 0, word_lines = 0;      ///< that were written
  kernels::WriteTotals totals;
  double siemens = 0;  ///< sum over the cells
};

/// The trials of all slices, and what they come to for windows of other sizes.
class WriteTrial {
 public:
  WriteTrial(const TrialBoard& trial, const Choice& choice, const std::vector<TrialTile>& tiles, kernels::Key key);
  /// Writing and reading back one window of `work`, from G_min on.
  StageForecast write(const TrialBoard& trial, const Choice& choice, const WindowWork& window) const;
  /// Products of one vector, all repeats of it; `overhead`: CostModel::product_overhead of them.
  StageForecast multiply(const TrialBoard& trial, const Choice& choice, const WindowWork& window, StageForecast overhead,
                         double mean_square_volts) const;
  double unconverged() const noexcept;  ///< share of all cells

 private:
  void add_slice(const TrialBoard& trial, const Choice& choice, TrialTile& tile, kernels::Key key, std::vector<SliceTrial>& slices) const;
  const SliceTrial& like(const WindowWork& window) const;
  double line_siemens(const TrialBoard& trial, const WindowWork& window) const;
  std::vector<std::vector<SliceTrial>> slices_;  // [slice][width]
};

}  // namespace sedma::runtime

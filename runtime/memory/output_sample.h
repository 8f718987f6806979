#pragma once
// Some outputs of a matrix, written and multiplied as a choice says: how wrong products are. Internal to the prior.

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/matrix_source.h"
#include "runtime/memory/trial_cells.h"

namespace sedma::runtime {

/// Matrix rows looked at, drawn by what they can add to the error of all.
struct OutputSample {
  std::vector<std::uint32_t> rows;  ///< ascending
  std::vector<double> weights;      ///< outputs that each stands for
  std::vector<double> values;       ///< [rows.size(), cols]
  std::size_t vectors = 0;
  std::uint32_t programmings = 1;  ///< that errors are averaged over: one of a small matrix says little
  std::vector<double> x, y;        ///< [vectors, cols], [vectors, rows.size()]: exact
  std::vector<double> squares;     ///< [vectors]: of all outputs' exact products
};
/// At most `outputs` rows, all of them where that is not many more; `vectors` or more where that costs little. Errors: of the matrix.
Result<OutputSample> sample_outputs(const MatrixSource& matrix, std::uint32_t outputs, std::uint32_t vectors, std::uint64_t seed);

/// The part of the sample that one tile holds.
struct SampledTile {
  std::uint32_t tile = 0;              ///< of the plan
  std::uint32_t inputs = 0;            ///< number of the column list, see SampledPlan
  std::vector<std::uint32_t> outputs;  ///< of the sample
  std::vector<double> values;          ///< [outputs (+ 1), columns]; Scale::tile: then the row of the tile with its largest value
  std::uint32_t rows = 0;              ///< of `values`
};
/// The sample cut as a plan cuts the matrix.
struct SampledPlan {
  std::vector<std::vector<std::uint32_t>> inputs;  ///< matrix columns of tiles; tiles above one another mostly share theirs
  std::vector<SampledTile> tiles;
};
/// Errors: of the matrix.
Result<SampledPlan> cut_sample(const MatrixSource& matrix, const OutputSample& sample, const Plan& plan);

/// One slice of a sampled tile in cells: numbers are shares of its unit.
struct WrittenSlice {
  std::vector<double> unit, full_scale;  ///< [outputs]; full scales at headroom 1, of x within +-1
  std::vector<float> weight, variance;   ///< [outputs, columns]: value, and variance of its read for x = 1 (empty: no noise)
  std::vector<float> reference;          ///< [columns]: variance of the reference line (offset with noise)
};
struct WrittenSample {
  std::vector<std::vector<WrittenSlice>> slices;  ///< [slice][tile]
};
WrittenSample write_sample(const TrialBoard& trial, const Choice& choice, const SampledPlan& plan, kernels::Key key);

/// Relative l2 error of a vector over all outputs.
struct ErrorQuantiles {
  double p95 = 0, median = 0;
};
ErrorQuantiles multiply_sample(const TrialBoard& trial, const Choice& choice, const OutputSample& sample, const SampledPlan& plan,
                               std::span<const WrittenSample> programmings, kernels::Key key);

}  // namespace sedma::runtime

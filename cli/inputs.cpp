#include "cli/inputs.h"

#include <fmt/format.h>

#include "cli/job.h"
#include "cli/limits_file.h"
#include "cli/load_matrix.h"
#include "cli/units.h"
#include "runtime/matrix_file.h"
#include "runtime/session.h"

namespace sedma::cli {

Result<Vectors> load_vectors(const MultiplyOptions& options, std::size_t cols) {
  if (options.input.empty()) {
    const std::size_t batch = options.batch.value_or(1);
    return Vectors{batch, runtime::random_inputs(options.effective_input_seed(), batch, cols)};
  }
  SEDMA_ASSIGN_OR_RETURN(runtime::DenseBlock block, runtime::read_block(options.input, cols));
  return Vectors{block.rows, std::move(block.values)};
}

Result<Inputs> load(const MultiplyOptions& options, Progress& progress) {
  const Stopwatch watch;
  Inputs inputs;
  SEDMA_ASSIGN_OR_RETURN(inputs.limits, read_limits(options.limits));
  if (!options.mask.empty()) {
    SEDMA_ASSIGN_OR_RETURN(inputs.mask, runtime::read_mask(options.mask));
  }
  SEDMA_ASSIGN_OR_RETURN(inputs.matrix, load_matrix(options.matrix, progress));
  SEDMA_ASSIGN_OR_RETURN(Vectors vectors, load_vectors(options, inputs.matrix->cols()));
  inputs.batch = vectors.batch;
  inputs.x = std::move(vectors.x);
  inputs.seconds = watch.seconds();
  return inputs;
}

Status check_batch(const MultiplyOptions& options, std::size_t batch) {
  if (!options.batch || *options.batch == batch) return {};
  return fail(Code::invalid_argument, "--batch is {}, but {} holds {}", *options.batch, options.input, count(batch, "vector"));
}

}  // namespace sedma::cli

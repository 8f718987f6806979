#include "cli/inputs.h"

#include <fmt/format.h>

#include "cli/job.h"
#include "cli/limits_file.h"
#include "cli/load_matrix.h"
#include "cli/units.h"
#include "runtime/matrix_file.h"
#include "runtime/session.h"

namespace sedma::cli {

Result<Inputs> load(const MultiplyOptions& options, Progress& progress) {
  const Stopwatch watch;
  Inputs inputs;
  SEDMA_ASSIGN_OR_RETURN(inputs.limits, read_limits(options.limits));
  if (!options.mask.empty()) {
    SEDMA_ASSIGN_OR_RETURN(inputs.mask, runtime::read_mask(options.mask));
  }
  SEDMA_ASSIGN_OR_RETURN(inputs.matrix, load_matrix(options.matrix, progress));
  if (options.input.empty()) {
    inputs.batch = options.batch.value_or(1);
    inputs.x = runtime::random_inputs(options.effective_input_seed(), inputs.batch, inputs.matrix->cols());
  } else {
    SEDMA_ASSIGN_OR_RETURN(runtime::DenseBlock block, runtime::read_block(options.input, inputs.matrix->cols()));
    inputs.batch = block.rows;
    inputs.x = std::move(block.values);
  }
  inputs.seconds = watch.seconds();
  return inputs;
}

Status check_batch(const MultiplyOptions& options, const Inputs& inputs) {
  if (!options.batch || *options.batch == inputs.batch) return {};
  return fail(Code::invalid_argument, "--batch is {}, but {} holds {}", *options.batch, options.input, count(inputs.batch, "vector"));
}

}  // namespace sedma::cli

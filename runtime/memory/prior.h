#pragma once
// What a choice will cost and how wrong it will be, from physics: the device model and a sample of the matrix.

#include <memory>

#include "runtime/device_model.h"
#include "runtime/mask.h"
#include "runtime/matrix_source.h"
#include "runtime/memory/pattern.h"

namespace sedma::runtime {

/// Raised when predictions change, so that corrections learnt from others are not used.
inline constexpr std::uint32_t prior_version = 1;

struct PriorOptions {
  std::uint64_t seed = 1;
  std::uint32_t outputs = 48;  ///< matrix rows looked at
  std::uint32_t vectors = 48;  ///< random vectors multiplied, at least
  double age_seconds = 0;      ///< of the cells when products are made
};

/// Predicts for standard normal vectors. The sampled outputs are written with the model's pulse law, corrected and multiplied through the
/// model's converters; costs follow from the plan. Memoised; not thread-safe. The matrix outlives it.
///
/// Cells are taken to stand at G_min before they are written (an erase of cells in use costs more). Ageing counts as independent Gaussian
/// changes. Left out: wire resistance in errors, denoising (Outcome::lambda is 0), masked cells, gain and offset of converters, lines that
/// the board cannot subtract before it converts. Against sessions on the emulator (rms of log predicted / found over four materials, dense
/// and sparse matrices, 8 and 12 bits): errors 0.08 to 0.16, of which much is the scatter of a single programming of a small matrix;
/// joules and pulses of programming 0.03, its seconds 0.03; of vectors below 0.001.
class Prior {
 public:
  /// Errors: of the matrix.
  static Result<std::unique_ptr<Prior>> open(const MatrixSource& matrix, const hal::Capabilities& capabilities, const Mask& mask,
                                             const DeviceModel& model, const PriorOptions& options = {});
  virtual ~Prior() = default;
  virtual const MatrixFeatures& features() const noexcept = 0;
  /// Costs alone (errors 0), with pulses from the sample. Much cheaper than predict(): the plan decides. Errors: invalid_argument (a choice
  /// that the board cannot hold), out_of_range (more loads than arrays: turns would be programmed for every product).
  virtual Result<Outcome> cost(const TunedChoice& choice) = 0;
  /// Everything. Cost: milliseconds for the first choice of a programming, less for others that differ only in conversion or lambda.
  virtual Result<Outcome> predict(const TunedChoice& choice) = 0;
};

/// One pass over the matrix. Errors: of the matrix.
Result<MatrixFeatures> features_of(const MatrixSource& matrix);

}  // namespace sedma::runtime

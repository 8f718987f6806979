#pragma once
// What a window computes, found by multiplying unit vectors: where lines have resistance (Feature::line_drop) reading its cells does not
// tell.

#include <chrono>
#include <cstdint>
#include <vector>

#include "hal/device.h"
#include "kernels/encode.h"
#include "runtime/window.h"

namespace sedma::runtime {

/// One product per word line, each on full volts and sensed as later products are, through converters whose range is that of one cell;
/// repeated and averaged. Several may be under way.
class OperatorRead {
 public:
  OperatorRead(hal::Device& device, const Placement& placement, kernels::Encoding encoding, std::uint32_t repeats);
  OperatorRead(OperatorRead&&) = default;

  /// Starts it. Its vectors have the ordinals 0 ... word lines * repeats - 1 of `stream`. Errors: of Device::submit.
  Status submit(std::uint64_t stream, std::chrono::nanoseconds deadline);
  /// Waits; adds what it cost. Errors: of the device, of `poll`.
  Status finish(StageCost& cost, double& seconds, const Poll& poll = {});
  /// The numbers that the window multiplies by, row-major [outputs, inputs], in units of `unit` [outputs] (kernels::EncodedTile::unit).
  std::vector<double> values(const kernels::Window& window, std::span<const double> unit) const;

 private:
  kernels::Encoding encoding_;
  std::size_t inputs_, outputs_;
  std::uint32_t repeats_;
  double volts_;
  std::vector<float> full_scale_;
  WindowProduct product_;
};

/// The factor for each output that makes `found` most like `wanted` (least squares); both row-major [outputs, inputs]. It takes out what
/// all cells of an output lose alike, so that residual slices correct only what is left. 1 where nothing was found.
std::vector<double> output_gains(std::span<const double> wanted, std::span<const double> found, std::size_t outputs);

}  // namespace sedma::runtime

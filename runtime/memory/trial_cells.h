#pragma once
// Cells as a device model takes them, written as a choice says. Internal to the prior.

#include <vector>

#include "kernels/encode.h"
#include "kernels/random.h"
#include "runtime/device_model.h"
#include "runtime/window.h"

namespace sedma::runtime {

/// What the prior needs to know to write cells.
struct TrialBoard {
  const DeviceModel& device;
  const hal::Capabilities& board;
  double age_seconds = 0;
  kernels::Window window() const noexcept { return {board.g_min_siemens, board.g_max_siemens}; }
};

/// Cells that were erased, written and read.
struct TrialCells {
  kernels::WriteTotals totals;
  std::vector<float> written;  ///< terminal conductances when products are made
  std::vector<float> read;     ///< as read back, the mean of Choice::read_repeats
};

/// Writes cells that stand at G_min to `targets`, as Engine would.
TrialCells write_cells(const TrialBoard& trial, const Choice& choice, hal::View<const float> targets, kernels::Key key);

/// Mean of (x_i / max |x|)^2 over n standard normal x. n >= 1
double mean_square_volts(std::uint32_t n);

}  // namespace sedma::runtime

#pragma once
// Write-verify of a whole array, as the reports and the count tests run it.

#include <cstddef>
#include <string_view>
#include <vector>

#include "kernels/pulses.h"

namespace sedma::bench {

/// side x side cells from their G_min to uniform targets: cycle-to-cycle noise, a tolerance of one level, no device-to-device spread.
class WriteCase {
 public:
  /// `material`: one of kernels::published_materials(). @pre there is such a material
  WriteCase(std::string_view material, std::size_t side, std::uint32_t passes);
  /// Back to G_min.
  void reset();
  /// Every cell at its target.
  void reach_targets();
  /// Writes with this many threads.
  const kernels::WriteTotals& run(int threads);
  const kernels::WriteTotals& totals() const noexcept { return totals_; }

 private:
  kernels::CellModel model_;
  std::vector<float> bare_, target_;
  kernels::WriteVerify job_;
  kernels::WriteTotals totals_;
};

}  // namespace sedma::bench

#pragma once
// A window of cells with everything that a write-verify can be given and asked for.

#include <cmath>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/pulses.h"

namespace sedma::kernels {

struct TestWindow {
  CellModel model;
  std::size_t rows, cols;
  std::vector<float> bare, target, readback;
  std::vector<std::uint32_t> pulses;
  std::vector<hal::Outcome> outcome;
  std::vector<std::uint8_t> mask;
  WriteVerify job;

  /// All cells at G_min, targets uniform over the terminal range; tolerance one level, 21 passes, no limit on pulses.
  TestWindow(const CellModel& cell_model, std::size_t row_count, std::size_t col_count, std::uint64_t key = 1)
      : model(cell_model),
        rows(row_count),
        cols(col_count),
        bare(rows * cols, static_cast<float>(model.material.g_min_siemens)),
        target(bare.size()),
        readback(bare.size(), -1.0f),
        pulses(bare.size(), 7),
        outcome(bare.size(), hal::Outcome::masked) {
    for (std::size_t i = 0; i < target.size(); ++i) {
      const double u = uniform(philox({key}, Use::test, static_cast<std::uint32_t>(i), 0)[0]);
      target[i] = static_cast<float>(low() + u * range());
    }
    job.tolerance_siemens = static_cast<float>(range() / model.material.levels_up);
    job.passes = 21;
    job.max_pulses_per_cell = 1u << 20;
    job.ids = {{key + 1}, 0, static_cast<std::uint32_t>(cols), 0};
  }

  double low() const { return terminal_siemens(model.material.g_min_siemens, model.series_ohms); }
  double high() const { return terminal_siemens(model.material.g_max_siemens, model.series_ohms); }
  double range() const { return high() - low(); }
  float terminal(std::size_t i) const { return static_cast<float>(terminal_siemens(static_cast<double>(bare[i]), model.series_ohms)); }

  WriteTotals write() { return write_verify(model, connected()); }
  WriteTotals write_reference() { return write_verify_reference(model, connected()); }

  /// rms distance from the targets, % of the range.
  double rms_percent() const {
    double sum = 0;
    for (std::size_t i = 0; i < bare.size(); ++i) {
      const double error = static_cast<double>(terminal(i)) - static_cast<double>(target[i]);
      sum += error * error;
    }
    return 100 * std::sqrt(sum / static_cast<double>(bare.size())) / range();
  }

 private:
  const WriteVerify& connected() {
    job.bare_siemens = {bare.data(), rows, cols};
    job.target_siemens = hal::View<const float>(target.data(), rows, cols);
    job.readback_siemens = {readback.data(), rows, cols};
    job.pulses = {pulses.data(), rows, cols};
    job.outcome = {outcome.data(), rows, cols};
    if (!mask.empty()) job.mask = hal::View<const std::uint8_t>(mask.data(), rows, cols);
    return job;
  }
};

inline CellModel model_of(const Material& material) {
  CellModel model;
  model.material = material;
  return model;
}

/// The material without cycle-to-cycle noise.
inline CellModel quiet_model(const Material& material) {
  CellModel model = model_of(material);
  model.cycle_to_cycle = false;
  return model;
}

}  // namespace sedma::kernels

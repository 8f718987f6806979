#include "runtime/memory/trial_cells.h"

#include <algorithm>
#include <cmath>

namespace sedma::runtime {
namespace {

constexpr std::uint64_t read_event = 1, age_event = 2;

double read_sigma(const kernels::CellModel& cell, double siemens) noexcept {
  return std::hypot(cell.read_floor_siemens, cell.read_noise * siemens);
}

void add_read_noise(const TrialBoard& trial, std::uint32_t repeats, kernels::Key key, std::vector<float>& read) {
  const kernels::CellModel& cell = trial.device.cell;
  if (cell.read_noise == 0 && cell.read_floor_siemens == 0) return;
  std::vector<float> normals(read.size());
  kernels::fill_normals(key, kernels::Use::test, read_event, 0, normals);
  for (std::size_t k = 0; k < read.size(); ++k)
    read[k] += normals[k] * static_cast<float>(read_sigma(cell, static_cast<double>(read[k])) / std::sqrt(repeats));
}

void let_age(const TrialBoard& trial, kernels::Key key, std::vector<float>& cells) {
  const DeviceModel& device = trial.device;
  if (device.relaxation_per_decade == 0 || trial.age_seconds == 0) return;
  const double sd = device.relaxation_per_decade * std::sqrt(std::log10(1 + trial.age_seconds / device.relaxation_start_seconds));
  std::vector<float> normals(cells.size());
  kernels::fill_normals(key, kernels::Use::test, age_event, 0, normals);
  for (std::size_t k = 0; k < cells.size(); ++k) cells[k] += normals[k] * static_cast<float>(sd * trial.board.g_range_siemens());
}

}  // namespace

TrialCells write_cells(const TrialBoard& trial, const Choice& choice, hal::View<const float> targets, kernels::Key key) {
  TrialCells cells;
  cells.written.assign(targets.data, targets.data + targets.size());
  if (!trial.device.ideal_writing) {
    const WritePolicy policy = write_policy(choice, trial.board, {});
    std::vector<float> bare(targets.size(), static_cast<float>(trial.device.cell.material.g_min_siemens));
    kernels::WriteVerify job;
    job.bare_siemens = {bare.data(), targets.rows, targets.cols};
    job.target_siemens = targets;
    job.tolerance_siemens = policy.tolerance_siemens;
    job.passes = policy.passes;
    job.max_pulses_per_cell = policy.max_pulses_per_cell;
    job.step_fraction = policy.step_fraction;
    job.erase = true;
    job.ids.key = key;
    job.ids.row_stride = static_cast<std::uint32_t>(targets.cols);
    job.columns_per_adc = trial.device.columns_per_adc;
    cells.totals = kernels::write_verify(trial.device.cell, job);
    kernels::terminal_window(trial.device.cell, job.bare_siemens, {cells.written.data(), targets.rows, targets.cols});
  }
  cells.read = cells.written;
  add_read_noise(trial, choice.read_repeats, key, cells.read);
  let_age(trial, key, cells.written);
  return cells;
}

// The largest of n is M with density n f(M) F(M)^(n-1), F(M) = P(|x| < M); the others are normals within M.
double mean_square_volts(std::uint32_t n) {
  constexpr double step = 0.01, end = 9;
  const double others = n - 1.0;
  double sum = 0, weight = 0;
  for (double m = step / 2; m < end; m += step) {
    const double density = std::sqrt(2 / M_PI) * std::exp(-m * m / 2), below = std::erf(m / std::sqrt(2.0));
    const double w = density * std::pow(below, others);
    const double square = 1 - m * density / below;  // of a normal within m
    sum += w * (1 + others * square / (m * m)) / n;
    weight += w;
  }
  return sum / weight;
}

}  // namespace sedma::runtime

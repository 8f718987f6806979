#include "kernels/pulse_law.h"

#include <algorithm>
#include <cmath>

#include "hal/status.h"

namespace sedma::kernels {
namespace {

// -N / A, kept away from 0 (a linear response) and from where exp overflows.
float exponent(double levels, double a_pulses) noexcept {
  const double y = a_pulses == 0 ? -40.0 : -levels / a_pulses;
  return static_cast<float>(std::copysign(std::clamp(std::abs(y), 1e-6, 40.0), y));
}

Branch branch(float exponent_own, float rate, float aim) noexcept {
  const float d = -1.0f / poly::expm1(exponent_own);
  return {d, rate, d > 0 ? floor_convex : floor_concave, aim};
}

void set_stuck(WriteLaw& law, double fraction) noexcept {
  const double words = std::ceil(std::min(fraction, 1.0) * 0x1p32 - 0.5) - 1;  // uniform(word) < fraction
  law.any_stuck = fraction > 0 && words >= 0;
  law.last_stuck_word = law.any_stuck ? static_cast<std::uint32_t>(words) : 0;
}

hal::Outcome outcome(const WriteLaw& law, const CellEnd& cell) noexcept {
  if (std::abs(cell.target - cell.read) <= law.tolerance) return hal::Outcome::converged;
  if (!(cell.pulses < law.budget)) return hal::Outcome::out_of_budget;
  return cell.target > cell.read ? hal::Outcome::too_low : hal::Outcome::too_high;
}

}  // namespace

WriteLaw make_law(const CellModel& model, Key key, std::uint64_t event) noexcept {
  const Material& m = model.material;
  WriteLaw law;
  law.g_max = static_cast<float>(m.g_max_siemens);
  law.nominal.g_min = static_cast<float>(m.g_min_siemens);
  law.nominal.range = law.g_max - law.nominal.g_min;
  law.nominal.inverse_range = 1.0f / law.nominal.range;
  law.exponent_up = exponent(m.levels_up, m.a_up_pulses);
  law.exponent_down = exponent(m.levels_down, m.a_down_pulses);
  const float levels_up = static_cast<float>(m.levels_up), levels_down = static_cast<float>(m.levels_down);
  law.nominal.up = branch(law.exponent_up, law.exponent_up / levels_up, levels_up / law.exponent_up);
  law.nominal.down = branch(law.exponent_down, -law.exponent_down / levels_down, -levels_down / law.exponent_down);
  law.levels_down = levels_down;
  law.series = static_cast<float>(model.series_ohms);
  law.sigma = model.cycle_to_cycle ? static_cast<float>(m.sigma_c2c) : 0.0f;
  law.read_noise = static_cast<float>(model.read_noise);
  law.read_floor = static_cast<float>(model.read_floor_siemens);
  law.noisy = law.read_noise > 0 || law.read_floor > 0;
  law.weight_up = static_cast<float>(m.write_up_volts * m.write_up_volts);
  law.weight_down = static_cast<float>(m.write_down_volts * m.write_down_volts);
  law.spread = static_cast<float>(model.device_to_device);
  set_stuck(law, model.stuck_fraction);
  law.own_cells = law.spread > 0 || law.any_stuck;
  law.key = key;
  law.first_event = event << 20;
  return law;
}

WriteLaw make_law(const CellModel& model, const WriteVerify& job) noexcept {
  WriteLaw law = make_law(model, job.ids.key, job.ids.event);
  law.tolerance = job.tolerance_siemens;
  law.settle = job.settle;
  law.aim_up = law.nominal.up.aim * job.step_fraction;
  law.aim_down = law.nominal.down.aim * job.step_fraction;
  law.budget = std::min(static_cast<float>(job.max_pulses_per_cell), poly::largest_count);
  law.passes = job.passes;
  law.columns_per_adc = job.columns_per_adc;
  law.erase = job.erase;
  return law;
}

OwnCell own_cell(const WriteLaw& law, std::uint32_t cell) noexcept {
  OwnCell own;
  const auto z = normals4(law.key, Use::spread, cell, 0);
  float factor[4];
  for (int i = 0; i < 4; ++i) factor[i] = poly::clamp(1.0f + law.spread * z[static_cast<std::size_t>(i)], least_factor, largest_factor);
  own.law.g_min = law.nominal.g_min * factor[0];
  const float range = law.g_max * factor[1] - own.law.g_min;
  const float least = least_range * law.nominal.range;
  own.law.range = range < least ? least : range;
  own.law.inverse_range = 1.0f / own.law.range;
  own.law.up = branch(law.exponent_up / factor[2], law.nominal.up.rate / factor[2], law.nominal.up.aim * factor[2]);
  own.law.down = branch(law.exponent_down / factor[3], law.nominal.down.rate / factor[3], law.nominal.down.aim * factor[3]);
  if (law.any_stuck) {
    const auto words = philox(law.key, Use::stuck, cell, 0);
    own.stuck = words[0] <= law.last_stuck_word;
    own.stuck_siemens = (words[1] & 1u) != 0 ? own.law.g_min + own.law.range : own.law.g_min;
  }
  return own;
}

CellLaw moving_law(const WriteLaw& law, std::uint32_t cell) noexcept {
  if (!law.own_cells) return law.nominal;
  OwnCell own = own_cell(law, cell);
  if (own.stuck) {
    own.law.g_min = own.stuck_siemens;
    own.law.range = 0;
    own.law.inverse_range = 0;
  }
  return own.law;
}

RowJob row_job(const WriteVerify& job, std::size_t r) noexcept {
  RowJob row;
  row.bare = job.bare_siemens.row(r);
  row.target = job.target_siemens.row(r);
  if (!job.mask.empty()) row.mask = job.mask.row(r);
  if (!job.readback_siemens.empty()) row.readback = job.readback_siemens.row(r);
  if (!job.pulses.empty()) row.pulses = job.pulses.row(r);
  if (!job.outcome.empty()) row.outcome = job.outcome.row(r);
  row.first_cell = job.ids.first + static_cast<std::uint32_t>(r) * job.ids.row_stride;
  row.cols = static_cast<std::uint32_t>(job.bare_siemens.cols);
  return row;
}

void check_shapes(const WriteVerify& job) {
  const auto same = [&](const auto& view) {
    return view.empty() || (view.rows == job.bare_siemens.rows && view.cols == job.bare_siemens.cols);
  };
  SEDMA_CHECK(same(job.target_siemens) && (!job.target_siemens.empty() || job.bare_siemens.size() == 0), job.target_siemens.rows,
              job.target_siemens.cols, job.bare_siemens.rows, job.bare_siemens.cols);
  SEDMA_CHECK(same(job.mask) && same(job.readback_siemens) && same(job.pulses) && same(job.outcome), job.bare_siemens.rows,
              job.bare_siemens.cols);
  SEDMA_CHECK(job.passes >= 1 && job.passes < (1u << 22), job.passes);
  SEDMA_CHECK(job.columns_per_adc >= 1, job.columns_per_adc);
}

void add_pass(const WriteLaw& law, const PassTally& tally, RowTotals& totals) noexcept {
  totals.selects += (tally.longest_up > 0 ? 1u : 0u) + (tally.longest_down > 0 ? 1u : 0u);
  totals.longest_pulses += static_cast<std::uint64_t>(tally.longest_up) + static_cast<std::uint64_t>(tally.longest_down);
  totals.verify_reads += tally.active;
  totals.row_reads += tally.active > 0 ? 1u : 0u;
  totals.conversion_slots += std::min(tally.active, law.columns_per_adc);
}

void end_cell(const WriteLaw& law, const RowJob& row, std::uint32_t c, const CellEnd& cell, RowTotals& totals) noexcept {
  if (cell.pulses + cell.erase_pulses > 0 || !(cell.range > 0)) row.bare[c] = cell.g_min + cell.x * cell.range;
  const hal::Outcome found = outcome(law, cell);
  if (row.readback != nullptr) row.readback[c] = cell.read;
  if (row.pulses != nullptr) row.pulses[c] = static_cast<std::uint32_t>(cell.pulses + cell.erase_pulses);
  if (row.outcome != nullptr) row.outcome[c] = found;
  totals.pulses_up += static_cast<std::uint64_t>(cell.pulses_up);
  totals.pulses_down += static_cast<std::uint64_t>(cell.pulses - cell.pulses_up) + static_cast<std::uint64_t>(cell.erase_pulses);
  totals.unconverged += found != hal::Outcome::converged ? 1u : 0u;
}

void skip_cell(const WriteLaw& law, const RowJob& row, std::uint32_t c, RowTotals& totals) noexcept {
  if (row.readback != nullptr) row.readback[c] = terminal(row.bare[c], law.series);
  if (row.pulses != nullptr) row.pulses[c] = 0;
  if (row.outcome != nullptr) row.outcome[c] = hal::Outcome::masked;
  ++totals.masked;
}

void add_row(const RowTotals& row, WriteTotals& totals) noexcept {
  totals.pulses += row.pulses_up + row.pulses_down;
  totals.verify_reads += row.verify_reads;
  totals.unconverged += row.unconverged;
  totals.masked += row.masked;
  totals.bit_line_pulses_up += static_cast<double>(row.pulses_up);
  totals.bit_line_pulses_down += static_cast<double>(row.pulses_down);
  totals.word_line_selects += row.selects;
  totals.row_reads += row.row_reads;
  totals.conversion_slots += row.conversion_slots;
  totals.pulse_joules += row.pulse_energy;
  totals.pulse_seconds += static_cast<double>(row.longest_pulses);
  totals.read_joules += row.read_siemens;
}

void finish_totals(const CellModel& model, WriteTotals& totals) noexcept {
  const Material& m = model.material;
  totals.pulse_joules *= 0.5 * m.write_width_seconds;
  totals.pulse_seconds *= m.write_width_seconds;
  totals.read_joules *= m.read_volts * m.read_volts * m.read_seconds;
}

}  // namespace sedma::kernels

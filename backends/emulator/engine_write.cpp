// Program and Pulse.
#include <algorithm>
#include <cmath>

#include "backends/emulator/engine.h"

namespace sedma::backends::emulator {
namespace {

// The passes of one writing that have random numbers of their own (kernels::write_verify).
constexpr std::uint32_t most_passes = (1u << 22) - 1;
// Pulses that a cell takes as one step of the response; a float counts no further in ones.
constexpr std::uint32_t most_pulses = 1u << 22;

template <class Command>
Rect rect_of(const Command& command, std::size_t rows, std::size_t cols) noexcept {
  return {command.row, command.col, static_cast<std::uint32_t>(rows), static_cast<std::uint32_t>(cols)};
}

bool same(double asked, double known) noexcept { return std::abs(asked - known) <= 1e-6 * std::abs(known); }

Status check_drive(std::string_view direction, const hal::Drive& drive, double volts, const kernels::Material& material) {
  if (same(drive.cell_volts, volts) && same(drive.width_seconds, material.write_width_seconds)) return {};
  return fail(Code::unsupported, "pulse: {} = {} V for {} s; the published response of {} is that of identical pulses of {} V for {} s",
              direction, drive.cell_volts, drive.width_seconds, material.name, volts, material.write_width_seconds);
}

// Largest counts up and down of row r.
std::pair<std::uint32_t, std::uint32_t> longest(hal::View<const std::int32_t> counts, std::size_t r) noexcept {
  std::int64_t up = 0, down = 0;
  for (std::size_t c = 0; c < counts.cols; ++c) {
    const std::int64_t n = counts(r, c);
    up = std::max(up, n);
    down = std::max(down, -n);
  }
  return {static_cast<std::uint32_t>(up), static_cast<std::uint32_t>(down)};
}

// ideal_writing=on: every cell that can be written is on its target, as far as its own range reaches. Nothing is spent.
kernels::WriteTotals write_exactly(const kernels::CellModel& model, const kernels::WriteVerify& job) {
  const hal::View<float>& cells = job.bare_siemens;
  const auto masked = [&](std::size_t r, std::size_t c) { return !job.mask.empty() && job.mask(r, c) != 0; };
  for (std::uint32_t r = 0; r < cells.rows; ++r) {
    for (std::uint32_t c = 0; c < cells.cols; ++c) {
      if (masked(r, c)) continue;
      const auto own = kernels::cell_parameters(model, job.ids.key, job.ids.first + r * job.ids.row_stride + c);
      const auto wanted = static_cast<float>(kernels::bare_siemens(static_cast<double>(job.target_siemens(r, c)), model.series_ohms));
      cells(r, c) = own.stuck ? own.stuck_siemens : std::clamp(wanted, own.g_min, own.g_max);
    }
  }
  std::vector<float> found(cells.size());
  const hal::View<float> now(found.data(), cells.rows, cells.cols);
  kernels::terminal_window(model, cells, now);
  kernels::WriteTotals totals;
  for (std::size_t r = 0; r < cells.rows; ++r) {
    for (std::size_t c = 0; c < cells.cols; ++c) {
      const float error = now(r, c) - job.target_siemens(r, c);
      const bool off = std::abs(error) > job.tolerance_siemens;
      const hal::Outcome reached = !off ? hal::Outcome::converged : error < 0 ? hal::Outcome::too_low : hal::Outcome::too_high;
      totals.masked += masked(r, c) ? 1 : 0;
      totals.unconverged += off && !masked(r, c) ? 1 : 0;
      if (!job.readback_siemens.empty()) job.readback_siemens(r, c) = now(r, c);
      if (!job.pulses.empty()) job.pulses(r, c) = 0;
      if (!job.outcome.empty()) job.outcome(r, c) = masked(r, c) ? hal::Outcome::masked : reached;
    }
  }
  return totals;
}

void add(const kernels::WriteTotals& part, kernels::WriteTotals& totals) noexcept {
  totals.pulses += part.pulses;
  totals.pulse_joules += part.pulse_joules;
  totals.bit_line_pulses_up += part.bit_line_pulses_up;
  totals.bit_line_pulses_down += part.bit_line_pulses_down;
}

}  // namespace

Status Engine::accepts(const hal::Program& program) const {
  if (program.passes <= most_passes) return {};
  return fail(Code::out_of_range, "program: passes = {}; at most {} are possible", program.passes, most_passes);
}

Status Engine::accepts(const hal::Pulse& pulse) const {
  std::uint32_t up = 0, down = 0;
  for (std::size_t r = 0; r < pulse.pulses.rows; ++r) {
    const auto [row_up, row_down] = longest(pulse.pulses, r);
    up = std::max(up, row_up);
    down = std::max(down, row_down);
  }
  if (std::max(up, down) > most_pulses) {
    return fail(Code::out_of_range, "pulse: a cell asks for {} pulses; one command gives at most {}", std::max(up, down), most_pulses);
  }
  const kernels::Material& material = options_.model.material;
  if (up != 0) SEDMA_RETURN_IF_ERROR(check_drive("up", pulse.up, material.write_up_volts, material));
  if (down != 0) SEDMA_RETURN_IF_ERROR(check_drive("down", pulse.down, material.write_down_volts, material));
  return {};
}

Result<hal::Completion> Engine::run(const hal::Program& program, double idled, const hal::StopToken& stop) {
  const std::int64_t begin = now_utc_ns();
  const Rect rect = rect_of(program, program.siemens.rows, program.siemens.cols);
  Array& cells = array(program.array);
  cells.materialise();
  kernels::WriteVerify job;
  job.bare_siemens = cells.bare(rect);
  job.target_siemens = program.siemens;
  job.mask = program.mask;
  job.tolerance_siemens = program.tolerance_siemens;
  job.passes = program.passes;
  job.max_pulses_per_cell = program.max_pulses_per_cell;
  job.step_fraction = program.schedule.step_fraction;
  job.erase = program.erase;
  job.ids = cells.program(rect, program, moment(program.array, idled));
  job.columns_per_adc = options_.assumptions.columns_per_adc;
  job.readback_siemens = program.readback_siemens;
  job.pulses = program.pulses;
  job.outcome = program.outcome;
  job.stop = [&stop] { return !stop.check().ok(); };
  const kernels::WriteTotals totals =
      options_.ideal_writing ? write_exactly(options_.model, job) : kernels::write_verify(options_.model, job);
  hal::Completion completion = finish(program.array, costs_.program(totals), idled, begin);
  completion.unconverged = totals.unconverged;
  SEDMA_RETURN_IF_ERROR(cells.begin_aging(rect, program.mask, job.ids, completion.stats.device_time_seconds));
  // What was written before the stop is written, and took its time; the rest of the window is as it was.
  if (totals.stopped) SEDMA_RETURN_IF_ERROR(stop.check());
  return completion;
}

// Each cell follows the random numbers of its last programming. Where a window's rows are shared by several programmings, the rows are
// still selected once, for the longest train of all their cells.
kernels::WriteTotals Engine::apply(const hal::Pulse& pulse, const Rect& rect, const std::vector<Array::Part>& parts, Array& cells) {
  std::vector<std::int32_t> mine;
  kernels::WriteTotals totals;
  for (const Array::Part& part : parts) {
    kernels::RawPulses job{cells.bare(rect), pulse.pulses, part.ids, {}};
    if (!part.owned.empty()) {
      mine.resize(rect.size());
      for (std::size_t i = 0; i < mine.size(); ++i) mine[i] = part.owned[i] != 0 ? pulse.pulses(i / rect.cols, i % rect.cols) : 0;
      job.counts = {mine.data(), rect.rows, rect.cols};
    }
    add(kernels::apply_pulses(options_.model, job), totals);
  }
  cells.changed();
  for (std::size_t r = 0; r < rect.rows; ++r) {
    const auto [up, down] = longest(pulse.pulses, r);
    totals.word_line_selects += (up > 0 ? 1u : 0u) + (down > 0 ? 1u : 0u);
    totals.pulse_seconds += (static_cast<double>(up) + static_cast<double>(down)) * options_.model.material.write_width_seconds;
  }
  return totals;
}

Result<hal::Completion> Engine::run(const hal::Pulse& pulse, double idled, const hal::StopToken& stop) {
  const std::int64_t begin = now_utc_ns();
  SEDMA_RETURN_IF_ERROR(stop.check());
  const Rect rect = rect_of(pulse, pulse.pulses.rows, pulse.pulses.cols);
  Array& cells = array(pulse.array);
  cells.materialise();
  const std::vector<Array::Part> parts = cells.pulse(rect);
  // What a part's cells were before and how they age afterwards; cells without a pulse are left alone.
  std::vector<std::uint8_t> left_alone(options_.ages() ? rect.size() : 0);
  const hal::View<const std::uint8_t> others(left_alone.data(), rect.rows, rect.cols);
  const auto leave = [&](const Array::Part& part) {
    for (std::size_t i = 0; i < left_alone.size(); ++i) {
      const bool mine = part.owned.empty() || part.owned[i] != 0;
      left_alone[i] = mine && pulse.pulses(i / rect.cols, i % rect.cols) != 0 ? 0 : 1;
    }
  };
  if (options_.ages()) {
    leave({});
    cells.settle(rect, others, moment(pulse.array, idled));
  }
  const kernels::WriteTotals totals = apply(pulse, rect, parts, cells);
  const hal::Completion completion = finish(pulse.array, costs_.pulse(totals), idled, begin);
  if (!options_.ages()) return completion;
  for (const Array::Part& part : parts) {
    leave(part);
    SEDMA_RETURN_IF_ERROR(cells.begin_aging(rect, others, part.ids, completion.stats.device_time_seconds));
  }
  return completion;
}

}  // namespace sedma::backends::emulator

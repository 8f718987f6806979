#include "hal/limits.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace sedma::hal {
namespace {

constexpr double relative_slack = 1e-6;  // a limit of 1.6 V allows 1.6f V
constexpr std::uint64_t most = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint32_t most_per_cell = std::numeric_limits<std::uint32_t>::max();

std::uint64_t add(std::uint64_t a, std::uint64_t b) noexcept { return a > most - b ? most : a + b; }
std::uint64_t multiply(std::uint64_t a, std::uint64_t b) noexcept { return b != 0 && a > most / b ? most : a * b; }
std::uint32_t per_cell(std::uint64_t pulses) noexcept { return static_cast<std::uint32_t>(std::min<std::uint64_t>(pulses, most_per_cell)); }
std::uint64_t magnitude(std::int32_t count) noexcept { return static_cast<std::uint64_t>(std::abs(std::int64_t{count})); }

template <class T>
std::optional<T> tighter_of(const std::optional<T>& a, const std::optional<T>& b) {
  if (!a || !b) return a ? a : b;
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(*a)) return a;  // stays visible to validate()
  }
  return *a < *b ? a : b;
}

struct LimitName {
  std::string_view field, unit;
};

/// ok if `asked` keeps `limit`. A NaN limit allows nothing.
Status keep(std::string_view verb, double asked, const std::optional<double>& limit, const LimitName& name) {
  if (!limit || std::abs(asked) <= *limit * (1 + relative_slack)) return {};
  return fail(Code::out_of_range, "{}: {} {} asked; {} = {} {}", verb, asked, name.unit, name.field, *limit, name.unit);
}

/// ok if every value of a knob keeps `limit`. A limit on a knob that is not there cannot be kept.
Status keep(std::string_view verb, const Range& knob, const std::optional<double>& limit, const LimitName& name) {
  if (!limit) return {};
  if (knob.empty()) return fail(Code::unsupported, "{}: the board has no knob for {} = {} {}", verb, name.field, *limit, name.unit);
  return keep(verb, std::max(std::abs(knob.min), std::abs(knob.max)), limit, name);
}

constexpr LimitName cell_name{"max_cell_volts", "V"}, gate_name{"max_gate_volts", "V"}, read_name{"max_read_volts", "V"};
constexpr LimitName width_name{"max_width_seconds", "s"}, compliance_name{"max_compliance_amps", "A"}, line_name{"max_line_amps", "A"};

Status keep_drive(std::string_view verb, const Drive& drive, const Limits& limits, const Capabilities& device) {
  SEDMA_RETURN_IF_ERROR(keep(verb, drive.cell_volts, limits.max_cell_volts, cell_name));
  SEDMA_RETURN_IF_ERROR(keep(verb, drive.gate_volts, limits.max_gate_volts, gate_name));
  SEDMA_RETURN_IF_ERROR(keep(verb, drive.width_seconds, limits.max_width_seconds, width_name));
  if (device.compliance_amps.empty()) return keep(verb, device.compliance_amps, limits.max_compliance_amps, compliance_name);
  return keep(verb, drive.compliance_amps, limits.max_compliance_amps, compliance_name);
}

Status check(const Program&, const Limits& limits, const Capabilities& device) {
  SEDMA_RETURN_IF_ERROR(keep("program", device.cell_volts, limits.max_cell_volts, cell_name));
  // A cell without a transistor has no gate to harm.
  if (!device.gate_volts.empty()) SEDMA_RETURN_IF_ERROR(keep("program", device.gate_volts, limits.max_gate_volts, gate_name));
  SEDMA_RETURN_IF_ERROR(keep("program", device.width_seconds, limits.max_width_seconds, width_name));
  return keep("program", device.compliance_amps, limits.max_compliance_amps, compliance_name);
}

Status check(const Pulse& pulse, const Limits& limits, const Capabilities& device) {
  bool uses_up = false, uses_down = false;
  for (std::size_t r = 0; r < pulse.pulses.rows; ++r) {
    for (std::size_t c = 0; c < pulse.pulses.cols; ++c) {
      uses_up |= pulse.pulses(r, c) > 0;
      uses_down |= pulse.pulses(r, c) < 0;
    }
  }
  if (uses_up) SEDMA_RETURN_IF_ERROR(keep_drive("pulse: up", pulse.up, limits, device));
  if (uses_down) SEDMA_RETURN_IF_ERROR(keep_drive("pulse: down", pulse.down, limits, device));
  return {};
}

Status check(const Read& read, const Limits& limits, const Capabilities&) {
  return keep("read", read.volts, limits.max_read_volts, read_name);
}

Status check(const Mvm& mvm, const Limits& limits, const Capabilities& device) {
  if (!limits.max_read_volts && !limits.max_line_amps) return {};
  for (std::size_t v = 0; v < mvm.volts.rows; ++v) {
    const float* volts = mvm.volts.row(v);
    double sum = 0, largest = 0;
    for (std::size_t i = 0; i < mvm.volts.cols; ++i) {
      const double magnitude_volts = std::abs(double{volts[i]});
      sum += magnitude_volts;
      largest = std::max(largest, magnitude_volts);
    }
    SEDMA_RETURN_IF_ERROR(keep("mvm", largest, limits.max_read_volts, read_name));
    SEDMA_RETURN_IF_ERROR(keep("mvm: worst case of one line", sum * device.g_max_siemens, limits.max_line_amps, line_name));
  }
  return {};
}

template <class Other>
Status check(const Other&, const Limits&, const Capabilities&) {
  return {};
}

bool writes(const Command& command) noexcept { return std::holds_alternative<Program>(command) || std::holds_alternative<Pulse>(command); }

Status check_covered(const Command& command, const Limits& limits) {
  if (limits.cover_writing()) return {};
  std::string missing;
  const auto need = [&](bool there, std::string_view field) {
    if (there) return;
    if (!missing.empty()) missing += ", ";
    missing += field;
  };
  need(limits.max_cell_volts.has_value(), "max_cell_volts");
  need(limits.max_pulses_per_cell.has_value(), "max_pulses_per_cell");
  need(limits.max_total_pulses.has_value(), "max_total_pulses");
  return fail(Code::unsupported, "{}: a physical board is not written without limits; missing: {}", name(command), missing);
}

template <class T, class Worst>
void charge_window(Ledger::Charge& charge, const View<T>& window, bool count_cells, Worst worst) {
  charge.rows = static_cast<std::uint32_t>(window.rows);
  charge.cols = static_cast<std::uint32_t>(window.cols);
  if (count_cells) charge.per_cell.reserve(window.size());
  for (std::size_t r = 0; r < window.rows; ++r) {
    for (std::size_t c = 0; c < window.cols; ++c) {
      const std::uint64_t pulses = worst(r, c);
      charge.total = add(charge.total, pulses);
      if (count_cells) charge.per_cell.push_back(per_cell(pulses));
    }
  }
}

Ledger::Charge worst_case(const Command& command, const Capabilities& device, bool count_cells) {
  Ledger::Charge charge;
  if (const auto* program = std::get_if<Program>(&command)) {
    charge.array = program->array;
    charge.row = program->row;
    charge.col = program->col;
    const std::uint64_t ramp = device.ramp_down() != 0 ? device.ramp_down() : program->max_pulses_per_cell;
    const std::uint64_t each = program->max_pulses_per_cell + (program->erase ? ramp : 0);
    if (program->mask.empty() && !count_cells) {
      charge.total = multiply(program->siemens.size(), each);
    } else {
      const auto& mask = program->mask;
      charge_window(charge, program->siemens, count_cells,
                    [&](std::size_t r, std::size_t c) { return !mask.empty() && mask(r, c) != 0 ? 0 : each; });
    }
  } else if (const auto* pulse = std::get_if<Pulse>(&command)) {
    charge.array = pulse->array;
    charge.row = pulse->row;
    charge.col = pulse->col;
    charge_window(charge, pulse->pulses, count_cells, [&](std::size_t r, std::size_t c) { return magnitude(pulse->pulses(r, c)); });
  }
  return charge;
}

/// Calls visit(ordinal in the charge, count of the cell) for every cell of the charge until it returns false. `cols`: of the array.
template <class Visit>
void each_cell(const Ledger::Charge& charge, std::vector<std::uint32_t>& cells, std::size_t cols, Visit visit) {
  std::size_t i = 0;
  for (std::size_t r = 0; r < charge.rows; ++r) {
    std::uint32_t* row = cells.data() + (charge.row + r) * cols + charge.col;
    for (std::size_t c = 0; c < charge.cols; ++c, ++i) {
      if (!visit(i, row[c])) return;
    }
  }
}

}  // namespace

Limits Limits::tighter(const Limits& a, const Limits& b) {
  Limits result;
  result.max_cell_volts = tighter_of(a.max_cell_volts, b.max_cell_volts);
  result.max_gate_volts = tighter_of(a.max_gate_volts, b.max_gate_volts);
  result.max_read_volts = tighter_of(a.max_read_volts, b.max_read_volts);
  result.max_width_seconds = tighter_of(a.max_width_seconds, b.max_width_seconds);
  result.max_compliance_amps = tighter_of(a.max_compliance_amps, b.max_compliance_amps);
  result.max_line_amps = tighter_of(a.max_line_amps, b.max_line_amps);
  result.max_pulses_per_cell = tighter_of(a.max_pulses_per_cell, b.max_pulses_per_cell);
  result.max_total_pulses = tighter_of(a.max_total_pulses, b.max_total_pulses);
  return result;
}

Status Limits::validate() const {
  const auto check_field = [](const std::optional<double>& value, const LimitName& field) -> Status {
    if (!value || (std::isfinite(*value) && *value >= 0)) return {};
    return fail(Code::invalid_argument, "{} = {} {}; a finite value >= 0 {} is needed", field.field, *value, field.unit, field.unit);
  };
  SEDMA_RETURN_IF_ERROR(check_field(max_cell_volts, cell_name));
  SEDMA_RETURN_IF_ERROR(check_field(max_gate_volts, gate_name));
  SEDMA_RETURN_IF_ERROR(check_field(max_read_volts, read_name));
  SEDMA_RETURN_IF_ERROR(check_field(max_width_seconds, width_name));
  SEDMA_RETURN_IF_ERROR(check_field(max_compliance_amps, compliance_name));
  return check_field(max_line_amps, line_name);
}

Ledger::Ledger(const Limits& limits, const Capabilities& capabilities) : limits_(limits), capabilities_(capabilities) {}

Status Ledger::check_limits(const Command& command) const {
  if (writes(command) && capabilities_.has(Feature::physical)) SEDMA_RETURN_IF_ERROR(check_covered(command, limits_));
  return std::visit([&](const auto& each) { return check(each, limits_, capabilities_); }, command);
}

Result<Ledger::Charge> Ledger::charge(const Command& command) {
  SEDMA_RETURN_IF_ERROR(check_limits(command));
  if (!writes(command)) return Charge();
  Charge charge = worst_case(command, capabilities_, limits_.max_pulses_per_cell.has_value());
  SEDMA_RETURN_IF_ERROR(commit(command, charge));
  return charge;
}

Status Ledger::commit(const Command& command, const Charge& charge) {
  const std::lock_guard lock(mutex_);
  if (limits_.max_total_pulses && add(total_, charge.total) > *limits_.max_total_pulses) {
    const std::uint64_t left = *limits_.max_total_pulses - std::min(total_, *limits_.max_total_pulses);
    return fail(Code::out_of_range, "{}: {} pulses asked in the worst case; {} of max_total_pulses = {} are left", name(command),
                charge.total, left, *limits_.max_total_pulses);
  }
  SEDMA_RETURN_IF_ERROR(commit_cells(command, charge));
  total_ = add(total_, charge.total);
  return {};
}

Status Ledger::commit_cells(const Command& command, const Charge& charge) {
  if (charge.per_cell.empty()) return {};
  SEDMA_CHECK(charge.array.value < capabilities_.arrays, charge.array.value, capabilities_.arrays);
  if (cells_.empty()) cells_.resize(capabilities_.arrays);
  auto& cells = cells_[charge.array.value];
  if (cells.empty()) cells.resize(std::size_t{capabilities_.rows} * capabilities_.cols);
  // A cell's count saturates at most_per_cell, so the largest limit that can be kept is one below.
  const std::uint64_t limit = std::min<std::uint64_t>(*limits_.max_pulses_per_cell, most_per_cell - 1);
  Status refusal;
  each_cell(charge, cells, capabilities_.cols, [&](std::size_t i, const std::uint32_t& count) {
    const std::uint64_t asked = charge.per_cell[i], used = count;
    if (asked == 0 || used + asked <= limit) return true;
    refusal = fail(Code::out_of_range,
                   "{}: cell ({}, {}) of array {}: {} pulses asked in the worst case; {} of max_pulses_per_cell = {} are left",
                   name(command), charge.row + i / charge.cols, charge.col + i % charge.cols, charge.array.value, asked,
                   limit - std::min(used, limit), *limits_.max_pulses_per_cell);
    return false;
  });
  SEDMA_RETURN_IF_ERROR(refusal);
  each_cell(charge, cells, capabilities_.cols, [&](std::size_t i, std::uint32_t& count) { return count += charge.per_cell[i], true; });
  return {};
}

void Ledger::settle(const Charge& charge, std::uint64_t spent_total, const std::vector<std::uint32_t>& spent_per_cell) {
  const std::lock_guard lock(mutex_);
  total_ = add(total_ - std::min(total_, charge.total), spent_total);
  if (charge.per_cell.empty() || spent_per_cell.size() != charge.per_cell.size()) return;
  each_cell(charge, cells_[charge.array.value], capabilities_.cols, [&](std::size_t i, std::uint32_t& count) {
    if (charge.per_cell[i] != 0) count = per_cell(std::uint64_t{count - std::min(count, charge.per_cell[i])} + spent_per_cell[i]);
    return true;
  });
}

std::uint64_t Ledger::total_pulses() const {
  const std::lock_guard lock(mutex_);
  return total_;
}

}  // namespace sedma::hal

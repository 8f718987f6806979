#include "hal/commands.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>

#include "hal/device.h"

namespace sedma::hal {
namespace {

// Bounds are doubles and values floats: 0.2f is larger than 0.2. The slack forgives that rounding and nothing more.
constexpr double relative_slack = 1e-6;

bool within(const Range& range, double value) noexcept {
  return value >= range.min - relative_slack * std::abs(range.min) && value <= range.max + relative_slack * std::abs(range.max);
}

struct Index {
  std::size_t row = 0, col = 0;
};

/// The first value that is not finite or, unless its cell is masked, lies outside `range`.
std::optional<Index> find_outside(const View<const float>& values, const Range& range, const View<const std::uint8_t>& mask = {}) {
  const auto low = static_cast<float>(range.min - relative_slack * std::abs(range.min));
  const auto high = static_cast<float>(range.max + relative_slack * std::abs(range.max));
  for (std::size_t r = 0; r < values.rows; ++r) {
    const float* row = values.row(r);
    unsigned bad = 0;  // no early exit, so that the compiler vectorises the common case
    for (std::size_t c = 0; c < values.cols; ++c) bad |= static_cast<unsigned>(!(row[c] >= low)) | static_cast<unsigned>(!(row[c] <= high));
    if (bad == 0) continue;
    for (std::size_t c = 0; c < values.cols; ++c) {
      if (row[c] >= low && row[c] <= high) continue;
      if (std::isfinite(row[c]) && !mask.empty() && mask(r, c) != 0) continue;
      return Index{r, c};
    }
  }
  return std::nullopt;
}

Code code_of(double value) noexcept { return std::isfinite(value) ? Code::out_of_range : Code::invalid_argument; }

Status check_window(std::string_view verb, ArrayId array, std::uint32_t row, std::uint32_t col, std::size_t rows, std::size_t cols,
                    const Capabilities& device) {
  if (array.value >= device.arrays) {
    return fail(Code::out_of_range, "{}: array {} asked; the device has {} arrays", verb, array.value, device.arrays);
  }
  if (rows == 0 || cols == 0) return fail(Code::invalid_argument, "{}: the window [{}, {}] is empty", verb, rows, cols);
  const auto fits = [](std::uint32_t first, std::size_t count, std::uint32_t size) { return first < size && count <= size - first; };
  if (fits(row, rows, device.rows) && fits(col, cols, device.cols)) return {};
  return fail(Code::out_of_range, "{}: window [{}, {}] at ({}, {}) asked; the array is [{}, {}]", verb, rows, cols, row, col, device.rows,
              device.cols);
}

template <class T>
Status check_shape(std::string_view verb, std::string_view field, const View<T>& view, std::size_t rows, std::size_t cols) {
  if (view.empty()) return fail(Code::invalid_argument, "{}: {} is absent; [{}, {}] is needed", verb, field, rows, cols);
  if (view.rows != rows || view.cols != cols) {
    return fail(Code::invalid_argument, "{}: {} is [{}, {}]; [{}, {}] is needed", verb, field, view.rows, view.cols, rows, cols);
  }
  if (view.stride < cols) {
    return fail(Code::invalid_argument, "{}: {} has stride {}; at least {} is needed", verb, field, view.stride, cols);
  }
  return {};
}

template <class T>
Status check_optional(std::string_view verb, std::string_view field, const View<T>& view, std::size_t rows, std::size_t cols) {
  return view.empty() ? Status() : check_shape(verb, field, view, rows, cols);
}

Status check_feature(std::string_view verb, Feature feature, std::string_view feature_name, const Capabilities& device) {
  if (device.has(feature)) return {};
  return fail(Code::unsupported, "{}: board '{}' has no {}", verb, device.board_id, feature_name);
}

Status check_seconds(std::string_view verb, std::string_view field, double seconds) {
  if (std::isfinite(seconds) && seconds >= 0) return {};
  return fail(Code::invalid_argument, "{}: {} = {} s; a finite time >= 0 s is needed", verb, field, seconds);
}

Status check_targets(const Program& program, const Capabilities& device) {
  const Range window{device.g_min_siemens, device.g_max_siemens, 0};
  const auto at = find_outside(program.siemens, window, program.mask);
  if (!at) return {};
  const float target = program.siemens(at->row, at->col);
  return fail(code_of(target), "program: cell ({}, {}) asks for {} S; the device holds [{}, {}] S", at->row, at->col, target,
              device.g_min_siemens, device.g_max_siemens);
}

Status check(const Program& program, const Capabilities& device) {
  constexpr std::string_view verb = "program";
  const std::size_t rows = program.siemens.rows, cols = program.siemens.cols;
  SEDMA_RETURN_IF_ERROR(check_feature(verb, Feature::verify_on_board, "verify_on_board: use hal::write_verify", device));
  SEDMA_RETURN_IF_ERROR(check_window(verb, program.array, program.row, program.col, rows, cols, device));
  SEDMA_RETURN_IF_ERROR(check_shape(verb, "siemens", program.siemens, rows, cols));
  SEDMA_RETURN_IF_ERROR(check_optional(verb, "mask", program.mask, rows, cols));
  SEDMA_RETURN_IF_ERROR(check_optional(verb, "readback_siemens", program.readback_siemens, rows, cols));
  SEDMA_RETURN_IF_ERROR(check_optional(verb, "pulses", program.pulses, rows, cols));
  SEDMA_RETURN_IF_ERROR(check_optional(verb, "outcome", program.outcome, rows, cols));
  if (!std::isfinite(program.tolerance_siemens) || program.tolerance_siemens <= 0) {
    return fail(Code::invalid_argument, "program: tolerance_siemens = {} S; a finite value > 0 S is needed", program.tolerance_siemens);
  }
  if (program.passes == 0) return fail(Code::invalid_argument, "program: passes = 0; at least 1 is needed");
  if (program.max_pulses_per_cell == 0) return fail(Code::invalid_argument, "program: max_pulses_per_cell = 0; at least 1 is needed");
  if (const float fraction = program.schedule.step_fraction; !(fraction > 0 && fraction <= 1)) {
    return fail(Code::invalid_argument, "program: schedule.step_fraction = {}; (0, 1] is needed", fraction);
  }
  return check_targets(program, device);
}

Status check_knob(std::string_view drive, std::string_view knob, float value, const Range& range, std::string_view unit) {
  if (!std::isfinite(value)) {
    return fail(Code::invalid_argument, "pulse: {}.{} = {} {}; a finite value is needed", drive, knob, value, unit);
  }
  if (range.empty()) {
    if (value == 0) return {};
    return fail(Code::unsupported, "pulse: {}.{} = {} {}; the board has no {}, so it must be 0", drive, knob, value, unit, knob);
  }
  if (within(range, value)) return {};
  return fail(Code::out_of_range, "pulse: {}.{} = {} {}; {} is [{}, {}] {}", drive, knob, value, unit, knob, range.min, range.max, unit);
}

Status check_drive(std::string_view which, const Drive& drive, const Capabilities& device) {
  SEDMA_RETURN_IF_ERROR(check_knob(which, "cell_volts", drive.cell_volts, device.cell_volts, "V"));
  SEDMA_RETURN_IF_ERROR(check_knob(which, "gate_volts", drive.gate_volts, device.gate_volts, "V"));
  SEDMA_RETURN_IF_ERROR(check_knob(which, "width_seconds", drive.width_seconds, device.width_seconds, "s"));
  return check_knob(which, "compliance_amps", drive.compliance_amps, device.compliance_amps, "A");
}

Status check_finite(std::string_view which, const Drive& drive) {
  if (std::isfinite(drive.cell_volts) && std::isfinite(drive.gate_volts) && std::isfinite(drive.width_seconds) &&
      std::isfinite(drive.compliance_amps)) {
    return {};
  }
  return fail(Code::invalid_argument, "pulse: {} = {{{} V, {} V, {} s, {} A}}; finite values are needed", which, drive.cell_volts,
              drive.gate_volts, drive.width_seconds, drive.compliance_amps);
}

Status check(const Pulse& pulse, const Capabilities& device) {
  constexpr std::string_view verb = "pulse";
  SEDMA_RETURN_IF_ERROR(check_feature(verb, Feature::raw_pulses, "raw_pulses", device));
  SEDMA_RETURN_IF_ERROR(check_window(verb, pulse.array, pulse.row, pulse.col, pulse.pulses.rows, pulse.pulses.cols, device));
  SEDMA_RETURN_IF_ERROR(check_shape(verb, "pulses", pulse.pulses, pulse.pulses.rows, pulse.pulses.cols));
  SEDMA_RETURN_IF_ERROR(check_finite("up", pulse.up));
  SEDMA_RETURN_IF_ERROR(check_finite("down", pulse.down));
  bool uses_up = false, uses_down = false;  // a drive that no cell asks for may be left empty
  for (std::size_t r = 0; r < pulse.pulses.rows; ++r) {
    for (std::size_t c = 0; c < pulse.pulses.cols; ++c) {
      uses_up |= pulse.pulses(r, c) > 0;
      uses_down |= pulse.pulses(r, c) < 0;
    }
  }
  if (uses_up) SEDMA_RETURN_IF_ERROR(check_drive("up", pulse.up, device));
  if (uses_down) SEDMA_RETURN_IF_ERROR(check_drive("down", pulse.down, device));
  return {};
}

Status check_reads(std::string_view verb, const Capabilities& device) {
  if (!device.read_volts.empty()) return {};
  return fail(Code::unsupported, "{}: board '{}' has no read_volts", verb, device.board_id);
}

Status check(const Read& read, const Capabilities& device) {
  constexpr std::string_view verb = "read";
  SEDMA_RETURN_IF_ERROR(check_reads(verb, device));
  SEDMA_RETURN_IF_ERROR(check_window(verb, read.array, read.row, read.col, read.rows, read.cols, device));
  if (read.repeats == 0) return fail(Code::invalid_argument, "read: repeats = 0; at least 1 is needed");
  SEDMA_RETURN_IF_ERROR(check_shape(verb, "siemens", read.siemens, std::size_t{read.repeats} * read.rows, read.cols));
  SEDMA_RETURN_IF_ERROR(check_seconds(verb, "interval_seconds", read.interval_seconds));
  if (!std::isfinite(read.volts) || read.volts == 0) {
    return fail(Code::invalid_argument, "read: volts = {} V; a finite value other than 0 V is needed", read.volts);
  }
  if (within(device.read_volts, read.volts)) return {};
  return fail(Code::out_of_range, "read: volts = {} V; read_volts is [{}, {}] V", read.volts, device.read_volts.min, device.read_volts.max);
}

Status check_sense(const Mvm& mvm, const Capabilities& device) {
  constexpr std::string_view verb = "mvm";
  if (mvm.transpose) SEDMA_RETURN_IF_ERROR(check_feature(verb, Feature::transpose, "transpose", device));
  if (mvm.sense == Sense::single) return {};
  if (mvm.sense != Sense::pair && mvm.sense != Sense::reference) {
    return fail(Code::invalid_argument, "mvm: sense = {} is none of single, pair, reference", static_cast<unsigned>(mvm.sense));
  }
  if (mvm.transpose) return fail(Code::invalid_argument, "mvm: a transposed product is sensed single, not by pair or reference");
  SEDMA_RETURN_IF_ERROR(check_feature(verb, Feature::analog_subtract, "analog_subtract", device));
  if (mvm.sense == Sense::pair && mvm.cols % 2 != 0) {
    return fail(Code::invalid_argument, "mvm: {} columns asked; sensing by pair needs an even number", mvm.cols);
  }
  if (mvm.sense == Sense::reference && mvm.cols < 2) {
    return fail(Code::invalid_argument, "mvm: 1 column asked; sensing against a reference column needs at least 2");
  }
  return {};
}

std::size_t outputs(const Mvm& mvm) noexcept {
  if (mvm.transpose) return mvm.rows;
  if (mvm.sense == Sense::pair) return mvm.cols / 2;
  return mvm.sense == Sense::reference ? mvm.cols - 1 : mvm.cols;
}

Status check_full_scales(const Mvm& mvm, const Capabilities& device) {
  if (device.adc_bits == 0) return {};
  const std::size_t count = mvm.full_scale_amps.size();
  if (count != 1 && count != outputs(mvm)) {
    return fail(Code::invalid_argument, "mvm: full_scale_amps has {} values; 1 or {} are needed", count, outputs(mvm));
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (const float amps = mvm.full_scale_amps[i]; !std::isfinite(amps) || amps <= 0) {
      return fail(Code::invalid_argument, "mvm: full_scale_amps[{}] = {} A; a finite value > 0 A is needed", i, amps);
    }
  }
  return {};
}

Status check(const Mvm& mvm, const Capabilities& device) {
  constexpr std::string_view verb = "mvm";
  SEDMA_RETURN_IF_ERROR(check_reads(verb, device));
  SEDMA_RETURN_IF_ERROR(check_window(verb, mvm.array, mvm.row, mvm.col, mvm.rows, mvm.cols, device));
  SEDMA_RETURN_IF_ERROR(check_sense(mvm, device));
  if (!mvm.volts.empty() && mvm.volts.rows == 0) return fail(Code::invalid_argument, "mvm: volts has no vector; at least 1 is needed");
  SEDMA_RETURN_IF_ERROR(check_shape(verb, "volts", mvm.volts, mvm.volts.rows, mvm.transpose ? mvm.cols : mvm.rows));
  SEDMA_RETURN_IF_ERROR(check_shape(verb, "amps", mvm.amps, mvm.volts.rows, outputs(mvm)));
  SEDMA_RETURN_IF_ERROR(check_full_scales(mvm, device));
  // A line at 0 V is not driven, so 0 V is allowed whatever the board's read window.
  const Range allowed{std::min(device.read_volts.min, 0.0), std::max(device.read_volts.max, 0.0), 0};
  const auto at = find_outside(mvm.volts, allowed);
  if (!at) return {};
  const float volts = mvm.volts(at->row, at->col);
  return fail(code_of(volts), "mvm: volts({}, {}) = {} V; read_volts is [{}, {}] V", at->row, at->col, volts, device.read_volts.min,
              device.read_volts.max);
}

Status check(const Idle& idle, const Capabilities&) { return check_seconds("idle", "seconds", idle.seconds); }

Status check(const SelfTest& test, const Capabilities&) {
  return test.readings != nullptr ? Status() : fail(Code::invalid_argument, "self_test: readings is absent");
}

}  // namespace

Joules& Joules::operator+=(const Joules& other) noexcept {
  cells += other.cells;
  lines += other.lines;
  dac += other.dac;
  adc += other.adc;
  verify += other.verify;
  return *this;
}

Stats& Stats::operator+=(const Stats& other) noexcept {
  seconds += other.seconds;
  joules += other.joules;
  pulses += other.pulses;
  conversions += other.conversions;
  if (begin_utc_ns == 0 || (other.begin_utc_ns != 0 && other.begin_utc_ns < begin_utc_ns)) begin_utc_ns = other.begin_utc_ns;
  end_utc_ns = std::max(end_utc_ns, other.end_utc_ns);
  device_time_seconds = std::max(device_time_seconds, other.device_time_seconds);
  return *this;
}

std::string_view name(const Command& command) noexcept {
  constexpr std::string_view names[] = {"program", "pulse", "read", "mvm", "idle", "self_test"};
  return command.valueless_by_exception() ? "none" : names[command.index()];
}

Status validate(const Command& command, const Capabilities& capabilities) {
  if (command.valueless_by_exception()) return fail(Code::invalid_argument, "the command holds no value");
  return std::visit([&](const auto& each) { return check(each, capabilities); }, command);
}

}  // namespace sedma::hal

// Windows, tolerances, devices and programming of the conformance suite.

#include <algorithm>
#include <cmath>

#include "hal/conformance_internal.h"
#include "hal/verify.h"

namespace sedma::hal::conformance {
namespace {

constexpr double float_step = 0x1p-23;

/// `value` as a float that is not above it.
float not_above(double value) {
  const auto f = static_cast<float>(value);
  return static_cast<double>(f) > value ? std::nextafterf(f, -INFINITY) : f;
}

/// The strongest setting of a knob within its range and limit; a fixed knob as it is; 0 where the board has none.
float strongest(const Range& knob, const std::optional<double>& limit) {
  if (knob.empty()) return 0;
  if (knob.min == knob.max) return static_cast<float>(knob.max);
  return not_above(std::min(knob.max, limit.value_or(knob.max)));
}

float on_levels(const Capabilities& board, double fraction) {
  if (board.levels >= 2) {
    const double top = board.levels - 1;
    fraction = std::round(fraction * top) / top;
  }
  const double siemens = board.g_min_siemens + fraction * board.g_range_siemens();
  // A float may round to just outside of the window, which would be refused.
  auto f = static_cast<float>(siemens);
  if (static_cast<double>(f) > board.g_max_siemens) f = std::nextafterf(f, 0);
  if (static_cast<double>(f) < board.g_min_siemens) f = std::nextafterf(f, INFINITY);
  return f;
}

}  // namespace

Window window(const Capabilities& board, std::uint32_t rows, std::uint32_t cols, std::uint32_t array, std::uint32_t row,
              std::uint32_t col) {
  Window w;
  w.array.value = std::min(array, std::max(board.arrays, 1u) - 1);
  w.rows = std::min(rows, board.rows);
  w.cols = std::min(cols, board.cols);
  if (w.rows == w.cols && rows != cols && w.rows > 1) --(rows < cols ? w.rows : w.cols);
  w.row = std::min(row, board.rows - w.rows);
  w.col = std::min(col, board.cols - w.cols);
  return w;
}

Window product_window(const Capabilities& board) { return window(board, 12, 7, 0, 3, 5); }

Window grown(const Capabilities& board, const Window& inner, std::uint32_t margin) {
  Window w = inner;
  w.row = inner.row - std::min(inner.row, margin);
  w.col = inner.col - std::min(inner.col, margin);
  w.rows = std::min(board.rows, inner.row + inner.rows + margin) - w.row;
  w.cols = std::min(board.cols, inner.col + inner.cols + margin) - w.col;
  return w;
}

std::uint32_t ramp_pulses(const Capabilities& board) { return board.ramp_down() != 0 ? std::max(board.ramp_down(), board.levels) : 256; }
std::uint32_t most_pulses(const Capabilities& board) { return 4 * ramp_pulses(board); }
std::uint64_t write_cost(const Capabilities& board, std::uint64_t cells) { return cells * most_pulses(board); }
std::uint64_t erase_cost(const Capabilities& board, std::uint64_t cells) {
  return cells *
         (board.ramp_down() != 0 ? board.ramp_down() : most_pulses(board));  // an analog board may take as many as it may for the rest
}
bool can_write(const Capabilities& board) { return board.has(Feature::verify_on_board) || board.has(Feature::raw_pulses); }

Tolerances::Tolerances(const Capabilities& board, const ConformanceOptions& options)
    : read_sigma(options.read_relative_sigma),
      read_floor(options.read_sigma_siemens),
      cell_error(options.cell_error_siemens),
      line_error(options.line_relative_error),
      converter_error(options.converter_error),
      repeats(options.read_relative_sigma > 0 || options.read_sigma_siemens > 0 ? 16 : 1),
      dac_bits(board.dac_bits),
      adc_bits(board.adc_bits),
      dac_volts(board.read_volts.empty() ? 0 : board.read_volts.max) {
  const double from_levels = std::max(board.levels != 0 ? 0.5 / board.levels : 0.0, 1e-3);
  write_siemens = (options.write_sigma > 0 ? options.write_sigma : from_levels) * board.g_range_siemens();
  program_siemens = std::sqrt(3.0) * write_siemens;
}

double Tolerances::same_cell(double siemens) const {
  return deviations * std::sqrt(read_variance(siemens) * 2.0 / repeats) + write_siemens + 2 * float_step * std::abs(siemens);
}

double Tolerances::adc_half_step(double full_scale_amps) const {
  if (adc_bits == 0) return 0;
  if (adc_bits == 1) return full_scale_amps;  // codes +-1: a zero is off by all of it
  return full_scale_amps / (2 * (std::exp2(adc_bits - 1) - 1)) + converter_error * full_scale_amps;
}

double Tolerances::dac_error(double volts) const {
  if (dac_bits == 0) return 0;
  if (dac_bits == 1) return dac_volts - std::abs(volts);
  const double step = dac_volts / (std::exp2(dac_bits - 1) - 1);
  const double code = volts / step;
  return std::abs(code - std::round(code)) < 1e-4 ? 0 : step / 2;
}

Status Bench::open() {
  close();
  SEDMA_ASSIGN_OR_RETURN(device_, open_());
  return {};
}

void Bench::close() {
  spent_ = pulses();
  device_.reset();
}

double Bench::read_volts() const {
  return not_above(std::min(board.read_volts.max, device_->limits().max_read_volts.value_or(board.read_volts.max)));
}

double Bench::drive_volts() const {
  const Limits& limits = device_->limits();
  double volts = std::min(board.read_volts.max, limits.max_read_volts.value_or(board.read_volts.max));
  if (limits.max_line_amps) volts = std::min(volts, *limits.max_line_amps / (32 * board.g_max_siemens));
  return volts;
}

Drive Bench::up() const {
  const Limits& limits = device_->limits();
  return {strongest(board.cell_volts, limits.max_cell_volts), strongest(board.gate_volts, limits.max_gate_volts),
          strongest(board.width_seconds, limits.max_width_seconds), strongest(board.compliance_amps, limits.max_compliance_amps)};
}

Drive Bench::down() const {
  Drive drive = up();
  const Range negative{-board.cell_volts.max, -board.cell_volts.min, board.cell_volts.step};
  if (!board.cell_volts.empty() && board.cell_volts.min < 0) drive.cell_volts = -strongest(negative, device_->limits().max_cell_volts);
  return drive;
}

std::uint64_t mix(std::uint64_t value) {  // splitmix64's finaliser
  value += 0x9E3779B97F4A7C15u;
  value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9u;
  value = (value ^ (value >> 27)) * 0x94D049BB133111EBu;
  return value ^ (value >> 31);
}

std::vector<float> pattern(const Capabilities& board, const Window& at, std::uint64_t salt) {
  std::vector<float> target(at.size());
  for (std::size_t i = 0; i < target.size(); ++i)
    target[i] = on_levels(board, static_cast<double>(mix(salt * 0x10001 + i) >> 11) * 0x1p-53);
  return target;
}

std::vector<float> flat(const Capabilities& board, const Window& at, double fraction_of_range) {
  return std::vector<float>(at.size(), on_levels(board, fraction_of_range));
}

Program make_program(const Bench& bench, const Window& at, Written& written, const Effort& effort) {
  const Tolerances& allowed = bench.tolerances;
  written.tolerance_siemens =
      static_cast<float>(effort.fine ? allowed.program_siemens : std::max(allowed.program_siemens, 0.02 * bench.board.g_range_siemens()));
  written.readback.assign(at.size(), -1.0f);
  written.pulses.assign(at.size(), 0);
  written.outcome.assign(at.size(), Outcome::masked);
  Program p;
  p.array = at.array;
  p.siemens = {written.target.data(), at.rows, at.cols};
  p.row = at.row;
  p.col = at.col;
  p.tolerance_siemens = written.tolerance_siemens;
  p.passes = effort.passes != 0 ? effort.passes : (effort.fine ? 100 : 20);
  p.max_pulses_per_cell = effort.most_pulses != 0 ? effort.most_pulses : most_pulses(bench.board);
  p.erase = effort.erase;
  p.stream = test_stream;
  if (effort.mask != nullptr) p.mask = {effort.mask, at.rows, at.cols};
  p.readback_siemens = {written.readback.data(), at.rows, at.cols};
  p.pulses = {written.pulses.data(), at.rows, at.cols};
  p.outcome = {written.outcome.data(), at.rows, at.cols};
  return p;
}

Result<Written> write(Bench& bench, const Window& at, std::vector<float> target, const Effort& effort) {
  Written written;
  written.target = std::move(target);
  const Program program = make_program(bench, at, written, effort);
  auto done = bench.board.has(Feature::verify_on_board)
                  ? bench.device().run(program, patience)
                  : write_verify(
                        bench.device(), program, bench.up(), bench.down(), bench.read_volts(),
                        [&](float from, float to) { return linear_pulses(bench.board, from, to); }, patience);
  if (!done.ok())
    return done.status().with_context(fmt::format("programming a {} x {} window at ({}, {})", at.rows, at.cols, at.row, at.col));
  written.completion = *done;
  return written;
}

double linear_pulses(const Capabilities& board, float from_siemens, float to_siemens) {
  return (static_cast<double>(to_siemens) - static_cast<double>(from_siemens)) / board.g_range_siemens() * ramp_pulses(board);
}

}  // namespace sedma::hal::conformance

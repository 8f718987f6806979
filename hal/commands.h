#pragma once
// What a crossbar device is and what it can be asked to do. Rows are word lines (inputs, volts), columns bit lines (outputs, amps).

#include <compare>
#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "hal/status.h"
#include "hal/view.h"

namespace sedma::hal {

struct ArrayId {
  std::uint32_t value = 0;
  auto operator<=>(const ArrayId&) const = default;
};

/// The values a knob can take: min == max means fixed; an empty range (min > max) means the board has no such knob. SI units.
struct Range {
  double min = 1, max = 0, step = 0;  ///< step 0: continuous
  bool empty() const noexcept { return !(min <= max); }
  bool contains(double v) const noexcept { return v >= min && v <= max; }
};

enum class Cell : std::uint8_t { one_r, one_t_one_r, one_t_n_r };
enum class Unselected : std::uint8_t { ground, floating, half, third };

enum class Feature : std::uint32_t {
  verify_on_board = 1,   ///< runs Program by itself; without it use hal/verify.h
  parallel_arrays = 2,   ///< arrays work at the same time
  transpose = 4,         ///< Mvm with volts on the bit lines
  deterministic = 8,     ///< same seed, same bits
  measures_energy = 16,  ///< joules are measured, not modelled
  raw_pulses = 32,       ///< accepts Pulse
  senses_temperature = 64,
  physical = 128,         ///< a chip can be harmed: Program and Pulse need limits
  analog_subtract = 256,  ///< Sense::pair and Sense::reference: lines are subtracted before the converter
  line_drop = 512,        ///< products see resistance that Read does not: what a tile computes is known by multiplying unit vectors
};

/// How the currents of the bit lines reach the converters.
enum class Sense : std::uint8_t {
  single,     ///< every bit line has its own conversion: amps [batch, cols]
  pair,       ///< bit lines 2j and 2j+1 are subtracted, then converted: amps [batch, cols / 2]
  reference,  ///< the last bit line of the window is subtracted from each other one: amps [batch, cols - 1]
};

/// Fixed for the life of a device.
struct Capabilities {
  std::string board_id, material;
  Cell cell = Cell::one_t_one_r;
  Unselected unselected = Unselected::ground;
  std::uint32_t arrays = 0, rows = 0, cols = 0;
  std::uint32_t levels = 0;                     ///< distinguishable conductance levels; 0: analog
  std::uint32_t erase_pulses = 0;               ///< most pulses that an erase gives a cell, one full ramp down; 0: as many as levels
  double g_min_siemens = 0, g_max_siemens = 0;  ///< terminal conductance at the read voltage, access transistor included
  Range cell_volts, gate_volts, read_volts, width_seconds, compliance_amps;
  std::uint8_t dac_bits = 0, adc_bits = 0;  ///< 0: ideal converter
  std::uint32_t features = 0;               ///< bits of Feature
  bool has(Feature f) const noexcept { return (features & static_cast<std::uint32_t>(f)) != 0; }
  double g_range_siemens() const noexcept { return g_max_siemens - g_min_siemens; }
  /// Pulses of an erase at most; 0: an analog board that does not say.
  std::uint32_t ramp_down() const noexcept { return erase_pulses != 0 ? erase_pulses : levels; }
};

/// The shape of one pulse. gate_volts and compliance_amps are 0 where the board has no such knob.
struct Drive {
  float cell_volts = 0, gate_volts = 0, width_seconds = 0, compliance_amps = 0;
};

/// Energy of the device by where it went, in joules.
struct Joules {
  double cells = 0, lines = 0, dac = 0, adc = 0, verify = 0;
  double total() const noexcept { return cells + lines + dac + adc + verify; }
  Joules& operator+=(const Joules& other) noexcept;
};

/// What a command cost on the device (not on the host).
struct Stats {
  double seconds = 0;
  Joules joules;
  std::uint64_t pulses = 0, conversions = 0;
  std::int64_t begin_utc_ns = 0, end_utc_ns = 0;
  double device_time_seconds = 0;                  ///< the device's own clock at the end of the command
  Stats& operator+=(const Stats& other) noexcept;  ///< adds costs; keeps the widest interval and the latest clock
};

enum class Outcome : std::uint8_t { converged, too_low, too_high, masked, out_of_budget };

/// How write-verify chooses its pulses: identical pulses, `step_fraction` of the number that the inverse pulse response asks for (at least
/// 1).
struct Schedule {
  float step_fraction = 0.3f;  ///< (0, 1]
};

/// Write-verify of a window to target terminal conductances.
struct Program {
  ArrayId array;
  View<const float> siemens;              ///< targets [rows, cols], finite; within [g_min, g_max] where not masked
  std::uint32_t row = 0, col = 0;         ///< first word line and bit line of the window
  float tolerance_siemens = 0;            ///< stop when |read - target| <= tolerance; > 0
  std::uint32_t passes = 1;               ///< read-compare-pulse rounds at most; >= 1
  std::uint32_t max_pulses_per_cell = 0;  ///< >= 1; a cell that would need more is out_of_budget
  Schedule schedule;
  bool erase = false;  ///< first bring every (unmasked) cell of the window to its G_min; the pulses for that are counted, not limited by
                       ///< max_pulses_per_cell but at most one full ramp (Capabilities::ramp_down()) a cell
  std::uint64_t stream = 0;       ///< names this programming; identity=tile draws all its randomness from it
  View<const std::uint8_t> mask;  ///< optional [rows, cols]: nonzero cells are left alone (outcome masked)
  View<float> readback_siemens;   ///< optional [rows, cols]: terminal conductance found by the last read of each cell
  View<std::uint32_t> pulses;     ///< optional [rows, cols]
  View<Outcome> outcome;          ///< optional [rows, cols]
};

/// Raw pulses: n > 0 gives n pulses of `up` (SET), n < 0 gives |n| pulses of `down` (RESET). For benches, calibration, hal/verify.
struct Pulse {
  ArrayId array;
  View<const std::int32_t> pulses;  ///< [rows, cols]
  std::uint32_t row = 0, col = 0;
  Drive up, down;
};

/// Cell-by-cell read of terminal conductances.
struct Read {
  ArrayId array;
  View<float> siemens;  ///< [repeats * rows, cols], repeat after repeat
  std::uint32_t row = 0, col = 0;
  std::uint32_t rows = 0, cols = 0;
  double volts = 0;  ///< within read_volts; not 0
  std::uint32_t repeats = 1, discard = 0;
  double interval_seconds = 0;  ///< from the start of one repeat to the next, timed by the device
  std::uint64_t stream = 0;     ///< read noise is drawn from it (identity=tile)
};

/// amps = siemens^T volts on a window of one array, a batch of vectors in one submission. Rows outside the window are grounded.
struct Mvm {
  ArrayId array;
  std::uint32_t row = 0, col = 0, rows = 0, cols = 0;  ///< the window; rows are driven, columns sensed (the other way when transposed)
  View<const float> volts;                             ///< [batch, rows] ([batch, cols] when transposed), each within read_volts or 0
  View<float> amps;                                    ///< [batch, outputs], outputs by `sense`; transposed: [batch, rows], single only
  std::span<const float> full_scale_amps;  ///< of each output's converter, > 0: [outputs], or [1] for all; ignored with an ideal ADC
  Sense sense = Sense::single;
  bool transpose = false;
  std::uint64_t stream = 0;  ///< names the programming that is read
  std::uint64_t vector = 0;  ///< ordinal of the first vector of `volts`: vector v of the batch draws the noise of ordinal vector + v
};

/// Lets time pass: an emulator advances its clock, a board waits.
struct Idle {
  double seconds = 0;
};

struct Reading {
  std::string name;
  double value = 0;  ///< NaN: unknown
  std::string unit;
};

/// Reads the board's own sensors and its self-test at 0 V.
struct SelfTest {
  std::vector<Reading>* readings = nullptr;
};

using Command = std::variant<Program, Pulse, Read, Mvm, Idle, SelfTest>;

/// "program", "pulse", "read", "mvm", "idle", "self_test".
std::string_view name(const Command& command) noexcept;

struct Completion {
  Stats stats;
  std::uint64_t unconverged = 0;  ///< cells of a Program that missed their target; masked cells are not counted
  double temperature_kelvin = std::numeric_limits<double>::quiet_NaN();  ///< NaN: unknown
};

}  // namespace sedma::hal

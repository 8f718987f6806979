#pragma once
// The options of an emulator URI, checked.

#include <cstdint>
#include <optional>

#include "backends/emulator/emulator.h"
#include "hal/device.h"
#include "kernels/crossbar.h"
#include "kernels/fluctuation.h"
#include "kernels/pulses.h"
#include "kernels/relaxation.h"
#include "kernels/wires.h"

namespace sedma::backends::emulator {

enum class Identity : std::uint8_t { tile, board };
enum class WireModel : std::uint8_t { none, exact, series };

struct Options {
  kernels::CellModel model;
  std::uint32_t arrays = 0, rows = 0, cols = 0;
  std::uint8_t adc_bits = 0, dac_bits = 0;
  Identity identity = Identity::tile;
  bool threads = true;
  bool ideal_writing = false;
  WireModel wire_model = WireModel::none;
  kernels::Wires wires;
  kernels::Relaxation relaxation;
  kernels::Fluctuation fluctuation;
  std::optional<double> age_seconds;  ///< of every cell at every read and product; nothing: the device's clock says
  double kelvin = 300;
  double cubic_per_square_volt = 0;
  double adc_gain_spread = 0, adc_offset_spread = 0;
  kernels::Path path = kernels::Path::floating;
  EmulatorAssumptions assumptions;

  kernels::Key seed() const noexcept { return {assumptions.seed}; }
  std::size_t cells() const noexcept { return static_cast<std::size_t>(rows) * cols; }  ///< of one array
  kernels::Converters converters() const noexcept;
  kernels::ReadNoise noise() const noexcept;
  bool wired() const noexcept { return wire_model != WireModel::none; }
  bool ages() const noexcept { return relaxation.on() || fluctuation.on(); }  ///< cells change by themselves
  /// Largest terminal conductance that a cell of this board can show: the end of the number grid of Path::integer.
  double full_siemens() const noexcept;
  /// A bound on it that no random number breaks.
  double most_siemens() const noexcept;
  /// Memory that an array takes once it is written or multiplied.
  std::size_t bytes_per_cell() const noexcept;

 private:
  double relaxed_siemens(double sigmas) const noexcept;
  double slow_factor(double sigmas) const noexcept;
};

/// Errors: as emulator_driver().
Result<Options> parse_options(hal::Uri uri);
/// The board that the options describe.
hal::Capabilities capabilities_of(const Options& options);

/// The parts of parse_options: each takes its keys.
Status take_wires(hal::Uri& uri, Options& options);
Status take_time(hal::Uri& uri, Options& options);
Status take_path(hal::Uri& uri, Options& options);

}  // namespace sedma::backends::emulator

#pragma once
// The options of an emulator URI, checked.

#include <cstdint>

#include "backends/emulator/emulator.h"
#include "hal/device.h"
#include "kernels/crossbar.h"
#include "kernels/pulses.h"

namespace sedma::backends::emulator {

enum class Identity : std::uint8_t { tile, board };

struct Options {
  kernels::CellModel model;
  std::uint32_t arrays = 0, rows = 0, cols = 0;
  std::uint8_t adc_bits = 0, dac_bits = 0;
  Identity identity = Identity::tile;
  bool threads = true;
  EmulatorAssumptions assumptions;

  kernels::Key seed() const noexcept { return {assumptions.seed}; }
  std::size_t cells() const noexcept { return static_cast<std::size_t>(rows) * cols; }  ///< of one array
  kernels::Converters converters() const noexcept;
};

/// Errors: as emulator_driver().
Result<Options> parse_options(hal::Uri uri);
/// The board that the options describe.
hal::Capabilities capabilities_of(const Options& options);

}  // namespace sedma::backends::emulator

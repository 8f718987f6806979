#pragma once
// What a device is taken for: its cells, converters and costs, published, calibrated or assumed. Prior predictions and dry runs use it.

#include <cstdint>
#include <string>

#include "hal/commands.h"
#include "kernels/pulses.h"
#include "kernels/relaxation.h"

namespace sedma::runtime {

struct DeviceModel {
  std::string name;  ///< "published", or the id of a calibration profile
  kernels::CellModel cell;
  double adc_joules = 0, adc_seconds = 0, dac_joules = 0;  ///< of one conversion, one driven line
  std::uint32_t columns_per_adc = 8;
  double wire_farads = 0;   ///< per cell of a line
  double most_siemens = 0;  ///< no cell ever shows more (worst cases)
  double cubic_per_square_volt = 0;
  bool ideal_writing = false;
  double wire_ohms_per_cell = 0;  ///< where lines drop; 0: none
  // What time does to written cells: the change of a conductance has an sd of per_decade * sqrt(log10(1 + t / start_seconds)), fraction of
  // the range.
  double relaxation_per_decade = 0, relaxation_start_seconds = 0;
};

/// The published parameters of capabilities.material with the usual converter assumptions (25 fJ and 10 fJ times 2^bits, 1 ns a bit, 8
/// columns for one converter). Errors: invalid_argument (no published material of that name: lists those there are).
Result<DeviceModel> published_model(const hal::Capabilities& capabilities);

/// The mean over levels of a relaxation law, at a temperature.
void set_relaxation(const kernels::Relaxation& law, double kelvin, DeviceModel& model) noexcept;

}  // namespace sedma::runtime

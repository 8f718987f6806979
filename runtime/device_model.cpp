#include "runtime/device_model.h"

#include <cmath>

namespace sedma::runtime {

Result<DeviceModel> published_model(const hal::Capabilities& capabilities) {
  constexpr double adc_joules_per_code = 25e-15, dac_joules_per_code = 10e-15, adc_seconds_per_bit = 1e-9;
  DeviceModel model;
  model.name = "published";
  SEDMA_ASSIGN_OR_RETURN(model.cell.material, kernels::find_material(capabilities.material));
  model.cell.series_ohms = capabilities.cell == hal::Cell::one_r ? 0 : kernels::access_transistor_ohms;
  model.adc_joules = capabilities.adc_bits == 0 ? 0 : adc_joules_per_code * std::ldexp(1.0, capabilities.adc_bits);
  model.adc_seconds = capabilities.adc_bits * adc_seconds_per_bit;
  model.dac_joules = capabilities.dac_bits == 0 ? 0 : dac_joules_per_code * std::ldexp(1.0, capabilities.dac_bits);
  model.wire_farads = kernels::wire_farads_per_cell;
  model.most_siemens = kernels::terminal_siemens(model.cell.material.g_max_siemens, model.cell.series_ohms);
  model.wire_ohms_per_cell = capabilities.has(hal::Feature::line_drop) ? kernels::wire_ohms_per_cell : 0;
  return model;
}

void set_relaxation(const kernels::Relaxation& law, double kelvin, DeviceModel& model) noexcept {
  model.relaxation_per_decade = model.relaxation_start_seconds = 0;
  if (!law.on()) return;
  // Of cells at levels spread evenly.
  double squares = 0, width = 0;
  for (std::size_t i = 0; i + 1 < law.sd.level.size(); ++i) {
    const double a = law.sd.value[i], b = law.sd.value[i + 1], step = law.sd.level[i + 1] - law.sd.level[i];
    squares += step * (a * a + a * b + b * b) / 3;
    width += step;
  }
  model.relaxation_per_decade = std::sqrt(squares / width);
  // Heat makes time run faster, so that the change begins sooner.
  const double at_start = std::pow(10.0, kernels::relaxation_decades(law, law.t0_seconds, kelvin)) - 1;
  model.relaxation_start_seconds = law.t0_seconds / at_start;
}

}  // namespace sedma::runtime

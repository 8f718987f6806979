#pragma once
// The four published RRAM materials. Source: NeuroSim device files as used by MELISO (model parameters, not measurements).

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "hal/status.h"

namespace sedma::kernels {

/// A material's parameters. Conductances here are those of the bare cell, without the access transistor.
struct Material {
  std::string_view name;
  double g_max_siemens, g_min_siemens;
  std::uint32_t levels_up, levels_down;  ///< pulses from G_min to G_max (LTP) and back (LTD)
  double a_up_pulses, a_down_pulses;     ///< A of the pulse response, in pulses (label's A/N times levels); negative: concave the other way
  double sigma_c2c;                      ///< cycle-to-cycle noise, fraction of the range per sqrt(pulse)
  double write_up_volts, write_down_volts, write_width_seconds;
  double read_volts, read_seconds;
};

/// Ag-aSi, AlOx-HfO2, EpiRAM, TaOx-HfOx.
std::span<const Material> published_materials() noexcept;
/// By name, ASCII case ignored. Errors: invalid_argument listing the names there are.
Result<Material> find_material(std::string_view name);

inline constexpr double access_transistor_ohms = 15e3;
inline constexpr double wire_ohms_per_cell = 0.237;
inline constexpr double wire_farads_per_cell = 0.2e-15;

/// Terminal conductance of a cell with a series resistance: G / (1 + G R).
inline double terminal_siemens(double g, double series_ohms) noexcept { return g / (1 + g * series_ohms); }
/// The inverse: bare conductance of a cell whose terminal conductance is `t` (t R < 1).
inline double bare_siemens(double t, double series_ohms) noexcept { return t / (1 - t * series_ohms); }

}  // namespace sedma::kernels

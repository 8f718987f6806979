#pragma once
// What the measured products multiply: conductances as a programmed array has them, and input vectors.

#include <cstddef>
#include <vector>

#include "kernels/materials.h"

namespace sedma::bench {

inline constexpr double read_noise = 0.02;                                ///< sd of one read of a cell / its conductance
inline constexpr double device_to_device = 0.05, stuck_fraction = 0.002;  ///< as kernels::CellModel
inline constexpr float volts_max = 0.5f;                                  ///< of the DAC
inline constexpr unsigned converter_bits = 8;                             ///< of the DAC and the ADC

/// TaOx-HfOx, the material of all measured products.
const kernels::Material& material();
/// Terminal conductance behind the access transistor of the material's G_max cell, times 1 + 4 device_to_device: no cell is above it.
double full_siemens();

/// Terminal conductances [rows, cols], siemens: uniform between each cell's own G_min and G_max (device-to-device spread of both), a few
/// cells stuck at one of the two; a function of the shape.
std::vector<float> make_cells(std::size_t rows, std::size_t cols);
/// Vectors [batch, rows], uniform in +-volts_max.
std::vector<float> make_volts(std::size_t batch, std::size_t rows);
/// Converter ranges [cols], amps: five standard deviations of the current of a line of random cells, a little different for each.
std::vector<float> make_full_scale(std::size_t rows, std::size_t cols);

}  // namespace sedma::bench

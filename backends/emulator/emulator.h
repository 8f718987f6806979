#pragma once
// The software crossbar board: the published materials behind the device interface.

#include <cstdint>
#include <optional>
#include <string>

#include "hal/registry.h"

namespace sedma::backends {

/// The driver of `emulator:MATERIAL?key=value&...`, MATERIAL one of kernels::published_materials(). Options (defaults):
///   arrays=256 rows=256 cols=256       size of the board; each 1..65536, one array must fit into the host's memory
///   seed=1                             of every random number
///   adc_bits=8 dac_bits=8              0: ideal; 2..16
///   c2c=on                             cycle-to-cycle noise of writing
///   c2c_scale=1                        its sd / the published one, 0..4
///   nonlinearity=1                     how much more bent the pulse response is than published, up and down: A is divided by it; 0.1..3.
///                                      These two make a board that is not what its material's name promises
///   ideal_writing=off                  on: Program puts every cell on its target (within the cell's own range, stuck cells aside) without
///                                      pulses, noise or cost: for error budgets
///   transistor=on                      15 kOhm access transistor in series
///   read_noise=0 d2d=0 stuck=0         fractions 0..1: sd of a read / conductance, spread between cells, stuck cells
///   read_noise_floor=0                 sd of a read that does not depend on the conductance, fraction of the range
///   wires=none|exact|series            line resistance: none; the whole network solved exactly, once per programming; the published
///                                      per-cell series model. wire_ohms=0.237 per cell of line, source_ohms=0, sense_ohms=0 at the ends
///   relaxation=none|techC              what time does to written cells (measured RRAM, technology C); activation_ev=E lets temperature=300
///                                      (kelvin) speed it up by Arrhenius' law
///   slow_noise=none|techA              measured 1/f noise of technology A, instead of flicker= and rtn=
///   flicker=0                          1/f noise: sd / conductance of flicker_octaves=20 octaves from flicker_seconds=1e-3 up, spectrum
///                                      f^-flicker_slope (1)
///   rtn=0                              fraction of cells with random telegraph noise: rtn_amplitude=0.1 of the conductance,
///   rtn_seconds=1e-3 age=SECONDS                        every read and product finds every cell that old; without it the device's clock
///   runs: commands
///                                      take their time, Idle lets it pass
///   iv_cubic=0                         k of I = G V (1 + k V^2), per square volt
///   adc_gain=0 adc_offset=0            sd of the converters' gain error, and of their offset / full scale, one each per bit line
///   path=auto|integer|float            how products are computed: exact integers where dac_bits is 2 to 8 (auto), where a cell counts in
///                                      steps of 1/32767 of the largest conductance, or floats
///   identity=tile|board                what the random numbers of a cell follow (EmulatorAssumptions); a board with read noise is not
///                                      Feature::deterministic: its products draw anew each time
///   lanes=threads|inline               worker threads, min(arrays, OpenMP's threads), or the caller's thread
///   adc_joules_per_code=25e-15 adc_seconds_per_bit=1e-9 columns_per_adc=8 dac_joules_per_code=10e-15 wire_farads=0.2e-15
/// Errors: invalid_argument (no such material or option: lists what exists; a value: names option, value and what is accepted; an option
/// that says nothing without another), unsupported (options that exclude each other), out_of_range (an array larger than the host's
/// memory).
hal::Registry::Driver emulator_driver();

/// What the emulator takes for granted and no device measured: to be stated beside every result.
struct EmulatorAssumptions {
  double adc_joules_per_code = 0;  ///< a conversion takes this times 2^bits
  double adc_seconds_per_bit = 0;  ///< a conversion takes this times bits
  std::uint32_t columns_per_adc = 0;
  double dac_joules_per_code = 0;                          ///< a driven line takes this times 2^bits
  double wire_farads = 0;                                  ///< per cell of a line
  double adc_joules = 0, adc_seconds = 0, dac_joules = 0;  ///< of one conversion and one driven line with this board's bits; ideal: 0
  double transistor_ohms = 0;                              ///< 0: none
  double read_volts = 0, read_seconds = 0;
  double write_up_volts = 0, write_down_volts = 0, write_width_seconds = 0;
  bool cycle_to_cycle = true, ideal_writing = false;
  double sigma_c2c = 0;     ///< fraction of the range per sqrt(pulse); 0: none
  double nonlinearity = 1;  ///< published A of the pulse response / this board's
  double read_noise = 0, device_to_device = 0, stuck_fraction = 0;
  double read_floor_siemens = 0;
  std::string wires;  ///< "none", "exact", "series"
  double wire_ohms_per_cell = 0, source_ohms = 0, sense_ohms = 0;
  std::string relaxation;             ///< "none", or whose
  double activation_ev = 0;           ///< 0: temperature changes nothing
  std::string slow_noise;             ///< measured set, or empty
  std::optional<double> age_seconds;  ///< nothing: the device's clock
  double kelvin = 300;
  double flicker = 0, telegraph_fraction = 0;
  double cubic_per_square_volt = 0;
  double adc_gain_spread = 0, adc_offset_spread = 0;
  std::string path;               ///< "integer" or "float"
  double entry_step_siemens = 0;  ///< integer: products round every cell's conductance to a multiple of this
  double most_siemens = 0;        ///< no cell of this board ever shows a larger terminal conductance, whatever its random numbers are
  std::string identity;  ///< "tile": randomness follows Program.stream and the cell's place in its window; "board": the physical cell
  std::uint64_t seed = 0;
};

/// The assumptions of `device` if it is an emulator itself; nothing if it is another board, or an emulator wrapped in one.
std::optional<EmulatorAssumptions> assumptions(const hal::Device& device);

}  // namespace sedma::backends

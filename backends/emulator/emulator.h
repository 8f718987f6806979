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
///   transistor=on                      15 kOhm access transistor in series
///   read_noise=0 d2d=0 stuck=0         fractions 0..1: sd of a read / conductance, spread between cells, stuck cells
///   identity=tile|board                what the random numbers of a cell follow (EmulatorAssumptions); a board with read noise is not
///                                      Feature::deterministic: its products draw anew each time
///   lanes=threads|inline               worker threads, min(arrays, OpenMP's threads), or the caller's thread
///   adc_joules_per_code=25e-15 adc_seconds_per_bit=1e-9 columns_per_adc=8 dac_joules_per_code=10e-15 wire_farads=0.2e-15
/// Errors: invalid_argument (no such material or option: lists what exists; a value: names option, value and what is accepted),
/// out_of_range (an array larger than the host's memory).
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
  bool cycle_to_cycle = true;
  double read_noise = 0, device_to_device = 0, stuck_fraction = 0;
  std::string identity;  ///< "tile": randomness follows Program.stream and the cell's place in its window; "board": the physical cell
  std::uint64_t seed = 0;
};

/// The assumptions of `device` if it is an emulator itself; nothing if it is another board, or an emulator wrapped in one.
std::optional<EmulatorAssumptions> assumptions(const hal::Device& device);

}  // namespace sedma::backends

#include "backends/emulator/options.h"

#include <unistd.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

namespace sedma::backends::emulator {
namespace {

constexpr std::uint64_t most = 65536;  // rows * cols cells of an array are numbered in 32 bits

const std::vector<std::string> known_options = {"activation_ev",
                                                "adc_bits",
                                                "adc_gain",
                                                "adc_joules_per_code",
                                                "adc_offset",
                                                "adc_seconds_per_bit",
                                                "age",
                                                "arrays",
                                                "c2c",
                                                "c2c_scale",
                                                "cols",
                                                "columns_per_adc",
                                                "d2d",
                                                "dac_bits",
                                                "dac_joules_per_code",
                                                "flicker",
                                                "flicker_octaves",
                                                "flicker_seconds",
                                                "flicker_slope",
                                                "ideal_writing",
                                                "identity",
                                                "iv_cubic",
                                                "lanes",
                                                "nonlinearity",
                                                "path",
                                                "read_noise",
                                                "read_noise_floor",
                                                "relaxation",
                                                "rows",
                                                "rtn",
                                                "rtn_amplitude",
                                                "rtn_seconds",
                                                "seed",
                                                "sense_ohms",
                                                "slow_noise",
                                                "source_ohms",
                                                "stuck",
                                                "temperature",
                                                "transistor",
                                                "wire_farads",
                                                "wire_ohms",
                                                "wires"};

Result<std::uint8_t> take_bits(hal::Uri& uri, const std::string& key) {
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t bits, uri.take_unsigned(key, 8, 0, 16));
  if (bits == 1) {
    return fail(Code::invalid_argument, "option {}=1: a bipolar converter of 1 bit has the code 0 only; 0 (ideal) or 2 to 16 are accepted",
                key);
  }
  return static_cast<std::uint8_t>(bits);
}

Status take_size(hal::Uri& uri, Options& options) {
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t arrays, uri.take_unsigned("arrays", 256, 1, most));
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t rows, uri.take_unsigned("rows", 256, 1, most));
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t cols, uri.take_unsigned("cols", 256, 1, most));
  options.arrays = static_cast<std::uint32_t>(arrays);
  options.rows = static_cast<std::uint32_t>(rows);
  options.cols = static_cast<std::uint32_t>(cols);
  return {};
}

// Arrays are made when they are first written, so the board may be larger than the memory; an array may not.
Status check_memory(const Options& options) {
  const std::uint64_t needed = options.cells() * options.bytes_per_cell();
  const std::uint64_t memory = static_cast<std::uint64_t>(sysconf(_SC_PHYS_PAGES)) * static_cast<std::uint64_t>(sysconf(_SC_PAGESIZE));
  if (needed <= memory) return {};
  return fail(Code::out_of_range, "options rows={}, cols={}: an array takes {} bytes; this host has {}", options.rows, options.cols, needed,
              memory);
}

// A board whose cells are not what its material's published numbers say.
Status take_response(hal::Uri& uri, Options& options) {
  kernels::CellModel& model = options.model;
  SEDMA_ASSIGN_OR_RETURN(model.cycle_to_cycle, uri.take_switch("c2c", true));
  if (const auto scale = uri.options().find("c2c_scale"); scale != uri.options().end() && !model.cycle_to_cycle)
    return fail(Code::invalid_argument, "option c2c_scale={} says nothing with c2c=off", scale->second);
  SEDMA_ASSIGN_OR_RETURN(const double c2c_scale, uri.take_number("c2c_scale", 1, 0, 4));
  model.material.sigma_c2c *= c2c_scale;
  SEDMA_ASSIGN_OR_RETURN(options.assumptions.nonlinearity, uri.take_number("nonlinearity", 1, 0.1, 3));
  model.material.a_up_pulses /= options.assumptions.nonlinearity;
  model.material.a_down_pulses /= options.assumptions.nonlinearity;
  return {};
}

Status take_physics(hal::Uri& uri, Options& options) {
  kernels::CellModel& model = options.model;
  SEDMA_ASSIGN_OR_RETURN(const bool transistor, uri.take_switch("transistor", true));
  SEDMA_RETURN_IF_ERROR(take_response(uri, options));
  SEDMA_ASSIGN_OR_RETURN(options.ideal_writing, uri.take_switch("ideal_writing", false));
  SEDMA_ASSIGN_OR_RETURN(model.read_noise, uri.take_number("read_noise", 0, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(model.device_to_device, uri.take_number("d2d", 0, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(model.stuck_fraction, uri.take_number("stuck", 0, 0, 1));
  model.series_ohms = transistor ? kernels::access_transistor_ohms : 0;
  SEDMA_ASSIGN_OR_RETURN(const double floor, uri.take_number("read_noise_floor", 0, 0, 1));
  const double g_max = kernels::terminal_siemens(model.material.g_max_siemens, model.series_ohms);
  model.read_floor_siemens = floor * (g_max - kernels::terminal_siemens(model.material.g_min_siemens, model.series_ohms));
  return {};
}

Status take_converters(hal::Uri& uri, Options& options) {
  SEDMA_ASSIGN_OR_RETURN(options.adc_bits, take_bits(uri, "adc_bits"));
  SEDMA_ASSIGN_OR_RETURN(options.dac_bits, take_bits(uri, "dac_bits"));
  EmulatorAssumptions& a = options.assumptions;
  SEDMA_ASSIGN_OR_RETURN(a.adc_joules_per_code, uri.take_number("adc_joules_per_code", 25e-15, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(a.adc_seconds_per_bit, uri.take_number("adc_seconds_per_bit", 1e-9, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(a.dac_joules_per_code, uri.take_number("dac_joules_per_code", 10e-15, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(a.wire_farads, uri.take_number("wire_farads", kernels::wire_farads_per_cell, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t columns, uri.take_unsigned("columns_per_adc", 8, 1, most));
  a.columns_per_adc = static_cast<std::uint32_t>(columns);
  a.adc_joules = options.adc_bits == 0 ? 0 : a.adc_joules_per_code * std::ldexp(1.0, options.adc_bits);
  a.adc_seconds = options.adc_bits * a.adc_seconds_per_bit;
  a.dac_joules = options.dac_bits == 0 ? 0 : a.dac_joules_per_code * std::ldexp(1.0, options.dac_bits);
  return {};
}

Status take_running(hal::Uri& uri, Options& options) {
  SEDMA_ASSIGN_OR_RETURN(options.assumptions.seed, uri.take_unsigned("seed", 1, 0, UINT64_MAX));
  SEDMA_ASSIGN_OR_RETURN(const std::string lanes, uri.take_choice("lanes", "threads", {"inline", "threads"}));
  SEDMA_ASSIGN_OR_RETURN(options.assumptions.identity, uri.take_choice("identity", "tile", {"tile", "board"}));
  options.threads = lanes == "threads";
  options.identity = options.assumptions.identity == "board" ? Identity::board : Identity::tile;
  return {};
}

void copy_model(const Options& options, EmulatorAssumptions& a) {
  const kernels::CellModel& model = options.model;
  a.transistor_ohms = model.series_ohms;
  a.read_volts = model.material.read_volts;
  a.read_seconds = model.material.read_seconds;
  a.write_up_volts = model.material.write_up_volts;
  a.write_down_volts = model.material.write_down_volts;
  a.write_width_seconds = model.material.write_width_seconds;
  a.cycle_to_cycle = model.cycle_to_cycle;
  a.sigma_c2c = model.cycle_to_cycle ? model.material.sigma_c2c : 0;
  a.ideal_writing = options.ideal_writing;
  a.read_noise = model.read_noise;
  a.device_to_device = model.device_to_device;
  a.stuck_fraction = model.stuck_fraction;
  a.read_floor_siemens = model.read_floor_siemens;
  constexpr const char* models[] = {"none", "exact", "series"};
  a.wires = models[static_cast<std::size_t>(options.wire_model)];
  a.wire_ohms_per_cell = options.wires.word_ohms_per_cell;
  a.source_ohms = options.wires.source_ohms;
  a.sense_ohms = options.wires.sense_ohms;
  a.relaxation = std::string(options.relaxation.name);
  a.activation_ev = options.relaxation.activation_ev;
  a.age_seconds = options.age_seconds;
  a.kelvin = options.kelvin;
  a.slow_noise = std::string(options.fluctuation.name);
  a.flicker = options.fluctuation.flicker.relative;
  a.telegraph_fraction = options.fluctuation.telegraph.fraction;
  a.cubic_per_square_volt = options.cubic_per_square_volt;
  a.adc_gain_spread = options.adc_gain_spread;
  a.adc_offset_spread = options.adc_offset_spread;
  a.path = options.path == kernels::Path::integer ? "integer" : "float";
  a.entry_step_siemens = options.path == kernels::Path::integer ? options.full_siemens() / kernels::grid_codes : 0;
  a.most_siemens = options.most_siemens();
}

}  // namespace

kernels::Converters Options::converters() const noexcept { return {dac_bits, adc_bits, static_cast<float>(model.material.read_volts)}; }

kernels::ReadNoise Options::noise() const noexcept { return {model.read_noise, model.read_floor_siemens}; }

// A cell's own G_max, relaxed, where the spread's normals end at `sigmas`; its factors end at 5.
double Options::relaxed_siemens(double sigmas) const noexcept {
  const double spread = std::min(5.0, 1 + sigmas * model.device_to_device);
  const double relaxed = relaxation.on() ? kernels::relaxation_headroom : 1.0;
  return kernels::terminal_siemens(model.material.g_max_siemens * spread * relaxed, model.series_ohms);
}

// Slow noise at `sigmas` of all its octaves together.
double Options::slow_factor(double sigmas) const noexcept {
  const kernels::Flicker& flicker = fluctuation.flicker;
  const double loudest = *std::max_element(std::begin(flicker.amplitude.value), std::end(flicker.amplitude.value));
  return 1 + sigmas * flicker.relative * loudest + (fluctuation.telegraph.on() ? fluctuation.telegraph.amplitude / 2 : 0.0);
}

double Options::full_siemens() const noexcept { return relaxed_siemens(6.7) * slow_factor(6); }

// No normal that is drawn lies as far out as 6.8. Weights whose squares add up to 1 add up to the root of their number at most, all octaves
// being at their own end.
double Options::most_siemens() const noexcept {
  constexpr double most_sigmas = 6.8;
  return relaxed_siemens(most_sigmas) * slow_factor(most_sigmas * std::sqrt(static_cast<double>(fluctuation.flicker.octaves)));
}

std::size_t Options::bytes_per_cell() const noexcept {
  const std::size_t entry = path == kernels::Path::integer ? sizeof(std::int16_t) : sizeof(float);
  const std::size_t deviation = wired() && noise().on() ? sizeof(std::uint8_t) : 0;
  return sizeof(float) + entry + deviation + (ages() ? sizeof(std::uint16_t) : 0);
}

Result<Options> parse_options(hal::Uri uri) {
  Options options;
  SEDMA_ASSIGN_OR_RETURN(options.model.material, kernels::find_material(uri.target()));
  SEDMA_RETURN_IF_ERROR(take_size(uri, options));
  SEDMA_RETURN_IF_ERROR(take_physics(uri, options));
  SEDMA_RETURN_IF_ERROR(take_converters(uri, options));
  SEDMA_RETURN_IF_ERROR(take_running(uri, options));
  SEDMA_RETURN_IF_ERROR(take_wires(uri, options));
  SEDMA_RETURN_IF_ERROR(take_time(uri, options));
  SEDMA_RETURN_IF_ERROR(take_path(uri, options));
  SEDMA_RETURN_IF_ERROR(uri.expect_empty(known_options));
  SEDMA_RETURN_IF_ERROR(check_memory(options));
  copy_model(options, options.assumptions);
  return options;
}

hal::Capabilities capabilities_of(const Options& options) {
  const kernels::Material& material = options.model.material;
  hal::Capabilities board;
  board.board_id =
      fmt::format("emulator-{}-{}x{}x{}-seed{}", material.name, options.rows, options.cols, options.arrays, options.assumptions.seed);
  board.material = material.name;
  board.cell = options.model.series_ohms > 0 ? hal::Cell::one_t_one_r : hal::Cell::one_r;
  board.unselected = hal::Unselected::ground;
  board.arrays = options.arrays;
  board.rows = options.rows;
  board.cols = options.cols;
  board.levels = std::min(material.levels_up, material.levels_down);
  board.erase_pulses = material.levels_down;
  board.g_min_siemens = kernels::terminal_siemens(material.g_min_siemens, options.model.series_ohms);
  board.g_max_siemens = kernels::terminal_siemens(material.g_max_siemens, options.model.series_ohms);
  // The published response is that of identical pulses: two voltages and one width, which the steps say.
  board.cell_volts = {material.write_down_volts, material.write_up_volts, material.write_up_volts - material.write_down_volts};
  board.width_seconds = {0, material.write_width_seconds, material.write_width_seconds};
  board.read_volts = {-material.read_volts, material.read_volts, 0};
  board.dac_bits = options.dac_bits;
  board.adc_bits = options.adc_bits;
  const auto add = [&](hal::Feature feature) { board.features |= static_cast<std::uint32_t>(feature); };
  for (const hal::Feature feature : {hal::Feature::verify_on_board, hal::Feature::parallel_arrays, hal::Feature::transpose,
                                     hal::Feature::raw_pulses, hal::Feature::analog_subtract}) {
    add(feature);
  }
  if (options.wired()) add(hal::Feature::line_drop);
  if (options.ages()) add(hal::Feature::senses_temperature);
  // With identity=board the read noise of products follows a running count: the same vector asked for twice comes out different. So does
  // what follows the device's clock.
  const bool counted = options.identity == Identity::board && options.noise().on();
  const bool timed = options.ages() && (!options.age_seconds || (options.fluctuation.on() && options.identity == Identity::board));
  if (!counted && !timed) add(hal::Feature::deterministic);
  return board;
}

}  // namespace sedma::backends::emulator

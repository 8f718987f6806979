#include "cli/report.h"

#include <fmt/chrono.h>

#include <array>
#include <ctime>

#include "cli/units.h"
#include "hal/version.h"
#include "kernels/random.h"
#include "runtime/process.h"

namespace sedma::cli {
namespace {

// A knob that the board does not have is null.
Json range_json(const hal::Range& range) {
  if (range.empty()) return nullptr;
  return {{"min", range.min}, {"max", range.max}, {"step", range.step}};
}

const char* name(hal::Unselected unselected) noexcept {
  switch (unselected) {
    case hal::Unselected::ground: return "ground";
    case hal::Unselected::floating: return "floating";
    case hal::Unselected::half: return "half";
    case hal::Unselected::third: return "third";
  }
  return "unknown";
}

std::string converter_text(std::uint8_t bits, const char* what) {
  return bits == 0 ? fmt::format("ideal {}", what) : fmt::format("{}-bit {}", bits, what);
}

}  // namespace

const char* name(hal::Cell cell) noexcept {
  switch (cell) {
    case hal::Cell::one_r: return "1R";
    case hal::Cell::one_t_one_r: return "1T1R";
    case hal::Cell::one_t_n_r: return "1TnR";
  }
  return "unknown";
}

const char* name(kernels::Encoding encoding) noexcept { return encoding == kernels::Encoding::pair ? "pair" : "offset"; }
const char* name(runtime::Partition partition) noexcept {
  switch (partition) {
    case runtime::Partition::fixed: return "static";
    case runtime::Partition::grid: return "grid";
    case runtime::Partition::clustered: return "clustered";
  }
  return "unknown";
}

const char* name(kernels::Scale scale) noexcept { return scale == kernels::Scale::output ? "output" : "tile"; }

std::vector<std::string> feature_names(const hal::Capabilities& board) {
  using hal::Feature;
  constexpr std::array<std::pair<Feature, const char*>, 10> known = {{{Feature::verify_on_board, "verify_on_board"},
                                                                      {Feature::parallel_arrays, "parallel_arrays"},
                                                                      {Feature::transpose, "transpose"},
                                                                      {Feature::deterministic, "deterministic"},
                                                                      {Feature::measures_energy, "measures_energy"},
                                                                      {Feature::raw_pulses, "raw_pulses"},
                                                                      {Feature::senses_temperature, "senses_temperature"},
                                                                      {Feature::physical, "physical"},
                                                                      {Feature::analog_subtract, "analog_subtract"},
                                                                      {Feature::line_drop, "line_drop"}}};
  std::vector<std::string> names;
  for (const auto& [feature, text] : known)
    if (board.has(feature)) names.emplace_back(text);
  return names;
}

Json matrix_json(const runtime::MatrixSource& matrix) {
  return {{"name", matrix.name()}, {"rows", matrix.rows()}, {"cols", matrix.cols()}, {"nonzeros", matrix.nonzeros()}};
}

Json device_json(const hal::Capabilities& board) {
  return {{"board_id", board.board_id},
          {"material", board.material},
          {"cell", name(board.cell)},
          {"unselected", name(board.unselected)},
          {"arrays", board.arrays},
          {"rows", board.rows},
          {"cols", board.cols},
          {"levels", board.levels},
          {"erase_pulses", board.ramp_down()},
          {"g_min_siemens", board.g_min_siemens},
          {"g_max_siemens", board.g_max_siemens},
          {"cell_volts", range_json(board.cell_volts)},
          {"gate_volts", range_json(board.gate_volts)},
          {"read_volts", range_json(board.read_volts)},
          {"width_seconds", range_json(board.width_seconds)},
          {"compliance_amps", range_json(board.compliance_amps)},
          {"dac_bits", board.dac_bits},
          {"adc_bits", board.adc_bits},
          {"features", feature_names(board)}};
}

ArraysInUse arrays_in_use(std::span<const runtime::Layout> layouts) noexcept {
  ArraysInUse use;
  for (const runtime::Layout& layout : layouts) {
    use.arrays += layout.arrays;
    use.turns = std::max(use.turns, layout.turns);
  }
  return use;
}

Json plan_json(const runtime::Plan& plan, std::span<const runtime::Layout> layouts) {
  const ArraysInUse use = arrays_in_use(layouts);
  std::uint64_t cells_allocated = 0, bad_lines = 0, bad_cells = 0;
  for (const runtime::Layout& layout : layouts) {
    cells_allocated += layout.cells_allocated;
    bad_lines += layout.bad_lines;
    bad_cells += layout.bad_cells;
  }
  return {{"tile_rows", plan.tile_rows},
          {"tile_cols", plan.tile_cols},
          {"tiles", plan.tiles.size()},
          {"blocks", plan.blocks},
          {"arrays", use.arrays},
          {"turns", use.turns},
          {"cells_allocated", cells_allocated},
          {"cells_useful", plan.cells_useful},
          {"memory_efficiency", runtime::memory_efficiency(plan, layouts)},
          {"bad_lines", bad_lines},
          {"bad_cells", bad_cells},
          {"partition", name(plan.choice.partition)},
          {"sharing", plan.choice.sharing},
          {"encoding", name(plan.choice.encoding)},
          {"scale", name(plan.choice.scale)}};
}

Json joules_json(const hal::Joules& joules) {
  return {{"cells", joules.cells}, {"lines", joules.lines},   {"dac", joules.dac},
          {"adc", joules.adc},     {"verify", joules.verify}, {"total", joules.total()}};
}

Json programming_json(const runtime::StageCost& cost, const runtime::Choice& choice) {
  return {{"pulses", cost.pulses},
          {"joules", joules_json(cost.joules)},
          {"seconds", cost.seconds},
          {"unconverged", cost.unconverged},
          {"passes", choice.passes},
          {"cells", cost.cells},
          {"conversions", cost.conversions},
          {"compensated", cost.compensated},
          {"uncompensated", cost.uncompensated},
          {"tolerance_levels", choice.tolerance_levels},
          {"commands", cost.commands}};
}

Json multiplying_json(const runtime::StageCost& cost) {
  return {{"products", cost.products},
          {"conversions", cost.conversions},
          {"joules", joules_json(cost.joules)},
          {"seconds", cost.seconds},
          {"commands", cost.commands}};
}

Json assumptions_json(const std::optional<backends::EmulatorAssumptions>& assumptions, const hal::Capabilities& board) {
  if (!assumptions) return nullptr;
  const backends::EmulatorAssumptions& a = *assumptions;
  return {{"adc_ideal", board.adc_bits == 0},
          {"adc_joules", a.adc_joules},
          {"adc_seconds", a.adc_seconds},
          {"adc_joules_per_code", a.adc_joules_per_code},
          {"adc_seconds_per_bit", a.adc_seconds_per_bit},
          {"columns_per_adc", a.columns_per_adc},
          {"dac_ideal", board.dac_bits == 0},
          {"dac_joules", a.dac_joules},
          {"dac_joules_per_code", a.dac_joules_per_code},
          {"wire_farads_per_cell", a.wire_farads},
          {"transistor_ohms", a.transistor_ohms},
          {"read_volts", a.read_volts},
          {"read_seconds", a.read_seconds},
          {"write_up_volts", a.write_up_volts},
          {"write_down_volts", a.write_down_volts},
          {"write_width_seconds", a.write_width_seconds},
          {"cycle_to_cycle", a.cycle_to_cycle},
          {"sigma_c2c", a.sigma_c2c},
          {"nonlinearity", a.nonlinearity},
          {"ideal_writing", a.ideal_writing},
          {"read_noise", a.read_noise},
          {"read_floor_siemens", a.read_floor_siemens},
          {"wires", a.wires},
          {"wire_ohms_per_cell", a.wire_ohms_per_cell},
          {"source_ohms", a.source_ohms},
          {"sense_ohms", a.sense_ohms},
          {"relaxation", a.relaxation},
          {"activation_ev", a.activation_ev},
          {"slow_noise", a.slow_noise},
          {"age_seconds", a.age_seconds ? Json(*a.age_seconds) : Json(nullptr)},
          {"temperature_kelvin", a.kelvin},
          {"flicker", a.flicker},
          {"telegraph_fraction", a.telegraph_fraction},
          {"cubic_per_square_volt", a.cubic_per_square_volt},
          {"adc_gain_spread", a.adc_gain_spread},
          {"adc_offset_spread", a.adc_offset_spread},
          {"path", a.path},
          {"entry_step_siemens", a.entry_step_siemens},
          {"device_to_device", a.device_to_device},
          {"stuck_fraction", a.stuck_fraction},
          {"identity", a.identity},
          {"seed", a.seed}};
}

Json error_json(const JobReport& report) {
  Json json = {{"relative_l2", nullptr}, {"relative_linf", nullptr}, {"domain", "original"}};
  if (!report.error) {
    json["skipped_reason"] = "the reference product was not computed (--no-reference)";
    return json;
  }
  json["relative_l2"] = report.error->relative_l2;
  json["relative_linf"] = report.error->relative_linf;
  json["relative_l2_median"] = report.median_error();
  return json;
}

Json wall_json(const WallSeconds& wall) {
  return {
      {"load", wall.load}, {"program", wall.program}, {"multiply", wall.multiply}, {"reference", wall.reference}, {"total", wall.total}};
}

Json forecast_json(const Forecast& forecast) {
  return {{"programs", forecast.programs}, {"reads", forecast.reads}, {"products", forecast.products}, {"total", forecast.commands()}};
}

Json provenance_json(const std::string& uri, const std::vector<std::string>& argv) {
  return {{"version", version()},
          {"commit", commit()},
          {"uri", uri},
          {"argv", argv},
          {"host", runtime::host_name()},
          {"isa", kernels::isa_name()},
          {"utc", fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)))}};
}

std::string converters_text(const hal::Capabilities& board) {
  return converter_text(board.adc_bits, "ADC") + ", " + converter_text(board.dac_bits, "DAC");
}

std::string physics_text(const std::optional<backends::EmulatorAssumptions>& assumptions) {
  if (!assumptions) return "";
  const backends::EmulatorAssumptions& a = *assumptions;
  std::string text;
  const auto add = [&](bool on, const std::string& what) { text += on ? ", " + what : ""; };
  add(a.wires != "none", "wires " + a.wires);
  add(a.relaxation != "none", "relaxation " + a.relaxation);
  add(a.age_seconds.has_value(), "age " + si(a.age_seconds.value_or(0), "s"));
  add(a.flicker > 0, "1/f noise");
  add(a.telegraph_fraction > 0, "telegraph noise");
  add(a.read_noise > 0 || a.read_floor_siemens > 0, "read noise");
  add(a.device_to_device > 0, "spread");
  add(a.stuck_fraction > 0, "stuck cells");
  return text;
}

std::string c2c_text(const std::optional<backends::EmulatorAssumptions>& assumptions) {
  if (!assumptions) return "C2C as on the board";
  if (assumptions->ideal_writing) return "ideal writing";
  return assumptions->cycle_to_cycle ? "C2C on" : "C2C off";
}

std::string plan_text(const runtime::Plan& plan, std::span<const runtime::Layout> layouts, std::uint64_t arrays) {
  const ArraysInUse use = arrays_in_use(layouts);
  return fmt::format("{} of at most {} x {} on {} of {}, {}", count(plan.tiles.size(), "tile"), plan.tile_rows, plan.tile_cols, use.arrays,
                     count(arrays, "array"), count(use.turns, "turn"));
}

}  // namespace sedma::cli

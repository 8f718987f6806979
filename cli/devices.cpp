// sedma devices: what can be opened, and how.

#include "cli/devices.h"

#include <fmt/format.h>

#include <array>

#include "cli/board.h"
#include "cli/command.h"
#include "cli/output_file.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/units.h"
#include "kernels/materials.h"

namespace sedma::cli {
namespace {

struct OptionText {
  const char *key, *fallback, *meaning;
};

constexpr std::array<OptionText, 42> emulator_options = {{
    {"arrays", "256", "arrays on the board"},
    {"rows", "256", "word lines (inputs) of an array"},
    {"cols", "256", "bit lines (outputs) of an array"},
    {"seed", "1", "of every random number; sedma multiply --seed sets it too"},
    {"adc_bits", "8", "of the output converters, 2 to 16; 0: ideal, counted at 0 J and 0 s"},
    {"dac_bits", "8", "of the input converters, 2 to 16; 0: ideal"},
    {"c2c", "on", "on or off: cycle-to-cycle noise of writing"},
    {"c2c_scale", "1", "its sd / the published one: a board that differs from its material's numbers"},
    {"nonlinearity", "1", "how much more bent the pulse response is than published: its A is divided by this"},
    {"ideal_writing", "off", "on or off: every cell is put on its target at no cost, for error budgets"},
    {"transistor", "on", "on or off: 15 kOhm access transistor in series with every cell"},
    {"read_noise", "0", "sd of one read of a cell / its conductance"},
    {"d2d", "0", "device-to-device spread: relative sd of a cell's G_min, G_max and curve"},
    {"stuck", "0", "fraction of cells that cannot be written"},
    {"read_noise_floor", "0", "sd of one read that does not depend on the conductance, fraction of the range"},
    {"wires", "none", "none, exact or series: line resistance, as the whole network or as the published series model"},
    {"wire_ohms", "0.237", "resistance of a line from cell to cell"},
    {"source_ohms", "0", "resistance of the driver of a word line"},
    {"sense_ohms", "0", "resistance of the converter's input of a bit line"},
    {"relaxation", "none", "none or techC: written cells relax"},
    {"activation_ev", "0", "activation energy of relaxation; not measured, so temperature= needs one from you"},
    {"temperature", "300", "kelvin; relaxation is faster when it is hot"},
    {"slow_noise", "none", "none or techA: measured 1/f noise, instead of flicker and rtn"},
    {"age", "clock", "every cell is that many seconds old; clock: the device's clock runs, sedma multiply --wait lets time pass"},
    {"flicker", "0", "1/f noise: sd of a cell's conductance / conductance"},
    {"flicker_slope", "1", "its spectrum falls as frequency to the -slope"},
    {"flicker_seconds", "1e-3", "its shortest octave; what is faster is read_noise"},
    {"flicker_octaves", "20", "how many octaves it has"},
    {"rtn", "0", "fraction of cells with random telegraph noise"},
    {"rtn_amplitude", "0.1", "its two levels differ by so much / conductance"},
    {"rtn_seconds", "1e-3", "its mean time in a state"},
    {"iv_cubic", "0", "k of I = G V (1 + k V^2), per square volt"},
    {"adc_gain", "0", "sd of the gain error of a bit line's converter"},
    {"adc_offset", "0", "sd of its offset / full scale"},
    {"path", "auto", "auto, integer or float: products in exact integers where dac_bits is 2 to 8, or in floats"},
    {"identity", "tile", "tile or board: random numbers follow the programming or the physical cell"},
    {"lanes", "threads", "threads or inline: arrays work on worker threads or on the caller's"},
    {"adc_joules_per_code", "25e-15", "a conversion takes this times 2^bits joules"},
    {"adc_seconds_per_bit", "1e-9", "a conversion takes this times bits seconds"},
    {"columns_per_adc", "8", "bit lines that share a converter"},
    {"dac_joules_per_code", "10e-15", "a driven line takes this times 2^bits joules"},
    {"wire_farads", "0.2e-15", "capacitance of a line per cell"},
}};

Json material_json(const kernels::Material& m) {
  return {{"name", std::string(m.name)},
          {"g_min_siemens", m.g_min_siemens},
          {"g_max_siemens", m.g_max_siemens},
          {"levels_up", m.levels_up},
          {"levels_down", m.levels_down},
          {"a_up_pulses", m.a_up_pulses},
          {"a_down_pulses", m.a_down_pulses},
          {"sigma_c2c", m.sigma_c2c},
          {"write_up_volts", m.write_up_volts},
          {"write_down_volts", m.write_down_volts},
          {"write_width_seconds", m.write_width_seconds},
          {"read_volts", m.read_volts},
          {"read_seconds", m.read_seconds}};
}

Json devices_json(const hal::Registry& registry) {
  Json json = {{"drivers", Json::array()}, {"materials", Json::array()}, {"emulator_options", Json::array()}};
  for (const auto* driver : registry.drivers())
    json["drivers"].push_back({{"scheme", driver->scheme}, {"summary", driver->summary}, {"example", driver->example}});
  for (const auto& material : kernels::published_materials()) json["materials"].push_back(material_json(material));
  for (const auto& option : emulator_options)
    json["emulator_options"].push_back({{"key", option.key}, {"default", option.fallback}, {"meaning", option.meaning}});
  return json;
}

std::string drivers_text(const hal::Registry& registry) {
  Table table({{"driver"}, {"what it opens"}, {"example"}});
  for (const auto* driver : registry.drivers()) table.add({driver->scheme, driver->summary, driver->example});
  return table.to_string();
}

std::string materials_text() {
  constexpr auto right = Table::Align::right;
  Table table({{"material"},
               {"G_min", right},
               {"G_max", right},
               {"levels up/down", right},
               {"sigma C2C", right},
               {"write", right},
               {"pulse", right}});
  for (const auto& m : kernels::published_materials())
    table.add({std::string(m.name), si(m.g_min_siemens, "S"), si(m.g_max_siemens, "S"), fmt::format("{}/{}", m.levels_up, m.levels_down),
               percent(m.sigma_c2c), fmt::format("{:+g}/{:+g} V", m.write_up_volts, m.write_down_volts), si(m.write_width_seconds, "s")});
  return table.to_string() + "Published model parameters (NeuroSim device files), of the bare cell; sigma C2C per pulse, of the range.\n";
}

std::string options_text() {
  Table table({{"emulator option"}, {"default"}, {"meaning"}});
  for (const auto& option : emulator_options) table.add({option.key, option.fallback, option.meaning});
  return table.to_string();
}

Ending run_devices(bool as_json) {
  const hal::Registry registry = make_registry();
  if (as_json) return print(to_text(devices_json(registry)));
  return print(drivers_text(registry) + '\n' + materials_text() + '\n' + options_text());
}

}  // namespace

std::vector<std::string> emulator_option_keys() {
  std::vector<std::string> keys;
  for (const auto& option : emulator_options) keys.emplace_back(option.key);
  return keys;
}

Command add_devices(CLI::App& program) {
  CLI::App* command = program.add_subcommand("devices", "List the device drivers, the materials and the options of the emulator");
  command->footer(examples({"sedma devices", "sedma devices --json"}));
  const auto as_json = std::make_shared<bool>(false);
  command->add_flag("--json", *as_json, "JSON instead of tables");
  return {command, [as_json] { return run_devices(*as_json); }};
}

}  // namespace sedma::cli

// What distorts a product beyond the cells themselves: lines, time, converters' spread, the path of the product.
#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "backends/emulator/options.h"

namespace sedma::backends::emulator {
namespace {

constexpr double most_ohms = 1e9, most_seconds = 1e12;

// An option that would change nothing is a misunderstanding: it is refused by name.
Status refuse_without(const hal::Uri& uri, const std::vector<std::string>& keys, std::string_view cause) {
  for (const std::string& key : keys) {
    if (const auto found = uri.options().find(key); found != uri.options().end())
      return fail(Code::invalid_argument, "option {}={} says nothing without {}", key, found->second, cause);
  }
  return {};
}

Result<double> take_positive(hal::Uri& uri, const std::string& key, double fallback, double most) {
  SEDMA_ASSIGN_OR_RETURN(const double value, uri.take_number(key, fallback, 0, most));
  if (value > 0) return value;
  return fail(Code::invalid_argument, "option {}=0: it must be more than 0", key);
}

Status take_flicker(hal::Uri& uri, Options& options) {
  kernels::Flicker& flicker = options.fluctuation.flicker;
  SEDMA_ASSIGN_OR_RETURN(flicker.relative, uri.take_number("flicker", 0, 0, 1));
  if (!flicker.on()) return refuse_without(uri, {"flicker_slope", "flicker_seconds", "flicker_octaves"}, "flicker=");
  SEDMA_ASSIGN_OR_RETURN(flicker.slope, uri.take_number("flicker_slope", flicker.slope, 0.5, 1.5));
  SEDMA_ASSIGN_OR_RETURN(flicker.shortest_seconds, take_positive(uri, "flicker_seconds", flicker.shortest_seconds, most_seconds));
  SEDMA_ASSIGN_OR_RETURN(const std::uint64_t octaves, uri.take_unsigned("flicker_octaves", flicker.octaves, 1, 40));
  flicker.octaves = static_cast<std::uint32_t>(octaves);
  return {};
}

Status take_telegraph(hal::Uri& uri, Options& options) {
  kernels::Telegraph& telegraph = options.fluctuation.telegraph;
  SEDMA_ASSIGN_OR_RETURN(telegraph.fraction, uri.take_number("rtn", 0, 0, 1));
  if (telegraph.fraction == 0) return refuse_without(uri, {"rtn_amplitude", "rtn_seconds"}, "rtn=");
  SEDMA_ASSIGN_OR_RETURN(telegraph.amplitude, take_positive(uri, "rtn_amplitude", 0.1, 1));
  SEDMA_ASSIGN_OR_RETURN(telegraph.mean_seconds, take_positive(uri, "rtn_seconds", 1e-3, most_seconds));
  return {};
}

// A measured set, or numbers of one's own.
Status take_slow_noise(hal::Uri& uri, Options& options) {
  const std::string name = uri.take_text("slow_noise", "none");
  const auto known = kernels::find_fluctuation(name);
  if (!known.ok()) return known.status().with_context(fmt::format("option slow_noise={}", name));
  const kernels::CellModel& model = options.model;
  if (known->on()) {
    options.fluctuation = *known;
    options.fluctuation.flicker.g_max_siemens = kernels::terminal_siemens(model.material.g_max_siemens, model.series_ohms);
    for (const char* own : {"flicker", "rtn"}) {
      if (uri.options().contains(own)) return fail(Code::invalid_argument, "options slow_noise={} and {}: use one of them", name, own);
    }
  }
  if (!known->on()) SEDMA_RETURN_IF_ERROR(take_flicker(uri, options));
  if (!known->on()) SEDMA_RETURN_IF_ERROR(take_telegraph(uri, options));
  return {};
}

// Temperature acts through the activation energy alone, which nobody measured for techC.
Status take_temperature(hal::Uri& uri, Options& options) {
  if (!options.relaxation.on()) return refuse_without(uri, {"temperature", "activation_ev"}, "relaxation=");
  SEDMA_ASSIGN_OR_RETURN(options.relaxation.activation_ev, uri.take_number("activation_ev", options.relaxation.activation_ev, 0, 10));
  if (options.relaxation.activation_ev == 0) {
    return refuse_without(
        uri, {"temperature"},
        fmt::format("activation_ev=: no measurement says how the relaxation of {} depends on temperature", options.relaxation.name));
  }
  SEDMA_ASSIGN_OR_RETURN(options.kelvin, take_positive(uri, "temperature", options.kelvin, 2000));
  return {};
}

}  // namespace

Status take_wires(hal::Uri& uri, Options& options) {
  SEDMA_ASSIGN_OR_RETURN(const std::string kind, uri.take_choice("wires", "none", {"exact", "none", "series"}));
  options.wire_model = kind == "exact" ? WireModel::exact : kind == "series" ? WireModel::series : WireModel::none;
  if (!options.wired()) return refuse_without(uri, {"wire_ohms", "source_ohms", "sense_ohms"}, "wires=exact or wires=series");
  SEDMA_ASSIGN_OR_RETURN(const double ohms, take_positive(uri, "wire_ohms", kernels::wire_ohms_per_cell, most_ohms));
  SEDMA_ASSIGN_OR_RETURN(options.wires.source_ohms, uri.take_number("source_ohms", 0, 0, most_ohms));
  SEDMA_ASSIGN_OR_RETURN(options.wires.sense_ohms, uri.take_number("sense_ohms", 0, 0, most_ohms));
  options.wires.word_ohms_per_cell = options.wires.bit_ohms_per_cell = ohms;
  return {};
}

Status take_time(hal::Uri& uri, Options& options) {
  const std::string name = uri.take_text("relaxation", "none");
  const auto relaxation = kernels::find_relaxation(name);
  if (!relaxation.ok()) return relaxation.status().with_context(fmt::format("option relaxation={}", name));
  options.relaxation = *relaxation;
  SEDMA_RETURN_IF_ERROR(take_slow_noise(uri, options));
  SEDMA_RETURN_IF_ERROR(take_temperature(uri, options));
  if (!options.ages()) return refuse_without(uri, {"age"}, "relaxation=, flicker= or rtn=: these cells do not change");
  if (const auto age = uri.options().find("age"); age != uri.options().end() && age->second == "clock") {
    uri.take_text("age", "");
  } else if (age != uri.options().end()) {
    SEDMA_ASSIGN_OR_RETURN(options.age_seconds, uri.take_number("age", 0, 0, most_seconds));
  }
  return {};
}

Status take_path(hal::Uri& uri, Options& options) {
  SEDMA_ASSIGN_OR_RETURN(options.cubic_per_square_volt, uri.take_number("iv_cubic", 0, -1, 100));
  SEDMA_ASSIGN_OR_RETURN(const std::string path, uri.take_choice("path", "auto", {"auto", "float", "integer"}));
  const bool linear = options.cubic_per_square_volt == 0, codes = options.dac_bits >= 2 && options.dac_bits <= 8;
  if (!linear && options.wired()) {
    return fail(Code::unsupported, "options iv_cubic={}, wires: a crossbar of non-linear cells behind lines is no matrix; use one of them",
                options.cubic_per_square_volt);
  }
  if (path == "integer" && !(linear && codes)) {
    return fail(Code::unsupported, "option path=integer: it takes dac_bits 2 to 8 and iv_cubic 0; they are {} and {}", options.dac_bits,
                options.cubic_per_square_volt);
  }
  options.path = path != "float" && linear && codes ? kernels::Path::integer : kernels::Path::floating;
  SEDMA_ASSIGN_OR_RETURN(options.adc_gain_spread, uri.take_number("adc_gain", 0, 0, 0.2));
  SEDMA_ASSIGN_OR_RETURN(options.adc_offset_spread, uri.take_number("adc_offset", 0, 0, 0.2));
  if (options.adc_bits != 0 || (options.adc_gain_spread == 0 && options.adc_offset_spread == 0)) return {};
  return fail(Code::invalid_argument, "options adc_gain={}, adc_offset={} say nothing without a converter: adc_bits is 0, ideal",
              options.adc_gain_spread, options.adc_offset_spread);
}

}  // namespace sedma::backends::emulator

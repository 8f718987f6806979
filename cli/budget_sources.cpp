#include "cli/budget_sources.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

namespace sedma::cli {
namespace {

// An option, the value that means off, and what the emulator takes where the URI does not say.
struct Setting {
  std::string_view key, off, fallback;
};

struct Source {
  std::string_view name;
  std::vector<Setting> settings;
  std::vector<std::string_view> belongings;  // options that mean nothing without the source; "flicker_": all that begin so
};

constexpr std::string_view slow_noise = "slow noise", relaxation = "relaxation";

// Every source there is, in one place.
const std::array<Source, 10>& all_sources() {
  static const std::array<Source, 10> sources = {
      {{"write errors", {{"ideal_writing", "on", "off"}}, {}},
       {"read noise", {{"read_noise", "0", "0"}, {"read_noise_floor", "0", "0"}}, {}},
       {slow_noise, {{"slow_noise", "none", "none"}, {"flicker", "0", "0"}, {"rtn", "0", "0"}}, {"flicker_", "rtn_"}},
       {"wires", {{"wires", "none", "none"}}, {"wire_ohms", "source_ohms", "sense_ohms"}},
       {relaxation, {{"relaxation", "none", "none"}}, {"temperature", "activation_ev"}},
       {"DAC", {{"dac_bits", "0", "8"}}, {"path"}},
       {"ADC", {{"adc_bits", "0", "8"}, {"adc_gain", "0", "0"}, {"adc_offset", "0", "0"}}, {}},
       {"I(V)", {{"iv_cubic", "0", "0"}}, {}},
       {"spread between cells", {{"d2d", "0", "0"}}, {}},
       {"stuck cells", {{"stuck", "0", "0"}}, {}}}};
  return sources;
}

std::optional<double> number(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// "0" and "0.0" are the same.
bool same(std::string_view a, std::string_view b) {
  const auto x = number(a), y = number(b);
  return x && y ? *x == *y : a == b;
}

bool is_on(const hal::Uri& uri, const Setting& setting) {
  const auto given = uri.options().find(std::string(setting.key));
  return !same(given == uri.options().end() ? setting.fallback : std::string_view(given->second), setting.off);
}

bool is_on(const hal::Uri& uri, const Source& source) {
  return std::any_of(source.settings.begin(), source.settings.end(), [&](const Setting& setting) { return is_on(uri, setting); });
}

const Source& source_named(std::string_view name) {
  const auto& sources = all_sources();
  const auto found = std::find_if(sources.begin(), sources.end(), [&](const Source& source) { return source.name == name; });
  SEDMA_CHECK(found != sources.end(), name);
  return *found;
}

void remove(hal::Uri& uri, std::string_view key_or_prefix) {
  const std::string key(key_or_prefix);
  if (key.back() == '_') {
    uri.take_prefixed(key);
  } else {
    uri.take_text(key, "");
  }
}

void switch_off(hal::Uri& uri, const Source& source) {
  for (const Setting& setting : source.settings) {
    if (!is_on(uri, setting)) continue;
    remove(uri, setting.key);
    uri.set_default(std::string(setting.key), std::string(setting.off));
  }
  for (const std::string_view option : source.belongings) remove(uri, option);
}

}  // namespace

Result<std::vector<std::string>> sources_on(const hal::Uri& uri) {
  if (uri.scheme() != "emulator")
    return fail(
        Code::invalid_argument,
        "--budget switches sources of error off, which only an emulator can; {}: is none. sedma devices lists its materials and options, "
        "e.g. --device emulator:TaOx-HfOx --budget",
        uri.scheme());
  std::vector<std::string> names;
  for (const Source& source : all_sources())
    if (is_on(uri, source)) names.emplace_back(source.name);
  return names;
}

hal::Uri without_sources(hal::Uri uri, std::span<const std::string> off) {
  for (const std::string& name : off) switch_off(uri, source_named(name));
  // The age of the cells serves both: it goes with the last of them.
  if (!off.empty() && !is_on(uri, source_named(slow_noise)) && !is_on(uri, source_named(relaxation))) remove(uri, "age");
  return uri;
}

}  // namespace sedma::cli

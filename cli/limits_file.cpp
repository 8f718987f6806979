#include "cli/limits_file.h"

#include <array>

#include "calibration/file_io.h"
#include "cli/json_object.h"

namespace sedma::cli {
namespace {

using hal::Limits;
using nlohmann::json;

struct VoltsOrAmps {
  const char* key;
  std::optional<double> Limits::*field;
};
struct Count {
  const char* key;
  std::optional<std::uint64_t> Limits::*field;
};

constexpr std::array<VoltsOrAmps, 6> numbers = {{{"max_cell_volts", &Limits::max_cell_volts},
                                                 {"max_gate_volts", &Limits::max_gate_volts},
                                                 {"max_read_volts", &Limits::max_read_volts},
                                                 {"max_width_seconds", &Limits::max_width_seconds},
                                                 {"max_compliance_amps", &Limits::max_compliance_amps},
                                                 {"max_line_amps", &Limits::max_line_amps}}};
constexpr std::array<Count, 2> counts = {
    {{"max_pulses_per_cell", &Limits::max_pulses_per_cell}, {"max_total_pulses", &Limits::max_total_pulses}}};

std::string known_keys() {
  std::string known;
  for (const auto& each : numbers) known += fmt::format("{}{}", known.empty() ? "" : ", ", each.key);
  for (const auto& each : counts) known += fmt::format(", {}", each.key);
  return known;
}

Status read_limit(const std::string& key, const json& value, const std::string& name, Limits& limits) {
  for (const auto& each : numbers) {
    if (key != each.key) continue;
    if (!value.is_number()) return fail(Code::data_corrupt, "{}: {} must be a number, found {}", name, key, value.type_name());
    limits.*each.field = value.get<double>();
    return {};
  }
  for (const auto& each : counts) {
    if (key != each.key) continue;
    if (!value.is_number_unsigned())
      return fail(Code::data_corrupt, "{}: {} must be a whole number >= 0, found {}", name, key, value.type_name());
    limits.*each.field = value.get<std::uint64_t>();
    return {};
  }
  return fail(Code::data_corrupt, "{}: unknown key '{}'; known: {}", name, key, known_keys());
}

}  // namespace

Result<Limits> parse_limits(std::string_view text, const std::string& name) {
  SEDMA_ASSIGN_OR_RETURN(const json object, parse_json_object(text, name));
  Limits limits;
  for (const auto& item : object.items()) SEDMA_RETURN_IF_ERROR(read_limit(item.key(), item.value(), name, limits));
  SEDMA_RETURN_IF_ERROR(limits.validate().with_context(name));
  return limits;
}

Result<Limits> read_limits(const std::string& path) {
  if (path.empty()) return Limits{};
  SEDMA_ASSIGN_OR_RETURN(const std::string text, calibration::read_file(path));
  return parse_limits(text, path);
}

}  // namespace sedma::cli

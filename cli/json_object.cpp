#include "cli/json_object.h"

#include <set>

namespace sedma::cli {

using nlohmann::json;

Result<json> parse_json_object(std::string_view text, const std::string& name) {
  std::set<std::string> seen;
  std::string twice;
  const auto note_keys = [&](int, json::parse_event_t event, json& parsed) {
    if (event == json::parse_event_t::key && !seen.insert(parsed.get<std::string>()).second) twice = parsed.get<std::string>();
    return true;
  };
  json object;
  try {
    object = json::parse(text, note_keys);
  } catch (const json::exception& error) {
    return fail(Code::data_corrupt, "{}: not JSON: {}", name, error.what());
  }
  if (!object.is_object()) return fail(Code::data_corrupt, "{}: expected a JSON object, found {}", name, object.type_name());
  if (!twice.empty()) return fail(Code::data_corrupt, "{}: '{}' is given twice", name, twice);
  return object;
}

}  // namespace sedma::cli

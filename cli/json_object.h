#pragma once
// The JSON files that a user writes by hand.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "hal/status.h"

namespace sedma::cli {

/// Parses an object in which no key is given twice: JSON keeps the last, and nobody knows which was meant. `name` appears in messages.
/// Errors: data_corrupt (not JSON: line and column; no object; a key given twice: says which).
Result<nlohmann::json> parse_json_object(std::string_view text, const std::string& name);

}  // namespace sedma::cli

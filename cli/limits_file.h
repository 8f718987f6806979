#pragma once
// The --limits file: hal::Limits as JSON.

#include <string>
#include <string_view>

#include "hal/limits.h"

namespace sedma::cli {

/// Parses {"max_cell_volts": 1.6, "max_total_pulses": 100000, ...}: the keys are the fields of hal::Limits, each optional. `name` appears
/// in messages. Errors: data_corrupt (not JSON: line and column; a key that is unknown, given twice or of the wrong type: says which and
/// what is accepted), invalid_argument (a limit that is negative).
Result<hal::Limits> parse_limits(std::string_view text, const std::string& name);
/// Reads such a file; an empty path is no limits. Errors: unavailable, and those of parse_limits.
Result<hal::Limits> read_limits(const std::string& path);

}  // namespace sedma::cli

#pragma once
// What `sedma devices` knows.

#include <string>
#include <vector>

namespace sedma::cli {

/// The key of every option that an emulator's URI takes.
std::vector<std::string> emulator_option_keys();

}  // namespace sedma::cli

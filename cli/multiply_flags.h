#pragma once
// The options that `multiply` and `sweep` share.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "cli/multiply_options.h"

namespace sedma::cli {

/// --matrix, --batch, --input, --input-seed, --seed.
void add_subject_options(CLI::App& command, MultiplyOptions& options);
/// --tile, --encoding, --partition, --sharing.
void add_layout_options(CLI::App& command, MultiplyOptions& options);
/// How the product is computed: those of the layout, --correction, --slices, --lambda, --passes, --tolerance, --scale, --headroom,
/// --repeats, --wait.
void add_session_options(CLI::App& command, MultiplyOptions& options);
/// Their names without dashes.
std::vector<std::string> session_option_keys();
/// As --KEY VALUE on the command line. Errors: invalid_argument (the value is not one that the option takes). @pre one of the keys
Status set_session_option(MultiplyOptions& options, const std::string& key, const std::string& value);
/// --mask, --limits.
void add_board_options(CLI::App& command, MultiplyOptions& options);

}  // namespace sedma::cli

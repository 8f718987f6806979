#pragma once
// The sources of error of an emulated board, and the URI options that switch each of them off.

#include <span>
#include <string>
#include <vector>

#include "hal/uri.h"

namespace sedma::cli {

/// The sources that are on in an emulator's URI, defaults counted, in the order of the table. Empty: an ideal board. Errors:
/// invalid_argument (not an emulator).
Result<std::vector<std::string>> sources_on(const hal::Uri& uri);

/// The same board with those sources switched off, and without the options that then belong to nothing. @pre names from sources_on(uri)
hal::Uri without_sources(hal::Uri uri, std::span<const std::string> off);

}  // namespace sedma::cli

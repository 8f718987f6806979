#pragma once
// Patterns in a file: HDF5 to keep and to import again, CSV to look at.

#include <span>
#include <string>
#include <vector>

#include "hal/status.h"
#include "runtime/memory/pattern.h"

namespace sedma::cli {

/// A sealed HDF5 file: /patterns/FIELD, one value a pattern, units as attributes; texts are bytes [patterns, longest], zero-padded UTF-8.
/// Errors: invalid_argument (no patterns), unavailable.
Status write_patterns_hdf5(const std::string& path, std::span<const runtime::Pattern> patterns);
/// Errors: unavailable; data_corrupt (not sealed, changed since, or not such a file); unsupported (a newer form); invalid_argument (a
/// pattern that cannot be: says which).
Result<std::vector<runtime::Pattern>> read_patterns_hdf5(const std::string& path);
/// pattern_key and all fields, their units in the names.
std::string patterns_csv(std::span<const runtime::Pattern> patterns);

}  // namespace sedma::cli

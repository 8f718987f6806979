#pragma once
// Numbers for people: engineering form with SI prefixes. Files and JSON get plain SI doubles.

#include <cstdint>
#include <string>
#include <string_view>

namespace sedma::cli {

/// Three significant digits with a prefix: 1.23 uJ, 45.6 ms, 0 J, -2.00 V. ASCII only; beyond the prefixes (yocto, yotta) 1.23e-30 J.
std::string si(double value, std::string_view unit);
/// Bytes with binary prefixes: 512 B, 1.50 MiB.
std::string bytes(std::uint64_t value);
/// A whole number with its thousands apart: 19,848.
std::string count(std::uint64_t value);
/// "1 tile", "3 tiles".
std::string count(std::uint64_t value, std::string_view singular);
/// A fraction as a percentage of three digits: 12.3 %.
std::string percent(double fraction);
/// An error figure: 1.23e-02.
std::string scientific(double value);
/// Text that may come from a file, safe for a terminal: control characters become '?'.
std::string printable(std::string_view text);

}  // namespace sedma::cli

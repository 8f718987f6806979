#include "cli/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdlib>

namespace sedma::cli {
namespace {

// Three significant digits of a number in [1, 1000).
std::string three_digits(double value) { return fmt::format("{:.{}f}", value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0); }

}  // namespace

std::string si(double value, std::string_view unit) {
  constexpr std::array<const char*, 17> prefixes = {"y", "z", "a", "f", "p", "n", "u", "m", "", "k", "M", "G", "T", "P", "E", "Z", "Y"};
  if (value == 0) return fmt::format("0 {}", unit);
  const double magnitude = std::abs(value);
  if (!std::isfinite(value)) return fmt::format("{} {}", value, unit);
  int power = static_cast<int>(std::floor(std::log10(magnitude) / 3));
  // 999.6 would be printed as 1000: it belongs to the next prefix.
  if (magnitude / std::pow(1000.0, power) >= 999.5) ++power;
  if (power < -8 || power > 8) return fmt::format("{:.2e} {}", value, unit);
  const int place = power + 8;
  const char* prefix = prefixes[static_cast<std::size_t>(place)];
  return fmt::format("{}{} {}{}", value < 0 ? "-" : "", three_digits(magnitude / std::pow(1000.0, power)), prefix, unit);
}

std::string bytes(std::uint64_t value) {
  constexpr std::array<const char*, 6> prefixes = {"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  if (value < 1024) return fmt::format("{} B", value);
  double scaled = static_cast<double>(value) / 1024;
  std::size_t k = 0;
  for (; scaled >= 999.5 && k + 1 < prefixes.size(); ++k) scaled /= 1024;
  return fmt::format("{} {}B", three_digits(scaled), prefixes[k]);
}

std::string count(std::uint64_t value) {
  std::string digits = fmt::format("{}", value);
  for (std::size_t at = digits.size(); at > 3;) digits.insert(at -= 3, 1, ',');
  return digits;
}

std::string count(std::uint64_t value, std::string_view singular) {
  return fmt::format("{} {}{}", count(value), singular, value == 1 ? "" : "s");
}

std::string percent(double fraction) { return fmt::format("{:.3g} %", 100 * fraction); }

std::string scientific(double value) { return fmt::format("{:.2e}", value); }

std::string printable(std::string_view text) {
  std::string result(text);
  std::replace_if(
      result.begin(), result.end(), [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }, '?');
  return result;
}

}  // namespace sedma::cli

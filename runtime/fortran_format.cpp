#include "runtime/fortran_format.h"

#include <algorithm>
#include <charconv>

#include "runtime/text_scan.h"

namespace sedma::runtime {
namespace {

constexpr std::uint32_t max_width = 1000;  // no line of such a file is longer

/// Reads a number at the start of `text` and removes it; false if there is none.
bool take_number(std::string_view& text, std::uint32_t& value) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return false;
  text.remove_prefix(static_cast<std::size_t>(stop - text.data()));
  return true;
}

bool take(std::string_view& text, char c) {
  if (!text.starts_with(c)) return false;
  text.remove_prefix(1);
  return true;
}

/// kP at the start, perhaps with a comma: a scale factor. A plain repeat count is left where it is.
bool take_scale(std::string_view& text, int& scale) {
  std::string_view rest = text;
  const bool negative = take(rest, '-');
  if (!negative) take(rest, '+');
  std::uint32_t value = 0;
  if (!take_number(rest, value) || !take(rest, 'p')) return !negative;
  if (value > max_width) return false;
  scale = negative ? -static_cast<int>(value) : static_cast<int>(value);
  take(rest, ',');
  text = rest;
  return true;
}

bool parse_descriptor(std::string_view text, FortranFormat& format) {
  if (!take_scale(text, format.scale)) return false;
  if (!take_number(text, format.repeat)) format.repeat = 1;
  if (text.empty()) return false;
  const std::size_t letter = std::string_view("iedfg").find(text.front());
  if (letter == std::string_view::npos) return false;
  format.letter = "IEDFG"[letter];
  text.remove_prefix(1);
  if (format.letter == 'E' && (text.starts_with('s') || text.starts_with('n'))) text.remove_prefix(1);  // ES and EN read like E
  if (!take_number(text, format.width)) return false;
  std::uint32_t least_digits = 0;  // of Iw.m and of the exponent, which matter when writing only
  if (take(text, '.') && !take_number(text, format.integer() ? least_digits : format.decimals)) return false;
  if (!format.integer() && take(text, 'e') && !take_number(text, least_digits)) return false;
  return text.empty();
}

}  // namespace

Result<FortranFormat> parse_fortran_format(std::string_view text) {
  std::string squeezed = lower(text);
  squeezed.erase(std::remove_if(squeezed.begin(), squeezed.end(), [](char c) { return c == ' ' || c == '\t'; }), squeezed.end());
  FortranFormat format;
  if (squeezed.size() < 2 || squeezed.front() != '(' || squeezed.back() != ')' ||
      !parse_descriptor(std::string_view(squeezed).substr(1, squeezed.size() - 2), format)) {
    return fail(Code::data_corrupt, "expected a Fortran format such as (10I8) or (1P,4E20.12), found {}", in_quotes(text));
  }
  if (format.width == 0 || format.width > max_width || format.repeat == 0 || format.repeat > max_width) {
    return fail(Code::data_corrupt, "expected 1..{} fields of 1..{} characters, found format {}", max_width, max_width, in_quotes(text));
  }
  return format;
}

Result<double> parse_fortran_real(std::string_view field, const FortranFormat& format) {
  const std::string_view text = trimmed(field);
  SEDMA_ASSIGN_OR_RETURN(const double value, format.integer() ? parse_integer(text) : parse_real(text));
  if (value == 0 || format.integer()) return value;
  if (format.decimals > 0 && text.find('.') == std::string_view::npos) {
    return fail(Code::data_corrupt, "{} has no decimal point: Fortran takes its last {} digits for decimals, C programs none",
                in_quotes(text), format.decimals);
  }
  const bool exponent = text.find_first_of("eEdD") != std::string_view::npos || text.find_first_of("+-", 1) != std::string_view::npos;
  if (format.scale != 0 && !exponent) {
    return fail(Code::data_corrupt, "{} has no exponent: Fortran scales it by 10^{} under {}P, C programs do not", in_quotes(text),
                -format.scale, format.scale);
  }
  return value;
}

}  // namespace sedma::runtime

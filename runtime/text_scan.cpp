#include "runtime/text_scan.h"

#include <locale.h>
#include <stdlib.h>

#include <algorithm>
#include <charconv>
#include <cmath>

namespace sedma::runtime {
namespace {

constexpr std::string_view blanks = " \t\v\f\r";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

Status not_a_number(std::string_view text) { return fail(Code::data_corrupt, "expected a number, found {}", in_quotes(text)); }

Result<double> finite_or_refused(double value, std::string_view text) {
  if (std::isfinite(value)) return value;
  return fail(Code::data_corrupt, "{} is not finite in double precision", in_quotes(text));
}

/// from_chars gives no value for what underflows; strtod rounds it to a denormal or zero. In the C locale, whatever the program set.
Result<double> parse_by_strtod(const std::string& number, std::string_view text) {
  static const locale_t c_locale = ::newlocale(LC_ALL_MASK, "C", nullptr);
  char* end = nullptr;
  const double value = ::strtod_l(number.c_str(), &end, c_locale);
  if (end != number.c_str() + number.size()) return not_a_number(text);
  return finite_or_refused(value, text);
}

/// Fortran's exponents in C's spelling: 1.5D-3, 1.5d3 and 1.5-300 become 1.5e-3, 1.5e3 and 1.5e-300. Empty if `number` is none of them.
std::string with_c_exponent(std::string_view number) {
  const std::size_t mantissa = std::min(number.find_first_not_of("0123456789.", number.starts_with('-') ? 1 : 0), number.size());
  if (mantissa == number.size()) return {};
  std::string_view exponent = number.substr(mantissa);
  const bool letter = exponent[0] == 'd' || exponent[0] == 'D' || exponent[0] == 'e' || exponent[0] == 'E';
  if (letter) exponent.remove_prefix(1);
  const bool sign = exponent.starts_with('-') || exponent.starts_with('+');
  if (!letter && !sign) return {};
  const std::string_view digits = exponent.substr(sign ? 1 : 0);
  if (digits.empty() || !std::all_of(digits.begin(), digits.end(), is_digit)) return {};
  return fmt::format("{}e{}", number.substr(0, mantissa), exponent);
}

}  // namespace

std::optional<std::string_view> Lines::next() {
  if (at_ == text_.size()) return std::nullopt;
  const std::size_t end = std::min(text_.find('\n', at_), text_.size());
  std::string_view line = text_.substr(at_, end - at_);
  at_ = std::min(end + 1, text_.size());
  ++number_;
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

Words split(std::string_view line) {
  Words words;
  for (std::size_t at = line.find_first_not_of(blanks); at != std::string_view::npos;) {
    const std::size_t end = std::min(line.find_first_of(blanks, at), line.size());
    if (words.count < words.word.size()) words.word[words.count] = line.substr(at, end - at);
    ++words.count;
    at = line.find_first_not_of(blanks, end);
  }
  return words;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(blanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

std::string lower(std::string_view text) {
  std::string copy(text);
  for (char& c : copy) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return copy;
}

std::string in_quotes(std::string_view text) {
  constexpr std::size_t most = 40;
  std::string shown = "'";
  for (const char c : text.substr(0, most)) {
    const auto byte = static_cast<unsigned char>(c);
    shown += byte >= 0x20 && byte < 0x7f ? std::string(1, c) : fmt::format("\\x{:02x}", byte);
  }
  return shown + (text.size() > most ? "'..." : "'");
}

Result<double> parse_real(std::string_view text) {
  std::string_view number = text;
  if (number.starts_with('+')) {
    number.remove_prefix(1);
    if (number.starts_with('-')) return not_a_number(text);
  }
  double value = 0;
  const char* end = number.data() + number.size();
  const auto [stop, error] = std::from_chars(number.data(), end, value);
  if (error == std::errc::invalid_argument) return not_a_number(text);
  if (stop == end) {
    return error == std::errc() ? finite_or_refused(value, text) : parse_by_strtod(std::string(number), text);
  }
  const std::string rewritten = with_c_exponent(number);
  return rewritten.empty() ? not_a_number(text) : parse_by_strtod(rewritten, text);
}

Result<double> parse_integer(std::string_view text) {
  const std::size_t sign = text.starts_with('-') || text.starts_with('+') ? 1 : 0;
  if (text.size() == sign || !std::all_of(text.begin() + static_cast<std::ptrdiff_t>(sign), text.end(), is_digit)) {
    return fail(Code::data_corrupt, "expected an integer, found {}", in_quotes(text));
  }
  return parse_real(text);
}

Result<std::uint64_t> parse_count(std::string_view text) {
  const std::string_view digits = text.substr(text.starts_with('+') ? 1 : 0);
  std::uint64_t value = 0;
  const char* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, value);
  if (error == std::errc::result_out_of_range && stop == end) {
    return fail(Code::out_of_range, "{} is beyond what 64 bits hold", in_quotes(text));
  }
  if (error != std::errc() || stop != end) return fail(Code::data_corrupt, "expected a count, found {}", in_quotes(text));
  return value;
}

}  // namespace sedma::runtime

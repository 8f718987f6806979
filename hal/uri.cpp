#include "hal/uri.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <optional>
#include <system_error>
#include <utility>

namespace sedma::hal {
namespace {

constexpr std::size_t longest = 4096;

bool is_lower(char c) noexcept { return c >= 'a' && c <= 'z'; }
bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool is_control(char c) noexcept { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }
bool is_scheme_char(char c) noexcept { return is_lower(c) || is_digit(c) || c == '+' || c == '.' || c == '-'; }
bool is_key_char(char c) noexcept { return is_lower(c) || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '_' || c == '.' || c == '-'; }

std::optional<unsigned> hex_digit(char c) noexcept {
  if (is_digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return std::nullopt;
}

/// Undoes percent escapes.
Result<std::string> decode(std::string_view text) {
  std::string decoded;
  decoded.reserve(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      decoded += text[i];
      continue;
    }
    const auto high = i + 2 < text.size() ? hex_digit(text[i + 1]) : std::nullopt;
    const auto low = i + 2 < text.size() ? hex_digit(text[i + 2]) : std::nullopt;
    if (!high || !low) {
      return fail(Code::invalid_argument, "URI: '{}' is no percent escape; % and two hexadecimal digits are needed", text.substr(i, 3));
    }
    const char c = static_cast<char>(static_cast<unsigned char>(*high * 16 + *low));
    if (is_control(c)) return fail(Code::invalid_argument, "URI: '{}' is a control character", text.substr(i, 3));
    decoded += c;
    i += 2;
  }
  return decoded;
}

/// Escapes `special` and % and nothing else, so that a URI printed again is never longer than it was.
std::string encode(std::string_view text, char special) {
  std::string encoded;
  for (const char c : text) {
    if (c == '%' || c == special) {
      encoded += fmt::format("%{:02X}", static_cast<unsigned>(static_cast<unsigned char>(c)));
    } else {
      encoded += c;
    }
  }
  return encoded;
}

Status add_option(std::string_view text, std::map<std::string, std::string>& options) {
  const std::size_t equals = text.find('=');
  const std::string_view key = text.substr(0, equals);
  if (key.empty()) return fail(Code::invalid_argument, "URI: option '{}' has no key; key=value is needed", text);
  if (!std::all_of(key.begin(), key.end(), is_key_char)) {
    return fail(Code::invalid_argument, "URI: option key '{}' has a character other than letters, digits, '_', '.' and '-'", key);
  }
  if (equals == std::string_view::npos) return fail(Code::invalid_argument, "URI: option '{}' has no value; key=value is needed", text);
  SEDMA_ASSIGN_OR_RETURN(std::string value, decode(text.substr(equals + 1)));
  if (!options.emplace(key, std::move(value)).second) return fail(Code::invalid_argument, "URI: option '{}' is given twice", key);
  return {};
}

/// Parses the whole of `text`: no blanks, no sign '+', no hexadecimal.
template <class T>
std::optional<T> number(const std::string& text) {
  T value{};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc() || stop != end) return std::nullopt;
  return value;
}

}  // namespace

Result<Uri> Uri::parse(std::string_view text) {
  if (text.size() > longest) return fail(Code::invalid_argument, "URI: {} bytes; at most {} are accepted", text.size(), longest);
  if (std::any_of(text.begin(), text.end(), is_control)) return fail(Code::invalid_argument, "URI: has a control character");
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return fail(Code::invalid_argument, "URI: '{}' has no scheme; scheme:target is needed", text);
  Uri uri;
  uri.scheme_ = text.substr(0, colon);
  if (uri.scheme_.empty() || !is_lower(uri.scheme_[0]) || !std::all_of(uri.scheme_.begin(), uri.scheme_.end(), is_scheme_char)) {
    return fail(Code::invalid_argument, "URI: '{}' is no scheme; a small letter, then small letters, digits, '+', '.', '-' are needed",
                uri.scheme_);
  }
  const std::size_t question = text.find('?', colon);
  SEDMA_ASSIGN_OR_RETURN(uri.target_, decode(text.substr(colon + 1, question == std::string_view::npos ? question : question - colon - 1)));
  if (question == std::string_view::npos) return uri;
  std::string_view rest = text.substr(question + 1);
  while (!rest.empty()) {
    const std::size_t ampersand = rest.find('&');
    SEDMA_RETURN_IF_ERROR(add_option(rest.substr(0, ampersand), uri.options_));
    if (ampersand == std::string_view::npos) break;
    rest.remove_prefix(ampersand + 1);
    if (rest.empty()) return fail(Code::invalid_argument, "URI: '{}' ends with '&'", text);
  }
  return uri;
}

void Uri::set_default(const std::string& key, const std::string& value) { options_.emplace(key, value); }

std::string Uri::to_string() const {
  std::string text = scheme_ + ":" + encode(target_, '?');
  char separator = '?';
  for (const auto& [key, value] : options_) {
    text += separator + key + "=" + encode(value, '&');
    separator = '&';
  }
  return text;
}

Result<std::uint64_t> Uri::take_unsigned(const std::string& key, std::uint64_t fallback, std::uint64_t min, std::uint64_t max) {
  const auto node = options_.extract(key);
  if (node.empty()) return fallback;
  const auto value = number<std::uint64_t>(node.mapped());
  if (value && *value >= min && *value <= max) return *value;
  return fail(Code::invalid_argument, "option {}={}: a whole number in [{}, {}] is accepted", key, node.mapped(), min, max);
}

Result<double> Uri::take_number(const std::string& key, double fallback, double min, double max) {
  const auto node = options_.extract(key);
  if (node.empty()) return fallback;
  const auto value = number<double>(node.mapped());
  if (value && std::isfinite(*value) && *value >= min && *value <= max) return *value;
  return fail(Code::invalid_argument, "option {}={}: a number in [{}, {}] is accepted", key, node.mapped(), min, max);
}

Result<std::string> Uri::take_choice(const std::string& key, const std::string& fallback, const std::vector<std::string>& choices) {
  const auto node = options_.extract(key);
  if (node.empty()) return fallback;
  if (std::find(choices.begin(), choices.end(), node.mapped()) != choices.end()) return node.mapped();
  return fail(Code::invalid_argument, "option {}={}: one of {} is accepted", key, node.mapped(), fmt::join(choices, ", "));
}

Result<bool> Uri::take_switch(const std::string& key, bool fallback) {
  const auto node = options_.extract(key);
  if (node.empty()) return fallback;
  if (node.mapped() == "on") return true;
  if (node.mapped() == "off") return false;
  return fail(Code::invalid_argument, "option {}={}: on or off is accepted", key, node.mapped());
}

std::string Uri::take_text(const std::string& key, const std::string& fallback) {
  const auto node = options_.extract(key);
  return node.empty() ? fallback : node.mapped();
}

std::map<std::string, std::string> Uri::take_prefixed(const std::string& prefix) {
  std::map<std::string, std::string> taken;
  for (auto option = options_.lower_bound(prefix); option != options_.end() && option->first.compare(0, prefix.size(), prefix) == 0;) {
    if (option->first.size() == prefix.size()) {  // nothing would be left of its key
      ++option;
      continue;
    }
    taken.emplace(option->first.substr(prefix.size()), std::move(option->second));
    option = options_.erase(option);
  }
  return taken;
}

Status Uri::expect_empty(const std::vector<std::string>& known) const {
  if (options_.empty()) return {};
  std::vector<std::string> unknown;
  for (const auto& option : options_) unknown.push_back("'" + option.first + "'");
  return fail(Code::invalid_argument, "unknown option{} {}; known: {}", unknown.size() == 1 ? "" : "s", fmt::join(unknown, ", "),
              known.empty() ? "none" : fmt::format("{}", fmt::join(known, ", ")));
}

}  // namespace sedma::hal

#pragma once
// Lines, words and numbers of text formats. Internal to runtime's file formats.

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "hal/status.h"

namespace sedma::runtime {

/// Walks over the lines of a text that ends them by LF or CR LF.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text) {}
  /// The next line without its end; nothing after the last one.
  std::optional<std::string_view> next();
  /// Number of the line that next() returned last, from 1; where the text ended, if it returned nothing.
  std::size_t number() const noexcept { return number_; }
  /// Bytes not yet returned.
  std::size_t bytes_left() const noexcept { return text_.size() - at_; }

 private:
  std::string_view text_;
  std::size_t at_ = 0, number_ = 0;
};

/// The first words of a line, split at blanks. `count` counts all of them; `word` holds the first ones.
struct Words {
  std::size_t count = 0;
  std::array<std::string_view, 6> word;
};
Words split(std::string_view line);

std::string_view trimmed(std::string_view text);
std::string lower(std::string_view text);

/// The text in quotes, cut at 40 characters, unprintable bytes as \x..: for messages.
std::string in_quotes(std::string_view text);

/// A finite real number: 1, +1.5, .5, 1.5e-3, and Fortran's 1.5D-3 and 1.5-300. Correctly rounded; what is smaller than half the least
/// denormal is zero. Errors: data_corrupt (not a number, infinite, NaN, or too large for double precision).
Result<double> parse_real(std::string_view text);

/// A number written with digits only (and a sign), as the nearest double. Errors: as parse_real.
Result<double> parse_integer(std::string_view text);

/// A count or index: digits, perhaps after a '+'. Errors: data_corrupt.
Result<std::uint64_t> parse_count(std::string_view text);

}  // namespace sedma::runtime

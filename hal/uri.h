#pragma once
// Device URIs: scheme:target?key=value&key=value

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "hal/status.h"

namespace sedma::hal {

/// A parsed device URI, e.g. emulator:TaOx-HfOx?arrays=64&seed=7. Options are consumed by the backend that opens it; what is left
/// unconsumed is an error there (expect_empty).
class Uri {
 public:
  /// Errors: invalid_argument (no scheme, empty key, key twice, bad percent escape, control characters; over 4096 bytes).
  static Result<Uri> parse(std::string_view text);

  const std::string& scheme() const noexcept { return scheme_; }
  const std::string& target() const noexcept { return target_; }  ///< between ':' and '?', percent escapes undone
  const std::map<std::string, std::string>& options() const noexcept { return options_; }
  void set_default(const std::string& key, const std::string& value);  ///< unless the URI gives it
  /// The URI again, options in alphabetical order.
  std::string to_string() const;

  // Each takes its key out of the options. Errors: invalid_argument naming key, value and what is accepted.
  Result<std::uint64_t> take_unsigned(const std::string& key, std::uint64_t fallback, std::uint64_t min, std::uint64_t max);
  Result<double> take_number(const std::string& key, double fallback, double min, double max);  ///< finite, within [min, max]
  Result<std::string> take_choice(const std::string& key, const std::string& fallback, const std::vector<std::string>& choices);
  Result<bool> take_switch(const std::string& key, bool fallback);  ///< on|off
  std::string take_text(const std::string& key, const std::string& fallback);
  /// The options whose key begins with `prefix`, taken out, the prefix stripped.
  std::map<std::string, std::string> take_prefixed(const std::string& prefix);
  /// ok if every option was taken. Errors: invalid_argument naming the unknown ones and listing `known`.
  Status expect_empty(const std::vector<std::string>& known) const;

 private:
  std::string scheme_, target_;
  std::map<std::string, std::string> options_;
};

}  // namespace sedma::hal

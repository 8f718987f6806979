#pragma once
// What a command leaves behind: checked before the work, written as a whole or not at all after it.

#include <nlohmann/json.hpp>
#include <string>

#include "calibration/file_io.h"
#include "hal/status.h"

namespace sedma::cli {

using Json = nlohmann::ordered_json;

/// ok if a file of that name can be made or replaced; nothing is left behind. Errors: unavailable (with the system's reason; not a
/// regular file).
Status check_writable(const std::string& path);
/// The same for a product's file: its name must also be one that runtime::write_block takes. Errors: invalid_argument, and as above.
Status check_product_writable(const std::string& reference);

/// Where a text goes: nowhere (empty), stdout ("-") or a file.
class TextTarget {
 public:
  TextTarget() = default;
  explicit TextTarget(std::string path) : path_(std::move(path)) {}

  bool wanted() const noexcept { return !path_.empty(); }
  /// stdout belongs to the text alone.
  bool takes_stdout() const noexcept { return path_ == "-"; }
  const std::string& path() const noexcept { return path_; }

  /// Errors: as check_writable.
  Status check() const;
  /// Makes the file ready under a temporary name; only commit() gives it its own. Errors: unavailable.
  Status prepare(std::string text);
  /// Errors: unavailable.
  Status commit();

 private:
  std::string path_, text_;
  calibration::AtomicFile file_;
};

/// Where --json goes.
class JsonTarget : public TextTarget {
 public:
  using TextTarget::TextTarget;
  /// Errors: as TextTarget's.
  Status prepare(const Json& json);
};

/// JSON as it is written: two spaces of indentation, bytes that are not UTF-8 replaced, NaN and infinity as null, a line end.
std::string to_text(const Json& json);
/// Writes to stdout. Errors: unavailable (a full disk, a closed pipe).
Status print(const std::string& text);

}  // namespace sedma::cli

#pragma once
// Drivers by URI scheme, registered explicitly by the program.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "hal/device.h"
#include "hal/uri.h"

namespace sedma::hal {

class Registry {
 public:
  /// Opens the device that the URI names. The driver passes `limits` to the innermost device, so that they lie beneath everything.
  using Open = std::function<Result<std::unique_ptr<Device>>(Uri uri, const Limits& limits, const Registry& registry)>;
  struct Driver {
    std::string scheme, summary, example;  ///< for `sedma devices`
    Open open;
  };
  /// Errors: invalid_argument (scheme empty or taken).
  Status add(Driver driver);
  /// Errors: invalid_argument (malformed URI, unknown scheme: lists what exists), and what the driver reports.
  Result<std::unique_ptr<Device>> open(std::string_view uri, const Limits& limits = {}) const;
  Result<std::unique_ptr<Device>> open(const Uri& uri, const Limits& limits = {}) const;
  std::vector<const Driver*> drivers() const;

 private:
  std::map<std::string, Driver> drivers_;
};

}  // namespace sedma::hal

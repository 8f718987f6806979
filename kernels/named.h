#pragma once
// Looking up what is built in by its name. Internal to kernels.

#include <functional>
#include <span>
#include <string>
#include <string_view>

#include "hal/status.h"

namespace sedma::kernels {

/// The one of `all` whose name is `name`. Errors: invalid_argument listing the names there are; `kind` says of what.
template <class T, class Same = std::equal_to<>>
Result<T> find_named(std::span<const T> all, std::string_view kind, std::string_view name, Same same = {}) {
  std::string known;
  for (const T& each : all) {
    if (same(each.name, name)) return each;
    known += (known.empty() ? "" : ", ") + std::string(each.name);
  }
  return fail(Code::invalid_argument, "no {} '{}'; there are {}", kind, name, known);
}

}  // namespace sedma::kernels

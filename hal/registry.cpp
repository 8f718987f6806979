#include "hal/registry.h"

#include <exception>
#include <new>
#include <utility>

namespace sedma::hal {

Status Registry::add(Driver driver) {
  const auto uri = Uri::parse(driver.scheme + ":");
  if (!uri.ok() || uri->scheme() != driver.scheme) {
    return fail(Code::invalid_argument, "driver scheme '{}' is malformed; [a-z][a-z0-9+.-]* is needed", driver.scheme);
  }
  if (!driver.open) return fail(Code::invalid_argument, "driver '{}' has no function that opens", driver.scheme);
  const std::string scheme = driver.scheme;
  if (drivers_.emplace(scheme, std::move(driver)).second) return {};
  return fail(Code::invalid_argument, "driver '{}' is registered already", scheme);
}

Result<std::unique_ptr<Device>> Registry::open(std::string_view uri, const Limits& limits) const {
  SEDMA_ASSIGN_OR_RETURN(const Uri parsed, Uri::parse(uri));
  return open(parsed, limits);
}

Result<std::unique_ptr<Device>> Registry::open(const Uri& uri, const Limits& limits) const {
  SEDMA_RETURN_IF_ERROR(limits.validate().with_context("limits"));
  const auto driver = drivers_.find(uri.scheme());
  if (driver == drivers_.end()) {
    std::string known;
    for (const auto& [scheme, unused] : drivers_) known += (known.empty() ? "" : ", ") + scheme;
    return fail(Code::invalid_argument, "no driver for '{}'; known: {}", uri.scheme(), known.empty() ? "none" : known);
  }
  try {
    auto device = driver->second.open(uri, limits, *this);
    if (device.ok() && *device == nullptr) return fail(Code::internal, "driver '{}' opened nothing", uri.scheme());
    return device;
  } catch (const std::bad_alloc&) {
    return Status(Code::unavailable, "out of memory");
  } catch (const std::exception& error) {
    return fail(Code::internal, "driver '{}' threw: {}", uri.scheme(), error.what());
  }
}

std::vector<const Registry::Driver*> Registry::drivers() const {
  std::vector<const Driver*> all;
  all.reserve(drivers_.size());
  for (const auto& [scheme, driver] : drivers_) all.push_back(&driver);
  return all;
}

}  // namespace sedma::hal

#pragma once
// Every device that this build knows.

#include "hal/registry.h"

namespace sedma::backends {

/// Adds the drivers emulator, faulty, record and replay. `registry` must not have one of these schemes yet.
void register_all(hal::Registry& registry);

}  // namespace sedma::backends

#include "backends/backends.h"

#include <utility>

#include "backends/emulator/emulator.h"
#include "backends/faulty/faulty.h"
#include "backends/replay/record.h"
#include "backends/replay/replay.h"

namespace sedma::backends {

void register_all(hal::Registry& registry) {
  for (auto driver : {emulator_driver(), faulty_driver(), record_driver(), replay_driver()}) {
    const Status added = registry.add(std::move(driver));
    SEDMA_CHECK(added.ok(), added.to_string());
  }
}

}  // namespace sedma::backends

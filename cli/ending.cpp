#include "cli/ending.h"

#include <fmt/format.h>

#include "cli/units.h"

namespace sedma::cli {

void say(const Ending& ending) {
  if (!ending.message().empty()) fmt::print(stderr, "sedma: {}\n", printable(ending.message()));
}

}  // namespace sedma::cli

#pragma once
// Which machine, build and settings a report was measured with.

#include <cstddef>
#include <string>
#include <vector>

namespace sedma::bench {

struct Cache {
  unsigned level = 0;
  std::size_t bytes = 0;
};

struct Machine {
  std::string cpu, kernel, compiler, governor;  ///< governor: empty where the system does not tell
  unsigned cores = 0;                           ///< that this process may use
  std::vector<Cache> caches;                    ///< of core 0, data and unified, by level; empty where the system does not tell
  std::string isa;                              ///< of SEDMA's kernels
  std::string blas_config, blas_core;
  std::vector<std::pair<std::string, std::string>> environment;  ///< the variables that steer threads and kernels, as far as they are set
  std::string version, commit, date_utc;
  double load_at_start = 0;  ///< of the last minute; negative where the system does not tell
};

/// Above this, somebody else is computing too.
inline constexpr double quiet_load = 0.5;

Machine this_machine();
/// Where `bytes` lie between two passes over them: "L1", "L2", "L3", or "memory"; empty without caches().
std::string level_of(const Machine& machine, std::size_t bytes);

}  // namespace sedma::bench

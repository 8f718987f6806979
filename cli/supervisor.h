#pragma once
// When a job on many hosts is over, and when it is started again. Pure decisions.

#include <optional>
#include <string>

#include "cli/ending.h"
#include "runtime/run_log.h"

namespace sedma::cli {

/// What is known once mpirun has ended.
struct LaunchEnd {
  int exit_code = 0;  ///< of mpirun; 128 + its number if a signal ended it
  int signal = 0;     ///< that asked this program to stop; 0: none did
  std::optional<runtime::RunStanding> standing;
};

class Supervisor {
 public:
  /// At most so many restarts. `before`: how the run stood before the first launch.
  Supervisor(unsigned restarts, const std::optional<runtime::RunStanding>& before) : restarts_(restarts), before_(before) {}

  /// How the program ends, or nothing: the job is to be started again. A run goes on as long as restarts are left and not two of them in a
  /// row brought no vector. A refusal is final: done, stopped and failed are noted in the log by the run itself.
  std::optional<Ending> judge(const LaunchEnd& end);

  unsigned restarts_done() const noexcept { return restarts_done_; }

 private:
  unsigned restarts_, restarts_done_ = 0, fruitless_ = 0;
  std::optional<runtime::RunStanding> before_;  // the launch that is under way
};

}  // namespace sedma::cli

#pragma once
// SIGINT and SIGTERM: the first asks the work to stop and the board to be made safe, the second ends the program at once.

#include <thread>

#include "cli/ending.h"
#include "hal/device.h"

namespace sedma::cli {

/// From now on a first SIGINT or SIGTERM is noted instead of ending the program. Call after files are loaded: until then nothing needs
/// care.
void catch_interrupts(bool of_mpirun = false);
/// The signal that asked to stop; 0: none did.
int interrupted() noexcept;
/// "interrupted" with exit code 128 + signal if `ending` is a failure and a signal asked to stop, otherwise `ending`.
Ending unless_interrupted(const Ending& ending);

/// While it lives, a signal cancels the device at once, whatever its callers wait for: its lines are grounded before the program ends.
class CancelOnInterrupt {
 public:
  explicit CancelOnInterrupt(hal::Device& device);
  CancelOnInterrupt(const CancelOnInterrupt&) = delete;
  CancelOnInterrupt& operator=(const CancelOnInterrupt&) = delete;
  ~CancelOnInterrupt();

 private:
  int stop_ = -1;
  std::thread watcher_;
};

}  // namespace sedma::cli

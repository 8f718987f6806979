#pragma once
// Runs mpirun as a child that does not outlive this program, and turns requests to stop into what Open MPI's ranks understand.

#include <array>
#include <chrono>
#include <csignal>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "hal/status.h"

namespace sedma::cli {

/// While it lives, SIGINT, SIGTERM, SIGHUP and SIGUSR1 (those that were not ignored before) are queued instead of ending the program. One
/// at a time.
class SignalQueue {
 public:
  SignalQueue();
  SignalQueue(const SignalQueue&) = delete;
  SignalQueue& operator=(const SignalQueue&) = delete;
  ~SignalQueue();

  /// Waits until `deadline` for a child to end or for a request to stop. Returns the signal; 0: neither came.
  int wait(std::chrono::steady_clock::time_point deadline);
  /// The first request to stop so far; 0: none.
  int asked() const noexcept { return asked_; }

 private:
  static constexpr std::array<int, 5> signals = {SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD};
  std::array<struct sigaction, signals.size()> before_{};
  int receive_ = -1;
  int asked_ = 0;
};

/// How long a checkpoint may take after a request to stop.
inline constexpr std::chrono::seconds checkpoint_time{60};

/// Runs a job with this program's stdout and stderr until it ends; its exit code, or 128 + the signal that ended it. A request to stop
/// reaches the ranks as SIGUSR1, which mpirun hands on (SIGTERM would make it kill them); a second one, or none of them gone after
/// checkpoint_time, ends mpirun by SIGTERM and, 10 s later, by SIGKILL. So does `lost`, asked every second: mpirun itself may wait for
/// ever when it has lost a host. Errors: unavailable (cannot be started).
Result<int> run_job(const std::vector<std::string>& arguments, SignalQueue& signals, const std::function<bool()>& lost);

struct Answer {
  int exit_code = 0;  ///< 128 + 9 if it took too long
  std::string out, err;
};
/// Runs commands at the same time and keeps what they print; those that take longer than `limit`, and all once a request to stop comes,
/// are killed. Errors: unavailable (cannot be started).
Result<std::vector<Answer>> ask(const std::vector<std::vector<std::string>>& commands, std::chrono::milliseconds limit,
                                SignalQueue& signals);

}  // namespace sedma::cli

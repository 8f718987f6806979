#pragma once
// Commands that run beside a test, with limits of time, and what /proc knows of processes.

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/cli/program.h"

namespace sedma::test {

/// Whether PATH leads to a program.
bool in_path(const std::string& program);
/// Asks every 5 ms until it holds or so many seconds are over; whether it held.
bool wait_until(double seconds, const std::function<bool()>& holds);

/// Processes, zombies not counted, for which `chosen` holds.
std::vector<pid_t> processes(const std::function<bool(pid_t)>& chosen);
/// Whether the environment of a process holds "NAME=VALUE".
bool has_variable(pid_t pid, const std::string& variable);
/// Sends SIGKILL to processes() until there is none left; false if there still is one after 10 s.
bool kill_all(const std::function<bool(pid_t)>& chosen);

/// A command and all that it starts on this machine. SEDMA_* variables are taken out of its environment, a mark of its own is put in.
/// Nothing of it outlives this object; should the test be killed, mpirun is told to end, and the next test ends what did not.
class Process {
 public:
  /// The program is words[0], looked up in PATH.
  Process(const std::vector<std::string>& words, const Environment& extra);
  Process(const Process&) = delete;
  Process& operator=(const Process&) = delete;
  ~Process();

  /// How it ended; a failure of the test, and the end of it, if it has not within so many seconds.
  Ran wait(double seconds);
  /// Whether it has ended by itself.
  bool ended();
  /// What it has printed so far.
  std::string out() const { return testing::bytes_of(directory_ / "out"); }
  std::string err() const { return testing::bytes_of(directory_ / "err"); }
  /// Waits until `text` is printed on either; false if it ends before, or after so many seconds.
  bool says(const std::string& text, double seconds);

  /// Its processes that still run; those of a lab's hosts are known to the lab.
  std::vector<pid_t> pids() const;
  /// The process of an MPI rank on this machine, once there is one; 0 if there is none within 10 s.
  pid_t rank(int number);
  void signal(int number) const;

 private:
  bool mine(pid_t pid) const { return has_variable(pid, mark_); }

  testing::TemporaryDirectory directory_;
  std::string mark_;  ///< NAME=VALUE
  pid_t pid_ = -1;
  std::optional<int> status_;
};

}  // namespace sedma::test

#pragma once
// Several hosts on this machine: each has its own network, host name, processes and shared memory, and a cable to one switch.

#include <sys/types.h>

#include <string>
#include <vector>

#include "tests/cluster/process.h"

namespace sedma::test {

/// Hosts n0, n1, ... (10.78.0.1, 10.78.0.2, ...) and `login` (10.78.0.254), which has no ranks. They are namespaces of Linux: nothing of
/// them is seen from outside, several labs can exist at once, and none outlives its test, even one that is killed (then mpirun may: see
/// Process).
class Lab {
 public:
  static constexpr int login = -1;  ///< as a host's number

  /// Why no lab can be made here; empty if it can.
  static const std::string& why_not();

  /// Makes the hosts. A failure of the test if that fails.
  explicit Lab(unsigned hosts);
  Lab(const Lab&) = delete;
  Lab& operator=(const Lab&) = delete;
  /// Ends everything that runs in the lab.
  ~Lab();

  unsigned hosts() const noexcept { return static_cast<unsigned>(hosts_.size()); }
  static std::string name(unsigned host) { return "n" + std::to_string(host); }
  /// A file with a line "NAME slots=SLOTS" for every host.
  std::string hostfile(unsigned slots) const;

  /// A command on one host. If it is mpirun, or starts it, its environment makes Open MPI reach the other hosts.
  Process start_on(int host, const std::vector<std::string>& words, const Environment& extra = {}) const;
  /// mpirun --enable-recovery of a command with so many ranks, `slots` on a host, rank 0 on n0; `extra` reaches every rank. With mpirun on
  /// a host other than rank 0's a job that lost a rank does not end: MPI_Abort of rank 0 does not reach mpirun then (Open MPI 4.1).
  Process start(unsigned ranks, unsigned slots, const std::vector<std::string>& words, const Environment& extra = {},
                int mpirun_on = 0) const;

  /// SIGKILL of all that runs there. The kernel still closes its connections, as when a host is restarted.
  void kill_host(unsigned host);
  /// The same, silent: nobody hears from it any more, as when its power is cut.
  void power_off(unsigned host);
  /// Pulls its cable out of the switch: what it sends and what is sent to it is lost, and no host is told.
  void cut(unsigned host) const;
  /// Puts it in again.
  void heal(unsigned host) const;

  /// What runs on a host, in this machine's numbers.
  std::vector<pid_t> pids_on(unsigned host) const;
  /// What runs on any of them, login included.
  std::vector<pid_t> pids() const;
  /// The process of an MPI rank, once there is one; 0 if there is none within 10 s.
  pid_t rank(int number) const;

 private:
  struct Host {
    pid_t init = -1;  ///< the first process there; -1: dead
    ino_t space = 0;  ///< tells which processes are there
  };
  std::string make_all(unsigned hosts);
  void write_agent() const;
  void network(const std::string& what, unsigned host) const;
  void end(Host& host);

  testing::TemporaryDirectory directory_;
  Host login_;
  std::vector<Host> hosts_;
};

}  // namespace sedma::test

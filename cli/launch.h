#pragma once
// What `sedma run` says to mpirun: argument lists and Open MPI's own answer to where the ranks will be. Starts nothing.

#include <string>
#include <vector>

#include "hal/status.h"

namespace sedma::cli {

/// Ranks that a host gets, and how many it has room for.
struct HostRanks {
  std::string host;
  unsigned slots = 0, ranks = 0;
};

struct LaunchOptions {
  std::string mpirun = "mpirun";
  std::vector<std::string> mpirun_options;  ///< of the user
  unsigned ranks = 0;                       ///< 0: one for each slot
  std::string hostfile, hosts;              ///< as mpirun takes them; empty: not given
  std::string program;                      ///< this one, the same path on every host
  std::vector<std::string> variables;       ///< names of environment variables that every rank must see
  std::vector<std::string> command;         ///< after the program: multiply ...
};

/// What the supervised command says about its log.
struct LoggedCommand {
  std::string directory;
  bool resume = false;
};
/// Errors: invalid_argument (not multiply, or without --log DIR: says why it is needed).
Result<LoggedCommand> check_command(const std::vector<std::string>& command);

/// Makes mpirun print where ranks would go, without starting any or asking a host.
std::vector<std::string> map_arguments(const LaunchOptions& options);
/// The hosts in what that prints, in the order of their ranks. Errors: unavailable (there are none).
Result<std::vector<HostRanks>> hosts_in_map(const std::string& text);
/// Makes mpirun start one trivial process on a host.
std::vector<std::string> probe_arguments(const LaunchOptions& options, const std::string& host);
/// The job as the user asked for it.
std::vector<std::string> first_job_arguments(const LaunchOptions& options, const std::vector<HostRanks>& hosts);
/// The job continued on `hosts`, each with as many ranks as it says.
std::vector<std::string> next_job_arguments(const LaunchOptions& options, const std::vector<HostRanks>& hosts);

}  // namespace sedma::cli

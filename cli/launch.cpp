#include "cli/launch.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <numeric>
#include <regex>
#include <sstream>

namespace sedma::cli {
namespace {

using Arguments = std::vector<std::string>;

// mpirun ends ranks by SIGCONT, SIGTERM and SIGKILL with this time between each two: also when rank 0 gives up a job with a rank that
// hangs, so that it may not be long. Signals that ask for a checkpoint go another way (cli/mpirun.h).
constexpr const char* seconds_between_signals = "2";

void append(Arguments& to, const Arguments& what) { to.insert(to.end(), what.begin(), what.end()); }

bool crowded(const std::vector<HostRanks>& hosts) {
  return std::any_of(hosts.begin(), hosts.end(), [](const HostRanks& host) { return host.ranks > host.slots; });
}

Arguments where_asked(const LaunchOptions& options) {
  Arguments where;
  if (options.ranks > 0) append(where, {"-n", fmt::format("{}", options.ranks)});
  if (!options.hostfile.empty()) append(where, {"--hostfile", options.hostfile});
  if (!options.hosts.empty()) append(where, {"--host", options.hosts});
  return where;
}

Arguments job_arguments(const LaunchOptions& options, const std::vector<HostRanks>& hosts, const Arguments& where) {
  Arguments arguments = {options.mpirun, "--enable-recovery", "--mca", "odls_base_sigkill_timeout", seconds_between_signals};
  if (crowded(hosts)) append(arguments, {"--oversubscribe", "--mca", "mpi_yield_when_idle", "1"});
  for (const std::string& variable : options.variables) append(arguments, {"-x", variable});
  append(arguments, where);
  append(arguments, options.mpirun_options);  // the last word is the user's
  arguments.push_back(options.program);
  append(arguments, options.command);
  return arguments;
}

}  // namespace

Result<LoggedCommand> check_command(const Arguments& command) {
  if (command.empty() || command.front() != "multiply")
    return fail(Code::invalid_argument, "expected -- multiply ..., the only command that many hosts share; got '{}'",
                command.empty() ? "" : command.front());
  LoggedCommand logged;
  CLI::App words;
  words.set_help_flag();
  words.allow_extras();
  words.add_option("--log", logged.directory);
  words.add_flag("--resume", logged.resume);
  try {
    words.parse(Arguments(command.rbegin(), command.rend() - 1));
  } catch (const CLI::ParseError& error) {
    return Status(Code::invalid_argument, error.what());
  }
  if (!logged.directory.empty()) return logged;
  return fail(Code::invalid_argument,
              "multiply needs --log DIR, on a file system that every host sees: the host of rank 0 is the one whose loss a job cannot "
              "survive, and only what lies elsewhere can be gone on with");
}

Arguments map_arguments(const LaunchOptions& options) {
  Arguments arguments = {options.mpirun, "--do-not-launch", "--display-map", "--oversubscribe"};
  append(arguments, where_asked(options));
  append(arguments, options.mpirun_options);
  arguments.push_back(options.program);
  return arguments;
}

Result<std::vector<HostRanks>> hosts_in_map(const std::string& text) {
  static const std::regex node(R"(Data for node: (\S+)\s+Num slots: (\d{1,6})\s.*Num procs: (\d{1,6})\s*)");
  std::vector<HostRanks> hosts;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch found;
    if (!std::regex_search(line, found, node)) continue;
    const HostRanks host = {found[1], static_cast<unsigned>(std::stoul(found[2])), static_cast<unsigned>(std::stoul(found[3]))};
    if (host.ranks > 0) hosts.push_back(host);
  }
  if (hosts.empty()) return Status(Code::unavailable, "mpirun names no host for the ranks");
  return hosts;
}

Arguments probe_arguments(const LaunchOptions& options, const std::string& host) {
  Arguments arguments = {options.mpirun, "-n", "1", "--host", host, "--oversubscribe"};
  append(arguments, options.mpirun_options);
  arguments.push_back("true");
  return arguments;
}

Arguments first_job_arguments(const LaunchOptions& options, const std::vector<HostRanks>& hosts) {
  return job_arguments(options, hosts, where_asked(options));
}

Arguments next_job_arguments(const LaunchOptions& options, const std::vector<HostRanks>& hosts) {
  std::string list;
  unsigned ranks = 0;
  for (const HostRanks& host : hosts) {
    list += fmt::format("{}{}:{}", list.empty() ? "" : ",", host.host, host.ranks);
    ranks += host.ranks;
  }
  Arguments arguments = job_arguments(options, hosts, {"-n", fmt::format("{}", ranks), "--host", list});
  const auto logged = check_command(options.command);
  if (logged.ok() && !logged->resume) arguments.push_back("--resume");
  return arguments;
}

}  // namespace sedma::cli

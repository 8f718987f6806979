// sedma run: one multiply on many hosts, started by mpirun and started again when rank 0 or mpirun is lost.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>

#include "cli/command.h"
#include "cli/launch.h"
#include "cli/mpirun.h"
#include "cli/supervisor.h"
#include "cli/units.h"
#include "runtime/run_log.h"

namespace sedma::cli {
namespace {

constexpr std::chrono::seconds map_limit{60}, probe_limit{10};

struct Options {
  LaunchOptions launch;
  std::string mpirun_options;
  unsigned restarts = 3;
};

void say(const std::string& text) { fmt::print(stderr, "sedma: {}\n", printable(text)); }

/// Variables that set options: mpirun hands them only to ranks on its own host by itself.
std::vector<std::string> option_variables() {
  std::vector<std::string> names;
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string text = *each;
    if (text.starts_with("SEDMA_")) names.push_back(text.substr(0, text.find('=')));
  }
  std::sort(names.begin(), names.end());
  return names;
}

Result<std::vector<HostRanks>> find_hosts(const LaunchOptions& launch, SignalQueue& signals) {
  SEDMA_ASSIGN_OR_RETURN(const std::vector<Answer> answers, ask({map_arguments(launch)}, map_limit, signals));
  const Answer& answer = answers.front();
  if (signals.asked() != 0) return Status(Code::aborted, "interrupted");
  auto hosts = hosts_in_map(answer.out);
  if (hosts.ok()) return hosts;
  return fail(Code::unavailable, "{} does not say where the ranks go (exit code {}): {}{}", launch.mpirun, answer.exit_code, answer.out,
              answer.err);
}

/// Those of `hosts` on which mpirun can start a process; names the others on stderr.
Result<std::vector<HostRanks>> hosts_alive(const LaunchOptions& launch, const std::vector<HostRanks>& hosts, SignalQueue& signals) {
  std::vector<std::vector<std::string>> probes;
  for (const HostRanks& host : hosts) probes.push_back(probe_arguments(launch, host.host));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<Answer> answers, ask(probes, probe_limit, signals));
  std::vector<HostRanks> alive;
  for (std::size_t i = 0; i < hosts.size(); ++i) {
    if (answers[i].exit_code == 0) {
      alive.push_back(hosts[i]);
    } else if (signals.asked() == 0) {
      say(fmt::format("host {} does not answer and is left out", hosts[i].host));
    }
  }
  return alive;
}

std::string places_text(const std::vector<HostRanks>& hosts) {
  std::string text;
  for (const HostRanks& host : hosts) text += fmt::format("{}{} on {}", text.empty() ? "" : ", ", count(host.ranks, "rank"), host.host);
  return text;
}

/// One restart: the hosts that are left.
Status prepare_restart(const LaunchOptions& launch, const Supervisor& supervisor, const LaunchEnd& end, std::vector<HostRanks>& hosts,
                       SignalQueue& signals) {
  say(fmt::format("the job is lost (mpirun ended with {}) with {} vectors done", end.exit_code, end.standing->vectors_done));
  SEDMA_ASSIGN_OR_RETURN(hosts, hosts_alive(launch, hosts, signals));
  if (signals.asked() != 0) return {};
  if (hosts.empty()) return Status(Code::unavailable, "no host answers any more");
  say(fmt::format("restart {}: {}", supervisor.restarts_done(), places_text(hosts)));
  return {};
}

/// Notices that the host of rank 0 is gone, which mpirun on another host may not: when no vector is done for a while, it asks the host,
/// each time less often.
class CoordinatorWatch {
 public:
  CoordinatorWatch(const LaunchOptions& launch, std::string host, std::string log, SignalQueue& signals)
      : launch_(launch), host_(std::move(host)), log_(std::move(log)), signals_(signals), starts_(standing().starts) {}

  bool lost() {
    const auto now = std::chrono::steady_clock::now();
    const runtime::RunStanding found = standing();
    const bool ended = found.starts > starts_ && found.state != runtime::RunStanding::State::running;
    if (!ended) ended_since_ = now;
    if (ended) return now > ended_since_ + time_to_leave;
    const std::uint64_t vectors = found.vectors_done;
    if (vectors != vectors_) {
      vectors_ = vectors;
      quiet_ = first_quiet;
      since_ = now;
    }
    if (now < since_ + quiet_) return false;
    const auto answers = ask({probe_arguments(launch_, host_)}, probe_limit, signals_);
    since_ = std::chrono::steady_clock::now();
    quiet_ = std::min(2 * quiet_, most_quiet);
    return answers.ok() && signals_.asked() == 0 && answers->front().exit_code != 0;
  }

 private:
  runtime::RunStanding standing() const {
    const auto found = runtime::RunLog::standing(log_);
    return found.ok() ? found->value_or(runtime::RunStanding()) : runtime::RunStanding();
  }

  static constexpr std::chrono::seconds first_quiet{10}, most_quiet{160}, time_to_leave{30};
  const LaunchOptions& launch_;
  std::string host_, log_;
  SignalQueue& signals_;
  std::uint64_t starts_, vectors_ = 0;
  std::chrono::seconds quiet_ = first_quiet;
  std::chrono::steady_clock::time_point since_ = std::chrono::steady_clock::now(), ended_since_ = since_;
};

Ending supervise(const Options& options, const LoggedCommand& logged) {
  const LaunchOptions& launch = options.launch;
  SEDMA_ASSIGN_OR_RETURN(const auto before, runtime::RunLog::standing(logged.directory));
  if (before && !logged.resume)
    return Ending::usage(
        fmt::format("{} holds a run already, with {} vectors done: add --resume to go on with it, or name another directory",
                    logged.directory, before->vectors_done));
  SignalQueue signals;
  SEDMA_ASSIGN_OR_RETURN(std::vector<HostRanks> hosts, find_hosts(launch, signals));
  Supervisor supervisor(options.restarts, before);
  std::vector<std::string> arguments = first_job_arguments(launch, hosts);
  for (;;) {
    LaunchEnd end;
    if (signals.asked() == 0) {
      CoordinatorWatch watch(launch, hosts.front().host, logged.directory, signals);
      SEDMA_ASSIGN_OR_RETURN(end.exit_code, run_job(arguments, signals, [&watch] { return watch.lost(); }));
    }
    end.signal = signals.asked();
    SEDMA_ASSIGN_OR_RETURN(end.standing, runtime::RunLog::standing(logged.directory));
    if (const auto ending = supervisor.judge(end)) return *ending;
    SEDMA_RETURN_IF_ERROR(prepare_restart(launch, supervisor, end, hosts, signals));
    arguments = next_job_arguments(launch, hosts);
  }
}

Ending run_command(Options options) {
  const auto logged = check_command(options.launch.command);
  if (!logged.ok()) return Ending::of_request(logged.status());
  std::error_code error;
  options.launch.program = std::filesystem::read_symlink("/proc/self/exe", error).string();
  if (error) return Status(Code::unavailable, fmt::format("this program's own path cannot be found: {}", error.message()));
  options.launch.mpirun_options = CLI::detail::split_up(options.mpirun_options);
  options.launch.variables = option_variables();
  if (::geteuid() == 0) {
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT", "1", 0);
    ::setenv("OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1", 0);
  }
  return supervise(options, *logged);
}

}  // namespace

Command add_run(CLI::App& program) {
  CLI::App* command = program.add_subcommand("run", "Run multiply on many hosts with mpirun, and go on without those that are lost");
  command->footer(
      examples({"sedma run -n 4 -- multiply --matrix A.mtx --device 'emulator:EpiRAM?identity=tile' --batch 200 --log run1",
                "sedma run --hostfile hosts -- multiply --matrix A.h5 --device xrt:%r --input x.npy --log /shared/run1 --resume",
                "sedma run --host n1:2,n2:2 --mpirun-options '--bind-to core' -- multiply --matrix A.mtx --device URI --log run1",
                "sbatch -N 4 --no-kill --signal=B:TERM@120 --wrap 'exec sedma run -- multiply --matrix A.h5 --device URI --log run1'"}) +
      "\nIt keeps a job through the loss of any host but those of mpirun itself (here) and of rank 0; a job that lost rank 0 is\n"
      "started again from its log, without hosts that do not answer. SIGINT, SIGTERM, SIGHUP and SIGUSR1 ask the ranks for a\n"
      "checkpoint (SIGUSR1 reaches them) and end the run with exit code 0 once it can be resumed; a second one ends it at once.");
  const auto options = std::make_shared<Options>();
  LaunchOptions& launch = options->launch;
  command->add_option("-n,--ranks", launch.ranks, "processes; default: one for each slot of the hosts")
      ->envname("SEDMA_RANKS")
      ->check(CLI::Range(1u, 100000u))
      ->type_name("N");
  add_option(*command, "--hostfile", launch.hostfile, "hosts and slots, in Open MPI's form")->check(CLI::ExistingFile)->type_name("FILE");
  add_option(*command, "--host", launch.hosts, "hosts and slots, such as n1:2,n2:2")->type_name("LIST");
  add_option(*command, "--restarts", options->restarts, "times that a lost job is started again at most")
      ->check(CLI::Range(0u, 1000u))
      ->capture_default_str()
      ->type_name("N");
  add_option(*command, "--mpirun", launch.mpirun, "Open MPI's mpirun")->capture_default_str()->type_name("PATH");
  add_option(*command, "--mpirun-options", options->mpirun_options, "more of its options, in one text")->type_name("TEXT");
  command->add_option("COMMAND", launch.command, "after --: multiply with its options, --log DIR among them")->required();
  return {command, [options] { return run_command(*options); }};
}

}  // namespace sedma::cli

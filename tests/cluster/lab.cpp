#include "tests/cluster/lab.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <sstream>
#include <tuple>
#include <utility>

namespace sedma::test {
namespace {

constexpr const char* subnet = "10.78.0.0/24";
std::string address(unsigned host) { return "10.78.0." + std::to_string(host + 1); }

// Which host a process runs on; 0: it is gone.
ino_t namespace_of(pid_t pid) {
  struct stat facts {};
  return ::stat(fmt::format("/proc/{}/ns/uts", pid).c_str(), &facts) == 0 ? facts.st_ino : 0;
}

struct NewHost {
  const char* name;
  const char* names_file;  ///< for /etc/hosts, there alone
  int report;              ///< where to say that it is ready, or the step that failed
};

// The first process of a new host: lives until it is killed, and all others there with it. Nothing but system calls: it is a copy of the
// test, whose other threads may have held locks.
[[noreturn]] void be_host(const NewHost& host) {
  const auto tell = [&](const char* text) { [[maybe_unused]] const ssize_t written = ::write(host.report, text, std::strlen(text)); };
  const auto must = [&](long result, const char* step) {
    if (result == 0) return;
    tell(step);
    ::_exit(1);
  };
  must(::prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
  must(::sethostname(host.name, std::strlen(host.name)), "sethostname");
  must(::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr), "private mounts");  // what follows is seen by this host only
  must(::mount("tmpfs", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, nullptr), "shared memory of its own");
  must(::mount(host.names_file, "/etc/hosts", nullptr, MS_BIND, nullptr), "/etc/hosts of its own");
  ::signal(SIGCHLD, SIG_IGN);  // orphans leave no zombies
  ::signal(SIGINT, SIG_IGN);
  tell("ready");
  ::syscall(SYS_close_range, 0u, ~0u, 0u);
  for (;;) ::pause();
}

// Starts be_host() in namespaces of its own; its number, or -1 and why.
std::pair<pid_t, std::string> clone_host(const std::string& name, const std::string& names_file) {
  std::array<int, 2> report{};
  if (::pipe2(report.data(), O_CLOEXEC) != 0) return {-1, std::strerror(errno)};
  const NewHost host{name.c_str(), names_file.c_str(), report[1]};
  const long spaces = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWUTS | CLONE_NEWNS | CLONE_NEWIPC;
  const auto pid = static_cast<pid_t>(::syscall(SYS_clone, spaces | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
  if (pid == 0) be_host(host);
  std::string said = pid < 0 ? fmt::format("no new namespaces: {}", std::strerror(errno)) : "";
  ::close(report[1]);
  std::array<char, 64> buffer{};
  if (const ssize_t count = ::read(report[0], buffer.data(), buffer.size()); count > 0)
    said.assign(buffer.data(), static_cast<std::size_t>(count));
  ::close(report[0]);
  if (said == "ready") return {pid, ""};
  if (pid > 0) ::waitpid(pid, nullptr, 0);
  return {-1, "a host cannot be made: " + said};
}

std::vector<std::string> inside_network(pid_t init, std::vector<std::string> words) {
  std::vector<std::string> all = {"nsenter", "--target", std::to_string(init), "--net"};
  all.insert(all.end(), words.begin(), words.end());
  return all;
}

// Lines for `ip -batch`, run in a host's network; what went wrong.
std::string configure(pid_t init, const std::string& lines) {
  const testing::TemporaryDirectory scratch;
  Process ip(inside_network(init, {"ip", "-batch", scratch.put("lines", lines)}), {});
  const Ran ran = ip.wait(30);
  return ran.exit_code == 0 ? "" : fmt::format("ip could not do\n{}it says: {}", lines, ran.err);
}

std::string find_obstacle() {
  if (::geteuid() != 0) return "a lab of several hosts needs root";
  for (const char* program : {"ip", "nsenter", "setpriv", "mpirun", "orted"})
    if (!in_path(program)) return fmt::format("a lab of several hosts needs the program {}", program);
  const testing::TemporaryDirectory scratch;
  const auto [init, mistake] = clone_host("trial", scratch.put("hosts", "127.0.0.1 localhost\n"));
  if (init < 0) return mistake;
  std::string obstacle = configure(init, "link add lan type bridge\nlink add p0 type veth peer name eth0\n");
  ::kill(init, SIGKILL);
  ::waitpid(init, nullptr, 0);
  return obstacle;
}

}  // namespace

const std::string& Lab::why_not() {
  static const std::string obstacle = find_obstacle();
  return obstacle;
}

Lab::Lab(unsigned hosts) {
  const std::string mistake = make_all(hosts);
  EXPECT_EQ(mistake, "");
}

std::string Lab::make_all(unsigned hosts) {
  std::string names = "127.0.0.1 localhost\n10.78.0.254 login\n";
  for (unsigned i = 0; i < hosts; ++i) names += fmt::format("{} {}\n", address(i), name(i));
  const std::string names_file = directory_.put("hosts", names);
  std::string mistake;
  std::tie(login_.init, mistake) = clone_host("login", names_file);
  login_.space = namespace_of(login_.init);
  hosts_.resize(hosts);
  std::string inits, cables = "link set lo up\nlink add lan type bridge stp_state 0\naddr add 10.78.0.254/24 dev lan\nlink set lan up\n";
  for (unsigned i = 0; i < hosts && mistake.empty(); ++i) {
    std::tie(hosts_[i].init, mistake) = clone_host(name(i), names_file);
    hosts_[i].space = namespace_of(hosts_[i].init);
    inits += fmt::format("{} {}\n", name(i), hosts_[i].init);
    cables += fmt::format("link add p{0} type veth peer name eth0 netns {1}\nlink set p{0} master lan up\n", i, hosts_[i].init);
  }
  if (mistake.empty()) mistake = configure(login_.init, cables);
  for (unsigned i = 0; i < hosts && mistake.empty(); ++i)
    mistake = configure(hosts_[i].init, fmt::format("link set lo up\naddr add {}/24 dev eth0\nlink set eth0 up\n", address(i)));
  directory_.put("inits", inits);
  write_agent();
  return mistake;
}

Lab::~Lab() {
  end(login_);  // first: mpirun would wonder
  for (Host& host : hosts_) end(host);
}

void Lab::end(Host& host) {
  if (host.init <= 0) return;
  ::kill(host.init, SIGKILL);
  ::waitpid(std::exchange(host.init, -1), nullptr, 0);
  if (host.space == 0) return;
  EXPECT_TRUE(kill_all([&](pid_t pid) { return namespace_of(pid) == host.space; })) << "a host of the lab lives on";
}

// What Open MPI runs instead of ssh.
void Lab::write_agent() const {
  const std::string path = directory_.put("agent", fmt::format(R"(#!/bin/sh
# agent HOST COMMAND...
while [ "${{1#-}}" != "$1" ]; do shift; done
host=$1
shift
init=$(sed -n "s/^$host //p" {0}/inits)
[ -n "$init" ] || {{ echo "the lab has no host $host" >&2; exit 255; }}
mkdir -p {0}/"$host"
exec nsenter --target "$init" --pid --net --uts --ipc --mount env TMPDIR={0}/"$host" sh -c "$*"
)",
                                                               directory_.path()));
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

std::string Lab::hostfile(unsigned slots) const {
  std::string lines;
  for (unsigned i = 0; i < hosts(); ++i) lines += fmt::format("{} slots={}\n", name(i), slots);
  return directory_.put(fmt::format("hostfile{}", slots), lines);
}

// Its own processes keep this machine's numbers, so that mpirun, if it is that, can start daemons on the other hosts.
Process Lab::start_on(int host, const std::vector<std::string>& words, const Environment& extra) const {
  const pid_t init = host == login ? login_.init : hosts_.at(static_cast<std::size_t>(host)).init;
  std::vector<std::string> all = {"nsenter", "--target", std::to_string(init), "--net", "--uts", "--ipc", "--mount", "--"};
  all.insert(all.end(), words.begin(), words.end());
  const std::string scratch = directory_ / (host == login ? "login" : name(static_cast<unsigned>(host)));
  std::filesystem::create_directory(scratch);
  Environment environment = extra;
  environment.insert({{"TMPDIR", scratch},
                      {"OMPI_ALLOW_RUN_AS_ROOT", "1"},
                      {"OMPI_ALLOW_RUN_AS_ROOT_CONFIRM", "1"},
                      {"OMPI_MCA_plm_rsh_agent", directory_ / "agent"},
                      {"OMPI_MCA_plm_rsh_no_tree_spawn", "1"},
                      {"OMPI_MCA_oob_tcp_if_include", subnet},
                      {"OMPI_MCA_btl_tcp_if_include", subnet},
                      {"OMPI_MCA_pml", "ob1"},
                      {"OMPI_MCA_btl", "tcp,self,vader"},
                      {"OMPI_MCA_hwloc_base_binding_policy", "none"},
                      {"OMPI_MCA_rmaps_base_oversubscribe", "1"},
                      {"OMPI_MCA_mpi_yield_when_idle", "1"}});
  return Process(all, environment);
}

Process Lab::start(unsigned ranks, unsigned slots, const std::vector<std::string>& words, const Environment& extra, int mpirun_on) const {
  std::vector<std::string> all = {"mpirun", "--enable-recovery", "--hostfile", hostfile(slots), "-n", std::to_string(ranks)};
  for (const auto& [key, value] : extra) all.insert(all.end(), {"-x", key});
  all.insert(all.end(), words.begin(), words.end());
  return start_on(mpirun_on, all, extra);
}

void Lab::kill_host(unsigned host) { end(hosts_.at(host)); }

void Lab::power_off(unsigned host) {
  cut(host);
  kill_host(host);
}

void Lab::network(const std::string& what, unsigned host) const {
  const std::string mistake = configure(login_.init, fmt::format("link set p{} {}\n", host, what));
  EXPECT_EQ(mistake, "");
}

void Lab::cut(unsigned host) const { network("nomaster", host); }
void Lab::heal(unsigned host) const { network("master lan", host); }

std::vector<pid_t> Lab::pids_on(unsigned host) const {
  const Host& known = hosts_.at(host);
  return processes([&](pid_t pid) { return pid != known.init && namespace_of(pid) == known.space; });
}

std::vector<pid_t> Lab::pids() const {
  return processes([&](pid_t pid) {
    const ino_t space = namespace_of(pid);
    const auto runs_on = [&](const Host& host) { return pid != host.init && space == host.space; };
    return runs_on(login_) || std::any_of(hosts_.begin(), hosts_.end(), runs_on);
  });
}

pid_t Lab::rank(int number) const {
  const std::string variable = fmt::format("OMPI_COMM_WORLD_RANK={}", number);
  pid_t found = 0;
  wait_until(10, [&] {
    for (const pid_t pid : pids())
      if (has_variable(pid, variable)) found = pid;
    return found != 0;
  });
  return found;
}

}  // namespace sedma::test

#include "tests/cluster/process.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <filesystem>
#include <sstream>
#include <thread>

namespace sedma::test {
namespace {

constexpr const char* mark_name = "TEST_OF_SEDMA";

bool is_zombie(pid_t pid) {
  const std::string stat = testing::bytes_of("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(") ");
  return name_end == std::string::npos || stat.compare(name_end + 2, 1, "Z") == 0 || stat.compare(name_end + 2, 1, "X") == 0;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> variables(const Environment& extra, const std::string& mark) {
  std::vector<std::string> result = {mark};
  for (char** each = environ; *each != nullptr; ++each) {
    const std::string text = *each, key = text.substr(0, text.find('='));
    if (text.rfind("SEDMA_", 0) != 0 && extra.count(key) == 0 && key != mark_name) result.push_back(text);
  }
  for (const auto& [key, value] : extra) result.push_back(fmt::format("{}={}", key, value));
  return result;
}

pid_t spawn(std::vector<std::string> words, std::vector<std::string> environment, const std::string& out, const std::string& err) {
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t defaults;
  sigemptyset(&defaults);
  for (const int number : {SIGINT, SIGTERM, SIGPIPE}) sigaddset(&defaults, number);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t pid = -1;
  if (posix_spawnp(&pid, words[0].c_str(), &files, &attributes, pointers(words).data(), pointers(environment).data()) != 0) pid = -1;
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  return pid;
}

// Whether a process belongs to a test that is no more: it was killed, and mpirun, told to end, could not without its daemons.
bool is_leftover(pid_t pid) {
  const std::string start = fmt::format("{}{}=", '\0', mark_name);
  const std::string all = '\0' + testing::bytes_of("/proc/" + std::to_string(pid) + "/environ");
  const std::size_t at = all.find(start);
  if (at == std::string::npos) return false;
  const std::string test = all.substr(at + start.size(), all.find('.', at) - at - start.size());
  return !test.empty() && test.find_first_not_of("0123456789") == std::string::npos && !std::filesystem::exists("/proc/" + test);
}

int exit_code_of(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status); }

}  // namespace

bool in_path(const std::string& program) {
  std::istringstream folders(std::getenv("PATH") == nullptr ? "/usr/bin:/bin" : std::getenv("PATH"));
  for (std::string folder; std::getline(folders, folder, ':');)
    if (::access(folder.append("/").append(program).c_str(), X_OK) == 0) return true;
  return false;
}

bool wait_until(double seconds, const std::function<bool()>& holds) {
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  while (!holds()) {
    if (std::chrono::steady_clock::now() > end) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

std::vector<pid_t> processes(const std::function<bool(pid_t)>& chosen) {
  std::vector<pid_t> found;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    const std::string name = entry.path().filename();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const auto pid = static_cast<pid_t>(std::stol(name));
    if (chosen(pid) && !is_zombie(pid)) found.push_back(pid);
  }
  return found;
}

bool has_variable(pid_t pid, const std::string& variable) {
  const std::string all = '\0' + testing::bytes_of("/proc/" + std::to_string(pid) + "/environ");
  return all.find('\0' + variable + '\0') != std::string::npos;
}

bool kill_all(const std::function<bool(pid_t)>& chosen) {
  return wait_until(10, [&] {
    const std::vector<pid_t> left = processes(chosen);
    for (const pid_t pid : left) ::kill(pid, SIGKILL);
    return left.empty();
  });
}

Process::Process(const std::vector<std::string>& words, const Environment& extra) {
  static const bool clean = kill_all(is_leftover);
  EXPECT_TRUE(clean) << "processes of an earlier test could not be ended";
  static std::atomic<unsigned> count{0};
  mark_ = fmt::format("{}={}.{}", mark_name, ::getpid(), count++);
  // Should the test be killed, mpirun is told to end, and ends its ranks.
  std::vector<std::string> all = {"setpriv", "--pdeathsig", "TERM"};
  all.insert(all.end(), words.begin(), words.end());
  pid_ = spawn(all, variables(extra, mark_), directory_ / "out", directory_ / "err");
  if (pid_ < 0) ADD_FAILURE() << "cannot start " << words[0];
}

Process::~Process() {
  if (pid_ > 0 && !ended()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  EXPECT_TRUE(kill_all([this](pid_t pid) { return mine(pid); })) << "processes of the test could not be ended";
}

bool Process::ended() {
  int status = 0;
  if (pid_ > 0 && !status_ && ::waitpid(pid_, &status, WNOHANG) == pid_) status_ = status;
  return pid_ <= 0 || status_.has_value();
}

Ran Process::wait(double seconds) {
  if (pid_ <= 0) return {};
  if (!wait_until(seconds, [this] { return ended(); })) {
    ADD_FAILURE() << "still running after " << seconds << " s; it said\n" << out() << err();
    ::kill(pid_, SIGKILL);
    int status = 0;
    ::waitpid(pid_, &status, 0);
    status_ = status;
  }
  return {exit_code_of(*status_), out(), err()};
}

bool Process::says(const std::string& text, double seconds) {
  bool said = false;
  wait_until(seconds, [&] {
    const bool over = ended();  // asked first: what it said last counts too
    said = contains(out(), text) || contains(err(), text);
    return said || over;
  });
  return said;
}

std::vector<pid_t> Process::pids() const {
  return processes([this](pid_t pid) { return mine(pid); });
}

pid_t Process::rank(int number) {
  pid_t found = 0;
  wait_until(10, [&] {
    const auto ranks = processes([&](pid_t pid) { return mine(pid) && has_variable(pid, fmt::format("OMPI_COMM_WORLD_RANK={}", number)); });
    if (!ranks.empty()) found = ranks.front();
    return found != 0 || ended();
  });
  return found;
}

void Process::signal(int number) const {
  if (pid_ > 0 && !status_) ::kill(pid_, number);
}

}  // namespace sedma::test

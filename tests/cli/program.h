#pragma once
// Runs the real program, whose path is in SEDMA_PROGRAM, and keeps what it said.

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/temporary_directory.h"

namespace sedma::test {

using nlohmann::json;
using Arguments = std::vector<std::string>;
using Environment = std::map<std::string, std::string>;

struct Ran {
  int exit_code = -1;  ///< -signal if a signal ended it
  std::string out, err;
};

/// The program while it runs. Its destructor kills it if nobody waited.
class Child {
 public:
  Child(const std::string& program, const Arguments& arguments, const Environment& extra) {
    std::vector<std::string> words = {program};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = environment(extra);
    posix_spawn_file_actions_t files;
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, (directory_ / "out").c_str(), O_WRONLY | O_CREAT, 0600);
    posix_spawn_file_actions_addopen(&files, STDERR_FILENO, (directory_ / "err").c_str(), O_WRONLY | O_CREAT, 0600);
    posix_spawnattr_t attributes;
    posix_spawnattr_init(&attributes);
    sigset_t defaults;  // a test run in the background of a shell would hand on an ignored SIGINT
    sigemptyset(&defaults);
    sigaddset(&defaults, SIGINT);
    sigaddset(&defaults, SIGTERM);
    posix_spawnattr_setsigdefault(&attributes, &defaults);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
    const int failed = posix_spawn(&pid_, program.c_str(), &files, &attributes, pointers(words).data(), pointers(variables).data());
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
    if (failed != 0) {
      pid_ = -1;
      ADD_FAILURE() << "cannot start " << program;
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  pid_t pid() const { return pid_; }
  /// Waits until the program catches `signal`; false if it ended before.
  bool catches(int signal) const {
    while (::waitid(P_PID, static_cast<id_t>(pid_), nullptr, WEXITED | WNOHANG | WNOWAIT) == 0) {
      std::ifstream status("/proc/" + std::to_string(pid_) + "/status");
      for (std::string line; std::getline(status, line);) {
        if (line.rfind("State:", 0) == 0 && line.find('Z') != std::string::npos) return false;
        if (line.rfind("SigCgt:", 0) == 0 && ((std::stoull(line.substr(7), nullptr, 16) >> (signal - 1)) & 1u) != 0) return true;
      }
      ::usleep(2000);
    }
    return false;
  }
  Ran wait() {
    int status = 0;
    if (pid_ <= 0 || ::waitpid(std::exchange(pid_, -1), &status, 0) < 0) return {};
    return {WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status), testing::bytes_of(directory_ / "out"),
            testing::bytes_of(directory_ / "err")};
  }

 private:
  // Without variables that set options behind a test's back.
  static std::vector<std::string> environment(const Environment& extra) {
    std::vector<std::string> variables;
    for (char** each = environ; *each != nullptr; ++each) {
      const std::string text = *each;
      if (text.rfind("SEDMA_", 0) != 0 && extra.count(text.substr(0, text.find('='))) == 0) variables.push_back(text);
    }
    for (const auto& [key, value] : extra) variables.push_back(fmt::format("{}={}", key, value));
    return variables;
  }
  static std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> result;
    for (std::string& text : texts) result.push_back(text.data());
    result.push_back(nullptr);
    return result;
  }

  testing::TemporaryDirectory directory_;
  pid_t pid_ = -1;
};

/// A directory for files, and the program.
class Program : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("SEDMA_PROGRAM");
    if (path == nullptr) GTEST_SKIP() << "SEDMA_PROGRAM does not name the program `sedma`";
    program_ = path;
  }
  Ran run(const Arguments& arguments, const Environment& extra = {}) const { return Child(program_, arguments, extra).wait(); }
  /// Interrupts the command by SIGINT while it works: it says so, exits with 130 and leaves no file behind.
  void expect_interrupted(const Arguments& arguments) const {
    const auto before = directory_.names().size();
    Child child(program_, arguments, {});
    ASSERT_TRUE(child.catches(SIGINT)) << child.wait().err;
    ::usleep(200000);
    ::kill(child.pid(), SIGINT);
    const Ran ran = child.wait();
    EXPECT_EQ(ran.exit_code, 130) << ran.err;
    EXPECT_EQ(ran.err, "sedma: interrupted\n");
    EXPECT_TRUE(ran.out.empty()) << ran.out;
    EXPECT_EQ(directory_.names().size(), before) << "a partial file was left behind";
  }
  /// Runs and parses what stdout holds; a failure of the test if that is not JSON alone.
  json run_json(const Arguments& arguments, const Environment& extra = {}) const {
    const Ran ran = run(arguments, extra);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    json parsed = json::parse(ran.out, nullptr, false);
    EXPECT_FALSE(parsed.is_discarded()) << "not JSON alone:\n" << ran.out << ran.err;
    return parsed;
  }

  /// A Matrix Market file with about density * rows * cols entries; returns its path.
  std::string put_matrix(const std::string& name, unsigned rows, unsigned cols, double density, unsigned seed = 1) const {
    std::mt19937 random(seed);
    std::uniform_real_distribution<double> uniform;
    std::string entries;
    std::size_t count = 0;
    for (unsigned r = 1; r <= rows; ++r)
      for (unsigned c = 1; c <= cols; ++c)
        if (uniform(random) < density) {
          entries += std::to_string(r) + " " + std::to_string(c) + " " + std::to_string(2 * uniform(random) - 1) + "\n";
          ++count;
        }
    return directory_.put(name, "%%MatrixMarket matrix coordinate real general\n" + std::to_string(rows) + " " + std::to_string(cols) +
                                    " " + std::to_string(count) + "\n" + entries);
  }

  std::string program_;
  testing::TemporaryDirectory directory_;
};

inline bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace sedma::test

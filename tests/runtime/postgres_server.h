#pragma once
// A PostgreSQL server of a test's own: data and socket in a temporary directory, no network.

#include <fcntl.h>
#include <grp.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "runtime/memory/postgres.h"
#include "tests/temporary_directory.h"

namespace sedma::test {

class PostgresServer {
 public:
  static std::string binaries() {
    for (const char* version : {"15", "16", "17", "14"}) {
      const std::string folder = std::string("/usr/lib/postgresql/") + version + "/bin";
      if (::access((folder + "/initdb").c_str(), X_OK) == 0) return folder;
    }
    return "";
  }
  /// Why there can be none; empty if there can.
  static std::string absent() {
    if (binaries().empty()) return "there is no PostgreSQL server here (Debian package postgresql-15)";
    if (::getuid() == 0 && ::getpwnam("postgres") == nullptr) return "root runs no PostgreSQL, and there is no user postgres";
    return "";
  }

  PostgresServer() {
    if (const passwd* user = account(); user != nullptr && ::chown(directory_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
      ADD_FAILURE() << "cannot give the directory to postgres";
    int status = 0;
    const pid_t made = start({"initdb", "-D", data(), "-U", "sedma", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"});
    EXPECT_TRUE(::waitpid(made, &status, 0) == made && status == 0) << "initdb failed: " << testing::bytes_of(directory_ / "log");
    run();
  }
  PostgresServer(const PostgresServer&) = delete;
  PostgresServer& operator=(const PostgresServer&) = delete;
  ~PostgresServer() { stop(SIGQUIT); }

  std::string uri() const { return "postgresql://sedma:open-sesame@/postgres?host=" + directory_.path(); }
  pid_t pid() const { return pid_; }

  /// Starts it and waits until it answers.
  void run() {
    pid_ = start({"postgres", "-D", data(), "-k", directory_.path(), "-c", "listen_addresses=", "-c", "max_connections=20", "-c",
                  "shared_buffers=16MB"});
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!runtime::connect_postgres(uri()).ok()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << testing::bytes_of(directory_ / "log");
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  void stop(int signal) {
    if (pid_ <= 0) return;
    ::kill(pid_, signal);
    ::waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }

 private:
  static const passwd* account() { return ::getuid() == 0 ? ::getpwnam("postgres") : nullptr; }
  std::string data() const { return directory_ / "data"; }

  // The server refuses to run as root.
  pid_t start(const std::vector<std::string>& words) const {
    const std::string program = binaries() + "/" + words[0], log = directory_ / "log", folder = directory_.path();
    const passwd* user = account();
    const pid_t child = ::fork();
    if (child != 0) return child;
    if (user != nullptr && (::setgroups(0, nullptr) != 0 || ::setgid(user->pw_gid) != 0 || ::setuid(user->pw_uid) != 0)) ::_exit(1);
    const int out = ::open(log.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
    ::dup2(out, STDOUT_FILENO);
    ::dup2(out, STDERR_FILENO);
    if (::chdir(folder.c_str()) != 0) ::_exit(1);
    std::vector<char*> pointers;
    for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
    pointers.push_back(nullptr);
    ::execv(program.c_str(), pointers.data());
    ::_exit(1);
  }

  testing::TemporaryDirectory directory_;
  pid_t pid_ = -1;
};

}  // namespace sedma::test

// in_child_process: what a damaged foreign file can do happens to somebody else.

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <new>
#include <system_error>

#include "calibration/hdf5.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SEDMA_SHADOW_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SEDMA_SHADOW_MEMORY 1
#endif
#endif

namespace sedma::calibration::hdf5 {
namespace {

using Clock = std::chrono::steady_clock;

constexpr rlim_t extra_memory_bytes = rlim_t{2} << 30;

void limit(decltype(RLIMIT_CPU) resource, rlim_t most) {
  rlimit now{};
  if (::getrlimit(resource, &now) != 0) return;
  now.rlim_cur = std::min(most, now.rlim_max);
  ::setrlimit(resource, &now);
}

void limit_memory() {
#ifndef SEDMA_SHADOW_MEMORY  // sanitizers reserve terabytes of addresses
  std::FILE* statm = std::fopen("/proc/self/statm", "re");
  if (statm == nullptr) return;
  unsigned long pages = 0;
  const bool known = std::fscanf(statm, "%lu", &pages) == 1;
  std::fclose(statm);
  if (known) limit(RLIMIT_AS, pages * static_cast<rlim_t>(::sysconf(_SC_PAGESIZE)) + extra_memory_bytes);
#endif
}

Status guarded(const std::function<Status()>& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return fail(Code::data_corrupt, "it asks for more than {} MiB of memory", extra_memory_bytes >> 20);
  } catch (const std::exception& error) {
    return fail(Code::data_corrupt, "reading it failed: {}", error.what());
  }
}

void send_all(int pipe, const char* data, std::size_t size) {
  while (size > 0) {
    const ssize_t done = ::write(pipe, data, size);
    if (done < 0 && errno != EINTR) return;
    if (done < 0) continue;
    data += done;
    size -= static_cast<std::size_t>(done);
  }
}

[[noreturn]] void run_child(int pipe, double timeout_seconds, const std::function<Status()>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL, SIGTERM, SIGINT}) ::signal(signal, SIG_DFL);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_CPU, static_cast<rlim_t>(std::min(1e6, std::ceil(timeout_seconds))) + 1);
  limit_memory();
  // The C library reports a damaged heap on stderr; the parent's Status says it instead.
  const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
  if (nowhere >= 0) {
    ::dup2(nowhere, STDOUT_FILENO);
    ::dup2(nowhere, STDERR_FILENO);
  }
  const Status status = guarded(body);
  const char code = static_cast<char>(status.code());
  send_all(pipe, &code, 1);
  send_all(pipe, status.message().data(), status.message().size());
  // Not exit(): the parent's buffers and exit handlers are the parent's.
  ::_exit(0);
}

/// Everything the child sends; false if the deadline passed first.
bool receive(int pipe, Clock::time_point deadline, std::string& answer) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{pipe, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<long long>(left, 0, 1'000'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      if (Clock::now() >= deadline) return false;
      continue;
    }
    char buffer[4096];
    const ssize_t got = ::read(pipe, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return true;
    answer.append(buffer, static_cast<std::size_t>(got));
  }
}

int wait_for(pid_t child) {
  int state = 0;
  while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  return state;
}

}  // namespace

Status in_child_process(const std::string& what, double timeout_seconds, const std::function<Status()>& body) {
  int ends[2] = {-1, -1};
  if (::pipe2(ends, O_CLOEXEC) != 0) return fail(Code::unavailable, "{}: no pipe: {}", what, std::generic_category().message(errno));
  const double seconds = std::clamp(timeout_seconds, 0.0, 1e6);
  const auto deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  const pid_t child = ::fork();
  if (child < 0) {
    const Status failure = fail(Code::unavailable, "{}: no process: {}", what, std::generic_category().message(errno));
    ::close(ends[0]);
    ::close(ends[1]);
    return failure;
  }
  if (child == 0) {
    ::close(ends[0]);
    run_child(ends[1], seconds, body);
  }
  ::close(ends[1]);
  std::string answer;
  const bool in_time = receive(ends[0], deadline, answer);
  ::close(ends[0]);
  if (!in_time) ::kill(child, SIGKILL);
  const int state = wait_for(child);
  if (!in_time) return fail(Code::data_corrupt, "{}: reading it took more than {} s and was stopped", what, seconds);
  if (WIFSIGNALED(state)) {
    const int signal = WTERMSIG(state);
    return fail(Code::data_corrupt, "{}: reading it crashed ({}); the file is damaged", what, ::strsignal(signal));
  }
  if (!WIFEXITED(state) || WEXITSTATUS(state) != 0 || answer.empty()) {
    return fail(Code::data_corrupt, "{}: reading it ended without an answer; the file is damaged", what);
  }
  const auto code = static_cast<Code>(answer[0]);
  if (code == Code::ok) return {};
  const std::string message = answer.substr(1);
  return message.find(what) == std::string::npos ? fail(code, "{}: {}", what, message) : Status(code, message);
}

}  // namespace sedma::calibration::hdf5

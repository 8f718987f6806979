// ask_child_process: what a damaged foreign file can do happens to somebody else.

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
#include <utility>

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

using Body = std::function<Result<std::string>(const Tell&)>;

// What goes through the pipe: any number of (told, 8 bytes), then (answer, a Code, bytes to the end: the result or the message).
enum class Frame : char { told = 't', answer = 'a' };
constexpr std::size_t told_bytes = 1 + sizeof(std::uint64_t), answer_bytes = 2;

Result<std::string> guarded(const Body& body, const Tell& tell) {
  try {
    return body(tell);
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

[[noreturn]] void run_child(int pipe, double timeout_seconds, const Body& body) {
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
  const Result<std::string> result = guarded(body, [pipe](std::uint64_t done) {
    char frame[told_bytes] = {static_cast<char>(Frame::told)};
    std::memcpy(frame + 1, &done, sizeof done);
    send_all(pipe, frame, sizeof frame);
  });
  const std::string& text = result.ok() ? *result : result.status().message();
  const char head[answer_bytes] = {static_cast<char>(Frame::answer), static_cast<char>(result.status().code())};
  send_all(pipe, head, sizeof head);
  send_all(pipe, text.data(), text.size());
  // Not exit(): the parent's buffers and exit handlers are the parent's.
  ::_exit(0);
}

/// Hands on what was told and takes it out of `received`; false if the listener wants no more.
bool take_told(std::string& received, const std::function<bool(std::uint64_t)>& told) {
  std::size_t at = 0;
  bool go_on = true;
  for (; go_on && received.size() >= at + told_bytes && received[at] == static_cast<char>(Frame::told); at += told_bytes) {
    std::uint64_t done = 0;
    std::memcpy(&done, received.data() + at + 1, sizeof done);
    go_on = !told || told(done);
  }
  received.erase(0, at);
  return go_on;
}

enum class Ended { said_all, too_late, unwanted };

/// Everything the child sends; what it told is handed on and left out of `answer`.
Ended receive(int pipe, Clock::time_point deadline, const std::function<bool(std::uint64_t)>& told, std::string& answer) {
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now()).count();
    pollfd waiting{pipe, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, static_cast<int>(std::clamp<long long>(left, 0, 1'000'000)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) {
      if (Clock::now() >= deadline) return Ended::too_late;
      continue;
    }
    char buffer[65536];
    const ssize_t got = ::read(pipe, buffer, sizeof buffer);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return Ended::said_all;
    answer.append(buffer, static_cast<std::size_t>(got));
    if (!take_told(answer, told)) return Ended::unwanted;
  }
}

int wait_for(pid_t child) {
  int state = 0;
  while (::waitpid(child, &state, 0) < 0 && errno == EINTR) {
  }
  return state;
}

}  // namespace

Result<std::string> ask_child_process(const std::string& what, double timeout_seconds, const Body& body,
                                      const std::function<bool(std::uint64_t)>& told) {
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
  const Ended ended = receive(ends[0], deadline, told, answer);
  ::close(ends[0]);
  if (ended != Ended::said_all) ::kill(child, SIGKILL);
  const int state = wait_for(child);
  if (ended == Ended::unwanted) return fail(Code::aborted, "{}: stopped while it was read", what);
  if (ended == Ended::too_late) return fail(Code::data_corrupt, "{}: reading it took more than {} s and was stopped", what, seconds);
  if (WIFSIGNALED(state)) {
    const int signal = WTERMSIG(state);
    return fail(Code::data_corrupt, "{}: reading it crashed ({}); the file is damaged", what, ::strsignal(signal));
  }
  if (!WIFEXITED(state) || WEXITSTATUS(state) != 0 || answer.size() < answer_bytes || answer[0] != static_cast<char>(Frame::answer)) {
    return fail(Code::data_corrupt, "{}: reading it ended without an answer; the file is damaged", what);
  }
  const auto code = static_cast<Code>(answer[1]);
  answer.erase(0, answer_bytes);
  if (code == Code::ok) return answer;
  return answer.find(what) == std::string::npos ? fail(code, "{}: {}", what, answer) : Status(code, answer);
}

Status in_child_process(const std::string& what, double timeout_seconds, const std::function<Status()>& body) {
  const auto silent = [&](const Tell&) -> Result<std::string> {
    SEDMA_RETURN_IF_ERROR(body());
    return std::string();
  };
  return ask_child_process(what, timeout_seconds, silent).status();
}

}  // namespace sedma::calibration::hdf5

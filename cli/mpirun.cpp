#include "cli/mpirun.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <system_error>
#include <utility>

namespace sedma::cli {
namespace {

using Clock = std::chrono::steady_clock;

// Where the signal handler writes; threads of libraries take signals too, so that blocking them here would not do.
volatile std::sig_atomic_t queue = -1;

extern "C" void sedma_queue_signal(int signal) {
  const int saved = errno;
  const auto byte = static_cast<unsigned char>(signal);
  [[maybe_unused]] const ssize_t ignored = ::write(queue, &byte, 1);
  errno = saved;
}

std::string system_reason(int error) { return std::generic_category().message(error); }

/// A descriptor that closes itself.
class Descriptor {
 public:
  explicit Descriptor(int value = -1) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() {
    if (value_ >= 0) ::close(value_);
  }
  int get() const noexcept { return value_; }

 private:
  int value_;
};

std::string all_of(const Descriptor& file) {
  std::string text;
  std::array<char, 4096> block;
  for (off_t offset = 0;; offset += static_cast<off_t>(block.size())) {
    const ssize_t got = ::pread(file.get(), block.data(), block.size(), offset);
    if (got <= 0) return text;
    text.append(block.data(), static_cast<std::size_t>(got));
  }
}

/// Between fork and exec: only what is allowed there. Its own process group, so that a terminal's Ctrl-C reaches this program alone.
[[noreturn]] void become(char** words, pid_t parent, int out, int err, int tell) {
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::_exit(127);  // it died before
  const int null = ::open("/dev/null", O_RDONLY);
  if (null >= 0) ::dup2(null, STDIN_FILENO);  // a process group in the background must not read from a terminal
  if (out >= 0) ::dup2(out, STDOUT_FILENO);
  if (err >= 0) ::dup2(err, STDERR_FILENO);
  ::execvp(words[0], words);
  const int reason = errno;
  [[maybe_unused]] const ssize_t ignored = ::write(tell, &reason, sizeof reason);
  ::_exit(127);
}

/// A child process; killed if nobody waited for its end.
class Child {
 public:
  static Result<Child> start(const std::vector<std::string>& arguments, int out = -1, int err = -1) {
    std::vector<std::string> copy = arguments;
    std::vector<char*> words;
    for (std::string& word : copy) words.push_back(word.data());
    words.push_back(nullptr);
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(Code::unavailable, "no pipe to be had: {}", system_reason(errno));
    const Descriptor hear(ends[0]);
    Descriptor tell(ends[1]);
    const pid_t parent = ::getpid();
    const pid_t pid = ::fork();
    if (pid == 0) become(words.data(), parent, out, err, tell.get());
    if (pid < 0) return fail(Code::unavailable, "cannot start {}: {}", arguments.front(), system_reason(errno));
    tell = Descriptor();
    Child child(pid);
    int reason = 0;
    ssize_t got = 0;
    do got = ::read(hear.get(), &reason, sizeof reason);
    while (got < 0 && errno == EINTR);
    if (got == sizeof reason) return fail(Code::unavailable, "cannot start {}: {}", arguments.front(), system_reason(reason));
    return child;
  }
  Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)) {}
  Child& operator=(Child&&) = delete;
  ~Child() {
    if (pid_ <= 0) return;
    send(SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
  }

  void send(int signal) const {
    if (pid_ > 0) ::kill(signal == SIGKILL ? -pid_ : pid_, signal);  // what mpirun started here cannot end by itself then
  }
  /// The exit code, once it has ended.
  std::optional<int> ended() {
    int status = 0;
    if (pid_ <= 0 || ::waitpid(pid_, &status, WNOHANG) != pid_) return {};
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  explicit Child(pid_t pid) : pid_(pid) {}
  pid_t pid_;
};

}  // namespace

SignalQueue::SignalQueue() {
  std::array<int, 2> ends{};
  SEDMA_CHECK(queue < 0 && ::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) == 0);
  receive_ = ends[0];
  queue = ends[1];
  for (std::size_t i = 0; i < signals.size(); ++i) {
    ::sigaction(signals[i], nullptr, &before_[i]);
    // Whoever started us with a signal ignored (nohup, a shell's background job) wants it so; but children must be waited for.
    if (before_[i].sa_handler == SIG_IGN && signals[i] != SIGCHLD) continue;
    struct sigaction action {};
    action.sa_handler = sedma_queue_signal;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signals[i], &action, nullptr);
  }
}

SignalQueue::~SignalQueue() {
  for (std::size_t i = 0; i < signals.size(); ++i) ::sigaction(signals[i], &before_[i], nullptr);
  ::close(receive_);
  ::close(queue);
  queue = -1;
}

int SignalQueue::wait(Clock::time_point deadline) {
  const auto left = std::clamp<Clock::duration>(deadline - Clock::now(), std::chrono::seconds(0), std::chrono::hours(1));
  pollfd event = {receive_, POLLIN, 0};
  ::poll(&event, 1, static_cast<int>(std::chrono::ceil<std::chrono::milliseconds>(left).count()));
  unsigned char signal = 0;
  if (::read(receive_, &signal, 1) != 1) return 0;
  if (signal != SIGCHLD && asked_ == 0) asked_ = signal;
  return signal;
}

Result<int> run_job(const std::vector<std::string>& arguments, SignalQueue& signals, const std::function<bool()>& lost) {
  constexpr std::array<int, 3> steps = {SIGUSR1, SIGTERM, SIGKILL};  // each time more urgent
  constexpr std::array<std::chrono::seconds, 3> patience = {checkpoint_time, std::chrono::seconds(10), std::chrono::hours(1)};
  SEDMA_ASSIGN_OR_RETURN(Child child, Child::start(arguments));
  std::size_t step = 0;
  auto deadline = Clock::time_point::max();
  for (;;) {
    if (const auto exit_code = child.ended()) return *exit_code;
    const int signal = signals.wait(std::min(deadline, Clock::now() + std::chrono::seconds(1)));
    const bool gone = signal == 0 && step == 0 && lost();
    const bool asked = (signal != 0 && signal != SIGCHLD) || (step == 0 && signals.asked() != 0);
    if ((!asked && !gone && Clock::now() < deadline) || step == steps.size()) continue;
    if (gone) step = 1;
    child.send(steps[step]);
    deadline = Clock::now() + patience[step];
    ++step;
  }
}

Result<std::vector<Answer>> ask(const std::vector<std::vector<std::string>>& commands, std::chrono::milliseconds limit,
                                SignalQueue& signals) {
  struct Question {
    Descriptor out, err;
    Child child;
  };
  std::vector<Question> questions;
  for (const auto& command : commands) {
    Descriptor out(::memfd_create("out", MFD_CLOEXEC)), err(::memfd_create("err", MFD_CLOEXEC));
    if (out.get() < 0 || err.get() < 0) return fail(Code::unavailable, "no memory file to be had: {}", system_reason(errno));
    SEDMA_ASSIGN_OR_RETURN(Child child, Child::start(command, out.get(), err.get()));
    questions.push_back({std::move(out), std::move(err), std::move(child)});
  }
  std::vector<Answer> answers(questions.size(), {128 + SIGKILL, "", ""});
  std::size_t open = questions.size();
  const auto deadline = Clock::now() + limit;
  while (open > 0 && signals.asked() == 0 && Clock::now() < deadline) {
    for (std::size_t i = 0; i < questions.size(); ++i) {
      const auto exit_code = questions[i].child.ended();
      if (!exit_code) continue;
      answers[i] = {*exit_code, all_of(questions[i].out), all_of(questions[i].err)};
      --open;
    }
    if (open > 0) signals.wait(deadline);
  }
  return answers;
}

}  // namespace sedma::cli

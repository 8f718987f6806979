#include "cli/interrupt.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>

namespace sedma::cli {
namespace {

std::atomic<int> asked{0};
static_assert(std::atomic<int>::is_always_lock_free, "a signal handler may use nothing else");
int asked_event = -1;  // readable once a signal came; -1 until catch_interrupts()

void wake(int event) noexcept {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t ignored = ::write(event, &one, sizeof one);
}

extern "C" void sedma_note_signal(int signal) {
  const int saved = errno;
  asked.store(signal == SIGUSR1 ? SIGTERM : signal);
  std::signal(SIGINT, SIG_DFL);  // the second one, of either kind, is final
  std::signal(SIGTERM, SIG_DFL);
  wake(asked_event);
  errno = saved;
}

void cancel_when_asked(hal::Device& device, int stop) {
  std::array<pollfd, 2> events = {{{asked_event, POLLIN, 0}, {stop, POLLIN, 0}}};
  while (::poll(events.data(), events.size(), -1) < 0 && errno == EINTR) {
  }
  if ((events[1].revents & POLLIN) == 0 && (events[0].revents & POLLIN) != 0) device.cancel();
}

}  // namespace

void catch_interrupts(bool of_mpirun) {
  if (asked_event >= 0) return;
  asked_event = ::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (asked_event < 0) return;  // out of descriptors: signals then end the program as they do by default
  for (const int signal : {SIGINT, SIGTERM, SIGUSR1}) {
    if (signal == SIGUSR1 && !of_mpirun) continue;
    struct sigaction current {};
    // Whoever started us with a signal ignored (nohup, a shell's background job) wants it so.
    if (::sigaction(signal, nullptr, &current) == 0 && current.sa_handler == SIG_IGN) continue;
    struct sigaction action {};
    action.sa_handler = sedma_note_signal;
    action.sa_flags = SA_RESTART;
    ::sigemptyset(&action.sa_mask);
    ::sigaction(signal, &action, nullptr);
  }
}

int interrupted() noexcept { return asked.load(); }

Ending unless_interrupted(const Ending& ending) {
  const int signal = interrupted();
  return signal == 0 || ending.exit_code() == exit_ok || ending.is_said() ? ending : Ending(128 + signal, "interrupted");
}

CancelOnInterrupt::CancelOnInterrupt(hal::Device& device) : stop_(::eventfd(0, EFD_CLOEXEC)) {
  if (stop_ < 0 || asked_event < 0) return;
  watcher_ = std::thread([&device, stop = stop_] { cancel_when_asked(device, stop); });
}

CancelOnInterrupt::~CancelOnInterrupt() {
  if (watcher_.joinable()) {
    wake(stop_);
    watcher_.join();
  }
  if (stop_ >= 0) ::close(stop_);
}

}  // namespace sedma::cli

#include "cli/progress.h"

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "cli/units.h"

namespace sedma::cli {

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1), begin_(Clock::now()), last_(begin_) {}

void Progress::update(std::string_view stage, std::uint64_t done, std::uint64_t total) {
  if (!terminal_) return;
  const std::lock_guard lock(mutex_);
  const auto now = Clock::now();
  if (now - begin_ < std::chrono::seconds(1) || now - last_ < std::chrono::milliseconds(100)) return;
  last_ = now;
  constexpr std::size_t length = 20;
  const double fraction = total == 0 ? 0.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(total));
  const auto full = static_cast<std::size_t>(fraction * length);
  draw(fmt::format("{}{}{} [{}{}] {}/{}", label_, label_.empty() ? "" : ": ", stage, std::string(full, '#'),
                   std::string(length - full, '-'), done, total));
}

void Progress::announce(const std::string& what) {
  const std::lock_guard lock(mutex_);
  if (terminal_) draw(what + " ...");
}

void Progress::draw(const std::string& text) {
  winsize window{};
  // A line that wraps cannot be wiped by a carriage return.
  const std::size_t columns = ::ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col - 1u : 79u;
  fmt::print(stderr, "\r\x1b[K{}", text.substr(0, columns));
  std::fflush(stderr);
  shown_ = true;
}

void Progress::clear() {
  const std::lock_guard lock(mutex_);
  wipe();
}

void Progress::interject(const std::string& sentence) {
  const std::lock_guard lock(mutex_);
  wipe();
  fmt::print(stderr, "sedma: {}\n", printable(sentence));
}

void Progress::wipe() {
  if (!shown_) return;
  fmt::print(stderr, "\r\x1b[K");
  std::fflush(stderr);
  shown_ = false;
}

}  // namespace sedma::cli

#include "cli/supervisor.h"

#include <fmt/format.h>

namespace sedma::cli {
namespace {

using State = runtime::RunStanding::State;

constexpr unsigned most_fruitless = 2;

/// With --enable-recovery mpirun ends with 0 whatever its ranks return.
int failure_code(int exit_code) { return exit_code == exit_ok ? exit_failed : exit_code; }

std::string done_text(const std::optional<runtime::RunStanding>& standing) {
  return fmt::format("{} vectors done", standing ? standing->vectors_done : 0);
}

}  // namespace

std::optional<Ending> Supervisor::judge(const LaunchEnd& end) {
  const bool began = end.standing && end.standing->starts > (before_ ? before_->starts : 0);
  const bool progress = began && end.standing->vectors_done > (before_ ? before_->vectors_done : 0);
  if (began && end.standing->state == State::done) return Ending();
  if (began && end.standing->state == State::stopped)
    return Ending(exit_ok, fmt::format("stopped with {}; can be resumed with --resume", done_text(end.standing)));
  if (began && end.standing->state == State::failed) return Ending(exit_failed, "the run failed: " + end.standing->message);
  if (end.signal != 0)
    return Ending(128 + end.signal,
                  fmt::format("interrupted with {}{}", done_text(end.standing), end.standing ? "; --resume goes on" : ""));
  if (!began && restarts_done_ == 0)
    return Ending(failure_code(end.exit_code), fmt::format("mpirun ended with {} before the run began", end.exit_code));
  fruitless_ = progress || restarts_done_ == 0 ? 0 : fruitless_ + 1;
  if (fruitless_ == most_fruitless)
    return Ending(exit_failed, fmt::format("gave up with {}: {} restarts in a row brought none", done_text(end.standing), fruitless_));
  if (restarts_done_ == restarts_)
    return Ending(exit_failed, fmt::format("gave up with {} after {} restarts; --resume goes on", done_text(end.standing), restarts_));
  ++restarts_done_;
  before_ = end.standing;
  return {};
}

}  // namespace sedma::cli

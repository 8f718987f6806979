#include "backends/wrapped.h"

#include <utility>

namespace sedma::backends {
namespace {

// The inner deadline lies behind the caller's, so that it is the outer device that ends a command which is too late, once and for all
// layers.
constexpr std::chrono::seconds margin{1};

/// The target of a URI as it was written: the escapes that separate its parts put back.
std::string escaped(const std::string& target) {
  std::string text;
  for (const char c : target) text += c == '%' ? "%25" : c == '?' ? "%3F" : std::string(1, c);
  return text;
}

}  // namespace

Result<std::unique_ptr<hal::Device>> open_inner(const hal::Uri& outer, const hal::Limits& limits, const hal::Registry& registry) {
  auto inner = hal::Uri::parse(escaped(outer.target()));
  if (!inner.ok()) return inner.status().with_context(fmt::format("{}: the device that it wraps", outer.scheme()));
  for (const auto& [key, value] : outer.options()) inner->set_default(key, value);
  return registry.open(*inner, limits);
}

Result<std::unique_ptr<InnerCommand>> InnerCommand::submit(hal::Device& inner, const hal::Command& command,
                                                           hal::Clock::time_point deadline) {
  const auto now = hal::Clock::now();
  const auto left = deadline > now ? deadline - now : hal::Clock::duration::zero();
  SEDMA_ASSIGN_OR_RETURN(hal::Pending pending, inner.submit(command, left < hal::Clock::duration::max() - margin ? left + margin : left));
  return std::unique_ptr<InnerCommand>(new InnerCommand(std::move(pending)));  // private constructor
}

bool InnerCommand::done() const noexcept {
  const std::lock_guard lock(mutex_);
  return result_.has_value() || (!busy_ && pending_.done());
}

bool InnerCommand::wait_until(hal::Clock::time_point until) {
  std::unique_lock lock(mutex_);
  if (!idle_.wait_until(lock, until, [&] { return !busy_ || result_.has_value(); })) return false;
  if (result_.has_value()) return true;
  busy_ = true;
  lock.unlock();
  const auto now = hal::Clock::now();
  auto result = pending_.wait(until > now ? until - now : hal::Clock::duration::zero());
  lock.lock();
  busy_ = false;
  settle(std::move(result));
  idle_.notify_all();
  return result_.has_value();
}

/// Takes over what a wait gave, unless it only says that the command is still under way.
void InnerCommand::settle(Result<hal::Completion> result) {
  if (result.ok() || result.status().code() != Code::deadline_exceeded) {
    result_.emplace(std::move(result));
    return;
  }
  if (!pending_.done()) return;
  // Over by now: either this was its outcome, and a second wait finds nothing pending, or it ended since, and the second wait tells how.
  auto again = pending_.wait(std::chrono::nanoseconds::zero());
  const bool nothing_left = !again.ok() && again.status().code() == Code::invalid_argument;
  result_.emplace(nothing_left ? std::move(result) : std::move(again));
}

Result<hal::Completion> InnerCommand::take() {
  const std::lock_guard lock(mutex_);
  if (!result_.has_value()) settle(pending_.wait(std::chrono::nanoseconds::zero()));
  if (!result_.has_value()) return Status(Code::internal, "a command was asked for its outcome before it was over");
  return *result_;
}

}  // namespace sedma::backends

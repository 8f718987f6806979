#pragma once
// What devices that wrap another one share: opening the inner device, and an inner command under way.

#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>

#include "hal/registry.h"

namespace sedma::backends {

/// Opens the device that the target of `outer` names, with the options that `outer` still has; `limits` go to it.
/// Errors: invalid_argument (the target is no URI), and those of the inner driver.
Result<std::unique_ptr<hal::Device>> open_inner(const hal::Uri& outer, const hal::Limits& limits, const hal::Registry& registry);

/// A command under way in an inner device, in the shape of an Operation. Thread-safe.
class InnerCommand {
 public:
  /// Errors: as hal::Device::submit.
  static Result<std::unique_ptr<InnerCommand>> submit(hal::Device& inner, const hal::Command& command, hal::Clock::time_point deadline);
  bool done() const noexcept;
  bool wait_until(hal::Clock::time_point until);
  Result<hal::Completion> take();

 private:
  explicit InnerCommand(hal::Pending pending) : pending_(std::move(pending)) {}
  void settle(Result<hal::Completion> result);

  mutable std::mutex mutex_;
  std::condition_variable idle_;
  hal::Pending pending_;  // used by one thread at a time: whoever set busy_, or holds mutex_ while it is not set
  bool busy_ = false;     // a thread waits in pending_, without the mutex
  std::optional<Result<hal::Completion>> result_;
};

}  // namespace sedma::backends

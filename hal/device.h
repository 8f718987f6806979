#pragma once
// The crossbar device: one verb. A backend implements do_submit and cancel; everything else is checked and charged here, once.

#include <chrono>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "hal/commands.h"
#include "hal/limits.h"
#include "hal/status.h"

namespace sedma::hal {

using Clock = std::chrono::steady_clock;

/// One submitted command inside a backend. Implementations are thread-safe.
class Operation {
 public:
  virtual ~Operation() = default;
  virtual bool done() const noexcept = 0;
  /// Waits until done or `until`; true if done.
  virtual bool wait_until(Clock::time_point until) = 0;
  /// The outcome; called once, after done.
  virtual Result<Completion> take() = 0;
};

class Device;

/// A command under way. Move-only. Its buffers and its device must outlive it. The destructor waits until the deadline, then cancels the
/// device. One thread at a time.
class [[nodiscard]] Pending {
 public:
  Pending() = default;
  Pending(Pending&&) noexcept = default;
  Pending& operator=(Pending&&) noexcept;
  ~Pending();
  bool done() const noexcept;
  /// Waits at most `timeout` (and never past the deadline given to submit) and returns the outcome, once.
  /// Errors: deadline_exceeded: at the deadline the device was cancelled, its buffers are no longer touched; before it (timeout shorter
  /// than the deadline) the command still runs and wait() may be called again; invalid_argument: nothing is pending (waited for before,
  /// moved from). Others: what the backend reports. A completion that arrives while the device is being cancelled is returned.
  Result<Completion> wait(std::chrono::nanoseconds timeout = std::chrono::hours(24));

 private:
  friend class Device;
  std::unique_ptr<Operation> operation_;
  Device* device_ = nullptr;
  Clock::time_point deadline_{};
  Ledger::Charge charge_;
  std::unique_ptr<std::vector<std::uint32_t>> counted_;  // pulses per cell, where the caller gave no buffer for them
  View<std::uint32_t> pulses_;
  bool charged_ = false;
  void settle(const Result<Completion>& result);
};

/// A board of crossbar arrays. Thread-safe. Commands on one array run in the order of their submission; arrays are independent.
class Device {
 public:
  virtual ~Device() = default;
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const Capabilities& capabilities() const noexcept { return capabilities_; }
  const Limits& limits() const noexcept { return ledger_.limits(); }
  /// Pulses charged so far (worst case for commands under way, real afterwards).
  std::uint64_t charged_pulses() const { return ledger_.total_pulses(); }

  /// Checks `command` against capabilities and limits, charges the worst case and hands it to the backend. A refusal changes nothing
  /// and costs no pulse. Buffers of the command must outlive the Pending.
  /// Errors: invalid_argument (NaN, infinity, wrong shape, absent buffer: names the field, the index, what was asked and what there is),
  /// out_of_range (beyond window, knob or limit, with units), unsupported (a feature the board lacks; a physical board without limits),
  /// unavailable (the board is gone). Cost: one pass over the inputs; no allocation unless cells are counted.
  Result<Pending> submit(const Command& command, std::chrono::nanoseconds deadline = std::chrono::hours(1));
  /// submit and wait until the deadline.
  Result<Completion> run(const Command& command, std::chrono::nanoseconds deadline = std::chrono::hours(1));

  /// Ends everything under way (its outcome: aborted). After it returns no buffer is touched and the board is in its safe state
  /// (all lines grounded). The device stays usable.
  virtual void cancel() = 0;

 protected:
  Device(Capabilities capabilities, const Limits& limits) : capabilities_(std::move(capabilities)), ledger_(limits, capabilities_) {}

 private:
  friend class Pending;
  Result<Pending> hand_over(const Command& command, Pending pending);

  /// `command` is valid for this device; copy it, only its buffers outlive the call. `deadline` is when the caller stops waiting. A failure
  /// returned here says that the device was not touched, and the charge is given back: report what goes wrong later through the Operation.
  /// A Program that succeeds has written every cell of `pulses` where that is given (0 where masked) and their sum to Stats::pulses.
  virtual Result<std::unique_ptr<Operation>> do_submit(const Command& command, Clock::time_point deadline) = 0;

  Capabilities capabilities_;
  Ledger ledger_;
};

/// Checks a command against capabilities alone, as Device::submit does first.
Status validate(const Command& command, const Capabilities& capabilities);

}  // namespace sedma::hal

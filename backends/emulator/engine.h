#pragma once
// What the commands do to the arrays of the emulated board.

#include <memory>
#include <mutex>
#include <vector>

#include "backends/emulator/array.h"
#include "backends/emulator/costs.h"
#include "backends/emulator/options.h"
#include "hal/lanes.h"

namespace sedma::backends::emulator {

/// The device's own time, in seconds: every array is busy by itself, idling passes for all of them at once. Thread-safe.
class DeviceClock {
 public:
  explicit DeviceClock(std::uint32_t arrays) : busy_(arrays, 0.0) {}
  /// Lets time pass for every array; the device's time afterwards.
  double idle(double seconds);
  /// How much idling went before a command submitted now: what it passes to spend().
  double idled() const;
  /// The time of array `array`, for a command submitted after `idled`.
  double now(std::uint32_t array, double idled) const;
  /// Array `array` works for `seconds`; its time afterwards.
  double spend(std::uint32_t array, double seconds, double idled);

 private:
  mutable std::mutex mutex_;
  std::vector<double> busy_;
  double idle_ = 0, busiest_ = 0;
};

/// Carries out validated commands. Thread-safe for different arrays; the caller runs one command at a time per array and in order.
class Engine {
 public:
  explicit Engine(const Options& options);

  /// What this board cannot do with a command that its capabilities allow. Errors: unsupported (a pulse of another shape than the published
  /// one), out_of_range (more passes or pulses than are numbered; an interval shorter than a repeat takes).
  Status accepts(const hal::Program& program) const;
  Status accepts(const hal::Pulse& pulse) const;
  Status accepts(const hal::Read& read) const;
  Status accepts(const hal::Mvm&) const { return {}; }

  // `idled`: DeviceClock::idled() when the command was submitted. Errors: what `stop` says; unavailable (no memory for the array's cells).
  Result<hal::Completion> run(const hal::Program& program, double idled, const hal::StopToken& stop);
  Result<hal::Completion> run(const hal::Pulse& pulse, double idled, const hal::StopToken& stop);
  Result<hal::Completion> run(const hal::Read& read, double idled, const hal::StopToken& stop);
  Result<hal::Completion> run(const hal::Mvm& mvm, double idled, const hal::StopToken& stop);
  hal::Completion run(const hal::Idle& idle);
  hal::Completion run(const hal::SelfTest& test);

  const Options& options() const noexcept { return options_; }
  DeviceClock& clock() noexcept { return clock_; }

 private:
  Array& array(hal::ArrayId id) { return arrays_[id.value]; }
  hal::Completion finish(hal::ArrayId id, hal::Stats stats, double idled, std::int64_t begin_utc_ns);
  kernels::WriteTotals apply(const hal::Pulse& pulse, const Rect& rect, const std::vector<Array::Part>& parts, Array& cells);
  /// What the repeats of a Read share.
  struct Repeats {
    kernels::Key key;
    std::uint64_t first_event = 0;
    double period = 0, idled = 0;
  };
  Moment moment(hal::ArrayId id, double idled, double seconds, std::uint64_t ordinal, double period) const;
  Moment moment(hal::ArrayId id, double idled) const { return moment(id, idled, 0, 0, 0); }
  Status read_repeats(const hal::Read& read, const Repeats& repeats, const hal::StopToken& stop, double& siemens);
  double known_kelvin() const noexcept;

  const Options options_;
  const Costs costs_;
  DeviceClock clock_;
  std::vector<Array> arrays_;
};

std::int64_t now_utc_ns();

}  // namespace sedma::backends::emulator

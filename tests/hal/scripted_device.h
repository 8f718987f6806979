#pragma once
// A board of the tests: counts what reaches it and answers as it is told.

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "hal/device.h"
#include "hal/lanes.h"

namespace sedma::hal {

/// Three arrays [8, 6] that can do everything and are not physical.
inline Capabilities scripted_capabilities() {
  Capabilities board;
  board.board_id = "scripted";
  board.material = "none";
  board.arrays = 3;
  board.rows = 8;
  board.cols = 6;
  board.levels = 16;
  board.g_min_siemens = 1e-6;
  board.g_max_siemens = 1e-4;
  board.cell_volts = {-1.6, 1.4, 0};
  board.gate_volts = {0, 2, 0};
  board.read_volts = {-0.5, 0.5, 0};
  board.width_seconds = {1e-7, 1e-5, 0};
  board.compliance_amps = {1e-5, 1e-3, 0};
  board.adc_bits = 8;
  for (const Feature feature :
       {Feature::verify_on_board, Feature::parallel_arrays, Feature::transpose, Feature::raw_pulses, Feature::analog_subtract}) {
    board.features |= static_cast<std::uint32_t>(feature);
  }
  return board;
}

class ScriptedDevice : public Device {
 public:
  using Answer = std::function<Result<std::unique_ptr<Operation>>(const Command&, Clock::time_point)>;

  explicit ScriptedDevice(const Limits& limits = {}, Capabilities capabilities = scripted_capabilities())
      : Device(std::move(capabilities), limits) {}

  void cancel() override {
    ++cancels;
    if (on_cancel) on_cancel();
  }

  Answer answer = [](const Command&, Clock::time_point) -> Result<std::unique_ptr<Operation>> { return finished(Completion()); };
  std::function<void()> on_cancel;
  std::atomic<int> submissions{0}, cancels{0};

 private:
  Result<std::unique_ptr<Operation>> do_submit(const Command& command, Clock::time_point deadline) override {
    ++submissions;
    return answer(command, deadline);
  }
};

/// Something that happens once and can be waited for.
class Event {
 public:
  void set(Result<Completion> result) {
    const std::lock_guard lock(mutex_);
    if (!result_) result_.emplace(std::move(result));
    changed_.notify_all();
  }
  bool is_set() const {
    const std::lock_guard lock(mutex_);
    return result_.has_value();
  }
  bool wait_until(Clock::time_point until) {
    std::unique_lock lock(mutex_);
    return changed_.wait_until(lock, until, [&] { return result_.has_value(); });
  }
  Result<Completion> result() const {
    const std::lock_guard lock(mutex_);
    return *result_;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Result<Completion>> result_;
};

/// An operation that is over when its event is.
class EventOperation final : public Operation {
 public:
  explicit EventOperation(std::shared_ptr<Event> event) : event_(std::move(event)) {}
  bool done() const noexcept override { return event_->is_set(); }
  bool wait_until(Clock::time_point until) override { return event_->wait_until(until); }
  Result<Completion> take() override { return event_->result(); }

 private:
  std::shared_ptr<Event> event_;
};

/// Limits on the pulses alone.
inline Limits counted(std::uint64_t per_cell, std::uint64_t total) {
  Limits limits;
  limits.max_pulses_per_cell = per_cell;
  limits.max_total_pulses = total;
  return limits;
}

/// A Program of a [2, 2] window of array 0.
struct Small {
  explicit Small(std::uint32_t max_pulses_per_cell) {
    program.siemens = View<const float>(targets.data(), 2, 2);
    program.tolerance_siemens = 1e-6f;
    program.max_pulses_per_cell = max_pulses_per_cell;
  }
  std::vector<float> targets = std::vector<float>(4, 5e-5f);
  Program program;
};

/// Answers a Program with `each` pulses in every cell.
inline ScriptedDevice::Answer spends(std::uint32_t each) {
  return [each](const Command& command, Clock::time_point) -> Result<std::unique_ptr<Operation>> {
    const auto& program = std::get<Program>(command);
    Completion completion;
    completion.stats.pulses = program.siemens.size() * each;
    if (!program.pulses.empty()) {
      for (std::size_t r = 0; r < program.pulses.rows; ++r) std::fill_n(program.pulses.row(r), program.pulses.cols, each);
    }
    return finished(completion);
  };
}

/// Answers every command with an operation that is over when `event` is.
inline ScriptedDevice::Answer waits_for(const std::shared_ptr<Event>& event) {
  return [event](const Command&, Clock::time_point) -> Result<std::unique_ptr<Operation>> {
    return std::unique_ptr<Operation>(std::make_unique<EventOperation>(event));
  };
}

}  // namespace sedma::hal

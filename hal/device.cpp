#include "hal/device.h"

#include <algorithm>
#include <cstddef>
#include <exception>
#include <new>
#include <utility>
#include <variant>
#include <vector>

namespace sedma::hal {
namespace {

/// `start` + `duration` without overflow.
Clock::time_point after(Clock::time_point start, std::chrono::nanoseconds duration) noexcept {
  return duration > Clock::time_point::max() - start ? Clock::time_point::max() : start + duration;
}

double seconds(Clock::duration duration) noexcept { return std::chrono::duration<double>(duration).count(); }

/// Runs `body`, which returns a Result or Status; an exception becomes the Status that it means.
template <class Body>
auto guarded(Body body) -> decltype(body()) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return Status(Code::unavailable, "out of memory");  // short enough to need no memory itself
  } catch (const std::exception& error) {
    return fail(Code::internal, "the backend threw: {}", error.what());
  } catch (...) {
    return Status(Code::internal, "the backend threw something that is no std::exception");
  }
}

Result<Completion> nothing_pending() {
  return Status(Code::invalid_argument, "wait: nothing is pending (waited for before, or moved from)");
}

}  // namespace

Pending::~Pending() {
  if (!operation_) return;
  // Nobody is left to hear of a failure; what is unknown stays charged.
  const auto finished_in_time = guarded([&]() -> Result<bool> { return operation_->wait_until(deadline_); });
  if (!finished_in_time.ok() || !*finished_in_time) {
    static_cast<void>(guarded([&]() -> Status { return device_->cancel(), Status(); }));
  }
  if (!operation_->done()) return;
  static_cast<void>(guarded([&]() -> Status { return settle(operation_->take()), Status(); }));
}

Pending& Pending::operator=(Pending&& other) noexcept {
  if (this == &other) return *this;
  const Pending finished_here(std::move(*this));
  operation_ = std::move(other.operation_);
  device_ = other.device_;
  deadline_ = other.deadline_;
  charge_ = std::move(other.charge_);
  counted_ = std::move(other.counted_);
  pulses_ = other.pulses_;
  charged_ = other.charged_;
  return *this;
}

bool Pending::done() const noexcept { return !operation_ || operation_->done(); }

Result<Completion> Pending::wait(std::chrono::nanoseconds timeout) {
  if (!operation_) return nothing_pending();
  return guarded([&]() -> Result<Completion> {
    bool cancelled = false;
    if (!operation_->done()) {
      const auto until = std::min(deadline_, after(Clock::now(), std::max(timeout, std::chrono::nanoseconds::zero())));
      if (!operation_->wait_until(until)) {
        if (until < deadline_) {
          return fail(Code::deadline_exceeded, "wait: still under way after {} s; {} s are left until its deadline", seconds(timeout),
                      seconds(deadline_ - Clock::now()));
        }
        device_->cancel();
        cancelled = true;
      }
    }
    const std::unique_ptr<Operation> operation = std::move(operation_);
    const Status late(Code::deadline_exceeded, "the deadline passed; the device was cancelled");
    if (cancelled && !operation->done()) return late;
    Result<Completion> result = operation->take();
    settle(result);
    if (cancelled && result.status().code() == Code::aborted) return late;
    return result;
  });
}

void Pending::settle(const Result<Completion>& result) {
  // After a failure it is unknown which pulses were given: the worst case stays charged.
  if (!std::exchange(charged_, false) || !result.ok()) return;
  std::uint64_t spent = result->stats.pulses;
  std::vector<std::uint32_t> copied;
  const std::vector<std::uint32_t>& cells = counted_ ? *counted_ : copied;
  if (!charge_.per_cell.empty()) {
    if (!counted_) {
      copied.reserve(pulses_.size());
      for (std::size_t r = 0; r < pulses_.rows; ++r) copied.insert(copied.end(), pulses_.row(r), pulses_.row(r) + pulses_.cols);
    }
    // Two accounts of the same pulses: believe the larger, so that a backend that forgets one of them cannot loosen a limit.
    std::uint64_t counted = 0;
    for (std::size_t i = 0; i < cells.size(); ++i) counted += charge_.per_cell[i] != 0 ? cells[i] : 0;
    spent = std::max(spent, counted);
  }
  device_->ledger_.settle(charge_, spent, cells);
}

Result<Pending> Device::submit(const Command& command, std::chrono::nanoseconds deadline) {
  return guarded([&]() -> Result<Pending> {
    if (deadline <= std::chrono::nanoseconds::zero()) {
      return fail(Code::invalid_argument, "{}: deadline = {} s; a time > 0 s is needed", name(command), seconds(deadline));
    }
    SEDMA_RETURN_IF_ERROR(validate(command, capabilities_));
    Pending pending;
    pending.device_ = this;
    pending.deadline_ = after(Clock::now(), deadline);
    const auto* program = std::get_if<Program>(&command);
    if (program == nullptr || !program->pulses.empty() || !limits().max_pulses_per_cell) {
      if (program != nullptr) pending.pulses_ = program->pulses;
      return hand_over(command, std::move(pending));
    }
    // Cells are counted and the caller gave no buffer for the counts: the Pending keeps one.
    Program counting = *program;
    pending.counted_ = std::make_unique<std::vector<std::uint32_t>>(program->siemens.size());
    counting.pulses = View<std::uint32_t>(pending.counted_->data(), program->siemens.rows, program->siemens.cols);
    return hand_over(Command(counting), std::move(pending));
  });
}

Result<Pending> Device::hand_over(const Command& command, Pending pending) {
  SEDMA_ASSIGN_OR_RETURN(pending.charge_, ledger_.charge(command));
  // Raw pulses are known beforehand and need no settling.
  pending.charged_ = std::holds_alternative<Program>(command);
  bool refused = false;
  auto operation = guarded([&] {
    auto handed_over = do_submit(command, pending.deadline_);
    refused = !handed_over.ok();
    return handed_over;
  });
  if (!operation.ok()) {
    // A refusal costs nothing. After an exception nobody knows what reached the device: it stays charged.
    if (refused) ledger_.settle(pending.charge_, 0, std::vector<std::uint32_t>(pending.charge_.per_cell.size()));
    return operation.status();
  }
  pending.operation_ = std::move(*operation);
  if (!pending.operation_) return fail(Code::internal, "{}: the backend gave no operation", name(command));
  return pending;
}

Result<Completion> Device::run(const Command& command, std::chrono::nanoseconds deadline) {
  SEDMA_ASSIGN_OR_RETURN(Pending pending, submit(command, deadline));
  return pending.wait(std::chrono::nanoseconds::max());
}

}  // namespace sedma::hal

#include "backends/faulty/faulty.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <span>
#include <utility>

#include "backends/wrapped.h"
#include "kernels/random.h"

namespace sedma::backends {
namespace {

struct Faults {
  double error = 0, hang = 0, garbage = 0, delay = 1, delay_seconds = 0;
  std::uint64_t lost_after = std::numeric_limits<std::uint64_t>::max();
  kernels::Key key;
};

/// What happens to one command.
struct Plan {
  bool error = false, carried_out = true, hang = false, garbage = false;
  double delay_seconds = 0;
  std::uint64_t ordinal = 0;
};

Plan plan(const Faults& faults, std::uint64_t ordinal) {
  const auto words = kernels::philox(faults.key, kernels::Use::fault, 0, ordinal);
  const auto more = kernels::philox(faults.key, kernels::Use::fault, 1, ordinal);
  Plan p;
  p.ordinal = ordinal;
  p.error = kernels::uniform(words[0]) < faults.error;
  p.hang = kernels::uniform(words[1]) < faults.hang;
  p.garbage = kernels::uniform(words[2]) < faults.garbage;
  p.delay_seconds = kernels::uniform(words[3]) < faults.delay ? faults.delay_seconds : 0;
  p.carried_out = !p.hang && !(p.error && more[0] % 2 == 0);
  return p;
}

/// Cancellation, shared by the device and its commands.
struct Cancellation {
  std::mutex mutex;
  std::condition_variable changed;
  std::uint64_t epoch = 0;
};

template <class T>
void scramble(const hal::View<T>& view, const Faults& faults, std::uint64_t ordinal) {
  static_assert(sizeof(T) <= sizeof(std::uint32_t));
  if (view.empty()) return;
  for (std::size_t r = 0; r < view.rows; ++r)
    for (std::size_t c = 0; c < view.cols; ++c) {
      const auto words = kernels::philox(faults.key, kernels::Use::fault, static_cast<std::uint32_t>(2 + r * view.cols + c), ordinal);
      std::memcpy(&view(r, c), &words[0], sizeof(T));  // any bits: what a damaged transfer leaves
    }
}

void scramble(const hal::Command& command, const Faults& faults, std::uint64_t ordinal) {
  if (const auto* program = std::get_if<hal::Program>(&command)) {
    scramble(program->readback_siemens, faults, ordinal);
    scramble(program->pulses, faults, ordinal);
    if (!program->outcome.empty()) {  // an enumeration keeps one of its values
      for (std::size_t r = 0; r < program->outcome.rows; ++r)
        std::fill_n(program->outcome.row(r), program->outcome.cols, hal::Outcome::too_high);
    }
  } else if (const auto* read = std::get_if<hal::Read>(&command)) {
    scramble(read->siemens, faults, ordinal);
  } else if (const auto* mvm = std::get_if<hal::Mvm>(&command)) {
    scramble(mvm->amps, faults, ordinal);
  } else if (const auto* test = std::get_if<hal::SelfTest>(&command)) {
    test->readings->clear();
  }
}

class FaultyOperation final : public hal::Operation {
 public:
  FaultyOperation(const Faults& faults, const Plan& fate, const hal::Command& command, std::shared_ptr<Cancellation> cancellation,
                  std::uint64_t epoch, std::unique_ptr<InnerCommand> inner)
      : faults_(faults),
        fate_(fate),
        command_(command),
        cancellation_(std::move(cancellation)),
        epoch_(epoch),
        inner_(std::move(inner)),
        ready_(hal::Clock::now() + std::chrono::duration_cast<hal::Clock::duration>(std::chrono::duration<double>(fate.delay_seconds))) {}

  bool done() const noexcept override {
    if (inner_ && !inner_->done()) return false;
    if (cancelled()) return true;
    return !fate_.hang && hal::Clock::now() >= ready_;
  }

  bool wait_until(hal::Clock::time_point until) override {
    if (inner_ && !inner_->wait_until(until)) return false;
    std::unique_lock lock(cancellation_->mutex);
    const auto end = fate_.hang ? until : std::min(until, ready_);
    cancellation_->changed.wait_until(lock, end, [&] { return cancellation_->epoch != epoch_; });
    return cancellation_->epoch != epoch_ || (!fate_.hang && hal::Clock::now() >= ready_);
  }

  Result<hal::Completion> take() override {
    auto result = inner_ ? inner_->take() : Result<hal::Completion>(Status(Code::aborted, "the device was cancelled"));
    const bool injects = fate_.error || fate_.garbage;
    if (inner_ && !result.ok()) return result;
    if (fate_.hang || (!injects && inner_)) return result;
    const std::lock_guard lock(cancellation_->mutex);
    if (cancellation_->epoch != epoch_) return Status(Code::aborted, "the device was cancelled");
    if (fate_.error) return fail(Code::device_fault, "{}: injected fault in command {}", hal::name(command_), fate_.ordinal);
    scramble(command_, faults_, fate_.ordinal);  // under the lock: never after cancel() has returned
    return fail(Code::data_corrupt, "{}: injected garbage in the outputs of command {}", hal::name(command_), fate_.ordinal);
  }

 private:
  bool cancelled() const noexcept {
    const std::lock_guard lock(cancellation_->mutex);
    return cancellation_->epoch != epoch_;
  }

  const Faults faults_;
  const Plan fate_;
  const hal::Command command_;
  const std::shared_ptr<Cancellation> cancellation_;
  const std::uint64_t epoch_;
  const std::unique_ptr<InnerCommand> inner_;  // none: the command is not carried out
  const hal::Clock::time_point ready_;
};

class FaultyDevice final : public hal::Device {
 public:
  FaultyDevice(std::unique_ptr<hal::Device> inner, const Faults& faults)
      : Device(inner->capabilities(), inner->limits()), inner_(std::move(inner)), faults_(faults) {}

  void cancel() override {
    {
      const std::lock_guard lock(cancellation_->mutex);
      ++cancellation_->epoch;
    }
    cancellation_->changed.notify_all();
    inner_->cancel();
  }

 private:
  Result<std::unique_ptr<hal::Operation>> do_submit(const hal::Command& command, hal::Clock::time_point deadline) override {
    const std::uint64_t ordinal = ordinal_.fetch_add(1);
    if (ordinal >= faults_.lost_after) {
      return fail(Code::unavailable, "{}: board '{}' was lost after {} commands (injected)", hal::name(command), capabilities().board_id,
                  faults_.lost_after);
    }
    const std::uint64_t epoch = current_epoch();
    const Plan fate = plan(faults_, ordinal);
    std::unique_ptr<InnerCommand> inner;
    if (fate.carried_out) {
      SEDMA_ASSIGN_OR_RETURN(inner, InnerCommand::submit(*inner_, command, deadline));
    }
    return std::unique_ptr<hal::Operation>(
        std::make_unique<FaultyOperation>(faults_, fate, command, cancellation_, epoch, std::move(inner)));
  }

  std::uint64_t current_epoch() const {
    const std::lock_guard lock(cancellation_->mutex);
    return cancellation_->epoch;
  }

  const std::unique_ptr<hal::Device> inner_;
  const Faults faults_;
  const std::shared_ptr<Cancellation> cancellation_ = std::make_shared<Cancellation>();
  std::atomic<std::uint64_t> ordinal_{0};
};

Result<Faults> take_faults(hal::Uri& uri) {
  Faults faults;
  SEDMA_ASSIGN_OR_RETURN(faults.error, uri.take_number("fault.error", 0, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(faults.hang, uri.take_number("fault.hang", 0, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(faults.garbage, uri.take_number("fault.garbage", 0, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(faults.delay, uri.take_number("fault.delay", 1, 0, 1));
  SEDMA_ASSIGN_OR_RETURN(faults.delay_seconds, uri.take_number("fault.delay_seconds", 0, 0, 3600));
  SEDMA_ASSIGN_OR_RETURN(faults.lost_after,
                         uri.take_unsigned("fault.lost_after", faults.lost_after, 0, std::numeric_limits<std::uint64_t>::max()));
  SEDMA_ASSIGN_OR_RETURN(faults.key.value, uri.take_unsigned("fault.seed", 1, 0, std::numeric_limits<std::uint64_t>::max()));
  const auto unknown = uri.take_prefixed("fault.");
  if (!unknown.empty()) {
    return fail(Code::invalid_argument, "unknown option fault.{}; known: error, hang, garbage, delay, delay_seconds, lost_after, seed",
                unknown.begin()->first);
  }
  return faults;
}

Result<std::unique_ptr<hal::Device>> open(hal::Uri uri, const hal::Limits& limits, const hal::Registry& registry) {
  SEDMA_ASSIGN_OR_RETURN(const Faults faults, take_faults(uri));
  SEDMA_ASSIGN_OR_RETURN(std::unique_ptr<hal::Device> inner, open_inner(uri, limits, registry));
  return std::unique_ptr<hal::Device>(std::make_unique<FaultyDevice>(std::move(inner), faults));
}

}  // namespace

hal::Registry::Driver faulty_driver() {
  return {"faulty", "another device with injected faults", "faulty:emulator:TaOx-HfOx?arrays=4&fault.error=0.01&fault.seed=1", open};
}

}  // namespace sedma::backends

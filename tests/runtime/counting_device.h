#pragma once
// A device in front of another that adds up what everything has cost.

#include <memory>
#include <mutex>
#include <utility>

#include "hal/device.h"

namespace sedma::test {

class CountingDevice final : public hal::Device {
 public:
  explicit CountingDevice(std::unique_ptr<hal::Device> inner)
      : hal::Device(inner->capabilities(), inner->limits()), inner_(std::move(inner)) {}

  hal::Stats totals() const {
    const std::lock_guard lock(mutex_);
    return totals_;
  }
  std::uint64_t commands() const {
    const std::lock_guard lock(mutex_);
    return commands_;
  }
  void cancel() override { inner_->cancel(); }

 private:
  class Done final : public hal::Operation {
   public:
    explicit Done(Result<hal::Completion> result) : result_(std::move(result)) {}
    bool done() const noexcept override { return true; }
    bool wait_until(hal::Clock::time_point) override { return true; }
    Result<hal::Completion> take() override { return std::move(result_); }

   private:
    Result<hal::Completion> result_;
  };

  Result<std::unique_ptr<hal::Operation>> do_submit(const hal::Command& command, hal::Clock::time_point deadline) override {
    auto result = inner_->run(command, deadline - hal::Clock::now());
    if (result.ok()) {
      const std::lock_guard lock(mutex_);
      totals_ += result->stats;
      ++commands_;
    }
    return std::unique_ptr<hal::Operation>(std::make_unique<Done>(std::move(result)));
  }

  std::unique_ptr<hal::Device> inner_;
  mutable std::mutex mutex_;
  hal::Stats totals_;
  std::uint64_t commands_ = 0;
};

}  // namespace sedma::test

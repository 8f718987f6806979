#pragma once
// Where a backend's work runs: inline in the caller, or on worker threads, one queue per lane.

#include <atomic>
#include <functional>
#include <memory>

#include "hal/device.h"

namespace sedma::hal {

/// Tells a running job to stop: poll it between rows or passes.
class StopToken {
 public:
  StopToken(const std::atomic<std::uint64_t>* epoch, Clock::time_point deadline)
      : epoch_(epoch), start_(epoch->load()), deadline_(deadline) {}
  /// ok; aborted (the device was cancelled); deadline_exceeded.
  Status check() const;

 private:
  const std::atomic<std::uint64_t>* epoch_;
  std::uint64_t start_;
  Clock::time_point deadline_;
};

/// Runs jobs in the order of their submission per array. Thread-safe.
class Lanes {
 public:
  /// `threads` 0: inline, the job runs inside submit(). Otherwise array a runs on worker a % threads.
  explicit Lanes(unsigned threads);
  ~Lanes();  ///< cancels and joins
  Lanes(const Lanes&) = delete;
  Lanes& operator=(const Lanes&) = delete;

  using Job = std::function<Result<Completion>(const StopToken&)>;
  std::unique_ptr<Operation> submit(ArrayId array, Clock::time_point deadline, Job job);
  /// Drops queued jobs (outcome aborted), tells running ones to stop and waits for them.
  void cancel();
  unsigned threads() const noexcept;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// An operation that is already over.
std::unique_ptr<Operation> finished(Result<Completion> result);

}  // namespace sedma::hal

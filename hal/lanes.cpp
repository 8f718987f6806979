#include "hal/lanes.h"

#include <array>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

namespace sedma::hal {
namespace {

Result<Completion> run_job(const Lanes::Job& job, const StopToken& token) {
  if (Status status = token.check(); !status.ok()) return status;
  try {
    return job(token);
  } catch (const std::bad_alloc&) {
    return Status(Code::unavailable, "out of memory");  // short enough to need no memory itself
  } catch (const std::exception& error) {
    return fail(Code::internal, "a job threw: {}", error.what());
  } catch (...) {
    return Status(Code::internal, "a job threw something that is no std::exception");
  }
}

class Finished final : public Operation {
 public:
  explicit Finished(Result<Completion> result) : result_(std::move(result)) {}
  bool done() const noexcept override { return true; }
  bool wait_until(Clock::time_point) override { return true; }
  Result<Completion> take() override { return std::move(result_); }

 private:
  Result<Completion> result_;
};

/// A job on its way through a worker, shared by the worker and the operation that waits for it.
class Task {
 public:
  Task(const StopToken& token, Lanes::Job job) : token_(token), job_(std::move(job)) {}

  void run() { finish(run_job(job_, token_)); }
  void finish(Result<Completion> result) {
    job_ = nullptr;  // what the job holds is released before anybody learns that it is over
    {
      const std::lock_guard lock(mutex_);
      result_.emplace(std::move(result));
      done_.store(true, std::memory_order_release);
    }
    over_.notify_all();
  }
  bool done() const noexcept { return done_.load(std::memory_order_acquire); }
  bool wait_until(Clock::time_point until) {
    if (done()) return true;
    std::unique_lock lock(mutex_);
    return over_.wait_until(lock, until, [&] { return result_.has_value(); });
  }
  Result<Completion> take() {
    const std::lock_guard lock(mutex_);
    SEDMA_CHECK(result_.has_value());
    return std::move(*result_);
  }

 private:
  const StopToken token_;
  Lanes::Job job_;
  std::mutex mutex_;
  std::condition_variable over_;
  std::atomic<bool> done_{false};
  std::optional<Result<Completion>> result_;
};

class Ticket final : public Operation {
 public:
  explicit Ticket(std::shared_ptr<Task> task) : task_(std::move(task)) {}
  bool done() const noexcept override { return task_->done(); }
  bool wait_until(Clock::time_point until) override { return task_->wait_until(until); }
  Result<Completion> take() override { return task_->take(); }

 private:
  std::shared_ptr<Task> task_;
};

/// One thread with its queue.
class Worker {
 public:
  Worker() : thread_([this] { work(); }) {}
  ~Worker() {
    {
      const std::lock_guard lock(mutex_);
      stopping_ = true;
    }
    changed_.notify_all();
    thread_.join();
  }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;

  void add(std::shared_ptr<Task> task) {
    {
      const std::lock_guard lock(mutex_);
      queue_.push_back(std::move(task));
    }
    changed_.notify_all();
  }

  /// Finishes the queued tasks as aborted and waits until the one that was running has returned, but not for later ones.
  void drop_and_wait() {
    std::deque<std::shared_ptr<Task>> dropped;
    std::unique_lock lock(mutex_);
    dropped.swap(queue_);
    const std::uint64_t running = running_;
    lock.unlock();
    for (const auto& task : dropped) task->finish(Status(Code::aborted, "the device was cancelled before this command started"));
    lock.lock();
    changed_.wait(lock, [&] { return running == 0 || running_ != running; });
  }

 private:
  void work() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [&] { return stopping_ || !queue_.empty(); });
      if (stopping_) return;
      const std::shared_ptr<Task> task = std::move(queue_.front());
      queue_.pop_front();
      running_ = ++started_;
      lock.unlock();
      task->run();
      lock.lock();
      running_ = 0;
      changed_.notify_all();
    }
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Task>> queue_;
  std::uint64_t started_ = 0, running_ = 0;  // running_: the ordinal of the task that runs, 0 between tasks
  bool stopping_ = false;
  std::thread thread_;  // last: starts when the rest is there
};

}  // namespace

struct Lanes::State {
  // Arrays share mutexes when run inline: two arrays of one bucket wait for each other, which costs time and nothing else.
  static constexpr std::size_t bucket_count = 64;
  struct alignas(64) Bucket {
    std::mutex mutex;
  };

  std::atomic<std::uint64_t> epoch{0};
  std::array<Bucket, bucket_count> buckets;
  std::vector<std::unique_ptr<Worker>> workers;
};

Status StopToken::check() const {
  if (epoch_->load(std::memory_order_acquire) != start_) return Status(Code::aborted, "the device was cancelled");
  if (Clock::now() >= deadline_) return Status(Code::deadline_exceeded, "the deadline of the command passed");
  return {};
}

Lanes::Lanes(unsigned threads) : state_(std::make_unique<State>()) {
  state_->workers.reserve(threads);
  for (unsigned i = 0; i < threads; ++i) state_->workers.push_back(std::make_unique<Worker>());
}

Lanes::~Lanes() { cancel(); }

std::unique_ptr<Operation> Lanes::submit(ArrayId array, Clock::time_point deadline, Job job) {
  // Made before any lock: a job that cancel() overtook on its way to its array does not start.
  const StopToken token(&state_->epoch, deadline);
  if (!state_->workers.empty()) {
    auto task = std::make_shared<Task>(token, std::move(job));
    auto ticket = std::make_unique<Ticket>(task);  // whatever can fail comes before the worker knows of the job
    state_->workers[array.value % state_->workers.size()]->add(std::move(task));
    return ticket;
  }
  const std::lock_guard lock(state_->buckets[array.value % State::bucket_count].mutex);
  return finished(run_job(job, token));
}

void Lanes::cancel() {
  state_->epoch.fetch_add(1, std::memory_order_acq_rel);
  for (const auto& worker : state_->workers) worker->drop_and_wait();
  if (!state_->workers.empty()) return;
  // Whoever holds a bucket belongs to the old epoch and returns soon, or began after this call.
  for (auto& bucket : state_->buckets) const std::lock_guard lock(bucket.mutex);
}

unsigned Lanes::threads() const noexcept { return static_cast<unsigned>(state_->workers.size()); }

std::unique_ptr<Operation> finished(Result<Completion> result) { return std::make_unique<Finished>(std::move(result)); }

}  // namespace sedma::hal

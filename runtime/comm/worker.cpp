#include "runtime/comm/worker.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <exception>
#include <mutex>
#include <new>
#include <thread>

#include "runtime/comm/bench.h"
#include "runtime/comm/messages.h"
#include "runtime/comm/work_session.h"

namespace sedma::runtime {
namespace {

constexpr std::chrono::milliseconds poll_interval{20};

enum PulseStage : std::uint32_t { idle, programming, multiplying };

bool is(const Arrival& arrival, MessageKind kind) {
  return arrival.what == Arrival::What::message && arrival.kind == static_cast<std::uint32_t>(kind);
}

// The calling thread receives, so that what is under way can be ended at once; the other works.
class Worker {
 public:
  Worker(const Job& job, const WorkerSettings& settings) : job_(job), settings_(settings) {}
  Status serve();

 private:
  // Receiving thread.
  Status receive_until_end();
  std::optional<Status> take(Arrival arrival);
  void interrupt();
  void end();
  void tell_stop_asked();

  // Working thread.
  void work();
  std::optional<Arrival> next();
  void perform(const Arrival& arrival);
  Status perform_message(MessageKind kind, std::span<const std::byte> body);
  Status open(std::span<const std::byte> body);
  Status recall(std::span<const std::byte> body);
  void close();
  Status answer(MessageKind kind, Result<Bytes> body);
  bool watch(const char* stage, std::uint64_t done, std::uint64_t total);

  // Either.
  void fail_job(const Status& status);
  void set_pulse(const Pulse& pulse);
  bool is_void(std::uint64_t generation) {
    const std::lock_guard lock(mutex_);
    return ending_ || generation != generation_;
  }

  const Job& job_;
  const WorkerSettings& settings_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Arrival> queue_;
  std::uint64_t generation_ = 0;  // of interruptions: what was taken from the queue before the last one is void
  bool ending_ = false;
  std::mutex bench_mutex_;  // the session is made and forgotten under it
  std::mutex pulse_mutex_;
  Pulse pulse_;

  std::unique_ptr<WorkSession> session_;  // changed by the working thread
  std::atomic<std::uint64_t> session_number_{0};
  std::uint64_t performing_ = 0;  // generation of what the working thread does
  bool failed_ = false;           // the session's state is not known any more
};

Status Worker::serve() {
  std::thread worker;
  try {
    worker = std::thread([this] { work(); });
  } catch (const std::exception& error) {
    fail_job(fail(Code::unavailable, "no thread to work in: {}", error.what()));
  }
  Status verdict = receive_until_end();
  if (worker.joinable()) worker.join();
  return verdict;
}

Status Worker::receive_until_end() {
  for (;;) {
    try {
      std::optional<Arrival> arrival = job_.transport.receive(Role::worker, poll_interval);
      tell_stop_asked();
      if (!arrival) continue;
      if (auto verdict = take(std::move(*arrival))) {
        end();
        return *verdict;
      }
    } catch (const std::bad_alloc&) {
      fail_job(Status(Code::unavailable, "out of memory"));
    } catch (const std::exception& error) {
      fail_job(fail(Code::internal, "exception: {}", error.what()));
    }
  }
}

// The job's verdict, if this is the end of it.
std::optional<Status> Worker::take(Arrival arrival) {
  if (arrival.what == Arrival::What::coordinator_lost)
    return fail(Code::unavailable, "rank 0 on host {} is silent for good", job_.ranks[0].host);
  if (is(arrival, MessageKind::end)) {
    auto end = decode_end(arrival.body);
    return end.ok() ? end->verdict : end.status();
  }
  const bool ends_work = arrival.what == Arrival::What::reset || is(arrival, MessageKind::cancel) || is(arrival, MessageKind::recall) ||
                         is(arrival, MessageKind::close);
  if (ends_work) interrupt();
  const std::lock_guard lock(mutex_);
  queue_.push_back(std::move(arrival));
  changed_.notify_one();
  return {};
}

void Worker::interrupt() {
  {
    const std::lock_guard lock(mutex_);
    queue_.clear();
    ++generation_;
  }
  const std::lock_guard lock(bench_mutex_);
  if (session_) session_->workbench().stop();
}

void Worker::end() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
    changed_.notify_one();
  }
  interrupt();
}

void Worker::tell_stop_asked() {
  if (!job_.options.stop_asked || !job_.options.stop_asked()) return;
  const std::lock_guard lock(pulse_mutex_);
  if (pulse_.stop_asked) return;
  pulse_.stop_asked = true;
  job_.transport.set_pulse(pulse_);
}

void Worker::set_pulse(const Pulse& pulse) {
  const std::lock_guard lock(pulse_mutex_);
  const bool stop_asked = pulse_.stop_asked;
  pulse_ = pulse;
  pulse_.stop_asked = stop_asked;
  job_.transport.set_pulse(pulse_);
}

void Worker::fail_job(const Status& status) {
  try {
    job_.transport.send(0, Role::coordinator, static_cast<std::uint32_t>(MessageKind::failed),
                        encode(FailedMessage{session_number_.load(), status}));
  } catch (const std::exception&) {
    // Not even memory for this: rank 0 learns of it by the answer that does not come.
  }
}

void Worker::work() {
  while (auto arrival = next()) {
    Status status;
    try {
      perform(*arrival);
    } catch (const std::bad_alloc&) {
      status = Status(Code::unavailable, "out of memory");
    } catch (const std::exception& error) {
      status = fail(Code::internal, "exception: {}", error.what());
    } catch (...) {
      status = Status(Code::internal, "unknown exception");
    }
    if (!status.ok()) {
      failed_ = true;
      *arrival = {};
      const std::uint64_t number = session_number_.load();
      close();  // gives its memory back
      session_number_.store(number);
      fail_job(status);
    }
    set_pulse({});
  }
  close();
}

std::optional<Arrival> Worker::next() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return ending_ || !queue_.empty(); });
  if (ending_) return {};
  Arrival arrival = std::move(queue_.front());
  queue_.pop_front();
  performing_ = generation_;
  return arrival;
}

void Worker::perform(const Arrival& arrival) {
  const auto kind = static_cast<MessageKind>(arrival.kind);
  if (arrival.what == Arrival::What::reset || kind == MessageKind::cancel) {
    if (session_) session_->workbench().resume();
    return;
  }
  if (kind == MessageKind::recall && failed_) close();
  if (kind == MessageKind::open || kind == MessageKind::close || kind == MessageKind::recall) failed_ = false;
  if (failed_) return;
  const Status status = perform_message(kind, arrival.body);
  if (status.ok() || is_void(performing_)) return;
  failed_ = true;
  fail_job(status);
}

Status Worker::perform_message(MessageKind kind, std::span<const std::byte> body) {
  if (kind == MessageKind::open) return open(body);
  if (kind == MessageKind::recall) return recall(body);
  if (kind == MessageKind::close) {
    close();
    return {};
  }
  if (!session_) return fail(Code::internal, "`{}` without a session", name(kind));
  switch (kind) {
    case MessageKind::hold: {
      SEDMA_ASSIGN_OR_RETURN(HoldMessage message, decode_hold(body));
      return session_->hold(std::move(message));
    }
    case MessageKind::drop: {
      SEDMA_ASSIGN_OR_RETURN(const DropMessage message, decode_drop(body));
      return session_->drop(message.groups);
    }
    case MessageKind::program: {
      SEDMA_ASSIGN_OR_RETURN(const ProgramMessage message, decode_program(body));
      return answer(MessageKind::done, session_->program(message));
    }
    case MessageKind::multiply: {
      SEDMA_ASSIGN_OR_RETURN(const MultiplyMessage message, decode_multiply(body));
      return answer(MessageKind::partial, session_->multiply(message));
    }
    case MessageKind::save: {
      SEDMA_ASSIGN_OR_RETURN(const FileMessage message, decode_file(body));
      return answer(MessageKind::done, session_->save(message));
    }
    case MessageKind::restore: {
      SEDMA_ASSIGN_OR_RETURN(const FileMessage message, decode_file(body));
      return answer(MessageKind::done, session_->restore(message));
    }
    default: return fail(Code::internal, "`{}` ({}) is no message for a worker", name(kind), static_cast<std::uint32_t>(kind));
  }
}

Status Worker::open(std::span<const std::byte> body) {
  close();
  SEDMA_ASSIGN_OR_RETURN(const OpenMessage message, decode_open(body));
  session_number_.store(message.session);
  SEDMA_ASSIGN_OR_RETURN(auto session, WorkSession::open(job_, settings_, message, [this](const char* stage, auto done, auto total) {
                           return watch(stage, done, total);
                         }));
  const std::lock_guard lock(bench_mutex_);
  session_ = std::move(session);
  return {};
}

Status Worker::recall(std::span<const std::byte> body) {
  SEDMA_ASSIGN_OR_RETURN(const RecallMessage message, decode_recall(body));
  if (session_) session_->workbench().resume();
  StateMessage state = session_ ? session_->state() : StateMessage{};
  state.recall = message.recall;
  return answer(MessageKind::state, encode(state));
}

void Worker::close() {
  std::unique_ptr<WorkSession> closed;
  {
    const std::lock_guard lock(bench_mutex_);
    closed = std::move(session_);
  }
  session_number_.store(0);
}

Status Worker::answer(MessageKind kind, Result<Bytes> body) {
  SEDMA_RETURN_IF_ERROR(body.status());
  if (!is_void(performing_)) job_.transport.send(0, Role::coordinator, static_cast<std::uint32_t>(kind), std::move(body).value());
  return {};
}

bool Worker::watch(const char* stage, std::uint64_t done, std::uint64_t total) {
  set_pulse({std::string_view(stage) == "multiply" ? multiplying : programming, done, total, false});
  return !is_void(performing_);
}

}  // namespace

Status serve_rank(const Job& job, const WorkerSettings& settings) { return Worker(job, settings).serve(); }

}  // namespace sedma::runtime

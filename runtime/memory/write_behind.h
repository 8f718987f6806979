#pragma once
// Writes what a memory learns to its store, in batches, by a thread of its own.

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "runtime/memory/sql_store.h"

namespace sedma::runtime {

struct WriteBehindOptions {
  std::size_t capacity = 10000;  ///< of the store, and of what waits for it
  Log log;
  std::size_t batch = 256;  ///< changes that are written without waiting for more
  std::chrono::milliseconds linger{200};
  std::chrono::milliseconds first_retry{250}, longest_retry{30000};
};

struct StoreFacts {
  std::string place;
  std::uint64_t bytes = 0;
  bool wal = false;
};

/// All calls from one thread. What fails is tried again, with growing pauses, until the end.
class WriteBehind {
 public:
  using Loaded = std::vector<std::pair<PatternKey, Pattern>>;

  /// `store` is the open one; `connect` opens it again after a failure.
  WriteBehind(std::unique_ptr<SqlStore> store, Connect connect, const WriteBehindOptions& options);
  ~WriteBehind();  ///< tries once more to write what waits, and tells how much is lost
  WriteBehind(const WriteBehind&) = delete;
  WriteBehind& operator=(const WriteBehind&) = delete;

  /// Never waits for the store. What is changed in one call is written in one transaction.
  void change(const Changes& changes);
  /// Everything changed before is durable when ok; on failure it still waits to be written. Errors: unavailable, unsupported.
  Status flush();
  /// Flushes, then reads everything. Errors: as flush().
  Result<Loaded> reload();
  /// The store was found damaged and a new one begun. It stays empty until start_over() gives it everything there is.
  bool must_start_over() const;
  void start_over(Changes everything);
  StoreFacts facts() const;

 private:
  enum class Request : std::uint8_t { none, flush, load, stop };
  Status ask(Request request);
  void work();
  Status attempt(const Changes& changes, std::int64_t number);
  Status write(const Changes& changes, std::int64_t number);
  Result<Loaded> read();
  Status reconnect();
  void note(const Status& status);
  void bound();

  Connect connect_;
  WriteBehindOptions options_;
  std::string writer_;
  std::unique_ptr<SqlStore> store_;  // the thread's alone, once it runs
  bool damaged_ = false;             // likewise

  mutable std::mutex mutex_;
  std::condition_variable wake_, answered_;
  Changes waiting_, flying_;  // flying: sent, its answer not known; sent again as it is
  std::int64_t number_ = 0;
  Request request_ = Request::none;
  Status answer_;
  Loaded loaded_;
  StoreFacts facts_;
  bool start_over_ = false, told_bound_ = false;
  std::string told_;  // the last failure in the log
  std::chrono::milliseconds pause_{0};
  std::thread thread_;
};

}  // namespace sedma::runtime

#pragma once
// The wire between ranks: MPI, touched by one thread that does nothing else and never blocks. Internal.

#include <mpi.h>

#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "runtime/comm/exchange.h"

namespace sedma::runtime {

/// Cost while idle: a look at MPI every 50 us, after 0.2 s of quiet every 1 ms.
class MpiTransport final : public Exchange {
 public:
  /// Starts the thread. `comm` is this object's alone, returns errors instead of ending the process, and outlives it. Called by all ranks
  /// at the same time, after a barrier.
  MpiTransport(MPI_Comm comm, int rank, int size, ExchangeOptions options);
  MpiTransport(const MpiTransport&) = delete;
  MpiTransport& operator=(const MpiTransport&) = delete;
  ~MpiTransport() override;

  /// Tells the verdict as Exchange::end(), after what is queued if the verdict is ok, and stops the thread. At most 2 s.
  void close(const Status& verdict);
  /// After close(): everybody is alive and nothing is left under way, so that MPI can be finalised.
  bool complete() const noexcept { return complete_; }

 private:
  struct Sending {
    MPI_Request request = MPI_REQUEST_NULL;
    Bytes frame;
    bool note = false;
  };
  struct Receiving {
    MPI_Request request = MPI_REQUEST_NULL;
    std::unique_ptr<std::byte[]> frame;
    std::size_t size = 0;
    bool done = false, failed = false;
  };
  struct Wire {
    std::deque<Sending> sending;  // those for a lost peer stay until MPI lets go of them
    std::size_t sending_bytes = 0, notes = 0;
    std::deque<Receiving> receiving;
    std::vector<Receiving> abandoned;
    std::uint32_t epoch = 0;
  };

  void run() noexcept;
  void turn(Time now);
  void rest(Time now);
  void post_receives(Time now);
  void finish_receives(int peer, Time now);
  void finish_sends(Wire& wire);
  void send_frames(int peer, Time now);
  void abandon();
  bool nothing_under_way() const;
  bool stop(Time now) const;

  MPI_Comm comm_;
  std::vector<Wire> wires_;            // [size]; of the thread
  std::atomic<Time::rep> stop_at_{0};  // 0: go on
  bool complete_ = false;
  std::thread thread_;
};

}  // namespace sedma::runtime

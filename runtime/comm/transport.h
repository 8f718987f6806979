#pragma once
// Messages between the ranks of a job: never blocking, each acknowledged, with the life of every rank watched. No MPI here.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace sedma::runtime {

using Bytes = std::vector<std::byte>;

/// The kind of the last message to a worker: the job is over. Its body: one byte Code, then the text of the verdict. Other kinds: 1 and up.
inline constexpr std::uint32_t kind_end = 0;

/// Whom a message is for: rank 0 has both a worker and the coordinator.
enum class Role : std::uint8_t { worker, coordinator };

/// What arrives: a message, or news of a rank.
struct Arrival {
  enum class What : std::uint8_t {
    message,
    lost,              ///< at the coordinator: `peer` has been silent too long; messages to it were given up, what it sends is dropped
    returned,          ///< at the coordinator: `peer` is heard again and knows its new epoch; what it was asked before is void
    reset,             ///< at a worker: it was held for lost; what it was asked before is void
    coordinator_lost,  ///< at a worker: rank 0 is silent for good
  };
  What what = What::message;
  int peer = 0;
  std::uint32_t kind = 0;  ///< of a message, as sent
  Bytes body;
};

/// Data messages alone: no heartbeats, no acknowledgements; bytes are those of the bodies.
struct Traffic {
  std::uint64_t messages_sent = 0, bytes_sent = 0, messages_received = 0, bytes_received = 0;
};

/// What a rank tells with every heartbeat: free, and not counted as data.
struct Pulse {
  std::uint32_t stage = 0;  ///< 0: nothing to tell
  std::uint64_t done = 0, total = 0;
  bool stop_asked = false;  ///< a signal asked this rank to stop
};

/// Thread-safe. Messages from one rank and role to another arrive whole, once, and in the order of their sending, unless one of the two is
/// lost. A message to its own rank is handed over in the process and is no traffic.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual int rank() const noexcept = 0;
  virtual int size() const noexcept = 0;
  /// Never blocks. A message to a lost rank vanishes, and so does what is sent before receive() has handed out the `returned` of the rank
  /// (or, at a worker, its own `reset`): it would belong to what is void.
  virtual void send(int to, Role role, std::uint32_t kind, Bytes body) = 0;
  /// Waits up to `timeout` for what comes for this role of this rank; nothing: it passed.
  virtual std::optional<Arrival> receive(Role role, std::chrono::nanoseconds timeout) = 0;
  /// Between rank 0 and `peer`, as this rank counts it. Messages count as sent when send() takes them. Ranks > 0 know only their own.
  virtual Traffic traffic(int peer) const = 0;
  virtual void set_pulse(const Pulse& pulse) = 0;
  /// At rank 0: what `peer` told last; of itself what it would tell.
  virtual Pulse pulse_of(int peer) const = 0;
  /// From its loss until receive() hands out its `returned`.
  virtual bool lost(int peer) const = 0;
  /// Whether any rank was ever lost: then MPI cannot be finalised.
  virtual bool anybody_lost() const = 0;
};

}  // namespace sedma::runtime

#pragma once
// Everything about messages between ranks but the wire itself: queues, acknowledgements, epochs, news. Whoever owns the wire hands in the
// frames that arrive and the time, and asks for frames to send. Internal.

#include <array>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hal/status.h"
#include "runtime/comm/link.h"
#include "runtime/comm/liveness.h"
#include "runtime/comm/transport.h"

namespace sedma::runtime {

struct ExchangeOptions {
  double dead_after_seconds = 5;
  std::vector<std::string> hosts;  ///< of the ranks, for the log
  std::function<void(const std::string& sentence)> log;
  std::function<bool()> stop_asked;
};

/// Thread-safe. Rank 0 talks with all others, they only with it.
class Exchange : public Transport {
 public:
  using Time = Liveness::Time;

  Exchange(int rank, int size, ExchangeOptions options, Time now);

  int rank() const noexcept override { return rank_; }
  int size() const noexcept override { return size_; }
  void send(int to, Role role, std::uint32_t kind, Bytes body) override;
  std::optional<Arrival> receive(Role role, std::chrono::nanoseconds timeout) override;
  Traffic traffic(int peer) const override;
  void set_pulse(const Pulse& pulse) override;
  Pulse pulse_of(int peer) const override;
  bool lost(int peer) const override;
  bool anybody_lost() const override;

  // The side of the wire.
  /// Something of the peer is on its way in: a sign of life before it has arrived.
  void heard(int peer, Time now);
  /// A frame has arrived. One that makes no sense is dropped, and so never acknowledged.
  void take(int peer, std::span<const std::byte> bytes, Time now);
  /// Watches the time.
  void tick(Time now);
  struct Room {
    bool note = true, data = true;  ///< what the wire can take now
  };
  /// The next frame for the peer.
  std::optional<Bytes> next(int peer, Time now, const Room& room);
  /// Grows when the peer is held for lost: what was posted for it before may never complete.
  std::uint32_t epoch(int peer) const;
  /// Waits until there is something new to send, at most `timeout`.
  void wait_for_send(std::chrono::nanoseconds timeout);
  /// When data last came or went.
  Time last_data() const;

  // The end. Rank 0: end() tells every rank the verdict, which ends what is still queued. Another rank: what end() tells rank 0 is that it
  // leaves, unless the verdict of rank 0 has arrived before.
  void end(const Status& verdict);
  /// Nothing is queued or unacknowledged for a rank that is alive.
  bool idle() const;
  /// All has been said: rank 0: every rank that is not lost has heard the verdict; another: it has told rank 0 so, or that it leaves, or
  /// rank 0 is lost.
  bool over() const;
  /// Whether, as far as rank 0 told, nobody was ever lost.
  bool intact() const;
  /// The wire broke: every peer is lost for good.
  void fail(const std::string& why, Time now);

 private:
  struct Peer {
    Outgoing out;
    Incoming in;
    bool open = true;  // the caller knows the state of the peer: what it sends belongs to the present epoch
    bool acknowledge = false, bye_due = false, bye_heard = false;
    Traffic traffic;
    Pulse pulse;
  };
  struct Letter {
    Arrival arrival;
    std::uint32_t epoch = 0;
  };
  using Sentences = std::vector<std::string>;

  Peer& of(int peer) { return peers_[static_cast<std::size_t>(peer)]; }
  const Peer& of(int peer) const { return peers_[static_cast<std::size_t>(peer)]; }
  bool talks_with(int peer) const noexcept { return peer >= 0 && peer < size_ && (peer == 0) != (rank_ == 0); }
  std::string named(int peer) const;
  void put(Role role, Arrival arrival, std::uint32_t epoch = 0);
  void lose(int peer, const std::string& why, Sentences& log);
  void start_again(int peer, Sentences& log);
  void take_data(int peer, const Frame& frame, Time now);
  void take_bye(int peer, const Frame& frame, Sentences& log, Time now);
  void take_note(int peer, const FrameHeader& header, Sentences& log, Time now);
  FrameHeader header_for(int peer, Time now) const;
  std::optional<Bytes> next_bye(int peer, Time now);
  void tell(const Sentences& log) const;

  const int rank_, size_;
  const ExchangeOptions options_;
  mutable std::mutex mutex_;
  Liveness liveness_;
  std::vector<Peer> peers_;  // [size]
  std::array<std::deque<Letter>, 2> inbox_;
  std::array<std::condition_variable, 2> arrived_;
  std::condition_variable queued_;
  bool anything_queued_ = false;
  Time last_data_, stop_polled_;
  Pulse pulse_;
  bool stop_asked_ = false;
  bool anybody_lost_ = false;
  bool ending_ = false;     // end() was called, or the verdict of rank 0 has arrived
  bool dismissed_ = false;  // the verdict of rank 0 has arrived
  Status verdict_;
};

}  // namespace sedma::runtime

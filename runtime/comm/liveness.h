#pragma once
// Who is alive, who is held for lost, and which epoch is whose. Knows no MPI and no clock: time is handed in. Internal.
//
// Every rank > 0 has an epoch with rank 0, which every frame carries. Rank 0 raises it when it holds the rank for lost, and goes on telling
// it the new one. A rank that hears a higher epoch than its own forgets everything and takes it; rank 0 hears the new epoch from it and
// knows that it is back. What carries an old epoch is dropped.

#include <chrono>
#include <cstdint>
#include <optional>
#include <vector>

namespace sedma::runtime {

class Liveness {
 public:
  using Time = std::chrono::steady_clock::time_point;
  using Duration = std::chrono::steady_clock::duration;

  enum class Why : std::uint8_t { silent, unacknowledged };
  struct Loss {
    int peer = 0;
    Why why = Why::silent;
    Duration lasted{};
  };
  enum class Admission : std::uint8_t {
    drop,  ///< of an old epoch
    accept,
    returned,  ///< accepted; at rank 0: the peer was lost and is back
    reset,     ///< accepted; at another: it was held for lost
  };

  /// For a rank of `size`, which watches its peers: all others at rank 0, rank 0 at another.
  Liveness(int rank, int size, Duration dead_after, Time now);

  /// Any sign of life.
  void heard(int peer, Time now);
  Admission admit(int peer, std::uint32_t epoch, Time now);
  /// What was sent to the peer changed: whether something is unacknowledged now. Called when the first is sent, and when some were
  /// acknowledged.
  void unacknowledged(int peer, bool any, Time now);
  /// Who is lost from now on. Time in which nobody called this is nobody's silence. At ranks > 0 the loss of rank 0 is final.
  std::vector<Loss> tick(Time now);
  /// Rank 0 gives a peer up for another reason.
  void give_up(int peer, Time now);

  /// Whether a heartbeat should go out; told() says that it did.
  bool due(int peer, Time now) const;
  void told(int peer, Time now);

  bool lost(int peer) const { return of(peer).lost; }
  std::uint32_t epoch(int peer) const { return of(peer).epoch; }
  /// At ranks > 0: whether something sent has not been acknowledged for longer than dead_after.
  bool stuck(int peer, Time now) const;

  Duration heartbeat() const noexcept { return heartbeat_; }
  /// How long a peer may be silent.
  Duration patience() const noexcept { return patience_; }

 private:
  struct Peer {
    std::uint32_t epoch = 1;
    bool lost = false, met = false, waiting = false;
    Time heard, waits_since, told;
  };
  const Peer& of(int peer) const { return peers_[static_cast<std::size_t>(peer)]; }
  Peer& of(int peer) { return peers_[static_cast<std::size_t>(peer)]; }
  bool watched(int peer) const noexcept { return (peer == 0) != (rank_ == 0); }
  std::optional<Loss> judge(int peer, Time now) const;

  int rank_;
  Duration dead_after_, patience_, heartbeat_;
  Time ran_;
  std::vector<Peer> peers_;
};

}  // namespace sedma::runtime

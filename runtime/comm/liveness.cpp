#include "runtime/comm/liveness.h"

#include <algorithm>

namespace sedma::runtime {

using std::chrono::milliseconds;
using std::chrono::seconds;

// A rank that loses rank 0 cannot go on: it waits longer than rank 0 does.
Liveness::Liveness(int rank, int size, Duration dead_after, Time now)
    : rank_(rank),
      dead_after_(dead_after),
      patience_(rank == 0 ? dead_after : std::max<Duration>(seconds(10), 2 * dead_after)),
      heartbeat_(std::min<Duration>(milliseconds(100), dead_after / 5)),
      ran_(now),
      peers_(static_cast<std::size_t>(size)) {
  for (Peer& peer : peers_) {
    peer.heard = peer.waits_since = now;
    peer.told = now - heartbeat_;
  }
}

void Liveness::heard(int peer, Time now) {
  of(peer).heard = now;
  of(peer).met = true;
}

Liveness::Admission Liveness::admit(int peer, std::uint32_t epoch, Time now) {
  Peer& it = of(peer);
  heard(peer, now);
  if (rank_ == 0) {
    if (epoch != it.epoch) {
      if (it.lost) it.told = std::min(it.told, now - heartbeat_);  // it should learn its epoch soon
      return Admission::drop;
    }
    if (!it.lost) return Admission::accept;
    it.lost = it.waiting = false;
    return Admission::returned;
  }
  if (it.lost || epoch < it.epoch) return Admission::drop;
  if (epoch == it.epoch) return Admission::accept;
  it.epoch = epoch;
  it.waiting = false;
  it.told = now - heartbeat_;  // rank 0 should know soon
  return Admission::reset;
}

void Liveness::unacknowledged(int peer, bool any, Time now) {
  of(peer).waiting = any;
  of(peer).waits_since = now;
}

std::optional<Liveness::Loss> Liveness::judge(int peer, Time now) const {
  const Peer& it = of(peer);
  const Duration starting = it.met ? Duration{} : Duration(seconds(1));  // its thread has hardly begun
  if (now - it.heard > patience_ + starting) return Loss{peer, Why::silent, now - it.heard};
  if (rank_ == 0 && it.waiting && now - it.waits_since > dead_after_) return Loss{peer, Why::unacknowledged, now - it.waits_since};
  return {};
}

std::vector<Liveness::Loss> Liveness::tick(Time now) {
  // A process that was stopped, or whose machine was, heard nobody for a reason of its own.
  const Duration gap = now - ran_;
  ran_ = now;
  if (gap > heartbeat_) {
    for (Peer& peer : peers_) {
      peer.heard = std::min(now, peer.heard + gap);
      peer.waits_since = std::min(now, peer.waits_since + gap);
    }
  }
  std::vector<Loss> losses;
  for (int peer = 0; peer < static_cast<int>(peers_.size()); ++peer) {
    if (!watched(peer) || lost(peer)) continue;
    if (const auto loss = judge(peer, now)) {
      losses.push_back(*loss);
      give_up(peer, now);
    }
  }
  return losses;
}

void Liveness::give_up(int peer, Time now) {
  Peer& it = of(peer);
  if (it.lost) return;
  it.lost = true;
  it.waiting = false;
  it.told = now - heartbeat_;
  if (rank_ == 0) ++it.epoch;
}

bool Liveness::due(int peer, Time now) const { return watched(peer) && now - of(peer).told >= heartbeat_; }

void Liveness::told(int peer, Time now) { of(peer).told = now; }

bool Liveness::stuck(int peer, Time now) const { return rank_ != 0 && of(peer).waiting && now - of(peer).waits_since > dead_after_; }

}  // namespace sedma::runtime

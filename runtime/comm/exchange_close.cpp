// Losses, returns and the end of a job.

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "runtime/comm/exchange.h"

namespace sedma::runtime {

void Exchange::lose(int peer, const std::string& why, Sentences& log) {
  Peer& gone = of(peer);
  gone.out.clear();
  gone.in.clear();
  gone.open = gone.acknowledge = false;
  anybody_lost_ = true;
  if (rank_ == 0) {
    log.push_back(fmt::format("{}: it is held for lost", why));
    put(Role::coordinator, {Arrival::What::lost, peer, 0, {}});
  } else {
    log.push_back(fmt::format("rank {}: {}: it gives up", rank_, why));
    put(Role::worker, {Arrival::What::coordinator_lost, peer, 0, {}});
  }
}

// At rank 0 the peer came back and has forgotten all; at another rank, this one did, and forgets all.
void Exchange::start_again(int peer, Sentences& log) {
  Peer& back = of(peer);
  const std::uint32_t epoch = liveness_.epoch(peer);
  if (rank_ == 0) {
    log.push_back(fmt::format("{} is heard again", named(peer)));
    put(Role::coordinator, {Arrival::What::returned, peer, 0, {}}, epoch);
    return;
  }
  back.out.clear();
  back.in.clear();
  back.open = back.acknowledge = false;
  anybody_lost_ = true;
  for (auto& letters : inbox_) std::erase_if(letters, [&](const Letter& letter) { return letter.arrival.peer == peer; });
  log.push_back(fmt::format("rank {} was held for lost; what it was asked before is void", rank_));
  put(Role::worker, {Arrival::What::reset, peer, 0, {}}, epoch);
}

void Exchange::take_bye(int peer, const Frame& frame, Sentences& log, Time now) {
  liveness_.heard(peer, now);
  Peer& from = of(peer);
  if (frame.header.type == FrameType::bye_heard) {
    from.bye_heard = true;
    return;
  }
  const std::string text(reinterpret_cast<const char*>(frame.body.data()), frame.body.size());
  if (rank_ == 0) {
    from.bye_heard = true;  // it needs no verdict any more
    if (liveness_.lost(peer)) return;
    liveness_.give_up(peer, now);
    lose(peer, fmt::format("{} leaves ({})", named(peer), Status(frame.header.code, text).to_string()), log);
    return;
  }
  if (dismissed_ || liveness_.lost(peer)) return;
  dismissed_ = true;
  if (!ending_) from.bye_due = true;  // a rank that leaves at the same moment has said so, or will
  ending_ = true;
  from.out.clear();
  anybody_lost_ |= frame.header.intact == 0;
  Bytes body(1 + text.size());
  body[0] = static_cast<std::byte>(frame.header.code);
  std::memcpy(body.data() + 1, text.data(), text.size());
  put(Role::worker, {Arrival::What::message, peer, kind_end, std::move(body)});
}

void Exchange::end(const Status& verdict) {
  const std::lock_guard lock(mutex_);
  if (ending_) return;
  ending_ = true;
  verdict_ = verdict;
  for (int peer = 0; peer < size_; ++peer) of(peer).bye_due = talks_with(peer);
  anything_queued_ = true;
  queued_.notify_one();
}

std::optional<Bytes> Exchange::next_bye(int peer, Time now) {
  Peer& to = of(peer);
  if (!to.bye_due) return {};
  to.bye_due = false;
  FrameHeader header = header_for(peer, now);
  header.type = dismissed_ ? FrameType::bye_heard : FrameType::bye;
  anybody_lost_ |= rank_ != 0 && !dismissed_;  // this one
  header.code = verdict_.code();
  const auto text = std::as_bytes(std::span(verdict_.message()));
  return join(header, text.first(std::min(text.size(), chunk_bytes)));
}

bool Exchange::idle() const {
  const std::lock_guard lock(mutex_);
  for (int peer = 0; peer < size_; ++peer)
    if (talks_with(peer) && !liveness_.lost(peer) && !of(peer).out.idle()) return false;
  return true;
}

bool Exchange::over() const {
  const std::lock_guard lock(mutex_);
  if (rank_ != 0) return liveness_.lost(0) || (ending_ && !of(0).bye_due);
  for (int peer = 1; peer < size_; ++peer)
    if (!liveness_.lost(peer) && (of(peer).bye_due || !of(peer).bye_heard)) return false;
  return ending_;
}

bool Exchange::intact() const {
  const std::lock_guard lock(mutex_);
  return !anybody_lost_ && (rank_ == 0 || dismissed_);
}

void Exchange::fail(const std::string& why, Time now) {
  Sentences log;
  {
    const std::lock_guard lock(mutex_);
    for (int peer = 0; peer < size_; ++peer) {
      if (!talks_with(peer) || liveness_.lost(peer)) continue;
      liveness_.give_up(peer, now);
      lose(peer, why, log);
    }
  }
  tell(log);
}

}  // namespace sedma::runtime

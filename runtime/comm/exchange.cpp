#include "runtime/comm/exchange.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace sedma::runtime {
namespace {

double in_seconds(Liveness::Duration duration) { return std::chrono::duration<double>(duration).count(); }

Liveness::Duration from_seconds(double seconds) {
  return std::chrono::duration_cast<Liveness::Duration>(std::chrono::duration<double>(seconds));
}

}  // namespace

Exchange::Exchange(int rank, int size, ExchangeOptions options, Time now)
    : rank_(rank),
      size_(size),
      options_(std::move(options)),
      liveness_(rank, size, from_seconds(options_.dead_after_seconds), now),
      peers_(static_cast<std::size_t>(size)),
      last_data_(now) {}

void Exchange::send(int to, Role role, std::uint32_t kind, Bytes body) {
  SEDMA_CHECK(to == rank_ || talks_with(to), rank_, to, size_);
  const std::lock_guard lock(mutex_);
  if (to == rank_) {
    put(role, {Arrival::What::message, rank_, kind, std::move(body)});
    return;
  }
  Peer& peer = of(to);
  if (!peer.open || ending_) return;
  ++peer.traffic.messages_sent;
  peer.traffic.bytes_sent += body.size();
  peer.out.push({role, kind, std::move(body)});
  anything_queued_ = true;
  queued_.notify_one();
}

std::optional<Arrival> Exchange::receive(Role role, std::chrono::nanoseconds timeout) {
  const auto side = static_cast<std::size_t>(role);
  std::unique_lock lock(mutex_);
  if (inbox_[side].empty() && timeout.count() <= 0) return {};  // even a wait of no time takes some
  const std::chrono::nanoseconds wait = std::min<std::chrono::nanoseconds>(timeout, std::chrono::hours(24));
  if (!arrived_[side].wait_for(lock, wait, [&] { return !inbox_[side].empty(); })) return {};
  Letter letter = std::move(inbox_[side].front());
  inbox_[side].pop_front();
  const Arrival& arrival = letter.arrival;
  const bool back = arrival.what == Arrival::What::returned || arrival.what == Arrival::What::reset;
  // Only the last return counts, if it was lost again meanwhile.
  if (back && letter.epoch == liveness_.epoch(arrival.peer) && !liveness_.lost(arrival.peer)) of(arrival.peer).open = true;
  return std::move(letter.arrival);
}

Traffic Exchange::traffic(int peer) const {
  const std::lock_guard lock(mutex_);
  return of(rank_ == 0 ? peer : 0).traffic;
}

void Exchange::set_pulse(const Pulse& pulse) {
  const std::lock_guard lock(mutex_);
  pulse_ = pulse;
}

Pulse Exchange::pulse_of(int peer) const {
  const std::lock_guard lock(mutex_);
  Pulse pulse = peer == rank_ ? pulse_ : of(peer).pulse;
  if (peer == rank_) pulse.stop_asked |= stop_asked_;
  return pulse;
}

bool Exchange::lost(int peer) const {
  const std::lock_guard lock(mutex_);
  return !of(peer).open;
}

bool Exchange::anybody_lost() const {
  const std::lock_guard lock(mutex_);
  return anybody_lost_;
}

void Exchange::heard(int peer, Time now) {
  const std::lock_guard lock(mutex_);
  if (talks_with(peer)) liveness_.heard(peer, now);
}

void Exchange::take(int peer, std::span<const std::byte> bytes, Time now) {
  Sentences log;
  {
    const std::lock_guard lock(mutex_);
    const auto frame = split(bytes);
    if (!talks_with(peer)) return;
    if (!frame) {
      log.push_back(fmt::format("{} sent {} bytes that are no message of SEDMA; they are dropped", named(peer), bytes.size()));
    } else if (frame->header.type == FrameType::bye || frame->header.type == FrameType::bye_heard) {
      take_bye(peer, *frame, log, now);
    } else {
      const auto admission = liveness_.admit(peer, frame->header.epoch, now);
      if (admission == Liveness::Admission::returned || admission == Liveness::Admission::reset) start_again(peer, log);
      if (admission != Liveness::Admission::drop) {
        if (of(peer).out.acknowledge(frame->header.acknowledged)) {
          liveness_.unacknowledged(peer, of(peer).out.unacknowledged(), now);
          anything_queued_ = true;  // the window may be open again
          last_data_ = now;
        }
        if (frame->header.type == FrameType::data)
          take_data(peer, *frame, now);
        else
          take_note(peer, frame->header, log, now);
      }
    }
  }
  tell(log);
}

void Exchange::take_data(int peer, const Frame& frame, Time now) {
  Peer& from = of(peer);
  last_data_ = now;
  if (dismissed_ || !from.in.take(frame)) return;
  from.acknowledge = true;
  auto message = from.in.whole();
  if (!message) return;
  ++from.traffic.messages_received;
  from.traffic.bytes_received += message->body.size();
  put(message->role, {Arrival::What::message, peer, message->kind, std::move(message->body)});
}

void Exchange::take_note(int peer, const FrameHeader& header, Sentences& log, Time now) {
  of(peer).pulse = {header.stage, header.done, header.out_of, header.stop_asked != 0};
  if (rank_ != 0 || header.stuck == 0) return;
  liveness_.give_up(peer, now);
  lose(peer, fmt::format("{} gets no acknowledgements any more", named(peer)), log);
}

void Exchange::tick(Time now) {
  bool poll = false;
  {
    const std::lock_guard lock(mutex_);
    poll = options_.stop_asked && !stop_asked_ && now - stop_polled_ >= liveness_.heartbeat();
    if (poll) stop_polled_ = now;
  }
  const bool stop = poll && options_.stop_asked();
  Sentences log;
  {
    const std::lock_guard lock(mutex_);
    stop_asked_ |= stop;
    const auto losses = liveness_.tick(now);
    for (const Liveness::Loss& loss : losses) {
      if (ending_) {  // who has heard the verdict may be silent
        anybody_lost_ |= rank_ == 0 && !of(loss.peer).bye_heard;
        continue;
      }
      const char* why = loss.why == Liveness::Why::silent ? "has been silent" : "has acknowledged nothing";
      lose(loss.peer, fmt::format("{} {} for {:.2g} s", named(loss.peer), why, in_seconds(loss.lasted)), log);
    }
  }
  tell(log);
}

std::optional<Bytes> Exchange::next(int peer, Time now, const Room& room) {
  const std::lock_guard lock(mutex_);
  if (!talks_with(peer)) return {};
  const bool lost = liveness_.lost(peer);
  if (lost && rank_ != 0) return {};
  if (ending_) return room.note ? next_bye(peer, now) : std::nullopt;
  Peer& to = of(peer);
  const auto note = [&] {
    liveness_.told(peer, now);
    to.acknowledge = false;
    return join(header_for(peer, now));
  };
  if (room.note && liveness_.due(peer, now)) return note();
  if (lost) return {};
  if (room.data) {
    const bool first = !to.out.unacknowledged();
    if (auto frame = to.out.next(header_for(peer, now))) {
      if (first) liveness_.unacknowledged(peer, true, now);
      to.acknowledge = false;
      last_data_ = now;
      return frame;
    }
  }
  if (room.note && to.acknowledge) return note();
  return {};
}

std::uint32_t Exchange::epoch(int peer) const {
  const std::lock_guard lock(mutex_);
  return liveness_.epoch(peer);
}

void Exchange::wait_for_send(std::chrono::nanoseconds timeout) {
  std::unique_lock lock(mutex_);
  queued_.wait_for(lock, timeout, [&] { return anything_queued_; });
  anything_queued_ = false;
}

Exchange::Time Exchange::last_data() const {
  const std::lock_guard lock(mutex_);
  return last_data_;
}

FrameHeader Exchange::header_for(int peer, Time now) const {
  FrameHeader header;
  header.epoch = liveness_.epoch(peer);
  header.acknowledged = of(peer).in.received();
  header.stage = pulse_.stage;
  header.done = pulse_.done;
  header.out_of = pulse_.total;
  header.stop_asked = pulse_.stop_asked || stop_asked_ ? 1 : 0;
  header.stuck = liveness_.stuck(peer, now) ? 1 : 0;
  header.intact = anybody_lost_ ? 0 : 1;
  return header;
}

void Exchange::put(Role role, Arrival arrival, std::uint32_t epoch) {
  const auto side = static_cast<std::size_t>(role);
  inbox_[side].push_back({std::move(arrival), epoch});
  arrived_[side].notify_one();
}

std::string Exchange::named(int peer) const {
  const auto index = static_cast<std::size_t>(peer);
  return index < options_.hosts.size() ? fmt::format("rank {} on host {}", peer, options_.hosts[index]) : fmt::format("rank {}", peer);
}

void Exchange::tell(const Sentences& log) const {
  if (!options_.log) return;
  for (const std::string& sentence : log) options_.log(sentence);
}

}  // namespace sedma::runtime

#pragma once
// The ranks of a job in one process, for tests: messages pass through memory, and a test decides who is heard and who is not.

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/comm/transport.h"

namespace sedma::test {

/// Thread-safe, but for on_send, which is set before the first message.
class MemoryNetwork {
 public:
  explicit MemoryNetwork(int ranks) : nodes_(static_cast<std::size_t>(ranks)) {
    for (int rank = 0; rank < ranks; ++rank) transports_.push_back(std::make_unique<Endpoint>(*this, rank));
  }

  runtime::Transport& at(int rank) { return *transports_[static_cast<std::size_t>(rank)]; }

  /// Told the number of messages sent so far, after each, by whoever sent it.
  std::function<void(std::uint64_t)> on_send;

  /// Nothing of this rank is heard, nothing reaches it; `undelivered`: nor what it has not read yet.
  void lose(int rank, bool undelivered = false) {
    const std::lock_guard lock(mutex_);
    Node& node = node_of(rank);
    if (std::exchange(node.lost, true)) return;
    anybody_lost_ = true;
    node.held.clear();
    node.paused = false;
    if (undelivered) box(rank, runtime::Role::worker).clear();
    push(0, runtime::Role::coordinator, {runtime::Arrival::What::lost, rank, 0, {}});
  }
  /// It is heard again, and learns that it was not.
  void heal(int rank) {
    const std::lock_guard lock(mutex_);
    if (!std::exchange(node_of(rank).lost, false)) return;
    push(rank, runtime::Role::worker, {runtime::Arrival::What::reset, rank, 0, {}});
    push(0, runtime::Role::coordinator, {runtime::Arrival::What::returned, rank, 0, {}});
  }
  /// For good: its worker is told that rank 0 is silent, so that its thread ends.
  void kill(int rank) {
    lose(rank);
    const std::lock_guard lock(mutex_);
    push(rank, runtime::Role::worker, {runtime::Arrival::What::coordinator_lost, 0, 0, {}});
  }
  /// Messages to and from this rank wait until resume() or lose().
  void pause(int rank) {
    const std::lock_guard lock(mutex_);
    if (!node_of(rank).lost) node_of(rank).paused = true;
  }
  void resume(int rank) {
    const std::lock_guard lock(mutex_);
    Node& node = node_of(rank);
    node.paused = false;
    for (auto& [to, role, arrival] : std::exchange(node.held, {})) deliver(to, role, std::move(arrival));
  }
  bool lost(int rank) {
    const std::lock_guard lock(mutex_);
    return node_of(rank).lost;
  }
  std::uint64_t sent() {
    const std::lock_guard lock(mutex_);
    return sent_;
  }

 private:
  struct Held {
    int to;
    runtime::Role role;
    runtime::Arrival arrival;
  };
  struct Node {
    bool lost = false, paused = false;
    std::deque<Held> held;
    runtime::Traffic traffic;  // with rank 0, as rank 0 counts it
    runtime::Pulse pulse;
    std::deque<runtime::Arrival> boxes[2];
    std::condition_variable arrived[2];
  };

  class Endpoint final : public runtime::Transport {
   public:
    Endpoint(MemoryNetwork& network, int rank) : network_(network), rank_(rank) {}
    int rank() const noexcept override { return rank_; }
    int size() const noexcept override { return static_cast<int>(network_.nodes_.size()); }
    void send(int to, runtime::Role role, std::uint32_t kind, runtime::Bytes body) override {
      network_.send(rank_, to, role, kind, std::move(body));
    }
    std::optional<runtime::Arrival> receive(runtime::Role role, std::chrono::nanoseconds timeout) override {
      return network_.receive(rank_, role, timeout);
    }
    runtime::Traffic traffic(int peer) const override {
      const std::lock_guard lock(network_.mutex_);
      const runtime::Traffic t = network_.node_of(rank_ == 0 ? peer : rank_).traffic;
      return rank_ == 0 ? t : runtime::Traffic{t.messages_received, t.bytes_received, t.messages_sent, t.bytes_sent};
    }
    void set_pulse(const runtime::Pulse& pulse) override {
      const std::lock_guard lock(network_.mutex_);
      network_.node_of(rank_).pulse = pulse;
    }
    runtime::Pulse pulse_of(int peer) const override {
      const std::lock_guard lock(network_.mutex_);
      return network_.node_of(peer).pulse;
    }
    bool lost(int peer) const override { return network_.lost(peer); }
    bool anybody_lost() const override {
      const std::lock_guard lock(network_.mutex_);
      return network_.anybody_lost_;
    }

   private:
    MemoryNetwork& network_;
    int rank_;
  };

  Node& node_of(int rank) { return nodes_[static_cast<std::size_t>(rank)]; }
  std::deque<runtime::Arrival>& box(int rank, runtime::Role role) { return node_of(rank).boxes[static_cast<std::size_t>(role)]; }
  void push(int to, runtime::Role role, runtime::Arrival arrival) {
    box(to, role).push_back(std::move(arrival));
    node_of(to).arrived[static_cast<std::size_t>(role)].notify_one();
  }
  void deliver(int to, runtime::Role role, runtime::Arrival arrival) {
    const auto bytes = arrival.body.size();
    if (to == 0 && arrival.peer != 0) {
      ++node_of(arrival.peer).traffic.messages_received;
      node_of(arrival.peer).traffic.bytes_received += bytes;
    } else if (to != 0) {
      ++node_of(to).traffic.messages_sent;
      node_of(to).traffic.bytes_sent += bytes;
    }
    push(to, role, std::move(arrival));
  }
  void send(int from, int to, runtime::Role role, std::uint32_t kind, runtime::Bytes body) {
    std::uint64_t count = 0;
    {
      const std::lock_guard lock(mutex_);
      count = ++sent_;
      Node& node = node_of(from == 0 ? to : from);
      runtime::Arrival arrival{runtime::Arrival::What::message, from, kind, std::move(body)};
      if (node.paused) {
        node.held.push_back({to, role, std::move(arrival)});
      } else if (!node.lost) {
        deliver(to, role, std::move(arrival));
      }
    }
    if (on_send) on_send(count);
  }
  std::optional<runtime::Arrival> receive(int rank, runtime::Role role, std::chrono::nanoseconds timeout) {
    std::unique_lock lock(mutex_);
    auto& waiting = box(rank, role);
    // Of the system clock's kind, because ThreadSanitizer does not know waits on the steady clock.
    const auto until = std::chrono::system_clock::now() + std::chrono::duration_cast<std::chrono::microseconds>(timeout);
    node_of(rank).arrived[static_cast<std::size_t>(role)].wait_until(lock, until, [&] { return !waiting.empty(); });
    if (waiting.empty()) return {};
    runtime::Arrival arrival = std::move(waiting.front());
    waiting.pop_front();
    return arrival;
  }

  std::mutex mutex_;
  std::deque<Node> nodes_;
  std::vector<std::unique_ptr<Endpoint>> transports_;
  std::uint64_t sent_ = 0;
  bool anybody_lost_ = false;
};

}  // namespace sedma::test

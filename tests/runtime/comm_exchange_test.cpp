// The whole protocol over an imagined network: no MPI, no clock. About 1 s.
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <memory>
#include <random>
#include <string>
#include <utility>

#include "runtime/comm/exchange.h"

namespace sedma::runtime {
namespace {

using std::chrono::milliseconds;
using What = Arrival::What;

/// Ranks joined by wires that keep the order of frames, and may hold them back or lose them.
class Network {
 public:
  Network(int size, double dead_after_seconds) {
    for (int rank = 0; rank < size; ++rank)
      ranks.push_back(std::make_unique<Exchange>(
          rank, size, ExchangeOptions{dead_after_seconds, {}, [this](const std::string& text) { log += text + "\n"; }, {}}, now()));
    faults.resize(static_cast<std::size_t>(size));
    wires.resize(static_cast<std::size_t>(size));
  }

  enum class Fault : std::uint8_t { none, held, lossy, stopped };
  Exchange& operator[](int rank) { return *ranks[static_cast<std::size_t>(rank)]; }
  Exchange::Time now() const { return Exchange::Time(milliseconds(1'000'000 + at)); }
  int size() const { return static_cast<int>(ranks.size()); }

  /// 5 ms pass.
  void step() {
    at += 5;
    for (int rank = 0; rank < size(); ++rank) {
      if (fault(rank) == Fault::stopped) continue;
      for (int peer = 0; peer < size(); ++peer) deliver(peer, rank);
      (*this)[rank].tick(now());
      for (int peer = 0; peer < size(); ++peer) post(rank, peer);
    }
  }
  void pass(int ms) {
    for (const int until = at + ms; at < until;) step();
  }
  Fault& fault(int rank) { return faults[static_cast<std::size_t>(rank)]; }

  std::string log;

 private:
  // A worker's fault is that of its wire to rank 0; rank 0 has only that it may be stopped.
  std::deque<Bytes>& wire(int from, int to) { return wires[static_cast<std::size_t>(std::max(from, to))][from < to ? 0 : 1]; }
  void deliver(int from, int to) {
    const Fault how = fault(std::max(from, to));
    auto& frames = wire(from, to);
    if (from == to || how == Fault::held) return;
    for (; !frames.empty(); frames.pop_front())
      if (how != Fault::lossy) (*this)[to].take(from, frames.front(), now());
  }
  void post(int from, int to) {
    while (auto frame = (*this)[from].next(to, now(), {})) wire(from, to).push_back(std::move(*frame));
  }

  int at = 0;
  std::vector<std::unique_ptr<Exchange>> ranks;
  std::vector<Fault> faults;
  std::vector<std::array<std::deque<Bytes>, 2>> wires;  // down to the worker, up from it
};
using Fault = Network::Fault;

Bytes number(std::uint64_t value, std::size_t size = sizeof(std::uint64_t)) {
  Bytes bytes(std::max(size, sizeof value));
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
std::uint64_t number_in(const Bytes& bytes) {
  std::uint64_t value = 0;
  EXPECT_GE(bytes.size(), sizeof value);
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}
std::optional<Arrival> poll(Exchange& exchange, Role role) { return exchange.receive(role, milliseconds(0)); }

/// One side of a conversation of numbered messages: everything comes once and in order, and what is missing went with a loss.
struct Listener {
  std::uint64_t next = 0, heard = 0;
  bool may_miss = false, gone = false;
  void hear(const Arrival& arrival) {
    if (arrival.what == What::message) {
      const std::uint64_t value = number_in(arrival.body);
      EXPECT_GE(value, next) << "twice, or out of order";
      EXPECT_TRUE(may_miss || value == next) << "missing without a loss: " << next;
      EXPECT_FALSE(gone) << "a message of a lost rank";
      next = value + 1;
      ++heard;
      may_miss = false;
    } else if (arrival.what == What::lost) {
      EXPECT_FALSE(gone) << "lost twice";
      gone = true;
    } else {
      EXPECT_NE(arrival.what, What::coordinator_lost);
      gone = false;
      may_miss = true;
    }
  }
};

class Conversation {
 public:
  Conversation(Network& network, unsigned seed) : network_(network), random_(seed) {
    const auto count = static_cast<std::size_t>(network.size());
    down_.resize(count);
    up_.resize(count);
    sent_down_.resize(count);
    sent_up_.resize(count);
  }
  void talk(bool always = false) {
    for (int rank = 1; rank < network_.size(); ++rank) {
      const auto k = static_cast<std::size_t>(rank);
      if (always || random_() % 4 == 0) network_[0].send(rank, Role::worker, 1, number(sent_down_[k]++, size()));
      if (always || random_() % 4 == 0) network_[rank].send(0, Role::coordinator, 1, number(sent_up_[k]++, size()));
    }
  }
  void listen() {
    if (network_.fault(0) != Fault::stopped)
      while (const auto arrival = poll(network_[0], Role::coordinator)) up_[static_cast<std::size_t>(arrival->peer)].hear(*arrival);
    for (int rank = 1; rank < network_.size(); ++rank)
      if (network_.fault(rank) != Fault::stopped)
        while (const auto arrival = poll(network_[rank], Role::worker)) down_[static_cast<std::size_t>(rank)].hear(*arrival);
  }
  void expect_all_heard() const {
    for (std::size_t k = 1; k < down_.size(); ++k) {
      EXPECT_EQ(down_[k].next, sent_down_[k]);
      EXPECT_EQ(up_[k].next, sent_up_[k]);
      EXPECT_FALSE(up_[k].gone);
    }
  }

 private:
  std::size_t size() { return random_() % 50 == 0 ? (std::size_t{1} << 20) + random_() % 1000 : random_() % 100; }

  Network& network_;
  std::mt19937 random_;
  std::vector<Listener> down_, up_;
  std::vector<std::uint64_t> sent_down_, sent_up_;
};

TEST(Exchange, MessagesComeOnceInOrderAndAreCounted) {
  Network network(3, 5);
  Conversation conversation(network, 1);
  for (int k = 0; k < 400; ++k) {
    conversation.talk();
    network.step();
    conversation.listen();
  }
  network.pass(1000);
  conversation.listen();
  conversation.expect_all_heard();
  EXPECT_TRUE(network[0].idle());
  EXPECT_FALSE(network[0].anybody_lost());
  EXPECT_EQ(network.log, "");
  for (int rank = 1; rank < 3; ++rank) {
    const Traffic zero = network[0].traffic(rank), worker = network[rank].traffic(rank);
    EXPECT_GT(zero.bytes_sent, 8 * zero.messages_sent - 1);
    EXPECT_EQ(zero.messages_sent, worker.messages_received);
    EXPECT_EQ(zero.bytes_sent, worker.bytes_received);
    EXPECT_EQ(zero.messages_received, worker.messages_sent);
    EXPECT_EQ(zero.bytes_received, worker.bytes_sent);
  }
}

TEST(Exchange, RankTalksToItselfWithoutTraffic) {
  Network network(1, 5);
  network[0].send(0, Role::worker, 3, number(7));
  network[0].send(0, Role::coordinator, 4, {});
  EXPECT_EQ(number_in(poll(network[0], Role::worker)->body), 7u);
  EXPECT_EQ(poll(network[0], Role::coordinator)->kind, 4u);
  EXPECT_FALSE(poll(network[0], Role::coordinator));
  EXPECT_EQ(network[0].traffic(0).messages_sent, 0u);
  network[0].end({});
  EXPECT_TRUE(network[0].over() && network[0].intact());
}

TEST(Exchange, PulsesRideOnHeartbeats) {
  Network network(3, 5);
  network[2].set_pulse({3, 10, 20, true});
  network.pass(200);
  const Pulse pulse = network[0].pulse_of(2);
  EXPECT_EQ(pulse.stage, 3u);
  EXPECT_EQ(pulse.done, 10u);
  EXPECT_EQ(pulse.total, 20u);
  EXPECT_TRUE(pulse.stop_asked);
  EXPECT_FALSE(network[0].pulse_of(1).stop_asked);
  EXPECT_EQ(network[0].traffic(2).messages_received, 0u);
}

TEST(Exchange, LossAndReturnVoidWhatWasUnderWay) {
  Network network(3, 0.5);
  network[0].send(1, Role::worker, 1, number(0));  // arrives, but nobody looks
  network.pass(100);
  network.fault(1) = Fault::held;
  network[0].send(1, Role::worker, 1, number(1, 3 << 20));
  network[1].send(0, Role::coordinator, 1, number(2));
  network.pass(700);
  auto arrival = poll(network[0], Role::coordinator);
  ASSERT_TRUE(arrival && arrival->what == What::lost && arrival->peer == 1);
  EXPECT_TRUE(network[0].lost(1) && !network[0].lost(2) && network[0].anybody_lost());
  network[0].send(1, Role::worker, 1, number(3));  // vanishes

  network.fault(1) = Fault::none;
  network.pass(200);
  EXPECT_TRUE(network[0].lost(1)) << "nobody has been told yet";
  network[0].send(1, Role::worker, 1, number(4));  // before the caller knows: vanishes
  network[1].send(0, Role::coordinator, 1, number(5));
  arrival = poll(network[1], Role::worker);
  ASSERT_TRUE(arrival && arrival->what == What::reset);
  network[1].send(0, Role::coordinator, 1, number(6));
  network.pass(50);
  arrival = poll(network[0], Role::coordinator);
  ASSERT_TRUE(arrival && arrival->what == What::returned && arrival->peer == 1);
  EXPECT_FALSE(network[0].lost(1));
  network[0].send(1, Role::worker, 1, number(7));
  network.pass(50);
  arrival = poll(network[0], Role::coordinator);
  ASSERT_TRUE(arrival && arrival->what == What::message);
  EXPECT_EQ(number_in(arrival->body), 6u);
  arrival = poll(network[1], Role::worker);
  ASSERT_TRUE(arrival && arrival->what == What::message);
  EXPECT_EQ(number_in(arrival->body), 7u);
  EXPECT_FALSE(poll(network[0], Role::coordinator) || poll(network[1], Role::worker));
  EXPECT_NE(network.log.find("rank 1 has been silent for"), std::string::npos) << network.log;
  EXPECT_NE(network.log.find("rank 1 is heard again"), std::string::npos) << network.log;
}

TEST(Exchange, OnlyTheLastReturnCounts) {
  Network network(2, 0.5);
  network.pass(100);
  for (int k = 0; k < 2; ++k) {
    network.fault(1) = Fault::held;
    network.pass(700);
    network.fault(1) = Fault::none;
    network.pass(100);
  }
  for (const What what : {What::lost, What::returned, What::lost, What::returned}) {
    EXPECT_TRUE(network[0].lost(1));
    network[0].send(1, Role::worker, 1, number(1));  // the caller is behind: vanishes
    const auto arrival = poll(network[0], Role::coordinator);
    ASSERT_TRUE(arrival && arrival->what == what);
  }
  EXPECT_FALSE(network[0].lost(1));
  network[0].send(1, Role::worker, 1, number(2));
  network.pass(50);
  EXPECT_EQ(poll(network[1], Role::worker)->what, What::reset) << "once: the first was void as well";
  const auto arrival = poll(network[1], Role::worker);
  ASSERT_TRUE(arrival && arrival->what == What::message);
  EXPECT_EQ(number_in(arrival->body), 2u);
}

// Held back, lost, stopped, for any time below a worker's patience, several at once: when all is well again everybody agrees.
TEST(Exchange, AnyScheduleOfSilenceHeals) {
  std::uint64_t losses = 0;
  for (unsigned seed = 0; seed < 100; ++seed) {
    SCOPED_TRACE(seed);
    std::mt19937 random(seed);
    Network network(4, 0.5);
    Conversation conversation(network, seed);
    std::vector<int> until(4);
    for (int k = 0; k < 3000; ++k) {
      for (int rank = 0; rank < 4; ++rank) {
        int& left = until[static_cast<std::size_t>(rank)];
        if (left > 0 && --left == 0) network.fault(rank) = Fault::none;
        if (left > 0 || random() % 300 != 0) continue;
        left = static_cast<int>(random() % (random() % 2 == 0 ? 60 : 400));
        const Fault kinds[] = {Fault::held, Fault::lossy, Fault::stopped};
        if (left > 0) network.fault(rank) = rank == 0 ? Fault::stopped : kinds[random() % 3];
      }
      if (k % 10 == 0) conversation.talk();
      network.step();
      if (k % 3 == 0) conversation.listen();
    }
    for (int rank = 0; rank < 4; ++rank) network.fault(rank) = Fault::none;
    for (int k = 0; k < 600; ++k) {
      network.step();
      conversation.listen();
    }
    for (int rank = 1; rank < 4; ++rank) {
      EXPECT_FALSE(network[0].lost(rank));
      EXPECT_EQ(network[0].epoch(rank), network[rank].epoch(0));
      losses += network[0].epoch(rank) - 1;
    }
    for (int k = 0; k < 50; ++k) conversation.talk(true);
    network.pass(1000);
    conversation.listen();
    conversation.expect_all_heard();
  }
  EXPECT_GT(losses, 100u) << "too peaceful to show anything";
}

TEST(Exchange, VerdictReachesEverybodyOnce) {
  Network network(4, 0.5);
  network.pass(100);
  network.fault(3) = Fault::held;
  network.pass(700);
  network[0].end(Status(Code::device_fault, "array 3 is broken"));
  EXPECT_FALSE(network[0].over());
  network.pass(50);
  EXPECT_TRUE(network[0].over()) << "nobody waits for the lost";
  EXPECT_FALSE(network[0].intact());
  for (int rank = 1; rank < 3; ++rank) {
    const auto arrival = poll(network[rank], Role::worker);
    ASSERT_TRUE(arrival && arrival->what == What::message);
    EXPECT_EQ(arrival->kind, kind_end);
    EXPECT_EQ(static_cast<Code>(arrival->body.at(0)), Code::device_fault);
    EXPECT_EQ(std::string(reinterpret_cast<const char*>(arrival->body.data()) + 1, arrival->body.size() - 1), "array 3 is broken");
    EXPECT_FALSE(poll(network[rank], Role::worker));
    EXPECT_TRUE(network[rank].over());
    EXPECT_FALSE(network[rank].intact()) << "rank 3 was lost";
  }
  network[0].send(1, Role::worker, 1, {});  // too late: vanishes
  network.pass(50);
  EXPECT_FALSE(poll(network[1], Role::worker));
}

TEST(Exchange, WorkerThatLeavesIsLostAtOnce) {
  Network network(3, 5);
  network.pass(100);
  network[1].end(Status(Code::internal, "no more"));
  network.pass(20);
  EXPECT_TRUE(network[1].over() && !network[1].intact());
  const auto arrival = poll(network[0], Role::coordinator);
  ASSERT_TRUE(arrival && arrival->what == What::lost && arrival->peer == 1);
  EXPECT_NE(network.log.find("rank 1 leaves (internal: no more)"), std::string::npos) << network.log;
  network.pass(20000);
  EXPECT_FALSE(poll(network[0], Role::coordinator)) << "it does not come back";
}

TEST(Exchange, WorkerGivesUpRankZeroForGood) {
  Network network(2, 0.5);
  network.pass(100);
  network.fault(1) = Fault::held;
  network.pass(10200);
  const auto arrival = poll(network[1], Role::worker);
  ASSERT_TRUE(arrival && arrival->what == What::coordinator_lost);
  EXPECT_TRUE(network[1].over() && !network[1].intact());
  network.fault(1) = Fault::none;
  network.pass(1000);
  EXPECT_FALSE(poll(network[1], Role::worker));
  const auto lost = poll(network[0], Role::coordinator);
  ASSERT_TRUE(lost && lost->what == What::lost);
  EXPECT_FALSE(poll(network[0], Role::coordinator)) << "it has given up: it does not come back";
}

}  // namespace
}  // namespace sedma::runtime

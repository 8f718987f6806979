// The ranks of tests/cluster/transport_test.cpp, started by mpirun: each scenario is a conversation that rank 0 leads and judges.
// Prints "ok ..." and exits with 0, or says what was wrong and exits with 3.

#include <fmt/format.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "backends/backends.h"
#include "hal/registry.h"
#include "runtime/cluster.h"
#include "runtime/mpi_environment.h"

namespace sedma::test {
namespace {

using namespace runtime;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using std::chrono::seconds;

enum Kind : std::uint32_t { hello = 1, numbered, echo, enough, leave };

[[noreturn]] void wrong(const std::string& what) {
  fmt::print("WRONG: {}\n", what);
  std::fflush(stdout);
  ::_exit(3);
}
void require(bool condition, const std::string& what) {
  if (!condition) wrong(what);
}
double since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

Bytes bytes_of(std::uint64_t value) {
  Bytes bytes(sizeof value);
  std::memcpy(bytes.data(), &value, sizeof value);
  return bytes;
}
std::uint64_t value_of(const Bytes& bytes) {
  std::uint64_t value = 0;
  require(bytes.size() >= sizeof value, "a message is too short");
  std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

Bytes filled(std::size_t size, std::uint64_t seed) {
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>((seed = seed * 6364136223846793005u + 1442695040888963407u) >> 56);
  return bytes;
}

/// Message `index` of `from`: size and content follow from both. Most are small, some have no bytes, some 8 MiB.
Bytes message(int from, std::uint64_t index) {
  std::mt19937_64 random(static_cast<std::uint64_t>(from) * 1000003 + index);
  std::size_t size = random() % (std::size_t{1} << (random() % 24));
  if (index % 7 == 3) size = 0;
  if (index % 11 == 5) size = 8 << 20;
  return filled(size, random());
}

std::optional<Arrival> wait_for(Transport& transport, Role role, Arrival::What what, double limit_seconds) {
  const auto begin = Clock::now();
  while (since(begin) < limit_seconds)
    if (auto arrival = transport.receive(role, milliseconds(20)); arrival && arrival->what == what) return arrival;
  return {};
}

/// What a worker does in all scenarios: says who it is, sends back what it gets, and sends its own when asked for them.
Status work(Transport& transport) {
  transport.send(0, Role::coordinator, hello, bytes_of(static_cast<std::uint64_t>(::getpid())));
  std::uint64_t seen = 0;
  for (;;) {
    auto arrival = transport.receive(Role::worker, seconds(60));
    if (!arrival) return Status(Code::deadline_exceeded, "nothing for 60 s");
    if (arrival->what == Arrival::What::coordinator_lost) return Status(Code::unavailable, "rank 0 is silent");
    if (arrival->what == Arrival::What::reset) {
      transport.send(0, Role::coordinator, hello, bytes_of(static_cast<std::uint64_t>(::getpid())));
      continue;
    }
    if (arrival->kind == kind_end) {
      const auto* text = reinterpret_cast<const char*>(arrival->body.data());
      return Status(static_cast<Code>(arrival->body[0]), std::string(text + 1, arrival->body.size() - 1));
    }
    if (arrival->kind == numbered) {
      require(arrival->body == message(0, seen), fmt::format("message {} differs", seen));
      ++seen;
    }
    if (arrival->kind == leave) return Status(Code::aborted, "asked to leave");
    if (arrival->kind == echo) transport.send(0, Role::coordinator, echo, std::move(arrival->body));
    if (arrival->kind == enough) {
      const std::uint64_t count = value_of(arrival->body);
      for (std::uint64_t k = 0; k < count; ++k) transport.send(0, Role::coordinator, numbered, message(transport.rank(), k));
    }
  }
}

std::map<int, pid_t> processes(Transport& transport) {
  std::map<int, pid_t> pids;
  while (static_cast<int>(pids.size()) < transport.size() - 1) {
    const auto arrival = wait_for(transport, Role::coordinator, Arrival::What::message, 20);
    require(arrival && arrival->kind == hello, "a rank does not say who it is");
    pids[arrival->peer] = static_cast<pid_t>(value_of(arrival->body));
  }
  return pids;
}

void expect_echo(Transport& transport, int peer, std::size_t size) {
  Bytes body = filled(size, size);
  transport.send(peer, Role::worker, echo, body);
  const auto arrival = wait_for(transport, Role::coordinator, Arrival::What::message, 20);
  require(arrival && arrival->peer == peer && arrival->kind == echo && arrival->body == body, fmt::format("rank {} does not answer", peer));
}

std::string storm(Transport& transport, std::uint64_t count) {
  processes(transport);
  std::map<int, std::uint64_t> seen;
  std::uint64_t bytes = 0, received = 0, expected = 0;
  for (int peer = 1; peer < transport.size(); ++peer) transport.send(peer, Role::worker, enough, bytes_of(count));
  for (std::uint64_t k = 0; k < count; ++k)
    for (int peer = 1; peer < transport.size(); ++peer) {
      Bytes body = message(0, k);
      bytes += body.size();
      transport.send(peer, Role::worker, numbered, std::move(body));
    }
  const std::uint64_t total = count * static_cast<std::uint64_t>(transport.size() - 1);
  for (std::uint64_t k = 0; k < total; ++k) {
    const auto arrival = wait_for(transport, Role::coordinator, Arrival::What::message, 60);
    require(arrival && arrival->kind == numbered, "a message is missing");
    require(arrival->body == message(arrival->peer, seen[arrival->peer]++), "messages differ or are out of order");
    received += arrival->body.size();
  }
  for (int peer = 1; peer < transport.size(); ++peer) expect_echo(transport, peer, 8);  // behind all that was sent to it
  std::uint64_t sent = 0;
  for (int peer = 1; peer < transport.size(); ++peer) {
    const Traffic traffic = transport.traffic(peer);
    require(traffic.messages_sent == count + 2 && traffic.messages_received == count + 2, "messages are miscounted");
    sent += traffic.bytes_sent;
    expected += traffic.bytes_received;
  }
  const auto others = static_cast<std::uint64_t>(transport.size() - 1);
  require(sent == bytes + 16 * others && expected == received + 16 * others, "bytes are miscounted");
  require(!transport.receive(Role::coordinator, milliseconds(50)), "something came twice");
  return fmt::format("{} bytes each way", bytes);
}

std::string pause(Transport& transport, double dead_after) {
  const auto pids = processes(transport);
  ::kill(pids.at(1), SIGSTOP);
  const auto begin = Clock::now();
  Bytes body = filled(1 << 20, 5);
  transport.send(1, Role::worker, echo, body);
  if (dead_after > 3) {
    std::thread later([&] {
      std::this_thread::sleep_for(seconds(3));
      ::kill(pids.at(1), SIGCONT);
    });
    const auto arrival = transport.receive(Role::coordinator, seconds(10));
    later.join();
    require(arrival && arrival->what == Arrival::What::message && arrival->body == body, "the answer after a pause is not the first news");
    require(!transport.anybody_lost(), "a pause was taken for a loss");
    return fmt::format("answered after {:.2f} s", since(begin));
  }
  auto arrival = wait_for(transport, Role::coordinator, Arrival::What::lost, dead_after + 2);
  require(arrival && arrival->peer == 1, "the loss is not noticed");
  const double noticed = since(begin);
  require(transport.lost(1), "lost() does not know it");
  transport.send(1, Role::worker, echo, filled(100, 1));  // vanishes
  std::this_thread::sleep_for(std::chrono::duration<double>(std::max(0.0, 3 - since(begin))));
  ::kill(pids.at(1), SIGCONT);
  arrival = wait_for(transport, Role::coordinator, Arrival::What::returned, 10);
  require(arrival && arrival->peer == 1 && !transport.lost(1), "the return is not noticed");
  arrival = transport.receive(Role::coordinator, seconds(10));
  require(arrival && arrival->kind == hello && arrival->peer == 1, "the rank does not begin anew, or old work came through");
  for (int peer = 1; peer < transport.size(); ++peer) expect_echo(transport, peer, 3 << 20);
  return fmt::format("lost after {:.3f} s", noticed);
}

std::string murder(Transport& transport, double dead_after) {
  const auto pids = processes(transport);
  const int victim = transport.size() - 1;
  for (int k = 0; k < 8; ++k) transport.send(victim, Role::worker, echo, filled(8 << 20, 5));  // killed in the middle of them
  std::this_thread::sleep_for(milliseconds(5));
  ::kill(pids.at(victim), SIGKILL);
  const auto begin = Clock::now();
  const auto arrival = wait_for(transport, Role::coordinator, Arrival::What::lost, dead_after + 5);
  const double noticed = since(begin);
  require(arrival && arrival->peer == victim, "the death is not noticed");
  require(noticed < dead_after + 0.3, fmt::format("the death is noticed after {:.3f} s", noticed));
  for (int peer = 1; peer < victim; ++peer)
    for (int k = 0; k < 10; ++k) expect_echo(transport, peer, 1 << 20);
  return fmt::format("lost after {:.3f} s", noticed);
}

/// Rank 0 itself is stopped, by a worker's neighbour in time: a child process that wakes it again.
std::string sleep_itself(Transport& transport) {
  processes(transport);
  const pid_t self = ::getpid(), child = ::fork();
  if (child == 0) {
    ::kill(self, SIGSTOP);
    ::usleep(2000000);
    ::kill(self, SIGCONT);
    ::_exit(0);
  }
  std::this_thread::sleep_for(milliseconds(300));
  ::waitpid(child, nullptr, 0);
  for (int peer = 1; peer < transport.size(); ++peer) expect_echo(transport, peer, 1 << 20);
  require(!transport.anybody_lost(), "the sleeper holds others for lost");
  return "slept";
}

std::string left(Transport& transport) {
  processes(transport);
  transport.send(1, Role::worker, leave, {});
  const auto arrival = wait_for(transport, Role::coordinator, Arrival::What::lost, 4);
  require(arrival && arrival->peer == 1, "a rank that left is not lost at once");
  expect_echo(transport, 2, 1 << 20);
  return "left";
}

std::string round_trips(Transport& transport) {
  processes(transport);
  std::string text;
  for (const std::size_t size : {std::size_t{8}, std::size_t{1} << 20, std::size_t{4} << 20}) {
    std::vector<double> times;
    for (int k = 0; k < (size == 8 ? 2000 : 100); ++k) {
      Bytes body(size);
      const auto begin = Clock::now();
      transport.send(1, Role::worker, echo, std::move(body));
      require(wait_for(transport, Role::coordinator, Arrival::What::message, 20).has_value(), "no answer");
      times.push_back(since(begin));
    }
    std::nth_element(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(times.size() / 2), times.end());
    const double median = times[times.size() / 2];
    text += fmt::format("{} B: {:.1f} us there and back ({:.0f} MB/s); ", size, 1e6 * median, 2e-6 * static_cast<double>(size) / median);
  }
  const auto begin = Clock::now();
  for (int k = 0; k < 64; ++k) transport.send(1, Role::worker, hello, Bytes(4 << 20));
  expect_echo(transport, 1, 8);
  text += fmt::format("4 MiB one way: {:.0f} MB/s; ", 64 * 4.194304 / since(begin));
  const auto cpu = [] {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
  };
  std::this_thread::sleep_for(milliseconds(100));
  const double before = cpu();
  std::this_thread::sleep_for(seconds(3));
  return text + fmt::format("idle: {:.2f} % of a core", (cpu() - before) / 3 * 100);
}

std::string lead(Transport& transport, const std::string& scenario, double dead_after) {
  if (scenario == "storm") return storm(transport, 60);
  if (scenario == "pause") return pause(transport, dead_after);
  if (scenario == "murder") return murder(transport, dead_after);
  if (scenario == "sleep") return sleep_itself(transport);
  if (scenario == "leave") return left(transport);
  if (scenario == "measure") return round_trips(transport);
  if (scenario == "refuse") return processes(transport).empty() ? "" : "refused";
  if (scenario == "suicide") {
    processes(transport);
    ::kill(::getpid(), SIGKILL);
  }
  wrong("no scenario " + scenario);
}

int run(const std::string& scenario, double dead_after) {
  auto environment = MpiEnvironment::start().value();
  hal::Registry registry;
  backends::register_all(registry);
  const auto device = registry.open("emulator:TaOx-HfOx?arrays=1&seed=7").value();
  LocalRank local;
  local.device = device.get();
  local.uri = "emulator:TaOx-HfOx?arrays=1&seed=7";
  if (scenario == "bad-status" && launched().value_or(Launched{}).rank == 1) local.status = Status(Code::unavailable, "no board in slot 4");
  ClusterOptions options;
  options.dead_after_seconds = dead_after;
  options.log = [](const std::string& sentence) { fmt::print(stderr, "{}\n", sentence); };
  auto cluster = Cluster::open(environment.world(), local, options);
  if (!cluster.ok()) {
    fmt::print("refused: {}\n", cluster.status().to_string());
    environment.finish(true, 1);
    return 1;
  }
  Transport& transport = cluster->job().transport;
  Status verdict;
  if (cluster->rank() == 0) {
    fmt::print("ok {}\n", lead(transport, scenario, dead_after));
    if (scenario == "refuse") verdict = Status(Code::out_of_range, "too much");
  } else {
    verdict = work(transport);
    if (verdict.code() == Code::unavailable) fmt::print("rank {} ends alone\n", cluster->rank());
    if (scenario == "refuse") fmt::print("rank {}: {}\n", cluster->rank(), verdict.to_string());
    if (verdict.code() == Code::aborted) {
      cluster = Status(Code::aborted, "left");  // its destructor closes
      environment.finish(false, 0);
    }
  }
  cluster->close(verdict);
  const int code = verdict.ok() ? 0 : 1;
  environment.finish(cluster->intact(), code);
  return code;
}

}  // namespace
}  // namespace sedma::test

int main(int count, char** words) { return count == 3 ? sedma::test::run(words[1], std::stod(words[2])) : 2; }

#include "runtime/comm/mpi_transport.h"

#include <fmt/format.h>
#include <pthread.h>
#include <signal.h>

#include <algorithm>
#include <exception>
#include <utility>

namespace sedma::runtime {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::seconds;
using Clock = std::chrono::steady_clock;

constexpr int tag = 1;
// A peer that comes and goes leaves at most a window behind each time; with so much not let go of by MPI it gets no more data.
constexpr std::size_t most_sending_bytes = 8 * window_bytes;
// Frames of one turn of the loop, so that no peer keeps it from watching the time.
constexpr int most_frames_a_turn = 64;

}  // namespace

MpiTransport::MpiTransport(MPI_Comm comm, int rank, int size, ExchangeOptions options)
    : Exchange(rank, size, std::move(options), Clock::now()), comm_(comm), wires_(static_cast<std::size_t>(size)) {
  for (Wire& wire : wires_) wire.epoch = epoch(0);
  // Signals are for the threads of the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  thread_ = std::thread([this] { run(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

MpiTransport::~MpiTransport() {
  close(Status(Code::internal, "the rank left without a verdict"));
  abandon();
}

void MpiTransport::close(const Status& verdict) {
  if (!thread_.joinable()) return;
  const Time deadline = Clock::now() + seconds(2);
  if (rank() == 0 && verdict.ok())
    while (!idle() && Clock::now() < deadline - seconds(1)) std::this_thread::sleep_for(microseconds(200));
  end(verdict);
  stop_at_ = deadline.time_since_epoch().count();
  thread_.join();
  complete_ = over() && intact() && nothing_under_way();
}

void MpiTransport::run() noexcept {
  try {
    for (Time now = Clock::now(); !stop(now); now = Clock::now()) {
      turn(now);
      rest(now);
    }
  } catch (const std::exception& error) {
    fail(fmt::format("rank {} cannot go on talking ({})", rank(), error.what()), Clock::now());
  }
}

bool MpiTransport::stop(Time now) const {
  const auto at = stop_at_.load();
  return at != 0 && (now.time_since_epoch().count() > at || (over() && nothing_under_way()));
}

void MpiTransport::turn(Time now) {
  post_receives(now);
  for (int peer = 0; peer < size(); ++peer) finish_receives(peer, now);
  tick(now);
  for (int peer = 0; peer < size(); ++peer) {
    finish_sends(wires_[static_cast<std::size_t>(peer)]);
    send_frames(peer, now);
  }
}

// While data is under way the processor is given to whoever can use it, but not left: a sleep costs more than a message. The longer
// nothing happens, the longer the sleep: on a virtual machine each takes 20 us of a processor.
void MpiTransport::rest(Time now) {
  const auto quiet = now - last_data();
  if (quiet < milliseconds(1)) {
    std::this_thread::yield();
  } else {
    wait_for_send(quiet < milliseconds(20) ? microseconds(50) : quiet < milliseconds(200) ? microseconds(250) : microseconds(1000));
  }
}

void MpiTransport::post_receives(Time now) {
  for (int k = 0; k < most_frames_a_turn; ++k) {
    int found = 0, count = 0;
    MPI_Status status;
    if (MPI_Iprobe(MPI_ANY_SOURCE, tag, comm_, &found, &status) != MPI_SUCCESS || found == 0) return;
    if (MPI_Get_count(&status, MPI_BYTE, &count) != MPI_SUCCESS || count < 0) return;
    const int peer = status.MPI_SOURCE;
    heard(peer, now);
    Receiving receiving;
    receiving.size = static_cast<std::size_t>(count);
    receiving.frame = std::make_unique_for_overwrite<std::byte[]>(receiving.size);
    if (MPI_Irecv(receiving.frame.get(), count, MPI_BYTE, peer, tag, comm_, &receiving.request) != MPI_SUCCESS) return;
    wires_[static_cast<std::size_t>(peer)].receiving.push_back(std::move(receiving));
  }
}

void MpiTransport::finish_receives(int peer, Time now) {
  Wire& wire = wires_[static_cast<std::size_t>(peer)];
  // What was on its way from a lost peer may never end, and is void if it does.
  if (const std::uint32_t current = epoch(peer); rank() == 0 && current != wire.epoch) {
    wire.epoch = current;
    std::move(wire.receiving.begin(), wire.receiving.end(), std::back_inserter(wire.abandoned));
    wire.receiving.clear();
  }
  const auto test = [](Receiving& receiving) {
    if (receiving.done) return true;
    int done = 0;
    receiving.failed = MPI_Test(&receiving.request, &done, MPI_STATUS_IGNORE) != MPI_SUCCESS;
    receiving.done = done != 0 || receiving.failed;
    return receiving.done;
  };
  std::erase_if(wire.abandoned, test);
  while (!wire.receiving.empty() && test(wire.receiving.front())) {
    const Receiving receiving = std::move(wire.receiving.front());
    wire.receiving.pop_front();
    if (!receiving.failed) take(peer, {receiving.frame.get(), receiving.size}, now);
  }
}

void MpiTransport::finish_sends(Wire& wire) {
  std::erase_if(wire.sending, [&](Sending& sending) {
    int done = 0;
    if (MPI_Test(&sending.request, &done, MPI_STATUS_IGNORE) == MPI_SUCCESS && done == 0) return false;
    wire.sending_bytes -= sending.frame.size();
    wire.notes -= sending.note ? 1 : 0;
    return true;
  });
}

void MpiTransport::send_frames(int peer, Time now) {
  Wire& wire = wires_[static_cast<std::size_t>(peer)];
  for (int k = 0; k < most_frames_a_turn; ++k) {
    auto frame = next(peer, now, {wire.notes == 0, wire.sending_bytes < most_sending_bytes});
    if (!frame) return;
    const bool note = frame->size() <= sizeof(FrameHeader);
    wire.sending.push_back({MPI_REQUEST_NULL, std::move(*frame), note});
    Sending& sending = wire.sending.back();
    wire.sending_bytes += sending.frame.size();
    wire.notes += note ? 1 : 0;
    // One that fails completes at once, and is missed by whoever waits for it.
    MPI_Isend(sending.frame.data(), static_cast<int>(sending.frame.size()), MPI_BYTE, peer, tag, comm_, &sending.request);
    if (note) finish_sends(wire);
  }
}

bool MpiTransport::nothing_under_way() const {
  return std::all_of(wires_.begin(), wires_.end(),
                     [](const Wire& wire) { return wire.sending.empty() && wire.receiving.empty() && wire.abandoned.empty(); });
}

// MPI may still write into, or read from, what it has not let go of: that memory stays until the process ends.
void MpiTransport::abandon() {
  if (nothing_under_way()) return;
  static std::vector<std::vector<Wire>>& kept = *new std::vector<std::vector<Wire>>;
  kept.push_back(std::move(wires_));
}

}  // namespace sedma::runtime

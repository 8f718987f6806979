// Rank 0 sends a number to every rank and waits until all that live have sent its successor back, round by round. It uses MPI only in ways
// that outlive the loss of a rank: nothing blocks, silence decides. Arguments: rounds, seconds of silence after which a rank is lost.
// Prints "hosts NAME ..." of all ranks, "round K" after each, "lost R" and at last "done ROUNDS rounds, largest gap SECONDS s".

#include <mpi.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr int tag_hello = 1, tag_number = 2, tag_answer = 3;
constexpr long stop = -1, leave = -2;  // leave: a rank is missing, so MPI cannot be finalised

void nap() { std::this_thread::sleep_for(std::chrono::microseconds(200)); }
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// Messages under way. One to a dead rank stays so for ever: they are kept to the end.
struct Letter {
  long number = 0;
  MPI_Request request = MPI_REQUEST_NULL;
};
std::deque<Letter> letters;

void send(long number, int peer, int tag) {
  Letter& letter = letters.emplace_back();
  letter.number = number;
  MPI_Isend(&letter.number, 1, MPI_LONG, peer, tag, MPI_COMM_WORLD, &letter.request);
}

// Workers stop when told so, and by themselves if nobody speaks to them for a minute.
void serve() {
  std::array<char, 64> name{};
  ::gethostname(name.data(), name.size() - 1);
  MPI_Request hello = MPI_REQUEST_NULL;
  MPI_Isend(name.data(), static_cast<int>(name.size()), MPI_CHAR, 0, tag_hello, MPI_COMM_WORLD, &hello);
  auto heard = Clock::now();
  while (seconds_since(heard) < 60) {
    int there = 0;
    MPI_Iprobe(0, tag_number, MPI_COMM_WORLD, &there, MPI_STATUS_IGNORE);
    if (there == 0) {
      nap();
      continue;
    }
    heard = Clock::now();
    long number = 0;
    MPI_Recv(&number, 1, MPI_LONG, 0, tag_number, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
    if (number == stop) return;
    if (number == leave) ::_exit(0);
    send(number + 1, 0, tag_answer);
  }
}

class Manager {
 public:
  explicit Manager(int size) : alive_(static_cast<std::size_t>(size), true) { alive_[0] = false; }

  bool greet() {
    std::string hosts = "hosts";
    for (std::size_t peer = 1; peer < alive_.size(); ++peer) {
      std::array<char, 64> name{};
      MPI_Recv(name.data(), static_cast<int>(name.size()), MPI_CHAR, static_cast<int>(peer), tag_hello, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
      hosts += std::string(" ") + name.data();
    }
    std::array<char, 64> own{};
    ::gethostname(own.data(), own.size() - 1);
    std::printf("%s %s\n", hosts.c_str(), own.data());
    return std::fflush(stdout) == 0;
  }
  // Whether every rank that is still held for alive answered rightly.
  bool round(long number, double dead_after) {
    std::vector<bool> waits = alive_;
    for (std::size_t peer = 0; peer < alive_.size(); ++peer)
      if (alive_[peer]) send(number, static_cast<int>(peer), tag_number);
    const auto start = Clock::now();
    while (std::count(waits.begin(), waits.end(), true) > 0) {
      MPI_Status from{};
      int there = 0;
      MPI_Iprobe(MPI_ANY_SOURCE, tag_answer, MPI_COMM_WORLD, &there, &from);
      if (there != 0) {
        long answer = 0;
        MPI_Recv(&answer, 1, MPI_LONG, from.MPI_SOURCE, tag_answer, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
        const auto peer = static_cast<std::size_t>(from.MPI_SOURCE);
        if (!alive_[peer]) continue;
        if (answer != number + 1) return false;
        waits[peer] = false;
      } else if (seconds_since(start) > dead_after) {
        lose(waits);
      } else {
        nap();
      }
    }
    std::printf("round %ld\n", number);
    std::fflush(stdout);
    return true;
  }
  void dismiss() {
    for (std::size_t peer = 0; peer < alive_.size(); ++peer)
      if (alive_[peer]) send(intact() ? stop : leave, static_cast<int>(peer), tag_number);
    if (intact()) return;
    const auto start = Clock::now();
    while (seconds_since(start) < 0.2) {  // lets the last letters leave
      int ignored = 0;
      MPI_Iprobe(MPI_ANY_SOURCE, tag_answer, MPI_COMM_WORLD, &ignored, MPI_STATUS_IGNORE);
      nap();
    }
  }
  bool intact() const { return std::count(alive_.begin(), alive_.end(), true) + 1 == static_cast<long>(alive_.size()); }

 private:
  void lose(std::vector<bool>& waits) {
    for (std::size_t peer = 0; peer < waits.size(); ++peer) {
      if (!waits[peer]) continue;
      waits[peer] = alive_[peer] = false;
      std::printf("lost %zu\n", peer);
    }
  }

  std::vector<bool> alive_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  const long rounds = std::strtol(argv[1], nullptr, 10);
  const double dead_after = std::strtod(argv[2], nullptr);
  ::signal(SIGPIPE, SIG_IGN);
  MPI_Init(&argc, &argv);
  int rank = 0, size = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  MPI_Comm_size(MPI_COMM_WORLD, &size);
  bool right = true, intact = true;
  if (rank == 0) {
    Manager manager(size);
    right = manager.greet();
    double gap = 0;
    for (long number = 0; right && number < rounds; ++number) {
      const auto start = Clock::now();
      right = manager.round(number, dead_after);
      gap = std::max(gap, seconds_since(start));
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    }
    manager.dismiss();
    intact = manager.intact();
    if (right) std::printf("done %ld rounds, largest gap %.3f s\n", rounds, gap);
    std::fflush(stdout);
  } else {
    serve();
  }
  // Rank 0 is the last then.
  if (rank == 0 && !intact) MPI_Abort(MPI_COMM_WORLD, right ? 0 : 1);
  MPI_Finalize();
  return right ? 0 : 1;
}

// Losses, returns, pauses and failing boards at random moments: every product right, none lost or doubled, as long as rank 0 and a board
// live. Every seed is a schedule; what a seed does depends on the order of threads too, what must come out does not. 5 s.

#include <gtest/gtest.h>

#include "memory_job.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t batch = 2;

std::uint32_t below(std::mt19937& random, std::uint32_t limit) { return static_cast<std::uint32_t>(random() % limit); }

// Does one thing after the other, each after so many more messages.
class Chaos {
 public:
  Chaos(test::MemoryJob& job, std::uint32_t seed, int ranks) : job_(job), random_(seed), ranks_(ranks) { next_at_ = below(random_, 40); }

  void on_send(std::uint64_t count) {
    {
      const std::lock_guard lock(mutex_);
      if (acting_ || done_ || count < next_at_) return;
      acting_ = true;
    }
    act();
    const std::lock_guard lock(mutex_);
    acting_ = false;
    next_at_ = count + 1 + below(random_, 30);
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    done_ = true;
  }

 private:
  void act() {
    const int rank = 1 + static_cast<int>(below(random_, static_cast<std::uint32_t>(ranks_ - 1)));
    switch (below(random_, 10)) {
      case 0:
      case 1:
      case 2:
      case 3: return job_.network.lose(rank, below(random_, 2) == 0);
      case 4:
      case 5:
      case 6:
      case 7: return job_.network.heal(rank);
      case 8: return job_.network.pause(rank);
      default:
        for (int r = 1; r < ranks_; ++r) job_.network.resume(r);
    }
  }

  test::MemoryJob& job_;
  std::mutex mutex_;
  std::mt19937 random_;
  int ranks_;
  std::uint64_t next_at_ = 0;
  bool acting_ = false, done_ = false;
};

struct Outcome {
  Status status;
  std::size_t losses = 0, returns = 0;
};

// Some products, two at a time, with a programming now and then.
Outcome run(std::uint32_t seed, bool boards_fail) {
  std::mt19937 random(seed);
  const int ranks = 2 + static_cast<int>(below(random, 6));
  const Matrix matrix = test::whole_matrix(30 + below(random, 60), 30 + below(random, 60), 0.15, seed);
  test::MemoryJob job(ranks, matrix, 1 + static_cast<int>(below(random, static_cast<std::uint32_t>(ranks))), 1 + below(random, 5),
                      8 + below(random, 20));
  Chaos chaos(job, seed, ranks);
  job.network.on_send = [&](std::uint64_t count) { chaos.on_send(count); };
  if (boards_fail) {
    for (int rank = 1; rank < ranks; ++rank) {
      const int at = 1 + static_cast<int>(below(random, 8));
      job.control(rank).trouble = [at](const std::string&, int count) {
        return count == at ? Status(Code::device_fault, "array 0 is not there") : Status();
      };
    }
  }
  SessionOptions options;
  const auto begin = std::chrono::steady_clock::now();
  options.progress = [&](const char*, std::uint64_t, std::uint64_t) {
    for (int r = 1; r < ranks; ++r) job.network.resume(r);  // nobody is silent for ever without being lost
    return std::chrono::steady_clock::now() - begin < std::chrono::seconds(60);
  };
  auto opened = job.open(options);
  if (!opened.ok()) return {opened.status()};
  SessionCore& core = **opened;
  const auto work = [&]() -> Status {
    std::uint64_t vector = 0;
    for (std::uint64_t ordinal = 0; ordinal < 3; ++ordinal) {
      SEDMA_RETURN_IF_ERROR(core.program(ordinal));
      const auto x = test::whole_vectors(batch, matrix.cols(), seed + 1), z = test::whole_vectors(batch, matrix.cols(), seed + 2);
      for (int round = 0; round < 4; ++round, vector += 4) {
        SEDMA_RETURN_IF_ERROR(core.start({x, batch, vector}));
        SEDMA_RETURN_IF_ERROR(core.start({z, batch, vector + 2}));
        SEDMA_RETURN_IF_ERROR(test::finish_and_compare(core, matrix, x, batch, vector, ordinal));
        SEDMA_RETURN_IF_ERROR(test::finish_and_compare(core, matrix, z, batch, vector + 2, ordinal));
      }
    }
    return {};
  };
  Outcome outcome{work()};
  chaos.stop();
  outcome.losses = core.losses().size();
  for (const Loss& loss : core.losses()) outcome.returns += loss.returned ? 1 : 0;
  opened->reset();
  return outcome;
}

void run_seeds(std::uint32_t first, std::uint32_t count, bool boards_fail) {
  std::size_t losses = 0, returns = 0;
  for (std::uint32_t seed = first; seed < first + count; ++seed) {
    const Outcome outcome = run(seed, boards_fail);
    EXPECT_TRUE(outcome.status.ok()) << "seed " << seed << ": " << outcome.status.to_string();
    losses += outcome.losses;
    returns += outcome.returns;
  }
  EXPECT_GT(losses, count / 2) << "the schedules do not do what they are for";
  EXPECT_GT(returns, count / 10) << "the schedules do not do what they are for";
}

TEST(ClusterChaos, EveryProductIsRightWhoeverIsLostAndReturns) { run_seeds(1, 300, false); }

TEST(ClusterChaos, EveryProductIsRightWhileBoardsFailToo) { run_seeds(5000, 150, true); }

}  // namespace
}  // namespace sedma::runtime

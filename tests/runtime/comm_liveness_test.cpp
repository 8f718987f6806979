#include <gtest/gtest.h>

#include "runtime/comm/liveness.h"

namespace sedma::runtime {
namespace {

using std::chrono::milliseconds;
using Admission = Liveness::Admission;

/// A liveness whose owner looks at the time every 10 ms.
class Watched {
 public:
  Watched(int rank, int size, int dead_after_ms) : it(rank, size, milliseconds(dead_after_ms), now()) {}

  Liveness::Time now() const { return Liveness::Time(milliseconds(1'000'000 + at)); }
  /// Lets time pass; `talking` is heard all along. Returns who was lost.
  std::vector<int> pass(int ms, int talking = -1) {
    std::vector<int> lost;
    for (const int until = at + ms; at < until;) {
      at += 10;
      if (talking >= 0) it.heard(talking, now());
      for (const auto& loss : it.tick(now())) lost.push_back(loss.peer);
    }
    return lost;
  }
  /// The process stands still.
  void stand_still(int ms) { at += ms; }

  int at = 0;
  Liveness it;
};

using Ranks = std::vector<int>;

TEST(Liveness, SilenceIsLossAfterDeadAfter) {
  Watched zero(0, 3, 500);
  zero.it.heard(1, zero.now());
  zero.it.heard(2, zero.now());
  EXPECT_EQ(zero.pass(500, 2), Ranks{});
  EXPECT_EQ(zero.pass(10, 2), Ranks{1});
  EXPECT_TRUE(zero.it.lost(1));
  EXPECT_FALSE(zero.it.lost(2));
  EXPECT_EQ(zero.pass(2000, 2), Ranks{}) << "it can be lost only once";
  EXPECT_EQ(zero.it.epoch(1), 2u);
  EXPECT_EQ(zero.it.epoch(2), 1u);
}

TEST(Liveness, WhoWasNeverHeardHasASecondMore) {
  Watched zero(0, 2, 500);
  EXPECT_EQ(zero.pass(1500), Ranks{});
  EXPECT_EQ(zero.pass(10), Ranks{1});
}

TEST(Liveness, WorkersWaitLongerThanRankZero) {
  for (const auto& [dead_after, patience] : {std::pair{100, 10000}, {5000, 10000}, {20000, 40000}}) {
    Watched worker(2, 3, dead_after);
    worker.it.heard(0, worker.now());
    EXPECT_EQ(worker.pass(patience), Ranks{}) << dead_after;
    EXPECT_EQ(worker.pass(10), Ranks{0}) << dead_after;
    EXPECT_EQ(worker.it.admit(0, 1, worker.now()), Admission::drop) << "rank 0 does not come back";
  }
}

TEST(Liveness, HeartbeatsAreAFifthOfDeadAfterButAtMostATenthOfASecond) {
  EXPECT_EQ(Watched(0, 2, 100).it.heartbeat(), milliseconds(20));
  EXPECT_EQ(Watched(0, 2, 5000).it.heartbeat(), milliseconds(100));
  Watched zero(0, 2, 5000);
  EXPECT_TRUE(zero.it.due(1, zero.now())) << "the first at once";
  EXPECT_FALSE(zero.it.due(0, zero.now())) << "never to itself";
  zero.it.told(1, zero.now());
  zero.pass(90, 1);
  EXPECT_FALSE(zero.it.due(1, zero.now()));
  zero.pass(10, 1);
  EXPECT_TRUE(zero.it.due(1, zero.now()));
}

TEST(Liveness, HeartbeatsWithoutAcknowledgementsDoNotHelp) {
  Watched zero(0, 2, 500);
  zero.pass(100, 1);
  zero.it.unacknowledged(1, true, zero.now());
  EXPECT_EQ(zero.pass(400, 1), Ranks{});
  zero.it.unacknowledged(1, true, zero.now());  // some were: the rest has time again
  EXPECT_EQ(zero.pass(500, 1), Ranks{});
  EXPECT_EQ(zero.pass(10, 1), Ranks{1});

  Watched worker(1, 2, 500);
  worker.it.unacknowledged(0, true, worker.now());
  worker.pass(500, 0);
  EXPECT_FALSE(worker.it.stuck(0, worker.now()));
  EXPECT_EQ(worker.pass(10, 0), Ranks{}) << "a worker only says so";
  EXPECT_TRUE(worker.it.stuck(0, worker.now()));
  worker.it.unacknowledged(0, false, worker.now());
  EXPECT_FALSE(worker.it.stuck(0, worker.now()));
}

TEST(Liveness, ProcessThatStoodStillBlamesNobody) {
  Watched zero(0, 2, 500);
  zero.it.heard(1, zero.now());
  EXPECT_EQ(zero.pass(400), Ranks{});
  zero.it.unacknowledged(1, true, zero.now());
  zero.stand_still(3000);
  EXPECT_EQ(zero.pass(100), Ranks{}) << "0.5 s of silence that count";
  EXPECT_EQ(zero.pass(20), Ranks{1});

  Watched worker(1, 2, 500);
  worker.it.heard(0, worker.now());
  worker.stand_still(60000);
  EXPECT_EQ(worker.pass(9900), Ranks{});
}

TEST(Liveness, LostRankComesBackWithItsNewEpoch) {
  Watched zero(0, 2, 500), one(1, 2, 500);
  EXPECT_EQ(zero.it.admit(1, 1, zero.now()), Admission::accept);
  EXPECT_EQ(zero.pass(510), Ranks{1});
  EXPECT_TRUE(zero.it.due(1, zero.now())) << "it is told its epoch";
  EXPECT_EQ(zero.it.admit(1, 1, zero.now()), Admission::drop) << "it does not know yet";
  EXPECT_TRUE(zero.it.lost(1));

  EXPECT_EQ(one.it.admit(0, 1, one.now()), Admission::accept);
  EXPECT_EQ(one.it.admit(0, zero.it.epoch(1), one.now()), Admission::reset);
  EXPECT_TRUE(one.it.due(0, one.now())) << "and answers at once";
  EXPECT_EQ(one.it.admit(0, 2, one.now()), Admission::accept);
  EXPECT_EQ(one.it.admit(0, 1, one.now()), Admission::drop) << "older than the news";

  EXPECT_EQ(zero.it.admit(1, one.it.epoch(0), zero.now()), Admission::returned);
  EXPECT_EQ(zero.it.admit(1, 1, zero.now()), Admission::drop);
  EXPECT_EQ(zero.it.admit(1, 2, zero.now()), Admission::accept);
  EXPECT_EQ(zero.pass(500), Ranks{});
  EXPECT_EQ(zero.pass(10), Ranks{1}) << "and can be lost again";
  EXPECT_EQ(zero.it.epoch(1), 3u);
}

}  // namespace
}  // namespace sedma::runtime

// The transport under a real mpirun: what rank 0 leads is in tests/cluster/ranks/main.cpp. About 40 s.

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <string>

#include "tests/cli/program.h"
#include "tests/sanitizer.h"

namespace sedma::test {
namespace {

class TransportRanks : public ::testing::Test {
 protected:
  void SetUp() override {
    const char* path = std::getenv("SEDMA_CLUSTER_RANKS");
    if (path == nullptr) GTEST_SKIP() << "SEDMA_CLUSTER_RANKS does not name the program `cluster_ranks`";
    program_ = path;
    for (const std::string folder : {"/usr/bin/", "/usr/local/bin/"})
      if (mpirun_.empty() && ::access((folder + "mpirun").c_str(), X_OK) == 0) mpirun_ = folder + "mpirun";
    if (mpirun_.empty()) GTEST_SKIP() << "there is no mpirun";
  }

  /// Runs a scenario on so many ranks; seconds_ is how long that took.
  Ran run(int ranks, const std::string& scenario, const std::string& dead_after, const Arguments& flags = {}) {
    Arguments words = {
        "-k", "5", "120", mpirun_, "-n", std::to_string(ranks), "--oversubscribe", "--allow-run-as-root", "--mca", "mpi_yield_when_idle",
        "1"};
    words.insert(words.end(), flags.begin(), flags.end());
    words.insert(words.end(), {program_, scenario, dead_after});
    Environment extra;
    if (testing::sanitized) extra["ASAN_OPTIONS"] = "detect_leaks=0";  // of MPI
    const auto begin = std::chrono::steady_clock::now();
    Ran ran = Child("/usr/bin/timeout", words, extra).wait();
    seconds_ = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    return ran;
  }
  void expect_ok(const Ran& ran) const {
    EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.err;
    EXPECT_EQ(ran.out.rfind("ok ", 0), 0u) << ran.out << ran.err;
  }

  const Arguments recovery_ = {"--enable-recovery"};
  double seconds_ = 0;

 private:
  std::string program_, mpirun_;
};

TEST_F(TransportRanks, MessagesOfAllSizesArriveOnceAndInOrder) {
  for (const int ranks : {1, 2, 3, 4}) expect_ok(run(ranks, "storm", "5"));
}

TEST_F(TransportRanks, ProcessStoppedForThreeSecondsIsNotLost) { expect_ok(run(2, "pause", "5")); }

TEST_F(TransportRanks, ProcessStoppedForTooLongIsLostAndComesBackWithNothingOfTheOldWork) {
  const Ran ran = run(3, "pause", "0.5", recovery_);
  expect_ok(ran);
  EXPECT_TRUE(contains(ran.err, "has been silent for")) << ran.err;
  EXPECT_TRUE(contains(ran.err, "is heard again")) << ran.err;
}

TEST_F(TransportRanks, StoppedRankZeroDoesNotHoldTheOthersForLost) { expect_ok(run(3, "sleep", "0.5", recovery_)); }

TEST_F(TransportRanks, KilledRankIsNoticedInTimeAndTheRestGoesOn) {
  for (const int ranks : {2, 4}) expect_ok(run(ranks, "murder", "0.5", recovery_));
}

TEST_F(TransportRanks, VerdictOfRankZeroIsEverybodys) {
  const Ran ran = run(3, "refuse", "5");
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  for (const char* rank : {"rank 1: out_of_range: too much", "rank 2: out_of_range: too much"})
    EXPECT_TRUE(contains(ran.out, rank)) << ran.out;
}

TEST_F(TransportRanks, RankWithoutABoardEndsAllWithItsReason) {
  const Ran ran = run(3, "bad-status", "5");
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_LT(seconds_, 5.0);
  EXPECT_TRUE(contains(ran.out, "refused: unavailable: rank 1 on host ")) << ran.out;
  EXPECT_TRUE(contains(ran.out, ": no board in slot 4")) << ran.out;
}

TEST_F(TransportRanks, SilenceTooShortToMeasureIsRefused) {
  const Ran ran = run(2, "bad-option", "0.01");
  EXPECT_EQ(ran.exit_code, 1) << ran.err;
  EXPECT_TRUE(contains(ran.out, "dead_after_seconds = 0.01 is not in [0.1, 3600]")) << ran.out;
}

TEST_F(TransportRanks, LeftWithoutVerdictTheClusterEndsAllTheSame) {
  const Ran ran = run(3, "leave", "5", recovery_);
  EXPECT_TRUE(contains(ran.err, "rank 1 on host ") && contains(ran.err, " leaves (internal: ")) << ran.err;
  expect_ok(ran);
  EXPECT_LT(seconds_, 10.0);
}

TEST_F(TransportRanks, WorkersEndWhenRankZeroIsKilled) {
  const Ran ran = run(3, "suicide", "0.5", recovery_);
  EXPECT_LT(seconds_, 2 * 0.5 + 10 + 5) << "with the time to start and end";
  EXPECT_TRUE(contains(ran.out, "rank 1 ends alone") && contains(ran.out, "rank 2 ends alone")) << ran.out << ran.err;
}

}  // namespace
}  // namespace sedma::test

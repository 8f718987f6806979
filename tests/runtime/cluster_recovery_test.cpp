// Ranks that are lost, come back, or whose boards fail, one trouble at a time. 1 s.

#include <gtest/gtest.h>

#include "memory_job.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t batch = 2;

class ClusterRecovery : public ::testing::Test {
 protected:
  void open(int ranks, const SessionOptions& options = {}) {
    job = std::make_unique<test::MemoryJob>(ranks, matrix, 1);
    for (int rank = 0; rank < ranks; ++rank) job->control(rank).trouble = troubles[rank];
    auto opened = job->open(options);
    ASSERT_TRUE(opened.ok()) << opened.status().to_string();
    core = std::move(opened).value();
  }
  Status start(std::uint64_t vector) { return core->start({x, batch, vector}); }
  Status finish(std::uint64_t vector, std::uint64_t ordinal = 0) {
    return test::finish_and_compare(*core, matrix, x, batch, vector, ordinal);
  }
  Status multiply(std::uint64_t vector, std::uint64_t ordinal = 0) {
    SEDMA_RETURN_IF_ERROR(start(vector));
    return finish(vector, ordinal);
  }
  // Products until a rank that is heard again has told what it holds.
  void multiply_until_back(std::uint64_t ordinal = 0) {
    for (int k = 0; k < 100000 && job->log.back().find("is back") == std::string::npos; ++k) ASSERT_TRUE(multiply(0, ordinal).ok());
  }
  int programmed() {
    int sum = 0;
    for (auto& control : job->controls) sum += control.programmed();
    return sum;
  }
  std::uint64_t tiles(int rank) const { return core->ranks()[static_cast<std::size_t>(rank)].tiles; }

  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  const std::vector<double> x = test::whole_vectors(batch, 70, 3);
  std::map<int, std::function<Status(const std::string&, int)>> troubles;
  std::unique_ptr<test::MemoryJob> job;
  std::unique_ptr<SessionCore> core;  // closed before the job
};

TEST_F(ClusterRecovery, TilesOfALostRankMoveAndTheProductIsCompleted) {
  open(4);
  ASSERT_TRUE(core->program(3).ok());
  const std::uint64_t before = tiles(2);
  ASSERT_GT(before, 0u);
  job->control(2).gate_closed = true;
  ASSERT_TRUE(start(0).ok());
  ASSERT_TRUE(start(2).ok());
  job->control(2).wait_until_at_gate();
  job->network.kill(2);
  EXPECT_TRUE(finish(0, 3).ok());
  EXPECT_TRUE(finish(2, 3).ok());
  EXPECT_TRUE(multiply(4, 3).ok());
  ASSERT_EQ(core->losses().size(), 1u);
  const Loss& loss = core->losses()[0];
  EXPECT_EQ(loss.rank, 2);
  EXPECT_EQ(loss.host, "n2");
  EXPECT_EQ(loss.why, "silent for 0.5 s");
  EXPECT_EQ(loss.tiles, before);
  EXPECT_GT(loss.recovery_seconds, 0.0);
  EXPECT_FALSE(loss.returned);
  EXPECT_TRUE(core->ranks()[2].lost);
  EXPECT_EQ(tiles(2), 0u);
  ASSERT_EQ(job->log.size(), 1u);
  EXPECT_EQ(job->log[0].find(fmt::format("rank 2 on host n2 has been silent for 0.5 s: its {} tiles move to ranks 0", before)), 0u)
      << job->log[0];
}

TEST_F(ClusterRecovery, OnlyTheTilesOfTheLostRankAreProgrammedAgain) {
  open(3);
  ASSERT_TRUE(core->program(0).ok());
  const int before = programmed();
  const int lost = job->control(1).programmed();
  job->network.kill(1);
  ASSERT_TRUE(multiply(0).ok());
  EXPECT_EQ(programmed(), before + lost);
}

TEST_F(ClusterRecovery, ARankThatReturnsHasItsTilesAgainWithoutAPulse) {
  open(3);
  ASSERT_TRUE(core->program(0).ok());
  const std::uint64_t before = tiles(1);
  job->network.lose(1);
  ASSERT_TRUE(multiply(0).ok());
  EXPECT_EQ(tiles(1), 0u);
  const int own = job->control(1).programmed();
  job->network.heal(1);
  multiply_until_back();
  EXPECT_EQ(tiles(1), before);
  const int asked = job->control(1).times("multiply");
  ASSERT_TRUE(multiply(5000).ok());
  EXPECT_EQ(job->control(1).times("multiply"), asked + 1);
  EXPECT_EQ(job->control(1).programmed(), own);
  EXPECT_TRUE(core->losses()[0].returned);
  EXPECT_FALSE(core->ranks()[1].lost);
  EXPECT_EQ(job->log.back(), fmt::format("rank 1 on host n1 is back: {} tiles there are its own again", before));
  // And it can be lost again.
  job->network.lose(1);
  ASSERT_TRUE(multiply(6000).ok());
  EXPECT_EQ(core->losses().size(), 2u);
}

TEST_F(ClusterRecovery, LateWorkIsDropped) {
  open(3);
  ASSERT_TRUE(core->program(0).ok());
  job->control(1).gate_closed = true;
  ASSERT_TRUE(start(0).ok());
  job->control(1).wait_until_at_gate();
  job->network.lose(1);
  ASSERT_TRUE(finish(0).ok());
  ASSERT_TRUE(start(2).ok());
  job->network.heal(1);
  job->control(1).open_gate();
  EXPECT_TRUE(finish(2).ok());
  for (std::uint64_t vector = 4; vector < 40; vector += 2) EXPECT_TRUE(multiply(vector).ok());
}

TEST_F(ClusterRecovery, WhatAReturnedRankHoldsFromAnOlderProgrammingIsNotUsed) {
  open(3);
  ASSERT_TRUE(core->program(0).ok());
  job->network.lose(1);
  ASSERT_TRUE(core->program(1).ok());
  job->network.heal(1);
  multiply_until_back(1);
  EXPECT_EQ(tiles(1), 0u);
  // A later loss gives it tiles again.
  job->network.kill(2);
  ASSERT_TRUE(multiply(0, 1).ok());
  EXPECT_GT(tiles(1), 0u);
}

TEST_F(ClusterRecovery, ARankLostWhileItProgramsIsReplaced) {
  troubles[1] = [this](const std::string& what, int) {
    if (what == "program") job->network.lose(1);
    return Status();
  };
  open(3);
  EXPECT_TRUE(core->program(0).ok());
  EXPECT_TRUE(multiply(0).ok());
  EXPECT_EQ(core->losses().size(), 1u);
}

TEST_F(ClusterRecovery, ARankLostBeforeItWasToldAnythingTakesPartOnceItReturns) {
  job = std::make_unique<test::MemoryJob>(3, matrix, 1);
  job->network.lose(2);
  auto opened = job->open({});
  ASSERT_TRUE(opened.ok());
  core = std::move(opened).value();
  ASSERT_TRUE(core->program(0).ok());
  EXPECT_EQ(tiles(2), 0u);
  job->network.heal(2);
  multiply_until_back();
  job->network.kill(1);
  EXPECT_TRUE(multiply(0).ok());
  EXPECT_GT(tiles(2), 0u);
}

TEST_F(ClusterRecovery, ABoardThatFailsLosesItsTilesAndItsRankStays) {
  for (const Code code : {Code::device_fault, Code::unavailable, Code::data_corrupt, Code::deadline_exceeded}) {
    troubles[2] = [code](const std::string& what, int count) {
      return what == "multiply" && count == 2 ? Status(code, "array 3 does not answer") : Status();
    };
    core.reset();
    open(3);
    ASSERT_TRUE(core->program(0).ok());
    ASSERT_TRUE(start(0).ok());
    ASSERT_TRUE(start(2).ok());
    EXPECT_TRUE(finish(0).ok());
    EXPECT_TRUE(finish(2).ok());
    EXPECT_TRUE(multiply(4).ok());
    ASSERT_EQ(core->losses().size(), 1u);
    EXPECT_EQ(core->losses()[0].why, Status(code, "array 3 does not answer").to_string());
    EXPECT_EQ(tiles(2), 0u);
    EXPECT_NE(job->log[0].find("the board of rank 2 on host n2 failed"), std::string::npos);
  }
}

TEST_F(ClusterRecovery, TheBoardOfRankZeroMayFailToo) {
  troubles[0] = [](const std::string& what, int) { return what == "program" ? Status(Code::device_fault, "no") : Status(); };
  open(2);
  EXPECT_TRUE(core->program(0).ok());
  EXPECT_TRUE(multiply(0).ok());
  EXPECT_EQ(tiles(0), 0u);
}

TEST_F(ClusterRecovery, WithoutAnyBoardTheLastMessageIsTheVerdict) {
  for (int rank = 0; rank < 3; ++rank)
    troubles[rank] = [rank](const std::string& what, int) {
      return what == "multiply" ? fail(Code::device_fault, "fault {}", rank) : Status();
    };
  open(3);
  ASSERT_TRUE(core->program(0).ok());
  const Status status = multiply(0);
  EXPECT_EQ(status.code(), Code::device_fault);
  EXPECT_EQ(status.message().find("no usable board is left: rank "), 0u) << status.to_string();
  EXPECT_NE(status.message().find(": fault "), std::string::npos) << status.to_string();
  EXPECT_EQ(core->losses().size(), 2u);
}

TEST_F(ClusterRecovery, AllRanksButTheFirstMayGo) {
  open(5);
  ASSERT_TRUE(core->program(0).ok());
  for (int rank = 4; rank > 0; --rank) {
    ASSERT_TRUE(start(0).ok());
    job->network.kill(rank);
    EXPECT_TRUE(finish(0).ok());
  }
  EXPECT_TRUE(multiply(2).ok());  // the last may have been heard just before it went
  EXPECT_EQ(tiles(0), core->plan().tiles.size());
}

TEST_F(ClusterRecovery, ASlowRankIsNotLostAndItsWorkIsUsedOnce) {
  open(3);
  ASSERT_TRUE(core->program(0).ok());
  job->network.pause(2);
  ASSERT_TRUE(start(0).ok());
  ASSERT_TRUE(start(2).ok());
  std::thread later([this] {
    while (job->control(1).times("multiply") < 2) std::this_thread::yield();
    job->network.resume(2);
  });
  EXPECT_TRUE(finish(0).ok());
  EXPECT_TRUE(finish(2).ok());
  later.join();
  EXPECT_TRUE(core->losses().empty());
}

TEST_F(ClusterRecovery, ACheckpointInterruptedByALossIsRepeated) {
  SessionOptions options;
  options.keep_cells = true;
  troubles[1] = [this](const std::string& what, int) {
    if (what.starts_with("save")) job->network.lose(1);
    return Status();
  };
  open(3, options);
  ASSERT_TRUE(core->program(0).ok());
  EXPECT_TRUE(core->save("cells").ok());
  EXPECT_EQ(job->control(2).times("save cells.2"), 2);
}

}  // namespace
}  // namespace sedma::runtime

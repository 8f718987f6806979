// The session of several ranks over a network in memory, with benches that calculate in whole numbers. 2 s.

#include <gtest/gtest.h>

#include "memory_job.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t batch = 3;

Status multiply_once(SessionCore& core, const Matrix& matrix, std::uint64_t vector, std::uint64_t ordinal, std::uint32_t seed = 5) {
  const auto x = test::whole_vectors(batch, matrix.cols(), seed);
  SEDMA_RETURN_IF_ERROR(core.start({x, batch, vector}));
  return test::finish_and_compare(core, matrix, x, batch, vector, ordinal);
}

std::unique_ptr<SessionCore> open(test::MemoryJob& job, const SessionOptions& options = {}) {
  auto core = job.open(options);
  EXPECT_TRUE(core.ok()) << core.status().to_string();
  return core.ok() ? std::move(core).value() : nullptr;
}

TEST(ClusterSession, ProductsAreRightForAnyNumberOfRanks) {
  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  for (const int ranks : {1, 2, 3, 4, 7}) {
    for (const int with_matrix : {1, ranks}) {
      test::MemoryJob job(ranks, matrix, with_matrix);
      const auto core = open(job);
      ASSERT_TRUE(core);
      for (std::uint64_t ordinal = 0; ordinal < 2; ++ordinal) {
        ASSERT_TRUE(core->program(ordinal).ok());
        for (const std::uint64_t vector : {0u, 3u, 900'000'000u}) {
          const Status status = multiply_once(*core, matrix, vector, ordinal);
          EXPECT_TRUE(status.ok()) << ranks << " ranks: " << status.to_string();
        }
      }
      std::uint64_t tiles = 0;
      for (const RankReport& rank : core->ranks()) tiles += rank.tiles;
      EXPECT_EQ(tiles, core->plan().tiles.size());
      EXPECT_EQ(core->programming().pulses, 2 * tiles);
      const auto hashes = core->tile_hashes();
      for (std::size_t t = 0; t < hashes.size(); ++t) EXPECT_EQ(hashes[t], (TileHash{t + 1, 7}));
      EXPECT_TRUE(core->losses().empty());
    }
  }
}

TEST(ClusterSession, SecondsAreThoseOfTheSlowestRankAndCountsAddUp) {
  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  test::MemoryJob job(3, matrix, 1);
  const auto core = open(job);
  ASSERT_TRUE(core->program(0).ok());
  ASSERT_TRUE(multiply_once(*core, matrix, 0, 0).ok());
  ASSERT_TRUE(multiply_once(*core, matrix, 3, 0).ok());
  std::size_t most = 0;
  for (const Layout& layout : core->layouts()) {
    std::set<std::uint32_t> groups;
    for (const Placement& placement : layout.placements) groups.insert(placement.group);
    most = std::max(most, groups.size());
  }
  EXPECT_EQ(core->programming().seconds, static_cast<double>(most));
  EXPECT_EQ(core->multiplying().seconds, 2.0 * static_cast<double>(most));
  EXPECT_EQ(core->multiplying().products, 2 * batch * core->plan().groups.size());
}

TEST(ClusterSession, ProductsOverlapAndAreFinishedInOrder) {
  const Matrix matrix = test::whole_matrix(60, 60, 0.3, 2);
  test::MemoryJob job(3, matrix, 1);
  const auto core = open(job);
  ASSERT_TRUE(core->program(0).ok());
  const auto first = test::whole_vectors(batch, 60, 1), second = test::whole_vectors(1, 60, 2);
  ASSERT_TRUE(core->start({first, batch, 10}).ok());
  ASSERT_TRUE(core->start({second, 1, 13}).ok());
  EXPECT_TRUE(test::finish_and_compare(*core, matrix, first, batch, 10, 0).ok());
  EXPECT_TRUE(test::finish_and_compare(*core, matrix, second, 1, 13, 0).ok());
}

TEST(ClusterSession, SessionsFollowOneAnother) {
  const Matrix matrix = test::whole_matrix(60, 60, 0.3, 2);
  test::MemoryJob job(2, matrix, 1);
  {
    const auto core = open(job);
    ASSERT_TRUE(core->program(4).ok());
    EXPECT_TRUE(multiply_once(*core, matrix, 0, 4).ok());
  }
  auto again = open_cluster_core(job.job(0), matrix, {}, job.factory());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(open_cluster_core(job.job(0), matrix, {}, job.factory()).status().code(), Code::invalid_argument);
  ASSERT_TRUE((*again)->program(0).ok());
  EXPECT_TRUE(multiply_once(**again, matrix, 0, 0).ok());
}

TEST(ClusterSession, AWorkerReturnsTheVerdictOfTheJob) {
  const Matrix matrix = test::whole_matrix(20, 20, 0.3, 2);
  test::MemoryJob job(3, matrix, 1);
  open(job).reset();
  job.network.kill(2);
  job.end(Status(Code::invalid_argument, "no such file"));
  EXPECT_EQ(job.verdicts[1].to_string(), "invalid_argument: no such file");
  EXPECT_EQ(job.verdicts[2].to_string(), "unavailable: rank 0 on host n0 is silent for good");
}

TEST(ClusterSession, AnExceptionOnARankEndsTheJobWithItsMessage) {
  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  test::MemoryJob job(3, matrix, 1);
  job.control(2).trouble = [](const std::string& what, int) -> Status {
    if (what == "multiply") throw std::runtime_error("seven is not prime");
    return {};
  };
  const auto core = open(job);
  ASSERT_TRUE(core->program(0).ok());
  const Status status = multiply_once(*core, matrix, 0, 0);
  EXPECT_EQ(status.to_string(), "internal: rank 2 on host n2: exception: seven is not prime");
  EXPECT_EQ(core->program(1).to_string(), status.to_string());
}

TEST(ClusterSession, MemoryThatIsNotThereEndsTheJob) {
  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  test::MemoryJob job(2, matrix, 1);
  job.control(1).trouble = [](const std::string&, int) -> Status { throw std::bad_alloc(); };
  const auto core = open(job);
  EXPECT_EQ(core->program(0).to_string(), "unavailable: rank 1 on host n1: out of memory");
}

TEST(ClusterSession, ARefusalOfADeviceIsTheVerdictWithItsRank) {
  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  test::MemoryJob job(2, matrix, 1);
  job.control(1).trouble = [](const std::string&, int) { return Status(Code::out_of_range, "2 V exceed 1 V"); };
  const auto core = open(job);
  EXPECT_EQ(core->program(0).to_string(), "out_of_range: rank 1 on host n1: 2 V exceed 1 V");
}

TEST(ClusterSession, ProgressReturningFalseEndsTheWaitOfASlowRank) {
  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  test::MemoryJob job(3, matrix, 1);
  job.control(2).gate_closed = true;
  SessionOptions options;
  options.keep_cells = true;
  std::uint64_t polls = 0;
  options.progress = [&](const char* stage, std::uint64_t done, std::uint64_t total) {
    EXPECT_LE(done, total);
    return std::string(stage) != "multiply" || ++polls < 5;
  };
  const auto core = open(job, options);
  ASSERT_TRUE(core->program(0).ok());
  EXPECT_EQ(multiply_once(*core, matrix, 0, 0).code(), Code::aborted);
  EXPECT_EQ(polls, 5u);
  // What was programmed can still be kept.
  EXPECT_TRUE(core->save("cells").ok());
  EXPECT_EQ(job.control(2).times("save cells.2"), 1);
  EXPECT_EQ(core->program(1).code(), Code::aborted);
}

TEST(ClusterSession, AStopAskedAtAnotherRankEndsTheWait) {
  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  test::MemoryJob job(3, matrix, 1);
  std::atomic<bool> stop{false};
  job.options.stop_asked = [&] { return stop.load(); };
  job.control(1).gate_closed = true;
  const auto core = open(job);
  ASSERT_TRUE(core->program(0).ok());
  stop = true;
  const Status status = multiply_once(*core, matrix, 0, 0);
  EXPECT_EQ(status.code(), Code::aborted);
  EXPECT_NE(status.message().find("was asked to stop"), std::string::npos) << status.to_string();
}

TEST(ClusterSession, WhatWasRestoredIsNotProgrammedTheFirstTime) {
  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  test::MemoryJob job(2, matrix, 1);
  const auto core = open(job);
  ASSERT_GT(core->plan().groups.size(), 3u);
  for (std::uint32_t group = 0; group < core->plan().groups.size(); group += 2)
    for (int rank : {0, 1}) job.control(rank).restorable.push_back(group);
  ASSERT_TRUE(core->restore("cells").ok());
  ASSERT_TRUE(core->program(0).ok());
  EXPECT_TRUE(multiply_once(*core, matrix, 0, 0).ok());
  EXPECT_EQ(static_cast<std::size_t>(job.control(0).programmed() + job.control(1).programmed()), core->plan().groups.size() / 2);
  ASSERT_TRUE(core->program(1).ok());
  EXPECT_TRUE(multiply_once(*core, matrix, 0, 1).ok());
}

TEST(ClusterSession, AFileThatCannotBeWrittenIsNamedAndTheSessionGoesOn) {
  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  test::MemoryJob job(2, matrix, 1);
  job.control(1).trouble = [](const std::string& what, int) {
    return what == "save cells.1" ? Status(Code::unavailable, "disk full") : Status();
  };
  SessionOptions options;
  EXPECT_EQ(open(job)->save("cells").code(), Code::invalid_argument);
  options.keep_cells = true;
  auto core = open_cluster_core(job.job(0), matrix, options, job.factory());
  ASSERT_TRUE(core.ok());
  ASSERT_TRUE((*core)->program(0).ok());
  EXPECT_EQ((*core)->save("cells").to_string(), "unavailable: rank 1 on host n1: disk full");
  EXPECT_TRUE(multiply_once(**core, matrix, 0, 0).ok());
}

TEST(ClusterSession, CorrectionProductsIsRefused) {
  const Matrix matrix = test::whole_matrix(9, 9, 0.5, 1);
  test::MemoryJob job(2, matrix, 1);
  SessionOptions options;
  options.products = true;
  EXPECT_EQ(job.open(options).status().code(), Code::unsupported);
}

TEST(ClusterSession, ARankWithoutABoardTakesNoTiles) {
  const Matrix matrix = test::whole_matrix(90, 70, 0.2, 1);
  test::MemoryJob job(3, matrix, 1);
  job.facts[0].capabilities.arrays = 0;
  const auto core = open(job);
  ASSERT_TRUE(core->program(0).ok());
  EXPECT_TRUE(multiply_once(*core, matrix, 0, 0).ok());
  EXPECT_EQ(core->ranks()[0].tiles, 0u);
}

}  // namespace
}  // namespace sedma::runtime

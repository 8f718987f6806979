// What happens to ranks in the middle of 200 products: the results are those of a run in which nothing happened.

#include <signal.h>

#include <algorithm>

#include "tests/cluster/cluster_program.h"

namespace sedma::test {
namespace {

class Faults : public RanksOfOneHost {
 protected:
  void SetUp() override {
    RanksOfOneHost::SetUp();
    if (IsSkipped()) return;
    matrix_ = put_sequence_matrix();
    digest_ = undisturbed(matrix_);
    ASSERT_FALSE(digest_.empty());
  }
  Process start_sequence(const Arguments& more, const Arguments& mpirun_options = {}) const {
    Arguments all = Sequence::multiply(matrix_, {"--device", Sequence::slow_board, "--no-reference", "--json", json_, "--log", log_});
    all.insert(all.end(), more.begin(), more.end());
    return start(3, all, mpirun_options);
  }
  // Goes on where the run in the log stopped.
  JobEnd resume() const {
    Process job = start_sequence({"--resume"});
    return finish(job, json_);
  }
  static void send(Process& job, int rank, int signal) {
    const pid_t pid = job.rank(rank);
    ASSERT_GT(pid, 0) << "there is no rank " << rank << ": " << job.err();
    EXPECT_EQ(::kill(pid, signal), 0);
  }
  static void pause(double seconds) {
    wait_until(seconds, [] { return false; });
  }

  std::string matrix_, digest_, json_ = directory_ / "run.json", log_ = directory_ / "log";
};

TEST_F(Faults, ABoardIsGoneForGood) {
  const std::string board = Sequence::board;
  Process job = start(3, Sequence::multiply(matrix_, {"--device", board, "--device", "faulty:" + board + "&fault.lost_after=60", "--device",
                                                      board, "--no-reference", "--json", json_}));
  const JobEnd end = finish(job, json_);
  expect_all_products(end, digest_);
  ASSERT_EQ(end.report.at("losses").size(), 1u);
  const json& loss = end.report.at("losses")[0];
  EXPECT_EQ(loss.at("rank"), 1);
  EXPECT_GT(loss.at("tiles").get<int>(), 0);
  EXPECT_FALSE(loss.at("why").get<std::string>().empty());
  EXPECT_EQ(end.report.at("ranks")[1].at("tiles"), 0);
}

TEST_F(Faults, AStopOf3SecondsIsNoLoss) {
  Process job = start_sequence({});
  wait_for_products(job, log_, 20);
  send(job, 2, SIGSTOP);
  pause(3);
  send(job, 2, SIGCONT);
  const JobEnd end = finish(job, json_);
  expect_all_products(end, digest_);
  EXPECT_TRUE(end.report.at("losses").empty()) << end.report.at("losses");
  EXPECT_GT(end.report.at("sequence").at("largest_gap_seconds").get<double>(), 2) << "it was not stopped";
}

TEST_F(Faults, AStopThatIsTooLongIsALoss) {
  Process job = start_sequence({"--dead-after", "0.5"});
  wait_for_products(job, log_, 20);
  send(job, 1, SIGSTOP);
  EXPECT_TRUE(job.says("sedma: rank 1 ", 10)) << job.err();
  pause(1);
  send(job, 1, SIGCONT);
  const JobEnd end = finish(job, json_);
  expect_all_products(end, digest_);
  expect_short_gap(end, 0.5);
  EXPECT_EQ(end.report.at("losses")[0].at("rank"), 1);
}

TEST_F(Faults, AWorkerIsKilled) {
  Process job = start_sequence({"--dead-after", "0.5"}, {"--enable-recovery"});
  wait_for_products(job, log_, 20);
  send(job, 2, SIGKILL);
  const JobEnd end = finish(job, json_);
  expect_all_products(end, digest_);
  expect_short_gap(end, 0.5);
  ASSERT_EQ(end.report.at("losses").size(), 1u);
  EXPECT_EQ(end.report.at("losses")[0].at("rank"), 2);
  EXPECT_EQ(end.report.at("losses")[0].at("returned"), false);
  EXPECT_EQ(end.report.at("ranks")[2].at("lost"), true);
  EXPECT_TRUE(contains(end.ran.err, "sedma: rank 2 ")) << end.ran.err;
}

TEST_F(Faults, TwoOfThreeAreKilled) {
  Process job = start_sequence({"--dead-after", "0.5"}, {"--enable-recovery"});
  wait_for_products(job, log_, 20);
  send(job, 1, SIGKILL);
  send(job, 2, SIGKILL);
  const JobEnd end = finish(job, json_);
  expect_all_products(end, digest_);
  EXPECT_EQ(end.report.at("losses").size(), 2u);
}

TEST_F(Faults, AskedToStopItCanBeResumed) {
  Process job = start_sequence({});
  wait_for_products(job, log_, 20);
  send(job, 0, SIGTERM);
  const Ran stopped = job.wait(30);
  EXPECT_EQ(stopped.exit_code, 0) << stopped.err;
  EXPECT_TRUE(contains(stopped.err, "resume")) << stopped.err;
  EXPECT_TRUE(wait_until(2, [&] { return job.pids().empty(); })) << "somebody is left running";

  const JobEnd end = resume();
  expect_all_products(end, digest_);
  EXPECT_GE(end.report.at("sequence").at("resumed_from").get<int>(), 20);
}

TEST_F(Faults, AskedToStopWithoutALogItEnds) {
  Process job = start(3, Sequence::multiply(matrix_, {"--device", Sequence::slow_board, "--json", json_}));
  ASSERT_GT(job.rank(0), 0);
  pause(1);
  send(job, 0, SIGTERM);
  const Ran ran = job.wait(30);
  EXPECT_EQ(ran.exit_code, 143) << ran.err;
  EXPECT_FALSE(std::filesystem::exists(json_));
  EXPECT_TRUE(wait_until(2, [&] { return job.pids().empty(); })) << "somebody is left running";
}

TEST_F(Faults, TheFirstIsKilledAndTheRunResumed) {
  Process job = start_sequence({});
  wait_for_products(job, log_, 20);
  send(job, 0, SIGKILL);
  EXPECT_NE(job.wait(30).exit_code, 0);
  EXPECT_TRUE(wait_until(10, [&] { return job.pids().empty(); })) << "somebody is left running";

  const JobEnd end = resume();
  expect_all_products(end, digest_);
  EXPECT_GE(end.report.at("sequence").at("resumed_from").get<int>(), 19) << "at most the product under way is computed again";
}

// The standing that was written last is torn: the one before it is used, and what came after it is computed again.
TEST_F(Faults, ATornStandingIsPassedOver) {
  Process job = start_sequence({});
  wait_for_products(job, log_, 20);
  send(job, 0, SIGKILL);
  job.wait(30);
  std::vector<std::filesystem::path> standings;
  for (const auto& entry : std::filesystem::directory_iterator(log_))
    if (entry.path().filename().string().rfind("standing", 0) == 0) standings.push_back(entry.path());
  ASSERT_GE(standings.size(), 2u);
  const auto older = [](const auto& a, const auto& b) { return std::filesystem::last_write_time(a) < std::filesystem::last_write_time(b); };
  const auto newest = *std::max_element(standings.begin(), standings.end(), older);
  std::filesystem::resize_file(newest, std::filesystem::file_size(newest) / 2);

  const JobEnd end = resume();
  expect_all_products(end, digest_);
  EXPECT_GT(end.report.at("sequence").at("resumed_from").get<int>(), 0);
}

}  // namespace
}  // namespace sedma::test

// Ranks on hosts that die or fall silent in the middle of 200 products: the results are those of a run in which nothing happened.

#include "tests/cluster/cluster_program.h"
#include "tests/cluster/lab.h"

namespace sedma::test {
namespace {

/// Three hosts with one rank each.
class Hosts : public ClusterProgram {
 protected:
  void SetUp() override {
    Program::SetUp();
    if (IsSkipped()) return;
    if (!Lab::why_not().empty()) GTEST_SKIP() << Lab::why_not();
    matrix_ = put_sequence_matrix();
    digest_ = undisturbed(matrix_);
    ASSERT_FALSE(digest_.empty());
    lab_.emplace(3);
  }
  Arguments sequence(const Arguments& more) const {
    Arguments all = Sequence::multiply(matrix_, {"--device", Sequence::slow_board, "--no-reference", "--json", json_, "--log", log_});
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  Process start(const Arguments& more) const {
    Arguments words = sequence(more);
    words.insert(words.begin(), program_);
    return lab_->start(3, 1, words, {{"OMP_NUM_THREADS", "1"}});
  }
  // The supervisor, on a host without ranks.
  Process start_supervised(const Arguments& more) const {
    Arguments words = {program_, "run", "-n", "3", "--hostfile", lab_->hostfile(1), "--"};
    for (const std::string& word : sequence(more)) words.push_back(word);
    return lab_->start_on(Lab::login, words, {{"OMP_NUM_THREADS", "1"}});
  }
  void expect_nobody_left() const {
    EXPECT_TRUE(wait_until(10, [&] { return lab_->pids().empty(); })) << lab_->pids().size() << " processes are left running";
  }
  void expect_survives_a_kill(const Arguments& more, double dead_after) {
    Process job = start(more);
    wait_for_products(job, log_, 60);
    lab_->kill_host(2);
    const JobEnd end = finish(job, json_);
    expect_all_products(end, digest_);
    expect_short_gap(end, dead_after);
    ASSERT_EQ(end.report.at("losses").size(), 1u);
    EXPECT_EQ(end.report.at("losses")[0].at("rank"), 2);
    EXPECT_EQ(end.report.at("losses")[0].at("host"), "n2");
    EXPECT_TRUE(contains(end.ran.err, "sedma: rank 2 on host n2 ")) << end.ran.err;
    expect_nobody_left();
  }

  std::string matrix_, digest_, json_ = directory_ / "run.json", log_ = directory_ / "log";
  std::optional<Lab> lab_;
};

TEST_F(Hosts, NothingHappens) {
  Process job = start({});
  const JobEnd end = finish(job, json_);
  expect_all_products(end, digest_);
  EXPECT_TRUE(end.report.at("losses").empty()) << end.report.at("losses");
  ASSERT_EQ(end.report.at("ranks").size(), 3u);
  for (unsigned host = 0; host < 3; ++host) EXPECT_EQ(end.report.at("ranks")[host].at("host"), Lab::name(host));
  expect_nobody_left();
}

TEST_F(Hosts, OneIsKilledAndSoonMissed) { expect_survives_a_kill({"--dead-after", "0.5"}, 0.5); }
TEST_F(Hosts, OneIsKilledAndMissedAfterTheDefaultTime) { expect_survives_a_kill({}, 5); }

TEST_F(Hosts, ACutOf3SecondsIsNoLoss) {
  Process job = start({});
  wait_for_products(job, log_, 60);
  lab_->cut(1);
  wait_until(3, [] { return false; });
  lab_->heal(1);
  const JobEnd end = finish(job, json_);
  expect_all_products(end, digest_);
  EXPECT_TRUE(end.report.at("losses").empty()) << end.report.at("losses");
  EXPECT_GT(end.report.at("sequence").at("largest_gap_seconds").get<double>(), 2) << "it was not cut off";
  expect_nobody_left();
}

TEST_F(Hosts, ACutThatIsTooLongIsALossAndHeals) {
  Process job = start({"--dead-after", "0.5"});
  wait_for_products(job, log_, 20);
  lab_->cut(1);
  EXPECT_TRUE(job.says("sedma: rank 1 on host n1 ", 10)) << job.err();
  wait_until(1, [] { return false; });
  lab_->heal(1);
  const JobEnd end = finish(job, json_);
  expect_all_products(end, digest_);
  expect_short_gap(end, 0.5);
  EXPECT_EQ(end.report.at("losses")[0].at("rank"), 1);
  expect_nobody_left();
}

TEST_F(Hosts, ThatOfTheFirstRankIsKilledUnderTheSupervisor) {
  Process job = start_supervised({});
  wait_for_products(job, log_, 60);
  lab_->kill_host(0);
  const JobEnd end = finish(job, json_, 80);
  expect_all_products(end, digest_);
  EXPECT_GE(end.report.at("sequence").at("resumed_from").get<int>(), 59) << "at most the product under way is computed again";
  for (const json& rank : end.report.at("ranks")) EXPECT_NE(rank.at("host"), "n0");
  expect_nobody_left();
}

// mpirun on a host other than rank 0's does not end by itself after a loss.
TEST_F(Hosts, OneIsKilledUnderTheSupervisor) {
  Process job = start_supervised({"--dead-after", "0.5"});
  wait_for_products(job, log_, 60);
  lab_->kill_host(2);
  const JobEnd end = finish(job, json_);
  expect_all_products(end, digest_);
  expect_nobody_left();
}

// Nor does it where a host is silent for good.
TEST_F(Hosts, ThePowerOfOneIsCutUnderTheSupervisor) {
  Process job = start_supervised({"--dead-after", "0.5"});
  wait_for_products(job, log_, 60);
  lab_->power_off(1);
  const JobEnd end = finish(job, json_);
  expect_all_products(end, digest_);
  expect_nobody_left();
}

}  // namespace
}  // namespace sedma::test

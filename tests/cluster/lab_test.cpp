// The lab itself: hosts that differ, and a job of Open MPI that outlives what is done to them.

#include "tests/cluster/lab.h"

#include <signal.h>

#include <algorithm>
#include <cstdlib>
#include <sstream>

namespace sedma::test {
namespace {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words(std::istream_iterator<std::string>(stream), {});
  std::sort(words.begin(), words.end());
  return words;
}

class LabItself : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!Lab::why_not().empty()) GTEST_SKIP() << Lab::why_not();
  }
};

/// With the program `cluster_exchange` as the job.
class LabJob : public LabItself {
 protected:
  void SetUp() override {
    LabItself::SetUp();
    const char* path = std::getenv("SEDMA_CLUSTER_EXCHANGE");
    if (path == nullptr) GTEST_SKIP() << "SEDMA_CLUSTER_EXCHANGE does not name the program `cluster_exchange`";
    exchange_ = path;
  }
  std::string exchange_;
};

TEST_F(LabItself, HostsHaveNamesAndNetworksOfTheirOwn) {
  Lab lab(3);
  Process names = lab.start(3, 1, {"uname", "-n"});
  const Ran ran = names.wait(60);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(words_of(ran.out), (std::vector<std::string>{"n0", "n1", "n2"}));

  Process addresses = lab.start(3, 1, {"ip", "-brief", "address", "show", "eth0"});
  const std::string said = addresses.wait(60).out;
  for (const char* address : {"10.78.0.1/24", "10.78.0.2/24", "10.78.0.3/24"}) EXPECT_TRUE(contains(said, address)) << said;
}

TEST_F(LabItself, ExitCodesAndVariablesArrive) {
  Lab lab(2);
  Process says = lab.start(2, 1, {"sh", "-c", "echo $WORD"}, {{"WORD", "heard"}});
  EXPECT_EQ(says.wait(60).out, "heard\nheard\n");
  Process fails = lab.start_on(Lab::login, {"mpirun", "--hostfile", lab.hostfile(1), "-n", "2", "sh", "-c", "exit 7"});
  EXPECT_EQ(fails.wait(60).exit_code, 7);
}

TEST_F(LabItself, NothingOutlivesIt) {
  std::vector<pid_t> left;
  {
    Lab lab(2);
    Process sleeps = lab.start(4, 2, {"sleep", "600"});
    for (const int rank : {0, 1, 2, 3}) ASSERT_GT(lab.rank(rank), 0) << sleeps.err();
    left = lab.pids();
  }
  EXPECT_GE(left.size(), 6u) << "mpirun, the daemon of n1, four times sleep";
  const auto was_there = [&](pid_t pid) { return std::count(left.begin(), left.end(), pid) > 0; };
  EXPECT_TRUE(processes(was_there).empty());
}

TEST_F(LabJob, OutlivesAHostThatIsKilled) {
  Lab lab(3);
  Process job = lab.start(3, 1, {exchange_, "300", "0.5"});
  ASSERT_TRUE(job.says("round 50\n", 60)) << job.err();
  EXPECT_FALSE(lab.pids_on(2).empty());
  lab.kill_host(2);
  EXPECT_TRUE(lab.pids_on(2).empty());
  const Ran ran = job.wait(60);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(contains(ran.out, "lost 2\n")) << ran.out;
  EXPECT_FALSE(contains(ran.out, "lost 1\n")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "done 300 rounds")) << ran.out << ran.err;
}

// mpirun learns of a silent host by keepalives alone, after 5 s as set here (else 480 s), and never if it first wants something of it: so
// the job has to work on for longer than that, or mpirun would not end.
TEST_F(LabJob, OutlivesAHostWhosePowerIsCut) {
  Lab lab(3);
  const Environment keepalive = {
      {"OMPI_MCA_oob_tcp_keepalive_time", "2"}, {"OMPI_MCA_oob_tcp_keepalive_intvl", "1"}, {"OMPI_MCA_oob_tcp_keepalive_probes", "3"}};
  Process job = lab.start(3, 1, {exchange_, "3500", "0.5"}, keepalive);
  ASSERT_TRUE(job.says("round 50\n", 60)) << job.err();
  lab.power_off(1);
  const Ran ran = job.wait(60);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(contains(ran.out, "lost 1\n")) << ran.err;
  EXPECT_TRUE(contains(ran.out, "done 3500 rounds")) << ran.err;
}

TEST_F(LabJob, GoesOnAfterACut) {
  Lab lab(3);
  Process job = lab.start(3, 1, {exchange_, "300", "30"});
  ASSERT_TRUE(job.says("round 50\n", 60)) << job.err();
  lab.cut(1);
  const std::string before = job.out();
  EXPECT_FALSE(wait_until(3, [&] { return job.out().size() > before.size() + 40; })) << "messages pass a cut:\n" << job.out();
  lab.heal(1);
  const Ran ran = job.wait(60);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_FALSE(contains(ran.out, "lost")) << ran.out;
  EXPECT_TRUE(contains(ran.out, "done 300 rounds")) << ran.out << ran.err;
}

TEST_F(LabJob, ARankCanBeStopped) {
  Lab lab(2);
  Process job = lab.start(2, 1, {exchange_, "200", "30"});
  ASSERT_TRUE(job.says("round 20\n", 60)) << job.err();
  const pid_t rank = lab.rank(1);
  ASSERT_GT(rank, 0);
  ASSERT_EQ(::kill(rank, SIGSTOP), 0);
  wait_until(1, [] { return false; });
  EXPECT_FALSE(job.ended());
  ::kill(rank, SIGCONT);
  const Ran ran = job.wait(60);
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(contains(ran.out, "done 200 rounds")) << ran.out << ran.err;
}

}  // namespace
}  // namespace sedma::test

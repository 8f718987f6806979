// What sedma run decides and says to mpirun, without starting anything.

#include "cli/supervisor.h"

#include <gtest/gtest.h>

#include "cli/launch.h"

namespace sedma::cli {
namespace {

using runtime::RunStanding;
using State = RunStanding::State;
using Arguments = std::vector<std::string>;

RunStanding standing(std::uint64_t starts, std::uint64_t vectors, State state = State::running) {
  return {starts, vectors, 0, state, state == State::failed ? "no such board" : "", "n0", {}};
}

void expect_ends(Supervisor& supervisor, const LaunchEnd& end, int exit_code, const std::string& fragment) {
  const auto ending = supervisor.judge(end);
  ASSERT_TRUE(ending.has_value());
  EXPECT_EQ(ending->exit_code(), exit_code) << ending->message();
  EXPECT_NE(ending->message().find(fragment), std::string::npos) << ending->message();
}

TEST(Supervisor, WhatTheRunNotedIsFinal) {
  for (const int exit_code : {0, 1, 137}) {
    Supervisor fresh(3, {});
    expect_ends(fresh, {exit_code, 0, standing(1, 9, State::done)}, 0, "");
    expect_ends(fresh, {exit_code, 15, standing(1, 5, State::stopped)}, 0, "stopped with 5 vectors done; can be resumed");
    expect_ends(fresh, {exit_code, 0, standing(1, 5, State::failed)}, 1, "the run failed: no such board");
  }
}

TEST(Supervisor, WhatAnEarlierRunNotedIsNot) {
  Supervisor resumed(3, standing(2, 9, State::done));
  expect_ends(resumed, {0, 0, standing(2, 9, State::done)}, 1, "mpirun ended with 0 before the run began");
  expect_ends(resumed, {7, 0, standing(2, 9, State::done)}, 7, "mpirun ended with 7 before the run began");
  expect_ends(resumed, {0, 0, standing(3, 9, State::done)}, 0, "");
}

TEST(Supervisor, WithoutALogThereIsNothingToGoOnWith) {
  Supervisor supervisor(3, {});
  expect_ends(supervisor, {205, 0, {}}, 205, "before the run began");
  expect_ends(supervisor, {0, 2, {}}, 130, "interrupted with 0 vectors done");
}

TEST(Supervisor, ALostJobIsStartedAgainWhileItBringsVectors) {
  Supervisor supervisor(3, {});
  EXPECT_FALSE(supervisor.judge({0, 0, standing(1, 10)}));
  EXPECT_FALSE(supervisor.judge({0, 0, standing(2, 10)})) << "one restart without a vector may be bad luck";
  EXPECT_FALSE(supervisor.judge({137, 0, standing(3, 11)}));
  EXPECT_EQ(supervisor.restarts_done(), 3u);
  expect_ends(supervisor, {0, 0, standing(4, 20)}, 1, "gave up with 20 vectors done after 3 restarts");
}

TEST(Supervisor, TwoFruitlessRestartsAreEnough) {
  Supervisor supervisor(100, {});
  EXPECT_FALSE(supervisor.judge({0, 0, standing(1, 0)}));
  EXPECT_FALSE(supervisor.judge({0, 0, standing(1, 0)})) << "it did not even begin";
  expect_ends(supervisor, {0, 0, standing(2, 0)}, 1, "gave up with 0 vectors done: 2 restarts in a row brought none");
}

TEST(Supervisor, WhoeverAskedToStopIsNotAnsweredByARestart) {
  Supervisor supervisor(3, {});
  expect_ends(supervisor, {0, 15, standing(1, 10)}, 143, "interrupted with 10 vectors done; --resume goes on");
  expect_ends(supervisor, {0, 15, standing(1, 10, State::done)}, 0, "");
}

TEST(Launch, OnlyALoggedMultiplyIsSupervised) {
  const auto refused = [](const Arguments& command) { return check_command(command).status(); };
  EXPECT_EQ(refused({}).code(), Code::invalid_argument);
  EXPECT_NE(refused({"demo", "--log", "d"}).message().find("got 'demo'"), std::string::npos);
  EXPECT_NE(refused({"multiply", "--batch", "3"}).message().find("the host of rank 0"), std::string::npos);
  EXPECT_EQ(refused({"multiply", "--log"}).code(), Code::invalid_argument);
  EXPECT_EQ(check_command({"multiply", "--matrix", "a", "--log", "d e", "-v"})->directory, "d e");
  EXPECT_EQ(check_command({"multiply", "--log=d"})->directory, "d");
  EXPECT_FALSE(check_command({"multiply", "--log=d"})->resume);
  EXPECT_TRUE(check_command({"multiply", "--resume", "--log", "d"})->resume);
}

constexpr const char* map_text = R"( Data for JOB [21279,1] offset 0 Total slots allocated 3

 ========================   JOB MAP   ========================

 Data for node: x1	Num slots: 2	Max slots: 0	Num procs: 2
 	Process OMPI jobid: [21279,1] App: 0 Process rank: 0 Bound: N/A

 Data for node: n-2.lab	Num slots: 1	Max slots: 0	Num procs: 3
 Data for node: idle	Num slots: 1	Max slots: 0	Num procs: 0
)";

TEST(Launch, HostsAreThoseOfOpenMpisOwnMap) {
  const auto hosts = hosts_in_map(map_text);
  ASSERT_TRUE(hosts.ok());
  ASSERT_EQ(hosts->size(), 2u);
  EXPECT_EQ(hosts->front().host, "x1");
  EXPECT_EQ(hosts->back().host, "n-2.lab");
  EXPECT_EQ(hosts->back().slots, 1u);
  EXPECT_EQ(hosts->back().ranks, 3u);
  EXPECT_EQ(hosts_in_map("There are not enough slots\n").status().code(), Code::unavailable);
}

TEST(Launch, ArgumentsOfMpirun) {
  LaunchOptions options;
  options.mpirun_options = {"--bind-to", "none"};
  options.ranks = 2;
  options.hostfile = "hosts";
  options.program = "/bin/sedma";
  options.variables = {"SEDMA_ISA"};
  options.command = {"multiply", "--log", "d"};
  EXPECT_EQ(map_arguments(options), (Arguments{"mpirun", "--do-not-launch", "--display-map", "--oversubscribe", "-n", "2", "--hostfile",
                                               "hosts", "--bind-to", "none", "/bin/sedma"}));
  EXPECT_EQ(first_job_arguments(options, {{"x", 2, 2}}),
            (Arguments{"mpirun", "--enable-recovery", "--mca", "odls_base_sigkill_timeout", "2", "-x", "SEDMA_ISA", "-n", "2", "--hostfile",
                       "hosts", "--bind-to", "none", "/bin/sedma", "multiply", "--log", "d"}));
  EXPECT_EQ(next_job_arguments(options, {{"x", 1, 3}, {"y", 2, 2}}), (Arguments{"mpirun",    "--enable-recovery",
                                                                                "--mca",     "odls_base_sigkill_timeout",
                                                                                "2",         "--oversubscribe",
                                                                                "--mca",     "mpi_yield_when_idle",
                                                                                "1",         "-x",
                                                                                "SEDMA_ISA", "-n",
                                                                                "5",         "--host",
                                                                                "x:3,y:2",   "--bind-to",
                                                                                "none",      "/bin/sedma",
                                                                                "multiply",  "--log",
                                                                                "d",         "--resume"}));
  EXPECT_EQ(probe_arguments(options, "y"), (Arguments{"mpirun", "-n", "1", "--host", "y", "--oversubscribe", "--bind-to", "none", "true"}));
  options.command.emplace_back("--resume");
  EXPECT_EQ(next_job_arguments(options, {{"x", 1, 1}}).back(), "--resume");
  EXPECT_EQ(next_job_arguments(options, {{"x", 1, 1}}).size(), first_job_arguments(options, {{"x", 1, 1}}).size());
}

}  // namespace
}  // namespace sedma::cli

// sedma run with an mpirun that does as the test says: it puts run logs made beforehand into place.

#include <chrono>
#include <filesystem>

#include "runtime/run_log.h"
#include "tests/cli/program.h"

namespace sedma::test {
namespace {

namespace fs = std::filesystem;
using State = runtime::RunStanding::State;

// $FAKE: its directory. Launch N copies after-N into the log and then does what the script do-N says.
constexpr const char* fake_mpirun = R"(#!/bin/sh
for last; do :; done
case "$*" in *--do-not-launch*) cat "$FAKE/map"; exit 0;; esac
if [ "$last" = true ]; then
  [ -e "$FAKE/dead-$4" ] && exit 1
  exit 0
fi
n=$(($(cat "$FAKE/launches" 2>/dev/null || echo 0) + 1))
echo $n > "$FAKE/launches"
echo "$*" > "$FAKE/arguments-$n"
[ -d "$FAKE/after-$n" ] && mkdir -p "$FAKE/log" && cp "$FAKE/after-$n"/* "$FAKE/log/"
[ -e "$FAKE/do-$n" ] && . "$FAKE/do-$n"
exit 0
)";

class RunCommand : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    fs::permissions(directory_.put("mpirun", fake_mpirun), fs::perms::owner_all);
    directory_.put(
        "map",
        " Data for node: n0\tNum slots: 2\tMax slots: 0\tNum procs: 2\n Data for node: n1\tNum slots: 1\tMax slots: 0\tNum procs: 2\n");
  }
  /// The log after launch `launch`, the first or one that resumes.
  void after(int launch, std::uint64_t vectors, State state = State::running) const {
    const std::string story = directory_ / "story";
    auto log = launch == 1 ? runtime::RunLog::create(story, identity_) : runtime::RunLog::resume(story, identity_);
    ASSERT_TRUE(log.ok()) << log.status().to_string();
    runtime::RunStanding standing = log->standing();
    standing.vectors_done = vectors;
    standing.state = state;
    standing.message = state == State::failed ? "no such board" : "";
    ASSERT_TRUE(log->note(standing).ok());
    fs::copy(story, directory_ / ("after-" + std::to_string(launch)));
  }
  Arguments arguments(const Arguments& more = {}) const {
    Arguments all = {"run", "--mpirun", directory_ / "mpirun"};
    all.insert(all.end(), more.begin(), more.end());
    for (const std::string& word : {std::string("--"), std::string("multiply"), std::string("--log"), directory_ / "log"})
      all.push_back(word);
    return all;
  }
  Environment environment() const { return {{"FAKE", directory_.path()}}; }
  Ran supervised(const Arguments& more = {}) const { return run(arguments(more), environment()); }
  std::string launches() const { return testing::bytes_of(directory_ / "launches"); }
  std::string arguments_of(int launch) const { return testing::bytes_of(directory_ / ("arguments-" + std::to_string(launch))); }
  bool appears(const std::string& name) const {
    for (int i = 0; i < 5000 && !fs::exists(directory_ / name); ++i) ::usleep(2000);
    return fs::exists(directory_ / name);
  }

  const runtime::RunIdentity identity_{"m", 1, 2, 100, 3, 1, ""};
};

TEST_F(RunCommand, AJobThatIsDoneIsDone) {
  after(1, 100, State::done);
  directory_.put("do-1", "exit 9\n");
  const Ran ran = supervised({"-n", "4", "--mpirun-options", "--mca 'a b' c"});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.err, "");
  EXPECT_EQ(launches(), "1\n");
  EXPECT_EQ(arguments_of(1),
            "--enable-recovery --mca odls_base_sigkill_timeout 2 --oversubscribe --mca mpi_yield_when_idle 1 -n 4 --mca a b c " +
                fs::canonical(program_).string() + " multiply --log " + (directory_ / "log") + "\n");
}

TEST_F(RunCommand, ALostJobGoesOnWithoutTheDeadHost) {
  after(1, 10);
  after(2, 100, State::done);
  directory_.put("dead-n0", "");
  const Ran ran = supervised();
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_EQ(ran.err,
            "sedma: the job is lost (mpirun ended with 0) with 10 vectors done\nsedma: host n0 does not answer and is left out\n"
            "sedma: restart 1: 2 ranks on n1\n");
  EXPECT_EQ(launches(), "2\n");
  EXPECT_TRUE(contains(arguments_of(2), " -n 2 --host n1:2 ")) << arguments_of(2);
  EXPECT_TRUE(contains(arguments_of(2), " --resume\n")) << arguments_of(2);
}

TEST_F(RunCommand, ARefusalIsNotTriedAgain) {
  after(1, 10, State::failed);
  const Ran ran = supervised();
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_EQ(ran.err, "sedma: the run failed: no such board\n");
  EXPECT_EQ(launches(), "1\n");
}

TEST_F(RunCommand, AJobThatNeverBeganIsNotTriedAgain) {
  directory_.put("do-1", "exit 5\n");
  Ran ran = supervised();
  EXPECT_EQ(ran.exit_code, 5);
  EXPECT_EQ(ran.err, "sedma: mpirun ended with 5 before the run began\n");
  directory_.put("do-2", "kill -9 $$\n");
  ran = supervised();
  EXPECT_EQ(ran.exit_code, 137) << ran.err;
  EXPECT_EQ(supervised().exit_code, 1) << "mpirun that recovers ends with 0 whatever its ranks return";
  EXPECT_EQ(launches(), "3\n");
}

TEST_F(RunCommand, GivesUp) {
  after(1, 10);
  directory_.put("dead-n0", "");
  const Ran fruitless = supervised({"--restarts", "50"});
  EXPECT_EQ(fruitless.exit_code, 1);
  EXPECT_TRUE(contains(fruitless.err, "gave up with 10 vectors done: 2 restarts in a row brought none")) << fruitless.err;
  EXPECT_EQ(launches(), "3\n");
  fs::remove_all(directory_ / "log");
  fs::remove(directory_ / "launches");
  directory_.put("dead-n1", "");
  const Ran alone = supervised();
  EXPECT_EQ(alone.exit_code, 1);
  EXPECT_TRUE(contains(alone.err, "sedma: no host answers any more\n")) << alone.err;
  EXPECT_EQ(launches(), "1\n");
}

TEST_F(RunCommand, ARunThatIsThereIsNotBegunAgain) {
  after(1, 10);
  fs::copy(directory_ / "after-1", directory_ / "log");
  const Ran ran = supervised();
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(contains(ran.err, "holds a run already, with 10 vectors done: add --resume")) << ran.err;
  EXPECT_EQ(launches(), "");
}

TEST_F(RunCommand, WrongUsage) {
  const auto expect_usage = [&](const Arguments& words, const std::string& fragment) {
    const Ran ran = run(words, environment());
    EXPECT_EQ(ran.exit_code, 2) << ran.err;
    EXPECT_TRUE(contains(ran.err, fragment)) << ran.err;
  };
  expect_usage({"run"}, "COMMAND is required");
  expect_usage({"run", "--", "info"}, "got 'info'");
  expect_usage({"run", "--", "multiply", "--matrix", "a.mtx"}, "multiply needs --log DIR, on a file system that every host sees");
  expect_usage({"run", "-n", "0", "--", "multiply", "--log", "d"}, "0 not in range");
  const Ran absent = run({"run", "--mpirun", directory_ / "none", "--", "multiply", "--log", directory_ / "log"});
  EXPECT_EQ(absent.exit_code, 1);
  EXPECT_TRUE(contains(absent.err, "cannot start")) << absent.err;
  directory_.put("map", "no slots\n");
  const Ran lost = supervised();
  EXPECT_EQ(lost.exit_code, 1);
  EXPECT_TRUE(contains(lost.err, "does not say where the ranks go (exit code 0): no slots")) << lost.err;
}

TEST_F(RunCommand, ARequestToStopReachesTheRanksAsSigusr1) {
  after(1, 10);
  after(2, 20, State::stopped);
  directory_.put("do-1",
                 "trap 'cp \"$FAKE/after-2\"/* \"$FAKE/log/\"; exit 0' USR1\ntrap 'exit 3' TERM INT HUP\n"
                 ": > \"$FAKE/ready\"\nwhile :; do sleep 0.02; done\n");
  for (const int signal : {SIGTERM, SIGINT, SIGUSR1}) {
    for (const char* name : {"log", "launches", "ready"}) fs::remove_all(directory_ / name);
    Child child(program_, arguments(), environment());
    ASSERT_TRUE(appears("ready"));
    ::kill(child.pid(), signal);
    const Ran ran = child.wait();
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    EXPECT_EQ(ran.err, "sedma: stopped with 20 vectors done; can be resumed with --resume\n");
    EXPECT_EQ(launches(), "1\n");
  }
}

TEST_F(RunCommand, ASecondRequestEndsMpirun) {
  after(1, 10);
  directory_.put("do-1", "trap ': > \"$FAKE/asked\"' USR1\ntrap 'exit 3' TERM\n: > \"$FAKE/ready\"\nwhile :; do sleep 0.02; done\n");
  Child child(program_, arguments(), environment());
  ASSERT_TRUE(appears("ready"));
  ::kill(child.pid(), SIGTERM);
  ASSERT_TRUE(appears("asked"));
  ::kill(child.pid(), SIGTERM);
  const Ran ran = child.wait();
  EXPECT_EQ(ran.exit_code, 143);
  EXPECT_EQ(ran.err, "sedma: interrupted with 10 vectors done; --resume goes on\n");
  EXPECT_EQ(launches(), "1\n");
}

TEST_F(RunCommand, MpirunDoesNotOutliveIt) {
  directory_.put("do-1", "trap ': > \"$FAKE/ended\"; exit 0' TERM\n: > \"$FAKE/ready\"\nwhile :; do sleep 0.02; done\n");
  Child child(program_, arguments(), environment());
  ASSERT_TRUE(appears("ready"));
  ::kill(child.pid(), SIGKILL);
  EXPECT_TRUE(appears("ended"));
}

}  // namespace
}  // namespace sedma::test

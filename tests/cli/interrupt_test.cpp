// SIGINT and SIGTERM in the middle of a run.

#include "tests/cli/program.h"

namespace sedma::test {
namespace {

class Interrupt : public Program {
 protected:
  void expect_stops(const std::string& device, int signal, int exit_code) const {
    const std::string matrix = put_matrix("dense.mtx", 400, 400, 1);
    const auto before = directory_.names().size();
    // A tolerance that no cell meets keeps the board writing for far longer than this test waits.
    Child child(program_,
                {"multiply", "--matrix", matrix, "--device", device, "--passes", "100000", "--tolerance", "1e-6", "--slices", "8",
                 "--output", directory_ / "y.h5", "--json", directory_ / "run.json"},
                {});
    ASSERT_TRUE(child.catches(signal)) << "it ended before it could be interrupted: " << child.wait().err;
    ::usleep(300000);
    ::kill(child.pid(), signal);
    const Ran ran = child.wait();
    EXPECT_EQ(ran.exit_code, exit_code) << ran.err;
    EXPECT_EQ(ran.err, "sedma: interrupted\n");
    EXPECT_TRUE(ran.out.empty()) << ran.out;
    EXPECT_EQ(directory_.names().size(), before) << "a partial file was left behind";
  }
};

TEST_F(Interrupt, SigintWithWorkerThreads) { expect_stops("emulator:EpiRAM?lanes=threads", SIGINT, 130); }
TEST_F(Interrupt, SigintOnTheCallersThread) { expect_stops("emulator:EpiRAM?lanes=inline", SIGINT, 130); }
TEST_F(Interrupt, SigtermWithWorkerThreads) { expect_stops("emulator:EpiRAM?lanes=threads", SIGTERM, 143); }
// A command that never ends: only cancelling the device can.
TEST_F(Interrupt, SigintWhileTheBoardHangs) { expect_stops("faulty:emulator:EpiRAM?fault.hang=1", SIGINT, 130); }

}  // namespace
}  // namespace sedma::test

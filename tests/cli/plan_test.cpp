// sedma plan, and --partition of sedma multiply.

#include <set>

#include "tests/cli/program.h"

namespace sedma::test {
namespace {

class PlanCommand : public Program {
 protected:
  // Rows 0, 2, 4 use columns 0, 3; rows 1, 3 columns 1, 5.
  std::string interleaved() {
    return directory_.put("interleaved.mtx",
                          "%%MatrixMarket matrix coordinate real general\n5 6 10\n1 1 1\n1 4 2\n3 1 3\n3 4 4\n5 1 5\n5 4 6\n2 2 7\n2 6 8\n"
                          "4 2 9\n4 6 10\n");
  }
  const std::string board_ = "emulator:EpiRAM?rows=2&cols=6&arrays=4";
};

TEST_F(PlanCommand, ShowsTheLayoutAndTheStaticOneBesideIt) {
  const json r = run_json({"plan", "--matrix", interleaved(), "--device", board_, "--sharing", "1", "--json"});
  EXPECT_EQ(r["partition"], "clustered");
  ASSERT_EQ(r["matrices"].size(), 1u);
  const json& m = r["matrices"][0];
  EXPECT_EQ(m["nonzeros"], 10);
  EXPECT_EQ(m["cells_useful"], 20);
  EXPECT_EQ(m["counting_bound"], 2);  // 20 cells, 12 to an array
  EXPECT_EQ(m["plan"]["arrays"], 2);
  EXPECT_EQ(m["plan"]["tiles"], 2);
  EXPECT_EQ(m["plan"]["turns"], 1);
  EXPECT_DOUBLE_EQ(m["plan"]["memory_efficiency"], 20.0 / 24);
  EXPECT_EQ(m["static"]["tiles"], 6);
  EXPECT_EQ(m["static"]["loads"], 6);
  EXPECT_EQ(m["static"]["arrays"], 4);
  EXPECT_EQ(m["static"]["turns"], 2);
  EXPECT_DOUBLE_EQ(m["static"]["memory_efficiency"], 20.0 / 72);
  // 5 ns of reading, then 8 ns for each of the outputs that share a converter: 3, and in the second static turn 2.
  EXPECT_NEAR(m["plan"]["product"]["seconds"].get<double>(), 29e-9, 1e-15);
  EXPECT_NEAR(m["static"]["product"]["seconds"].get<double>(), 29e-9 + 21e-9, 1e-15);
  EXPECT_LT(m["plan"]["product"]["converter_joules"], m["static"]["product"]["converter_joules"]);
  EXPECT_EQ(r["all"]["plan"], m["plan"]);
}

TEST_F(PlanCommand, SeveralMatricesShareTheBoard) {
  const std::string matrix = interleaved();
  const json r = run_json({"plan", "--matrix", matrix, "--matrix", matrix, "--device", board_, "--json"});
  ASSERT_EQ(r["matrices"].size(), 2u);
  EXPECT_EQ(r["all"]["nonzeros"], 20);
  EXPECT_EQ(r["all"]["static"]["tiles"], 12) << "none reaches over the border of a matrix";
  const Ran text = run({"plan", "--matrix", matrix, "--matrix", matrix, "--device", board_, "--picture"});
  EXPECT_EQ(text.exit_code, 0) << text.err;
  for (const char* what : {"all together", "static", "nothing was written", "array 0"}) EXPECT_TRUE(contains(text.out, what)) << text.out;
}

// What multiply says it did is what plan said it would.
TEST_F(PlanCommand, TellsWhatMultiplyDoes) {
  for (const char* partition : {"static", "grid", "clustered"}) {
    const std::string device = "emulator:EpiRAM?rows=32&cols=32&ideal_writing=on&adc_bits=0&dac_bits=0";
    const json told =
        run_json({"plan", "--matrix", "gallery:fem9?n=9", "--device", device, "--partition", partition, "--json"})["matrices"][0];
    const json done =
        run_json({"multiply", "--matrix", "gallery:fem9?n=9", "--device", device, "--partition", partition, "--batch", "2", "--json", "-"});
    EXPECT_EQ(done["plan"]["partition"], partition);
    EXPECT_LT(done["error"]["relative_l2"], 1e-5) << partition;
    for (const char* key : {"tiles", "arrays", "turns", "memory_efficiency"}) EXPECT_EQ(done["plan"][key], told["plan"][key]) << key;
    EXPECT_DOUBLE_EQ(done["multiply"]["seconds"].get<double>(), 2 * told["plan"]["product"]["seconds"].get<double>()) << partition;
    if (std::string(partition) != "static") continue;
    for (const char* key : {"tiles", "arrays", "turns", "memory_efficiency"}) EXPECT_EQ(told["static"][key], told["plan"][key]) << key;
    EXPECT_DOUBLE_EQ(told["static"]["product"]["joules_at_most"], told["plan"]["product"]["joules_at_most"]);
    EXPECT_DOUBLE_EQ(told["static"]["product"]["seconds"], told["plan"]["product"]["seconds"]);
  }
}

TEST_F(PlanCommand, RefusesWhatDoesNotFit) {
  const Ran ran = run({"plan", "--matrix", interleaved(), "--device", board_, "--tile", "4x2"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(contains(ran.err, "4 x 2")) << ran.err;
  EXPECT_EQ(run({"plan", "--matrix", "no_such_file.mtx", "--device", board_}).exit_code, 1);
}

}  // namespace
}  // namespace sedma::test

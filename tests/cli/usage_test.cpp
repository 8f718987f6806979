// Command lines: help, exit codes, where options come from.

#include "tests/cli/program.h"

namespace sedma::test {
namespace {

using Usage = Program;

TEST_F(Usage, HelpExplainsEveryCommandWithExamples) {
  const Ran all = run({"--help"});
  EXPECT_EQ(all.exit_code, 0);
  EXPECT_TRUE(contains(all.out, "Exit codes: 0 done, 1 failed, 2 wrong usage")) << all.out;
  for (const char* command : {"multiply", "sweep", "demo", "info", "plan", "devices", "conformance", "board-check"}) {
    EXPECT_TRUE(contains(all.out, command));
    const Ran one = run({command, "--help"});
    EXPECT_EQ(one.exit_code, 0) << command;
    EXPECT_TRUE(contains(one.out, std::string("Examples:\n  sedma ") + command)) << one.out;
    EXPECT_TRUE(one.err.empty()) << one.err;
  }
}

TEST_F(Usage, VersionIsOneLine) {
  const Ran ran = run({"--version"});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_EQ(ran.out.rfind("sedma ", 0), 0u) << ran.out;
  EXPECT_EQ(ran.out.find('\n'), ran.out.size() - 1);
}

TEST_F(Usage, WrongUsageIsExitCode2AndSaysWhy) {
  const std::string matrix = put_matrix("a.mtx", 8, 8, 0.5);
  const std::string device = "emulator:EpiRAM?arrays=2&rows=16&cols=16";
  const auto multiply = [&](Arguments more) {
    more.insert(more.begin(), {"multiply", "--matrix", matrix, "--device", device});
    return more;
  };
  const std::vector<std::pair<Arguments, std::string>> cases = {
      {{}, "Usage"},
      {{"frobnicate"}, "frobnicate"},
      {{"multiply"}, "--matrix"},
      {{"multiply", "--matrix", matrix}, "--device"},
      {multiply({"--frobnicate"}), "--frobnicate"},
      {multiply({"--passes", "-5"}), "--passes: Value -5 not in range 1 to 100000"},
      {multiply({"--passes", "0"}), "not in range"},
      {multiply({"--passes", "many"}), "--passes"},
      {multiply({"--seed", "-1"}), "-1 is not a number >= 0"},
      {multiply({"--lambda", "-0.5"}), "-0.5 is not a number >= 0"},
      {multiply({"--lambda", "inf"}), "inf is not a number >= 0"},
      {multiply({"--tolerance", "nan"}), "tolerance in levels is nan"},
      {multiply({"--batch", "0"}), "not in range"},
      {multiply({"--tile", "64"}), "'64' is not ROWSxCOLS"},
      {multiply({"--tile", "0x4"}), "'0x4' is not ROWSxCOLS"},
      {multiply({"--tile", "4x4x4"}), "'4x4x4' is not ROWSxCOLS"},
      {multiply({"--tile", "9x4"}), "a tile of 9 x 4"},
      {multiply({"--tile", "4x17"}), "the arrays have 16 x 16"},
      {multiply({"--encoding", "triple"}), "triple not in {pair,offset}"},
      {multiply({"--partition", "fixed"}), "fixed not in {static,grid,clustered}"},
      {multiply({"--scale", "row"}), "row not in {output,tile}"},
      {multiply({"--correction", "magic"}), "magic not in {none,products,residual}"},
      {multiply({"--correction", "none", "--slices", "1"}), "--slices 1 belongs to --correction residual"},
      {multiply({"--correction", "products", "--slices", "2"}), "--correction is products"},
      {multiply({"--correction", "residual", "--slices", "0"}), "at least one slice"},
      {multiply({"--slices", "17"}), "not in range"},
      {multiply({"--input", matrix, "--input-seed", "3"}), "use one of them"},
      {multiply({"--input", matrix, "--batch", "3"}), "--batch is 3"},
      {multiply({"--output", directory_ / "y.txt"}), "expected a name that ends in .npy, .mtx or .h5"},
      {multiply({"--output", directory_ / "y.npy", "--json", directory_ / "y.npy"}), "the same file"},
      {multiply({"--config", directory_ / "absent.ini"}), "absent.ini"},
      {{"conformance", "--device", device, "--pulses", "1000", "--only", "no such test"}, "no test's name contains"},
      {{"conformance", "--device", device}, "--pulses"},
      {{"info"}, "matrix"},
  };
  const auto before = directory_.names();
  for (const auto& [arguments, fragment] : cases) {
    const Ran ran = run(arguments);
    EXPECT_EQ(ran.exit_code, 2) << fragment << "\n" << ran.out << ran.err;
    EXPECT_TRUE(contains(ran.err, fragment)) << fragment << "\n" << ran.err;
  }
  EXPECT_EQ(directory_.names().size(), before.size()) << "something was left behind";
}

TEST_F(Usage, UrisAreRefusedWithWhatExists) {
  const std::string matrix = put_matrix("a.mtx", 8, 8, 0.5);
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"nonsense", "scheme:target"},
      {"", "scheme"},
      {"nodriver:x", "known: emulator"},
      {"emulator:Unobtainium", "there are Ag-aSi, AlOx-HfO2, EpiRAM, TaOx-HfOx"},
      {"emulator:EpiRAM?colour=red", "known: activation_ev, adc_bits"},
      {"emulator:EpiRAM?adc_bits=99", "adc_bits"},
      {"emulator:EpiRAM?rows=0", "rows"},
      {"emulator:EpiRAM?c2c=maybe", "c2c"},
      {"emulator:EpiRAM?rows=8&rows=9", "rows"},
  };
  for (const auto& [uri, fragment] : cases)
    for (const Arguments& arguments :
         {Arguments{"multiply", "--matrix", matrix, "--device", uri}, Arguments{"board-check", "--device", uri},
          Arguments{"conformance", "--pulses", "1000", "--device", uri}}) {
      const Ran ran = run(arguments);
      EXPECT_EQ(ran.exit_code, 2) << uri << "\n" << ran.err;
      EXPECT_TRUE(contains(ran.err, fragment)) << uri << "\n" << ran.err;
    }
  EXPECT_EQ(run({"board-check", "--device", "replay:" + (directory_ / "absent.h5")}).exit_code, 1)
      << "the URI is right, the file is not there";
}

TEST_F(Usage, OptionsComeFromConfigFilesAndVariables) {
  const std::string matrix = put_matrix("a.mtx", 8, 8, 0.5);
  const std::string config = directory_.put("c.ini", "[multiply]\nmatrix=\"" + matrix + "\"\ndevice=\"emulator:EpiRAM\"\nbatch=3\n");
  EXPECT_EQ(run_json({"--config", config, "multiply", "--json", "-"})["batch"], 3);
  EXPECT_EQ(run_json({"multiply", "--config", config, "--json", "-"})["batch"], 3);
  EXPECT_EQ(run_json({"multiply", "--config", config, "--json", "-", "--batch", "2"})["batch"], 2);
  const json from_environment =
      run_json({"multiply", "--json", "-"}, {{"SEDMA_MATRIX", matrix}, {"SEDMA_DEVICE", "emulator:Ag-aSi"}, {"SEDMA_INPUT_SEED", "9"}});
  EXPECT_EQ(from_environment["device"]["material"], "Ag-aSi");
  EXPECT_EQ(from_environment["input_seed"], 9);
  const std::string wrong = directory_.put("wrong.ini", "[multiply]\nmatrx=\"x\"\n");
  const Ran ran = run({"--config", wrong, "multiply", "--matrix", matrix, "--device", "emulator:EpiRAM"});
  EXPECT_EQ(ran.exit_code, 2);
  EXPECT_TRUE(contains(ran.err, "matrx")) << ran.err;
}

}  // namespace
}  // namespace sedma::test

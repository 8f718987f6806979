// sedma devices, info, conformance, board-check, demo.

#include <fstream>
#include <set>

#include "tests/cli/program.h"

namespace sedma::test {
namespace {

using Commands = Program;

TEST_F(Commands, DevicesListsWhatExists) {
  const json listed = run_json({"devices", "--json"});
  std::set<std::string> schemes, materials, options;
  for (const json& driver : listed["drivers"]) schemes.insert(driver["scheme"].get<std::string>());
  for (const json& material : listed["materials"]) materials.insert(material["name"].get<std::string>());
  for (const json& option : listed["emulator_options"]) options.insert(option["key"].get<std::string>());
  EXPECT_TRUE(schemes.count("emulator") == 1 && schemes.count("replay") == 1 && schemes.count("faulty") == 1) << listed["drivers"];
  EXPECT_EQ(materials, (std::set<std::string>{"Ag-aSi", "AlOx-HfO2", "EpiRAM", "TaOx-HfOx"}));
  const Ran text = run({"devices"});
  EXPECT_EQ(text.exit_code, 0);
  for (const auto& names : {schemes, materials, options})
    for (const std::string& name : names) EXPECT_TRUE(contains(text.out, name)) << name;
}

// The program's list and the emulator's own, which it gives when it refuses an option.
TEST_F(Commands, DevicesNamesEveryOptionOfTheEmulator) {
  const json listed = run_json({"devices", "--json"});
  const std::string refusal = run({"board-check", "--device", "emulator:EpiRAM?no_such_option=1"}).err;
  const std::size_t begin = refusal.find("known: ");
  ASSERT_NE(begin, std::string::npos) << refusal;
  std::string expected = refusal.substr(begin + 7);
  expected.erase(expected.find_last_not_of('\n') + 1);
  std::set<std::string> keys;
  for (const json& option : listed["emulator_options"]) keys.insert(option["key"].get<std::string>());
  std::string actual;
  for (const std::string& key : keys) actual += (actual.empty() ? "" : ", ") + key;
  EXPECT_EQ(actual, expected);
}

TEST_F(Commands, InfoLooksAtTheEntries) {
  const std::string skew = directory_.put("skew.mtx", "%%MatrixMarket matrix coordinate integer skew-symmetric\n4 4 2\n2 1 3\n4 1 -7\n");
  const json s = run_json({"info", skew, "--json"});
  EXPECT_EQ(s["symmetry"], "skew-symmetric");
  EXPECT_EQ(s["field"], "integer");
  EXPECT_EQ(s["nonzeros"], 4);
  EXPECT_EQ(s["density"], 0.25);
  EXPECT_EQ(s["lower_bandwidth"], 3);
  EXPECT_EQ(s["upper_bandwidth"], 3);
  EXPECT_EQ(s["empty_rows"], 1);
  EXPECT_EQ(s["empty_cols"], 1);
  EXPECT_EQ(s["min_magnitude"], 3.0);
  EXPECT_EQ(s["max_magnitude"], 7.0);
  const json p =
      run_json({"info", directory_.put("p.mtx", "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n1 1\n3 1\n"), "--json"});
  EXPECT_EQ(p["symmetry"], "symmetric");
  EXPECT_EQ(p["field"], "pattern");
  const json g =
      run_json({"info", directory_.put("g.mtx", "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 2 1.5\n2 1 2\n"), "--json"});
  EXPECT_EQ(g["symmetry"], "general");
  EXPECT_EQ(g["symmetric_pattern"], true);
  EXPECT_EQ(g["field"], "real");
  const json r = run_json({"info", put_matrix("r.mtx", 3, 5, 0.5), "--json"});
  EXPECT_EQ(r["symmetry"], "not square");
  const Ran text = run({"info", skew});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_TRUE(contains(text.out, "skew-symmetric") && contains(text.out, "4 x 4")) << text.out;
}

TEST_F(Commands, ConformancePassesOnTheEmulatorAndFailsOnABrokenBoard) {
  const std::string board = "emulator:TaOx-HfOx?arrays=4&rows=32&cols=32";
  const json good = run_json({"conformance", "--device", board, "--pulses", "10000000", "--only", "product", "--json", "-"});
  EXPECT_EQ(good["passed"], true);
  EXPECT_FALSE(good["cases"].empty());
  EXPECT_LE(good["pulses"], good["budget_pulses"]);
  for (const json& each : good["cases"]) EXPECT_LE(each["pulses"], each["worst_case_pulses"]) << each;
  const std::string file = directory_ / "bad.json";
  const Ran bad =
      run({"conformance", "--device", "faulty:" + board + "&fault.garbage=1", "--pulses", "10000000", "--only", "product", "--json", file});
  EXPECT_EQ(bad.exit_code, 1);
  EXPECT_TRUE(contains(bad.out, "does not conform")) << bad.out << bad.err;
  EXPECT_EQ(json::parse(testing::bytes_of(file))["passed"], false) << "the report of a failure is kept: it is what was asked for";
  const Ran poor = run({"conformance", "--device", board, "--pulses", "0", "--only", "program"});
  EXPECT_EQ(poor.exit_code, 1) << "nothing passed: " << poor.out;
}

TEST_F(Commands, BoardCheckSendsNoPulse) {
  const std::string recording = directory_ / "check.h5";
  const json found = run_json({"board-check", "--device", "record:emulator:EpiRAM?record.file=" + recording, "--json"});
  EXPECT_EQ(found["pulses"], 0);
  EXPECT_EQ(found["safe_state"], true);
  EXPECT_EQ(found["read"]["siemens"].size(), 16u);
  EXPECT_TRUE(found["self_test"].is_array());
  EXPECT_EQ(found["device"]["material"], "EpiRAM");
  const std::string limits = directory_.put("limits.json", R"({"max_read_volts": 0.2})");
  EXPECT_DOUBLE_EQ(run_json({"board-check", "--device", "emulator:EpiRAM", "--limits", limits, "--json"})["read"]["volts"], 0.2);
  const Ran text = run({"board-check", "--device", "emulator:EpiRAM"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_TRUE(contains(text.out, "safe state")) << text.out;
  EXPECT_EQ(run({"board-check", "--device", "faulty:emulator:EpiRAM?fault.lost_after=0"}).exit_code, 1);
}

TEST_F(Commands, DemoShowsFourMaterialsWithAndWithoutCorrection) {
  const std::string matrix = put_matrix("a.mtx", 60, 60, 0.1);
  const json shown = run_json({"demo", "--matrix", matrix, "--passes", "50", "--json", "-"});
  ASSERT_EQ(shown["runs"].size(), 12u);
  for (std::size_t k = 0; k < 12; k += 3) {
    const double plain = shown["runs"][k]["error"]["relative_l2"], twice = shown["runs"][k + 2]["error"]["relative_l2"];
    EXPECT_LT(twice, 1.2 * plain) << shown["runs"][k]["material"];
    EXPECT_EQ(shown["runs"][k + 1]["correction"]["slices"], 1);
  }
  const Ran text = run({"demo", "--matrix", matrix, "--passes", "50", "--seed", "4"});
  EXPECT_EQ(text.exit_code, 0);
  EXPECT_TRUE(text.err.empty()) << "no progress in a pipe: " << text.err;
  EXPECT_TRUE(contains(text.out, "8-bit ADC, 8-bit DAC, C2C on, transistor on, 50 passes, seed 4")) << text.out;
  EXPECT_EQ(run({"demo", "--matrix", directory_ / "absent.mtx"}).exit_code, 1);
  const std::string limits = directory_ / "demo-limits.json";
  std::ofstream(limits) << R"({"max_total_pulses": 10})";
  const Ran limited = run({"demo", "--matrix", matrix, "--limits", limits});
  EXPECT_EQ(limited.exit_code, 1);
  EXPECT_NE(limited.err.find("10"), std::string::npos) << limited.err;
}

}  // namespace
}  // namespace sedma::test

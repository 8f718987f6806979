// sedma multiply: what it reports and what it leaves behind.

#include <fstream>
#include <set>

#include "tests/cli/program.h"

namespace sedma::test {
namespace {

class Multiply : public Program {
 protected:
  Arguments arguments(const std::string& matrix, const Arguments& more, const std::string& device = small_board) const {
    Arguments all = {"multiply", "--matrix", matrix, "--device", device};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  json report(const std::string& matrix, Arguments more = {}, const std::string& device = small_board) const {
    more.insert(more.end(), {"--json", "-"});
    return run_json(arguments(matrix, more, device));
  }
  static constexpr const char* small_board = "emulator:TaOx-HfOx?arrays=16&rows=32&cols=32";
};

void expect_keys(const json& object, const std::set<std::string>& keys) {
  ASSERT_TRUE(object.is_object()) << object;
  for (const std::string& key : keys) EXPECT_TRUE(object.contains(key)) << key << " is missing in " << object;
}

void expect_total(const json& joules) {
  expect_keys(joules, {"cells", "lines", "dac", "adc", "verify", "total"});
  double sum = 0;
  for (const char* part : {"cells", "lines", "dac", "adc", "verify"}) {
    EXPECT_GE(joules[part].get<double>(), 0) << part;
    sum += joules[part].get<double>();
  }
  EXPECT_NEAR(joules["total"].get<double>(), sum, 1e-12 * sum);
}

TEST_F(Multiply, JsonHasEveryField) {
  const json r = report(put_matrix("a.mtx", 40, 50, 0.2), {"--slices", "1", "--batch", "2", "--seed", "5"});
  expect_keys(r, {"matrix", "device", "plan", "conversion", "programming", "multiply", "assumptions", "provenance", "error", "correction",
                  "wall_seconds", "peak_bytes", "batch", "seed", "input_seed", "y_digest"});
  expect_keys(r["matrix"], {"name", "rows", "cols", "nonzeros"});
  expect_keys(r["device"],
              {"board_id", "material", "cell", "unselected", "arrays", "rows", "cols", "levels", "g_min_siemens", "g_max_siemens",
               "cell_volts", "gate_volts", "read_volts", "width_seconds", "compliance_amps", "dac_bits", "adc_bits", "features"});
  expect_keys(r["plan"], {"partition", "sharing", "tile_rows", "tile_cols", "tiles", "arrays", "turns", "cells_allocated", "cells_useful",
                          "memory_efficiency", "blocks", "bad_lines", "bad_cells", "encoding", "scale"});
  expect_keys(r["programming"], {"pulses", "joules", "seconds", "unconverged", "passes", "cells", "conversions", "compensated",
                                 "uncompensated", "tolerance_levels"});
  expect_keys(r["multiply"], {"products", "conversions", "joules", "seconds"});
  expect_keys(r["assumptions"], {"adc_joules", "adc_seconds", "dac_joules", "adc_ideal", "dac_ideal", "cycle_to_cycle"});
  expect_keys(r["provenance"], {"version", "commit", "uri", "argv", "host", "isa", "utc"});
  expect_keys(r["error"], {"relative_l2", "relative_linf", "domain"});
  expect_keys(r["correction"], {"kind", "slices", "lambda", "lambda_adaptive", "cost"});
  expect_keys(r["wall_seconds"], {"load", "program", "multiply", "reference", "total"});
}

TEST_F(Multiply, FiguresAgreeWithEachOther) {
  const json r = report(put_matrix("a.mtx", 40, 50, 0.2), {"--slices", "1", "--batch", "2", "--seed", "5"});
  const json& plan = r["plan"];
  EXPECT_DOUBLE_EQ(plan["cells_useful"].get<double>() / plan["cells_allocated"].get<double>(), plan["memory_efficiency"].get<double>());
  EXPECT_EQ(plan["cells_useful"], 4 * r["matrix"]["nonzeros"].get<int>()) << "two cells of a pair, two slices";
  expect_total(r["programming"]["joules"]);
  expect_total(r["multiply"]["joules"]);
  EXPECT_EQ(r["multiply"]["products"], 2 * 2 * plan["tiles"].get<int>()) << "batch x slices x tiles";
  EXPECT_EQ(r["seed"], 5);
  EXPECT_EQ(r["input_seed"], 5);
  EXPECT_EQ(r["assumptions"]["seed"], 5);
  EXPECT_EQ(r["provenance"]["uri"], "emulator:TaOx-HfOx?arrays=16&cols=32&rows=32&seed=5")
      << "with the seed, options in the order of their names";
  EXPECT_EQ(r["correction"]["kind"], "residual");
  EXPECT_EQ(r["error"]["domain"], "original");
  EXPECT_LT(r["error"]["relative_l2"], 0.1);
  EXPECT_EQ(r["y_digest"].get<std::string>().size(), 32u);
  const json& wall = r["wall_seconds"];
  EXPECT_GE(wall["total"].get<double>(), wall["load"].get<double>() + wall["program"].get<double>() + wall["multiply"].get<double>());
  EXPECT_GT(r["peak_bytes"], 1000000);
}

TEST_F(Multiply, IdealConvertersCostNothingAndAreMarked) {
  const std::string matrix = put_matrix("a.mtx", 20, 20, 0.5);
  const json ideal = report(matrix, {}, "emulator:EpiRAM?adc_bits=0&dac_bits=0");
  EXPECT_EQ(ideal["assumptions"]["adc_ideal"], true);
  EXPECT_EQ(ideal["assumptions"]["dac_ideal"], true);
  EXPECT_EQ(ideal["multiply"]["joules"]["adc"], 0.0);
  EXPECT_EQ(ideal["multiply"]["joules"]["dac"], 0.0);
  EXPECT_EQ(report(matrix, {}, "emulator:EpiRAM")["assumptions"]["adc_ideal"], false);
}

TEST_F(Multiply, SkippedReferenceSaysSo) {
  const json r = report(put_matrix("a.mtx", 20, 20, 0.5), {"--no-reference"});
  EXPECT_TRUE(r["error"]["relative_l2"].is_null());
  EXPECT_TRUE(r["error"]["relative_linf"].is_null());
  EXPECT_TRUE(contains(r["error"]["skipped_reason"], "--no-reference"));
}

TEST_F(Multiply, CorrectionsAreWhatWasAsked) {
  const std::string matrix = put_matrix("a.mtx", 20, 20, 0.5);
  EXPECT_EQ(report(matrix)["correction"]["kind"], "none");
  EXPECT_EQ(report(matrix, {"--correction", "residual"})["correction"]["slices"], 1);
  EXPECT_EQ(report(matrix, {"--slices", "2"})["correction"]["kind"], "residual");
  const json products = report(matrix, {"--correction", "products", "--batch", "2"});
  EXPECT_EQ(products["correction"]["kind"], "products");
  EXPECT_EQ(products["correction"]["cost"]["array_writes_per_x"], 1);
  EXPECT_GE(products["correction"]["cost"]["products_per_x"], 20) << "every row of A is a product";
  EXPECT_EQ(report(matrix, {"--slices", "1"})["correction"]["cost"]["array_writes_per_x"], 0);
  EXPECT_EQ(report(matrix, {"--lambda", "0.5"})["correction"]["lambda"], 0.5);
}

TEST_F(Multiply, OutputHoldsTheProductThatTheDigestNames) {
  const std::string matrix = put_matrix("a.mtx", 20, 30, 0.5);
  const std::string y = directory_ / "y.npy", run_file = directory_ / "run.json";
  const Ran ran = run(arguments(matrix, {"--batch", "3", "--output", y, "--json", run_file}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.err.empty()) << ran.err;
  EXPECT_TRUE(contains(ran.out, "8-bit ADC, 8-bit DAC, headroom 1, 1 repeat, C2C on, 100 passes, seed 1")) << ran.out;
  const json described = run_json({"info", y, "--json"});
  EXPECT_EQ(described["rows"], 3);
  EXPECT_EQ(described["cols"], 20);
  const json kept = json::parse(testing::bytes_of(run_file));
  EXPECT_TRUE(contains(ran.out, kept["y_digest"].get<std::string>()));
  // The same product again, fed with its own input.
  EXPECT_EQ(report(matrix, {"--batch", "3"})["y_digest"], kept["y_digest"]);
}

TEST_F(Multiply, InputFilesGiveTheBatch) {
  const std::string matrix = put_matrix("a.mtx", 20, 4, 0.9);
  const std::string input = directory_.put("x.mtx", "%%MatrixMarket matrix array real general\n2 4\n1\n0\n2\n0\n3\n0\n4\n0\n");
  const json r = report(matrix, {"--input", input, "--batch", "2"});
  EXPECT_EQ(r["batch"], 2);
  EXPECT_TRUE(r["input_seed"].is_null());
  EXPECT_EQ(r["input"], input);
}

TEST_F(Multiply, DryRunTellsTheCommandsAndSendsNone) {
  const std::string matrix = put_matrix("a.mtx", 40, 50, 0.2);
  for (const Arguments& how :
       {Arguments{}, Arguments{"--slices", "2"}, Arguments{"--correction", "products"}, Arguments{"--encoding", "offset"}}) {
    Arguments more = how;
    more.insert(more.end(), {"--batch", "2"});
    const json real = report(matrix, more);
    more.push_back("--dry-run");
    const json told = report(matrix, more);
    EXPECT_EQ(told["dry_run"], true);
    EXPECT_EQ(told["plan"], real["plan"]);
    EXPECT_EQ(told["commands"]["total"], real["programming"]["commands"].get<int>() + real["multiply"]["commands"].get<int>())
        << told["correction"];
    EXPECT_GE(told["worst_case_pulses"], real["programming"]["pulses"]);
    EXPECT_FALSE(told.contains("y_digest"));
  }
  const std::string recording = directory_ / "nothing.h5";
  const json told =
      report(matrix, {"--dry-run", "--output", directory_ / "y.h5"}, std::string("record:") + small_board + "&record.file=" + recording);
  EXPECT_EQ(told["dry_run"], true);
  EXPECT_FALSE(std::filesystem::exists(directory_ / "y.h5"));
  const Ran replayed = run(arguments(matrix, {}, "replay:" + recording));
  EXPECT_EQ(replayed.exit_code, 1) << "the recording of a dry run holds no command";
}

TEST_F(Multiply, RecordingsGiveTheSameProductAgain) {
  const std::string matrix = put_matrix("a.mtx", 40, 50, 0.2);
  const std::string recording = directory_ / "run.h5";
  const json plain = report(matrix, {"--slices", "1"});
  const json recorded = report(matrix, {"--slices", "1", "--record", recording});
  const json replayed = report(matrix, {"--slices", "1"}, "replay:" + recording);
  EXPECT_EQ(recorded["y_digest"], plain["y_digest"]);
  EXPECT_EQ(replayed["y_digest"], plain["y_digest"]);
  EXPECT_EQ(replayed["programming"]["pulses"], plain["programming"]["pulses"]);
  EXPECT_EQ(recorded["assumptions"], plain["assumptions"]);
  EXPECT_TRUE(replayed["assumptions"].is_null());
  const Ran other = run(arguments(matrix, {"--slices", "1", "--passes", "7"}, "replay:" + recording));
  EXPECT_EQ(other.exit_code, 2) << "other commands than the recorded ones: " << other.err;
}

TEST_F(Multiply, WrappedEmulatorsKeepTheirAssumptionsAndSeed) {
  const std::string matrix = put_matrix("a.mtx", 20, 20, 0.5);
  const json plain = report(matrix, {"--seed", "3"}), wrapped = report(matrix, {"--seed", "3"}, std::string("faulty:") + small_board);
  EXPECT_EQ(wrapped["y_digest"], plain["y_digest"]);
  EXPECT_EQ(wrapped["assumptions"], plain["assumptions"]);
}

TEST_F(Multiply, LimitsAndMasksReachTheBoard) {
  const std::string matrix = put_matrix("a.mtx", 40, 50, 0.2);
  const std::string tight = directory_.put("tight.json", R"({"max_total_pulses": 10})");
  const Ran refused = run(arguments(matrix, {"--limits", tight, "--output", directory_ / "y.h5"}));
  EXPECT_EQ(refused.exit_code, 1);
  EXPECT_TRUE(contains(refused.err, "max_total_pulses")) << refused.err;
  EXPECT_FALSE(std::filesystem::exists(directory_ / "y.h5"));
  const std::string unknown = directory_.put("unknown.json", R"({"max_pulses": 10})");
  const Ran misspelt = run(arguments(matrix, {"--limits", unknown}));
  EXPECT_EQ(misspelt.exit_code, 1);
  EXPECT_TRUE(contains(misspelt.err, "unknown key 'max_pulses'; known: max_cell_volts")) << misspelt.err;

  const std::string mask = directory_.put("mask.json", R"({"bad_bit_lines": [[0, 3]], "bad_cells": [[0, 1, 1], [0, 5, 8]]})");
  const json masked = report(matrix, {"--mask", mask});
  EXPECT_EQ(masked["plan"]["bad_lines"], 2) << "a bit line and its partner";
  EXPECT_GE(masked["plan"]["bad_cells"], 1);
  const std::string foreign = directory_.put("foreign.json", R"({"board_id": "another"})");
  EXPECT_EQ(run(arguments(matrix, {"--mask", foreign})).exit_code, 1);
}

TEST_F(Multiply, FailuresOfTheBoardAreExitCode1) {
  const std::string matrix = put_matrix("a.mtx", 40, 50, 0.2);
  const auto before = directory_.names().size();
  const Ran ran = run(arguments(matrix, {"--output", directory_ / "y.h5", "--json", directory_ / "run.json"},
                                std::string("faulty:") + small_board + "&fault.error=1"));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_FALSE(ran.err.empty());
  EXPECT_EQ(directory_.names().size(), before);
  const Ran too_small = run(arguments(matrix, {"--correction", "products"}, "emulator:EpiRAM?arrays=1&rows=32&cols=32"));
  EXPECT_EQ(too_small.exit_code, 1);
  EXPECT_TRUE(contains(too_small.err, "correction products")) << too_small.err;
}

TEST_F(Multiply, AFullDiskUnderStdoutIsAFailure) {
  if (!std::filesystem::exists("/dev/full")) GTEST_SKIP() << "no /dev/full here";
  const std::string command =
      "'" + program_ + "' info '" + put_matrix("a.mtx", 4, 4, 1) + "' > /dev/full 2> '" + (directory_ / "err") + "'";
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), 1);
  EXPECT_TRUE(contains(testing::bytes_of(directory_ / "err"), "cannot write to stdout"));
}

}  // namespace
}  // namespace sedma::test

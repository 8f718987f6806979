// sedma multiply with a goal: what may be combined, what it reports, when the memory is touched.

#include <filesystem>
#include <sstream>

#include "tests/cli/program.h"

namespace sedma::test {
namespace {

class Goal : public Program {
 protected:
  void SetUp() override {
    Program::SetUp();
    std::ofstream(directory_ / "a.mtx") << "%%MatrixMarket matrix array real general\n3 2\n1\n2\n3\n4\n5\n6\n";
  }

  Arguments multiply(const Arguments& extra) const {
    Arguments arguments = {
        "multiply", "--matrix", directory_ / "a.mtx", "--device", "emulator:TaOx-HfOx?arrays=4&rows=64&cols=64&adc_bits=10&dac_bits=10",
        "--batch",  "8"};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return arguments;
  }
  Ran go(const Arguments& extra) const { return run(multiply(extra), {{"XDG_DATA_HOME", directory_ / "data"}}); }
  json report(Arguments extra) const {
    extra.insert(extra.end(), {"--json", "-"});
    const Ran ran = go(extra);
    EXPECT_EQ(ran.exit_code, 0) << ran.err;
    return json::parse(ran.out, nullptr, false);
  }
  bool has_memory() const { return std::filesystem::exists(directory_ / "data/sedma/memory.sqlite"); }
};

TEST_F(Goal, OptionsThatItDecidesAreRefusedByName) {
  for (const auto& [option, value] : std::vector<std::pair<std::string, std::string>>{{"--tile", "2x2"},
                                                                                      {"--encoding", "pair"},
                                                                                      {"--slices", "1"},
                                                                                      {"--passes", "21"},
                                                                                      {"--tolerance", "1"},
                                                                                      {"--headroom", "0.5"},
                                                                                      {"--repeats", "4"},
                                                                                      {"--lambda", "0.1"},
                                                                                      {"--partition", "grid"},
                                                                                      {"--correction", "none"},
                                                                                      {"--scale", "tile"}}) {
    const Ran ran = go({"--target-error", "0.1", option, value});
    EXPECT_EQ(ran.exit_code, 2) << option;
    EXPECT_NE(ran.err.find(option), std::string::npos) << ran.err;
  }
  EXPECT_FALSE(has_memory());
}

TEST_F(Goal, WhatContradictsItselfIsRefused) {
  const std::vector<std::pair<Arguments, std::string>> refused = {
      {{"--target-error", "0.1", "--joules", "1"}, "use one"},
      {{"--joules", "1", "--objective", "latency"}, "--objective belongs to --target-error"},
      {{"--explain"}, "--explain belongs to a goal"},
      {{"--horizon", "9"}, "--horizon belongs to a goal"},
      {{"--target-error", "0"}, "0 is not a number > 0"},
      {{"--target-error", "nan"}, "not a number > 0"},
      {{"--target-error", "0.1", "--horizon", "7"}, "this run alone multiplies 8 vectors"},
      {{"--target-error", "0.1", "--policy", "best"}, "no-long-term"},
      {{"--target-error", "0.1", "--budget"}, "--explain prints the options"},
      {{"--target-error", "0.1", "--log", directory_ / "log"}, "--dry-run --explain prints the options"}};
  for (const auto& [extra, message] : refused) {
    const Ran ran = go(extra);
    EXPECT_EQ(ran.exit_code, 2) << message;
    EXPECT_NE(ran.err.find(message), std::string::npos) << ran.err;
  }
  EXPECT_FALSE(std::filesystem::exists(directory_ / "log"));
  EXPECT_FALSE(has_memory());
}

TEST_F(Goal, ThereIsAMemoryOnlyWithAGoal) {
  EXPECT_EQ(go({}).exit_code, 0);
  EXPECT_FALSE(has_memory());
  EXPECT_EQ(go({"--target-error", "0.1", "--memory", "none"}).exit_code, 0);
  EXPECT_FALSE(has_memory());
  EXPECT_EQ(go({"--target-error", "0.1", "--dry-run"}).exit_code, 0);
  EXPECT_FALSE(has_memory());
  EXPECT_EQ(go({"--target-error", "0.1"}).exit_code, 0);
  EXPECT_TRUE(has_memory());
}

TEST_F(Goal, TheSecondRunRecallsTheFirst) {
  const json first = report({"--target-error", "0.1"})["tuning"], second = report({"--target-error", "0.1"})["tuning"];
  EXPECT_EQ(first["memory"]["patterns_before"], 0);
  EXPECT_GE(first["memory"]["patterns_after"], 1);
  EXPECT_EQ(second["memory"]["patterns_before"], first["memory"]["patterns_after"]);
  ASSERT_FALSE(second["episodes"][0]["recalled"].empty());
  EXPECT_LT(second["episodes"][0]["recalled"][0]["distance"].get<double>(), 1e-3);
  EXPECT_EQ(second["episodes"][0]["recalled"][0]["found"]["error_p95"], first["episodes"][0]["found"]["error_p95"]);
}

TEST_F(Goal, TheReportSaysWhatWasAskedChosenAndFound) {
  const json all = report({"--target-error", "0.1", "--each", "4", "--horizon", "100"});
  const json& tuning = all["tuning"];
  EXPECT_EQ(tuning["goal"]["target_error"], 0.1);
  EXPECT_EQ(tuning["goal"]["objective"], "energy");
  EXPECT_EQ(tuning["goal"]["horizon_vectors"], 100);
  EXPECT_EQ(tuning["policy"], "full");
  EXPECT_EQ(tuning["total"]["vectors"], 8);
  EXPECT_EQ(tuning["total"]["checked"], 8);
  EXPECT_EQ(tuning["target_met"], tuning["total"]["error_p95"] <= 0.1);
  double pulses = 0;
  for (const json& episode : tuning["episodes"]) {
    for (const char* key : {"choice", "prior", "corrected", "found", "reason", "recalled", "met_probability"})
      EXPECT_TRUE(episode.contains(key)) << key;
    if (episode["programmed"]) pulses += episode["found"]["pulses"].get<double>();
  }
  EXPECT_EQ(pulses, all["programming"]["pulses"]);
  EXPECT_NE(tuning["flags"].get<std::string>().find("--tile "), std::string::npos);
}

TEST_F(Goal, TheFlagsThatItPrintsGiveTheSameChoice) {
  const json tuned = report({"--target-error", "0.1", "--memory", "none"});
  ASSERT_EQ(tuned["tuning"]["episodes"].size(), 1u);
  Arguments extra;
  std::istringstream words(tuned["tuning"]["flags"].get<std::string>());
  for (std::string word; words >> word;) extra.push_back(word);
  const json plain = report(extra);
  EXPECT_EQ(plain["y_digest"], tuned["y_digest"]);
  EXPECT_EQ(plain["programming"]["pulses"], tuned["programming"]["pulses"]);
}

TEST_F(Goal, MissingItIsAWarningOrWithStrictAFailure) {
  const Arguments impossible = {"--target-error", "1e-9", "--memory", "none"};
  const Ran warned = go(impossible);
  EXPECT_EQ(warned.exit_code, 0);
  EXPECT_NE(warned.err.find("the goal was not met"), std::string::npos) << warned.err;
  Arguments strict = impossible;
  strict.emplace_back("--strict");
  EXPECT_EQ(go(strict).exit_code, 1);
}

TEST_F(Goal, AMemoryThatCannotBeOpenedIsNoReasonNotToMultiply) {
  const Ran ran = go({"--target-error", "0.1", "--memory", directory_ / std::string(300, 'x')});
  EXPECT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_NE(ran.err.find("goes on without long-term memory"), std::string::npos) << ran.err;
}

}  // namespace
}  // namespace sedma::test

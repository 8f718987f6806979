// sedma multiply --budget, and the table of sources behind it.

#include "cli/budget_sources.h"
#include "tests/cli/program.h"

namespace sedma::test {
namespace {

class Budget : public Program {
 protected:
  Arguments arguments(const std::string& matrix, const std::string& device, const Arguments& more) const {
    Arguments all = {"multiply", "--matrix", matrix, "--device", device};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  static constexpr const char* board = "emulator:TaOx-HfOx?arrays=4&rows=64&cols=64&read_noise=0.01";
};

TEST_F(Budget, JsonHasEveryFieldAndThePartsAddUp) {
  const std::string matrix = put_matrix("a.mtx", 30, 40, 0.5);
  const json r = run_json(arguments(matrix, board, {"--batch", "2", "--budget", "--streams", "6", "--seed", "4", "--json", "-"}));
  const json& budget = r["budget"];
  EXPECT_EQ(budget["streams"], 6);
  EXPECT_EQ(budget["first_seed"], 4);
  EXPECT_EQ(budget["confidence"], 0.95);
  std::vector<std::string> names;
  json parts = {budget["total"], budget["encoding"], budget["interaction"]};
  double sum = budget["encoding"]["squared"].get<double>() + budget["interaction"]["squared"].get<double>(), shares = 0;
  for (const json& part : budget["sources"]) {
    names.push_back(part["source"]);
    sum += part["squared"].get<double>();
    parts.push_back(part);
  }
  EXPECT_EQ(names, (std::vector<std::string>{"write errors", "read noise", "DAC", "ADC"}));
  EXPECT_EQ(budget["products"], 6 * 6);
  const double total = budget["total"]["squared"];
  EXPECT_NEAR(sum, total, 1e-12 * total);
  for (const json& part : parts) {
    const double squared = part["squared"];
    EXPECT_NEAR(part["bias"].get<double>() + part["variance"].get<double>(), squared, 1e-9 * total) << part;
    EXPECT_LE(part["interval"][0], squared);
    EXPECT_GE(part["interval"][1], squared);
    EXPECT_NEAR(part["share"].get<double>() * total, squared, 1e-12 * total);
    EXPECT_EQ(part["rms"].is_null(), squared < 0) << part;
    shares += part["share"].get<double>();
  }
  EXPECT_NEAR(shares, 2, 1e-9) << "the total and its parts";
  EXPECT_FALSE(run_json(arguments(matrix, board, {"--json", "-"})).contains("budget"));
}

// The first stream is the board of the command line, the second the one of the next seed.
TEST_F(Budget, StreamsAreSeeds) {
  const std::string matrix = put_matrix("a.mtx", 30, 40, 0.5);
  const auto squared = [&](const std::string& uri) {
    const double error = run_json(arguments(matrix, uri, {"--json", "-"}))["error"]["relative_l2"];
    return error * error;
  };
  const std::string ideal = "emulator:EpiRAM?ideal_writing=on&adc_bits=0&read_noise=0.03&dac_bits=0";
  const json budget = run_json(arguments(matrix, ideal + "&seed=7", {"--budget", "--streams", "2", "--json", "-"}))["budget"];
  // --seed stays 1, so the inputs are the same.
  EXPECT_NEAR(budget["total"]["squared"].get<double>() / ((squared(ideal + "&seed=7") + squared(ideal + "&seed=8")) / 2), 1, 1e-9);
  EXPECT_NEAR(budget["encoding"]["squared"].get<double>() / squared("emulator:EpiRAM?ideal_writing=on&adc_bits=0&dac_bits=0"), 1, 1e-9);
}

TEST_F(Budget, PrintsATable) {
  const std::string matrix = put_matrix("a.mtx", 30, 40, 0.5);
  const Ran ran = run(arguments(matrix, board, {"--budget", "--slices", "1"}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.err.empty()) << ran.err;
  for (const char* text : {"relative l2", "error budget over 32 streams (seeds 1 to 32), 192 products", "source of error", "95 % interval",
                           "write errors", "read noise", "DAC", "ADC", "encoding", "interaction", "total", "100.00 %"})
    EXPECT_TRUE(contains(ran.out, text)) << text << "\n" << ran.out;
}

TEST_F(Budget, RefusesWhatItCannotTakeApart) {
  const std::string matrix = put_matrix("a.mtx", 8, 8, 0.5);
  const std::string recording = directory_ / "run.h5", report = directory_ / "run.json";
  const std::vector<std::pair<Arguments, std::string>> cases = {
      {arguments(matrix, "faulty:emulator:EpiRAM", {"--budget"}), "only an emulator can; faulty: is none"},
      {arguments(matrix, "record:emulator:EpiRAM?record.file=" + recording, {"--budget"}), "record: is none"},
      {arguments(matrix, board, {"--budget", "--dry-run"}), "use one"},
      {arguments(matrix, board, {"--budget", "--no-reference"}), "use one"},
      {arguments(matrix, board, {"--streams", "4"}), "--streams belongs to --budget"},
      {arguments(matrix, board, {"--budget", "--streams", "1"}), "not in range"},
  };
  for (auto [asked, why] : cases) {
    asked.insert(asked.end(), {"--json", report});
    const Ran ran = run(asked);
    EXPECT_EQ(ran.exit_code, 2) << why << "\n" << ran.err;
    EXPECT_TRUE(contains(ran.err, why)) << why << " is missing in: " << ran.err;
    EXPECT_FALSE(std::filesystem::exists(recording) || std::filesystem::exists(report));
  }
  const std::string zero = directory_.put("zero.mtx", "%%MatrixMarket matrix coordinate real general\n4 4 0\n");
  EXPECT_TRUE(contains(run(arguments(zero, board, {"--budget"})).err, "A x is zero"));
}

TEST_F(Budget, SigintLeavesNothingBehind) {
  const std::string matrix = put_matrix("a.mtx", 60, 60, 1);
  expect_interrupted(arguments(matrix, board, {"--budget", "--streams", "10000", "--json", directory_ / "run.json"}));
}

using Names = std::vector<std::string>;

hal::Uri uri(const std::string& text) { return hal::Uri::parse(text).value(); }
Names on(const std::string& text) { return cli::sources_on(uri(text)).value(); }
std::string without(const std::string& text, const Names& off) { return cli::without_sources(uri(text), off).to_string(); }

TEST(BudgetSources, AreThoseThatAreOn) {
  EXPECT_EQ(on("emulator:EpiRAM"), (Names{"write errors", "DAC", "ADC"}));
  EXPECT_EQ(on("emulator:EpiRAM?ideal_writing=on&adc_bits=0&dac_bits=0&read_noise=0.0&c2c=on&wires=none&seed=4"), Names{});
  EXPECT_EQ(on("emulator:X?read_noise_floor=1e-9&flicker=0.01&wires=exact&relaxation=techC&adc_gain=0.01&iv_cubic=-0.1&d2d=0.1&stuck=0.01"),
            (Names{"write errors", "read noise", "slow noise", "wires", "relaxation", "DAC", "ADC", "I(V)", "spread between cells",
                   "stuck cells"}));
  EXPECT_EQ(cli::sources_on(uri("xrt:0?xclbin=x")).status().code(), Code::invalid_argument);
}

TEST(BudgetSources, GoWithEverythingThatBelongsToThem) {
  EXPECT_EQ(without("emulator:X?seed=3", {"write errors"}), "emulator:X?ideal_writing=on&seed=3");
  EXPECT_EQ(without("emulator:X?read_noise=0.1", {"read noise"}), "emulator:X?read_noise=0") << "nothing that was not there";
  EXPECT_EQ(without("emulator:X?wires=exact&wire_ohms=2&source_ohms=3&sense_ohms=4&wire_farads=1e-15", {"wires"}),
            "emulator:X?wire_farads=1e-15&wires=none");
  EXPECT_EQ(without("emulator:X?path=serial", {"DAC", "ADC"}), "emulator:X?adc_bits=0&dac_bits=0");
  EXPECT_EQ(without("emulator:X?adc_gain=0.1&adc_offset=0.2", {"ADC"}), "emulator:X?adc_bits=0&adc_gain=0&adc_offset=0");
  const std::string slow = "emulator:X?age=10&flicker=0.1&flicker_low=1&relaxation=techC&rtn=0.2&rtn_rate=3&temperature=350";
  EXPECT_EQ(without(slow, {"slow noise"}), "emulator:X?age=10&flicker=0&relaxation=techC&rtn=0&temperature=350");
  EXPECT_EQ(without(slow, {"relaxation"}), "emulator:X?age=10&flicker=0.1&flicker_low=1&relaxation=none&rtn=0.2&rtn_rate=3")
      << "the slow noise still has an age";
  EXPECT_EQ(without(slow, {"slow noise", "relaxation"}), "emulator:X?flicker=0&relaxation=none&rtn=0");
  EXPECT_EQ(without("emulator:X?age=10&relaxation=techC", {"relaxation"}), "emulator:X?relaxation=none");
}

}  // namespace
}  // namespace sedma::test

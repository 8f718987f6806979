// sedma sweep: the grid, its CSV and JSON, and what it refuses.

#include "cli/csv.h"
#include "cli/sweep_axes.h"
#include "tests/cli/program.h"

namespace sedma::test {
namespace {

using Rows = std::vector<std::vector<std::string>>;

/// RFC 4180, the other way round.
Rows parse_csv(const std::string& text) {
  Rows rows;
  std::vector<std::string> row;
  std::string field;
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (quoted && c == '"' && i + 1 < text.size() && text[i + 1] == '"') {
      field += text[++i];
    } else if (c == '"') {
      quoted = !quoted;
    } else if (!quoted && (c == ',' || c == '\n')) {
      row.push_back(std::exchange(field, {}));
      if (c == '\n') rows.push_back(std::exchange(row, {}));
    } else if (quoted || c != '\r') {
      field += c;
    }
  }
  EXPECT_TRUE(field.empty() && row.empty()) << "the last line has an end";
  return rows;
}

TEST(Csv, QuotesWhatNeedsIt) {
  cli::Csv csv;
  const Rows rows = {{"a,b", "say \"x\"", "", "plain 1"}, {"two\r\nlines", "\"", ",", "-1e-3"}};
  for (const auto& row : rows) csv.add(row);
  EXPECT_EQ(parse_csv(csv.text()), rows);
  EXPECT_EQ(csv.text().substr(0, csv.text().find("\r\n")), "\"a,b\",\"say \"\"x\"\"\",,plain 1");
}

std::vector<std::string> values(const std::string& text) {
  const auto axis = cli::parse_axis(text);
  EXPECT_TRUE(axis.ok()) << axis.status().to_string();
  return axis.ok() ? axis->values : std::vector<std::string>{};
}

TEST(SweepAxes, RangesAndLists) {
  using Values = std::vector<std::string>;
  EXPECT_EQ(values("adc_bits=4:8"), (Values{"4", "5", "6", "7", "8"}));
  EXPECT_EQ(values("adc_bits=4:9:2"), (Values{"4", "6", "8"}));
  EXPECT_EQ(values("adc_bits=0,6:8,12"), (Values{"0", "6", "7", "8", "12"}));
  EXPECT_EQ(values("read_noise=0:0.5:0.1"), (Values{"0", "0.1", "0.2", "0.3", "0.4", "0.5"})) << "not 0.30000000000000004";
  EXPECT_EQ(values("d2d=1e-3:3e-3:1e-3"), (Values{"0.001", "0.002", "0.003"}));
  EXPECT_EQ(values("iv_cubic=-1:1"), (Values{"-1", "0", "1"}));
  EXPECT_EQ(values("tile=16x16,32x8"), (Values{"16x16", "32x8"}));
  EXPECT_EQ(values("rows=256:256"), (Values{"256"}));
  EXPECT_EQ(values("seed=9007199254740990:9007199254740992"), (Values{"9007199254740990", "9007199254740991", "9007199254740992"}));
  for (const char* wrong : {"adc_bits", "=4", "adc_bits=", "a=1,,2", "a=1:", "a=:2", "a=2:1", "a=1:2:0", "a=1:2:-1", "a=1:2:3:4", "a=x:y",
                            "a=1:inf", "a=0:nan", "a=1:99999999999999999", "a=0:1:1e-9"})
    EXPECT_EQ(cli::parse_axis(wrong).status().code(), Code::invalid_argument) << wrong;
  EXPECT_EQ(cli::parse_axis("seed=1:20000").status().message(), "--over seed=1:20000: 20000 points; at most 10,000 are possible");
}

TEST(SweepAxes, TheLastChangesFastest) {
  const auto axes = cli::parse_axes({"adc_bits=4,6", "slices=0:2"}, hal::Uri::parse("emulator:EpiRAM").value()).value();
  ASSERT_EQ(cli::count_points(axes), 6u);
  EXPECT_FALSE(axes[0].of_session);
  EXPECT_TRUE(axes[1].of_session);
  EXPECT_EQ(cli::point_at(axes, 1), (cli::Point{"4", "1"}));
  EXPECT_EQ(cli::point_at(axes, 3), (cli::Point{"6", "0"}));
  EXPECT_EQ(cli::describe(axes, cli::point_at(axes, 5)), "adc_bits=6, slices=2");
  cli::MultiplyOptions base;
  base.device = "emulator:EpiRAM?seed=3";
  const auto options = cli::options_at(axes, cli::point_at(axes, 5), base).value();
  EXPECT_EQ(options.device, "emulator:EpiRAM?adc_bits=6&seed=3");
  EXPECT_EQ(options.slices, 2u);
}

class Sweep : public Program {
 protected:
  Arguments arguments(const Arguments& more, const std::string& device = board) const {
    Arguments all = {"sweep", "--matrix", directory_ / "a.mtx", "--device", device};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
  void SetUp() override {
    Program::SetUp();
    if (!IsSkipped()) put_matrix("a.mtx", 30, 40, 0.5);
  }
  static constexpr const char* board = "emulator:TaOx-HfOx?arrays=16&rows=64&cols=64";
};

TEST_F(Sweep, CsvHoldsWhatMultiplySays) {
  const std::string file = directory_ / "grid.csv";
  const Ran ran =
      run(arguments({"--over", "adc_bits=6,0", "--over", "slices=0:1", "--over", "tile=32x32,16x64", "--batch", "3", "--csv", file}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.out.empty() && ran.err.empty()) << ran.out << ran.err;
  const Rows rows = parse_csv(testing::bytes_of(file));
  ASSERT_EQ(rows.size(), 1u + 8u);
  const auto column = [&](const char* name) {
    const auto found = std::find(rows[0].begin(), rows[0].end(), name);
    EXPECT_NE(found, rows[0].end()) << name;
    return static_cast<std::size_t>(found - rows[0].begin());
  };
  for (const auto& row : rows) EXPECT_EQ(row.size(), rows[0].size());
  EXPECT_EQ((std::vector<std::string>(rows[2].begin(), rows[2].begin() + 3)), (std::vector<std::string>{"6", "0", "16x64"}));
  const json single = run_json({"multiply", "--matrix", directory_ / "a.mtx", "--device", std::string(board) + "&adc_bits=6", "--slices",
                                "1", "--tile", "32x32", "--batch", "3", "--json", "-"});
  const auto& row = rows[3];
  ASSERT_EQ(row[1], "1");
  const auto value = [&](const char* name) { return std::stod(row[column(name)]); };
  EXPECT_EQ(value("relative_l2"), single["error"]["relative_l2"]);
  EXPECT_EQ(value("relative_l2_median"), single["error"]["relative_l2_median"]);
  EXPECT_EQ(value("relative_linf"), single["error"]["relative_linf"]);
  for (const char* part : {"cells", "lines", "dac", "adc", "verify"}) {
    EXPECT_EQ(value((std::string("program_joules_") + part).c_str()), single["programming"]["joules"][part]);
    EXPECT_EQ(value((std::string("multiply_joules_") + part).c_str()), single["multiply"]["joules"][part]);
  }
  EXPECT_EQ(value("program_joules"), single["programming"]["joules"]["total"]);
  EXPECT_EQ(value("multiply_joules"), single["multiply"]["joules"]["total"]);
  EXPECT_EQ(value("program_seconds"), single["programming"]["seconds"]);
  EXPECT_EQ(value("multiply_seconds"), single["multiply"]["seconds"]);
  EXPECT_EQ(value("pulses"), single["programming"]["pulses"]);
  EXPECT_EQ(value("unconverged"), single["programming"]["unconverged"]);
  EXPECT_EQ(value("program_conversions"), single["programming"]["conversions"]);
  EXPECT_EQ(value("multiply_conversions"), single["multiply"]["conversions"]);
  EXPECT_EQ(value("products"), single["multiply"]["products"]);
  EXPECT_EQ(value("tiles"), single["plan"]["tiles"]);
  EXPECT_EQ(value("arrays"), single["plan"]["arrays"]);
  EXPECT_EQ(value("memory_efficiency"), single["plan"]["memory_efficiency"]);
}

TEST_F(Sweep, JsonHasEveryPoint) {
  const json r = run_json(arguments({"--over", "read_noise=0:0.02:0.01", "--over", "encoding=pair,offset", "--seed", "3", "--json", "-"}));
  EXPECT_EQ(r["device"], board);
  EXPECT_EQ(r["seed"], 3);
  EXPECT_EQ(r["over"][0], json({{"key", "read_noise"}, {"of", "device"}, {"values", {0.0, 0.01, 0.02}}}));
  EXPECT_EQ(r["over"][1], json({{"key", "encoding"}, {"of", "session"}, {"values", {"pair", "offset"}}}));
  ASSERT_EQ(r["points"].size(), 6u);
  EXPECT_EQ(r["points"][3]["point"], json({{"read_noise", 0.01}, {"encoding", "offset"}}));
  EXPECT_EQ(r["points"][3]["plan"]["encoding"], "offset");
  EXPECT_TRUE(contains(r["points"][3]["uri"], "read_noise=0.01&rows=64&seed=3"));
  EXPECT_GT(r["points"][4]["error"]["relative_l2"], r["points"][0]["error"]["relative_l2"]) << "read noise costs";
  const json single = run_json({"multiply", "--matrix", directory_ / "a.mtx", "--device", std::string(board) + "&read_noise=0.01",
                                "--encoding", "offset", "--seed", "3", "--json", "-"});
  EXPECT_EQ(r["points"][3]["y_digest"], single["y_digest"]);
  EXPECT_EQ(r["points"][3]["error"], single["error"]);
  EXPECT_TRUE(r.contains("provenance"));
}

TEST_F(Sweep, PrintsATableAndOptionsHoldForEveryPoint) {
  const Ran ran = run(arguments({"--over", "adc_bits=6:8", "--slices", "1", "--batch", "2"}));
  ASSERT_EQ(ran.exit_code, 0) << ran.err;
  EXPECT_TRUE(ran.err.empty()) << ran.err;
  for (const char* text : {"adc_bits", "error", "write energy", "conversions", "30 x 40", "2 vectors"})
    EXPECT_TRUE(contains(ran.out, text)) << text << "\n" << ran.out;
  const Ran csv = run(arguments({"--over", "seed=1:2", "--slices", "1", "--csv", "-"}), {{"SEDMA_PASSES", "7"}});
  ASSERT_EQ(csv.exit_code, 0) << csv.err;
  EXPECT_EQ(parse_csv(csv.out).size(), 3u) << "stdout is the CSV alone";
}

TEST_F(Sweep, RefusesBeforeAnythingRuns) {
  const std::string file = directory_ / "grid.csv";
  const std::vector<std::pair<Arguments, std::string>> cases = {
      {arguments({}), "--over"},
      {arguments({"--over", "adc_bits"}), "expected key=from:to[:step]"},
      {arguments({"--over", "adcbits=4:8"}), "no such key; of the emulator: arrays, rows, cols"},
      {arguments({"--over", "adcbits=4:8"}), "of the product: correction, slices, lambda"},
      {arguments({"--over", "adc_bits=0:4"}), "adc_bits=1: "},
      {arguments({"--over", "slices=0,17"}), "slices=17: "},
      {arguments({"--over", "slices=x"}), "slices=x: "},
      {arguments({"--over", "correction=none,residual", "--over", "slices=0:1"}), "correction=none, slices=1: --slices 1 belongs to"},
      {arguments({"--over", "adc_bits=8", "--over", "tile=16x16,65x1"}), "adc_bits=8, tile=65x1: a tile of 65 x 1"},
      {arguments({"--over", "rows=16:32"}), "--over rows varies what --device sets already: rows=64"},
      {arguments({"--over", "slices=0:1", "--slices", "2"}), "--over slices varies what --slices sets already"},
      {arguments({"--over", "adc_bits=4", "--over", "adc_bits=5"}), "given twice"},
      {arguments({"--over", "seed=1:200", "--over", "adc_bits=2,4,6:12", "--over", "slices=0:9"}), "18000 points; at most 10,000"},
      {arguments({"--over", "adc_bits=4", "--json", file}), "the same file"},
      {arguments({"--over", "fault.no_such=1"}, "faulty:emulator:EpiRAM"), "fault.no_such=1: "},
      {arguments({"--over", "adc_bits=4"}, "nonsense:X"), "nonsense"},
  };
  for (auto [asked, why] : cases) {
    asked.insert(asked.end(), {"--csv", file});
    const Ran ran = run(asked);
    EXPECT_EQ(ran.exit_code, 2) << why << "\n" << ran.err;
    EXPECT_TRUE(contains(ran.err, why)) << why << " is missing in: " << ran.err;
    EXPECT_TRUE(ran.out.empty()) << ran.out;
    EXPECT_FALSE(std::filesystem::exists(file));
  }
}

TEST_F(Sweep, AFailureNamesItsPointAndLeavesNoFile) {
  const std::string file = directory_ / "grid.csv";
  const Ran ran = run(arguments({"--over", "fault.lost_after=1000,1", "--csv", file}, "faulty:" + std::string(board)));
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(contains(ran.err, "fault.lost_after=1: ")) << ran.err;
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(Sweep, SigintLeavesNothingBehind) {
  expect_interrupted(arguments({"--over", "seed=1:10000", "--csv", directory_ / "grid.csv", "--json", directory_ / "grid.json"}));
}

}  // namespace
}  // namespace sedma::test

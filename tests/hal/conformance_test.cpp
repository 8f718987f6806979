// The suite itself: a correct board passes all of it, and every broken one is caught by the test meant for it.

#include "hal/conformance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/hal/tiny_device.h"

namespace sedma::testing {
namespace {

using hal::ConformanceCase;
using hal::ConformanceOptions;
using hal::ConformanceReport;

std::function<Result<std::unique_ptr<hal::Device>>()> opener(const TinyOptions& options, const hal::Limits& limits = {}) {
  return
      [=]() -> Result<std::unique_ptr<hal::Device>> { return std::unique_ptr<hal::Device>(std::make_unique<TinyDevice>(options, limits)); };
}

ConformanceOptions plenty(const TinyOptions& options) {
  ConformanceOptions conformance;
  conformance.pulses = 100'000'000;
  conformance.read_relative_sigma = options.read_noise;
  return conformance;
}

const ConformanceCase* find(const ConformanceReport& report, const std::string& name) {
  const auto it = std::find_if(report.cases.begin(), report.cases.end(), [&](const ConformanceCase& c) { return c.name == name; });
  return it == report.cases.end() ? nullptr : &*it;
}

void expect_all_pass(const ConformanceReport& report) {
  EXPECT_TRUE(report.passed());
  for (const ConformanceCase& c : report.cases)
    EXPECT_TRUE(c.outcome == ConformanceCase::Outcome::passed || c.outcome == ConformanceCase::Outcome::feature_absent)
        << c.name << ": " << hal::name(c.outcome) << ": " << c.message;
}

void expect_outcome(const ConformanceReport& report, const std::string& test, ConformanceCase::Outcome outcome) {
  const ConformanceCase* found = find(report, test);
  ASSERT_NE(found, nullptr) << test;
  EXPECT_EQ(found->outcome, outcome) << test << ": " << hal::name(found->outcome) << ": " << found->message;
}

TinyOptions with(const std::function<void(TinyOptions&)>& change) {
  TinyOptions options;
  change(options);
  return options;
}

class CorrectBoard : public ::testing::TestWithParam<std::pair<const char*, TinyOptions>> {};

TEST_P(CorrectBoard, PassesEverything) {
  const TinyOptions& options = GetParam().second;
  const ConformanceReport report = hal::run_conformance(opener(options), plenty(options));
  EXPECT_EQ(report.cases.size(), hal::conformance_tests().size());
  expect_all_pass(report);
}

INSTANTIATE_TEST_SUITE_P(Conformance, CorrectBoard,
                         ::testing::Values(std::pair{"inline", TinyOptions{}}, std::pair{"threads", with([](auto& o) { o.threads = 3; })},
                                           std::pair{"read_noise", with([](auto& o) { o.read_noise = 0.02, o.levels = 16; })},
                                           std::pair{"one_array", with([](auto& o) { o.arrays = 1; })},
                                           std::pair{"large", with([](auto& o) { o.rows = 100, o.cols = 90, o.arrays = 12; })},
                                           std::pair{"one_cell", with([](auto& o) { o.rows = o.cols = 1; })},
                                           std::pair{"one_row", with([](auto& o) { o.rows = 1; })},
                                           std::pair{"one_column", with([](auto& o) { o.cols = 1; })},
                                           std::pair{"two_by_two", with([](auto& o) { o.rows = o.cols = 2; })},
                                           std::pair{"two_levels", with([](auto& o) { o.levels = 2; })},
                                           std::pair{"analog", with([](auto& o) { o.levels = 0; })},
                                           std::pair{"ideal_converters", with([](auto& o) { o.adc_bits = o.dac_bits = 0; })},
                                           std::pair{"two_bits", with([](auto& o) { o.adc_bits = o.dac_bits = 2; })},
                                           std::pair{"three_and_twelve_bits", with([](auto& o) { o.adc_bits = 3, o.dac_bits = 12; })},
                                           std::pair{"verify_on_host", with([](auto& o) { o.features &= ~1u; })},
                                           std::pair{"no_raw_pulses", with([](auto& o) { o.features &= ~32u; })},
                                           std::pair{"no_transpose_no_subtract", with([](auto& o) { o.features &= ~(4u | 256u); })}),
                         [](const auto& which) { return which.param.first; });

struct Broken {
  const char* name;
  Mutant mutant;
  const char* test;  ///< what must catch it
  double read_noise = 0;
  unsigned threads = 0;
};

class BrokenBoard : public ::testing::TestWithParam<Broken> {};

TEST_P(BrokenBoard, IsCaught) {
  TinyOptions options;
  options.mutant = GetParam().mutant;
  options.read_noise = GetParam().read_noise;
  options.threads = GetParam().threads;
  ConformanceOptions conformance = plenty(options);
  conformance.only = GetParam().test;
  const ConformanceReport report = hal::run_conformance(opener(options), conformance);
  expect_outcome(report, GetParam().test, ConformanceCase::Outcome::failed);
  EXPECT_FALSE(report.passed());
  // The same test on the same board without the defect.
  options.mutant = Mutant::none;
  expect_outcome(hal::run_conformance(opener(options), conformance), GetParam().test, ConformanceCase::Outcome::passed);
}

INSTANTIATE_TEST_SUITE_P(
    Conformance, BrokenBoard,
    ::testing::Values(
        Broken{"wrong_sign", Mutant::wrong_sign, "product_ohm"}, Broken{"transposed", Mutant::transposed, "product_ohm"},
        Broken{"wrong_sign_unwritten", Mutant::wrong_sign, "product_as_found"}, Broken{"squared_volts", Mutant::squared_volts, "linearity"},
        Broken{"drives_grounded_rows", Mutant::drives_grounded_rows, "superposition"},
        Broken{"ignores_full_scale", Mutant::ignores_full_scale, "saturation"},
        Broken{"wraps_at_full_scale", Mutant::wraps_at_full_scale, "full_scale_shared"},
        Broken{"one_full_scale_for_all", Mutant::one_full_scale_for_all, "full_scale_per_output"},
        Broken{"batch_reversed", Mutant::batch_reversed, "batch_equals_singles"},
        Broken{"pairs_reversed", Mutant::pairs_reversed, "sense_pair"},
        Broken{"reference_first", Mutant::reference_first, "sense_reference"},
        Broken{"transpose_ignored", Mutant::transpose_ignored, "transpose"}, Broken{"counts_twice", Mutant::counts_twice, "stats_pulses"},
        Broken{"writes_outside", Mutant::writes_outside, "windows"}, Broken{"ignores_offset", Mutant::ignores_offset, "windows"},
        Broken{"mutates_on_refusal", Mutant::mutates_on_refusal, "refused_writes"}, Broken{"ignores_mask", Mutant::ignores_mask, "mask"},
        Broken{"erases_nothing", Mutant::erases_nothing, "erase"}, Broken{"readback_is_target", Mutant::readback_is_target, "program"},
        Broken{"not_deterministic", Mutant::not_deterministic, "determinism", 0.01},
        Broken{"writes_after_cancel", Mutant::writes_after_cancel, "cancel_products"},
        Broken{"writes_after_cancel_threads", Mutant::writes_after_cancel, "cancel_products", 0, 2},
        Broken{"dead_after_cancel", Mutant::dead_after_cancel, "cancel_products"},
        Broken{"one_memory", Mutant::one_memory, "independent_arrays"}, Broken{"late_program", Mutant::late_program, "order"},
        Broken{"shared_scratch", Mutant::shared_scratch, "concurrency"}, Broken{"clock_stands", Mutant::clock_stands, "idle"},
        Broken{"energy_per_command", Mutant::energy_per_command, "stats_products"},
        Broken{"conversions_lost", Mutant::conversions_lost, "stats_products"},
        Broken{"negative_seconds", Mutant::negative_seconds, "stats_products"},
        Broken{"pulses_reversed", Mutant::pulses_reversed, "raw_pulses"},
        Broken{"host_loop_on_reversed_pulses", Mutant::pulses_reversed, "host_write_verify"},
        Broken{"invents_temperature", Mutant::invents_temperature, "self_test"},
        Broken{"another_board_each_time", Mutant::another_board_each_time, "reopen"}),
    [](const auto& which) { return which.param.name; });

TEST(Conformance, ReadsOnlyWithoutBudget) {
  ConformanceOptions conformance;  // 0 pulses
  const ConformanceReport report = hal::run_conformance(opener({}), conformance);
  EXPECT_TRUE(report.passed());
  expect_outcome(report, "product_as_found", ConformanceCase::Outcome::passed);
  expect_outcome(report, "program", ConformanceCase::Outcome::over_budget);
  for (const ConformanceCase& c : report.cases) {
    EXPECT_EQ(c.pulses, 0u) << c.name;
    if (c.outcome == ConformanceCase::Outcome::over_budget) {
      EXPECT_GT(c.worst_case_pulses, 0u) << c.name;
      EXPECT_NE(c.message.find(fmt::format("{}", c.worst_case_pulses)), std::string::npos) << c.message;
    }
  }
}

TEST(Conformance, SpendsNoMoreThanItsBudget) {
  ConformanceOptions conformance;
  conformance.pulses = 40'000;
  const ConformanceReport report = hal::run_conformance(opener({}), conformance);
  std::uint64_t spent = 0;
  std::size_t refused = 0;
  for (const ConformanceCase& c : report.cases) {
    EXPECT_LE(c.pulses, c.worst_case_pulses) << c.name;
    spent += c.pulses;
    refused += c.outcome == ConformanceCase::Outcome::over_budget ? 1 : 0;
  }
  EXPECT_LE(spent, conformance.pulses);
  EXPECT_GT(spent, 0u);
  EXPECT_GT(refused, 0u);
}

TEST(Conformance, PhysicalBoardIsOnlyReadUnlessAllowed) {
  TinyOptions options;
  options.features |= 128;
  hal::Limits limits;
  limits.max_cell_volts = 1.5;
  limits.max_pulses_per_cell = 100'000;
  limits.max_total_pulses = 10'000'000;
  limits.max_read_volts = 0.2;
  limits.max_line_amps = 3e-5;
  ConformanceOptions conformance = plenty(options);
  const ConformanceReport reading = hal::run_conformance(opener(options, limits), conformance);
  EXPECT_TRUE(reading.passed());
  for (const ConformanceCase& c : reading.cases) EXPECT_EQ(c.pulses, 0u) << c.name;
  expect_outcome(reading, "program", ConformanceCase::Outcome::over_budget);
  expect_outcome(reading, "refused_writes", ConformanceCase::Outcome::over_budget);
  conformance.allow_physical = true;
  expect_all_pass(hal::run_conformance(opener(options, limits), conformance));
}

TEST(Conformance, ExpectedFailures) {
  TinyOptions options;
  options.mutant = Mutant::wrong_sign;
  ConformanceOptions conformance = plenty(options);
  conformance.only = "product_";
  conformance.expected_failures = {{"product_ohm", "wired the wrong way round"}, {"product_as_found", "wired the wrong way round"}};
  const ConformanceReport expected = hal::run_conformance(opener(options), conformance);
  expect_outcome(expected, "product_ohm", ConformanceCase::Outcome::expected_failure);
  EXPECT_NE(find(expected, "product_ohm")->message.find("wired the wrong way round"), std::string::npos);
  const ConformanceReport unexpected = hal::run_conformance(opener({}), conformance);
  expect_outcome(unexpected, "product_ohm", ConformanceCase::Outcome::failed);
  conformance.expected_failures = {{"no_such_test", "typing error"}};
  expect_outcome(hal::run_conformance(opener({}), conformance), "no_such_test", ConformanceCase::Outcome::failed);
}

TEST(Conformance, AbsentBoardIsUnavailableAndBrokenOneFails) {
  ConformanceOptions conformance;
  const auto away = [] { return Result<std::unique_ptr<hal::Device>>(Status(Code::unavailable, "unplugged")); };
  const ConformanceReport report = hal::run_conformance(away, conformance);
  EXPECT_FALSE(report.passed());
  EXPECT_EQ(report.cases.size(), hal::conformance_tests().size());
  for (const ConformanceCase& c : report.cases) EXPECT_EQ(c.outcome, ConformanceCase::Outcome::unavailable) << c.name;
  const auto broken = [] { return Result<std::unique_ptr<hal::Device>>(Status(Code::device_fault, "smoke")); };
  expect_outcome(hal::run_conformance(broken, conformance), "capabilities", ConformanceCase::Outcome::failed);
}

TEST(Conformance, NamesAreUniqueSelectableAndReported) {
  const std::vector<std::string> names = hal::conformance_tests();
  EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  ConformanceOptions conformance = plenty({});
  conformance.only = "stats";
  std::vector<std::string> seen;
  conformance.progress = [&](const std::string& test, std::size_t index, std::size_t count) {
    EXPECT_EQ(index, seen.size());
    EXPECT_EQ(count, 2u);
    seen.push_back(test);
  };
  const ConformanceReport report = hal::run_conformance(opener({}), conformance);
  EXPECT_EQ(seen, (std::vector<std::string>{"stats_products", "stats_pulses"}));
  EXPECT_TRUE(report.passed());
  conformance.only = "no such test";
  conformance.progress = nullptr;
  EXPECT_FALSE(hal::run_conformance(opener({}), conformance).passed());
}

}  // namespace
}  // namespace sedma::testing

#include "hal/conformance.h"

#include <algorithm>
#include <exception>
#include <optional>
#include <utility>

#include "hal/conformance_internal.h"

namespace sedma::hal {
namespace {

using namespace conformance;  // NOLINT(google-build-using-namespace): the table below is about nothing else

constexpr std::uint32_t bit(Feature feature) { return static_cast<std::uint32_t>(feature); }
constexpr auto no_pulses = [](const Capabilities&) -> std::uint64_t { return 0; };

/// `times` programmings of the product window.
template <std::uint64_t times>
std::uint64_t products(const Capabilities& board) {
  return times * write_cost(board, product_window(board).size());
}
template <std::uint32_t rows, std::uint32_t cols, std::uint64_t times>
std::uint64_t windows(const Capabilities& board) {
  return times * write_cost(board, window(board, rows, cols).size());
}
template <std::uint32_t rows, std::uint32_t cols>
std::uint64_t erases(const Capabilities& board) {
  return erase_cost(board, window(board, rows, cols).size());
}

/// Why a test has nothing to test on this board; "" where it has.
using Absent = std::string (*)(const Capabilities&);
std::string always(const Capabilities&) { return {}; }
std::string without_arrays(const Capabilities& board) { return board.arrays < 2 ? "the board has one array" : ""; }
std::string without_converter(const Capabilities& board) { return board.adc_bits == 0 ? "an ideal converter has no full scale" : ""; }
std::string without_lines(const Capabilities& board) { return board.cols < 2 ? "the arrays have one bit line" : ""; }

struct Test {
  const char* name;
  std::uint32_t features;  ///< all of them are needed
  bool writes;             ///< needs Program or Pulse
  Absent absent;
  std::uint64_t (*pulses)(const Capabilities&);  ///< the worst case
  Status (*body)(Bench&);
};

constexpr std::uint32_t board_verifies = bit(Feature::verify_on_board), raw = bit(Feature::raw_pulses),
                        subtracts = bit(Feature::analog_subtract);

// Reading first, then writing: a board that cannot be read is not pulsed before that is known.
const Test tests[] = {
    {"capabilities", 0, false, always, no_pulses, capabilities_are_sane},
    {"self_test", 0, false, always, no_pulses, self_test},
    {"reopen", 0, false, always, no_pulses, reopen_many_times},
    {"product_as_found", 0, false, always, no_pulses, product_as_found},
    {"refused_reads", 0, false, always, no_pulses, refused_reads},
    {"stats_products", 0, false, always, no_pulses, stats_of_products},
    {"idle", 0, false, always, no_pulses, idle_advances_the_clock},
    {"deadline_products", 0, false, always, no_pulses, deadline_of_products},
    {"cancel_products", 0, false, always, no_pulses, cancel_products},
    {"refused_writes", 0, true, always, refused_writes_cost, refused_writes},
    {"raw_pulses", raw, true, always, raw_pulses_cost, raw_pulses_move_cells},
    {"stats_pulses", 0, true, always, stats_of_pulses_cost, stats_of_pulses},
    {"program", 0, true, always, windows<32, 20, 1>, program_and_read_back},
    {"windows", 0, true, always, windows<3, 2, 6>, windows_at_corners},
    {"mask", 0, true, always, [](const Capabilities& c) { return windows<6, 5, 3>(c) + erases<6, 5>(c); }, mask_is_honoured},
    {"erase", 0, true, always, [](const Capabilities& c) { return windows<6, 5, 2>(c) + erases<6, 5>(c); }, erase_brings_cells_down},
    {"host_write_verify", raw, true, always, windows<8, 5, 2>, host_write_verify},
    {"product_ohm", 0, true, always, products<1>, product_is_ohms_law},
    {"sense_pair", subtracts, true, without_lines, products<1>, sense_pair},
    {"sense_reference", subtracts, true, without_lines, products<1>, sense_reference},
    {"linearity", 0, true, always, products<1>, linear},
    {"superposition", 0, true, always, products<1>, rows_superpose},
    {"batch_equals_singles", 0, true, always, products<1>, batch_equals_singles},
    {"full_scale_per_output", 0, true, without_converter, products<1>, full_scale_per_output},
    {"full_scale_shared", 0, true, without_converter, products<1>, full_scale_shared},
    {"saturation", 0, true, without_converter, products<1>, saturation_clips},
    {"input_converter", 0, true, always, products<1>, input_converter},
    {"transpose", bit(Feature::transpose), true, always, products<1>, transposed_product},
    {"order", 0, true, always, order_cost, order_in_one_array},
    {"independent_arrays", 0, true, without_arrays, windows<9, 4, 3>, arrays_are_independent},
    {"concurrency", 0, true, always, windows<4, 3, 16>, concurrent_callers},
    {"deadline_programs", board_verifies, true, always, products<2>, deadline_of_programs},
    {"cancel_programs", board_verifies, true, always, products<5>, cancel_programs},
    {"determinism", bit(Feature::deterministic), true, always, products<2>, deterministic_by_seed},
};

constexpr std::pair<Feature, const char*> feature_names[] = {
    {Feature::verify_on_board, "verify_on_board"}, {Feature::raw_pulses, "raw_pulses"},
    {Feature::analog_subtract, "analog_subtract"}, {Feature::transpose, "transpose"},
    {Feature::deterministic, "deterministic"},
};

/// Why `test` is not run on `board`, "" if it is.
std::string why_absent(const Test& test, const Capabilities& board) {
  for (const auto& [feature, name] : feature_names)
    if ((test.features & bit(feature)) != 0 && !board.has(feature)) return fmt::format("the board has no {}", name);
  if (test.writes && !can_write(board)) return "the board takes neither Program nor Pulse";
  return test.absent(board);
}

bool selected(const Test& test, const ConformanceOptions& options) {
  return std::string_view(test.name).find(options.only) != std::string_view::npos;
}

/// A run of the suite.
class Suite {
 public:
  Suite(const OpenDevice& open, const ConformanceOptions& options) : open_(open), options_(options) {}

  ConformanceReport run() {
    name_unknown_expectations();
    read_board();
    std::vector<const Test*> chosen;
    for (const Test& test : tests)
      if (selected(test, options_)) chosen.push_back(&test);
    for (std::size_t i = 0; i < chosen.size(); ++i) {
      if (options_.progress) options_.progress(chosen[i]->name, i, chosen.size());
      report_.cases.push_back(run_one(*chosen[i]));
    }
    return std::move(report_);
  }

 private:
  using Outcome = ConformanceCase::Outcome;

  /// An expectation of a test that does not exist would never be missed.
  void name_unknown_expectations() {
    for (const auto& [test, reason] : options_.expected_failures) {
      const bool known = std::any_of(std::begin(tests), std::end(tests), [&, &wanted = test](const Test& t) { return wanted == t.name; });
      if (known) continue;
      ConformanceCase unknown;
      unknown.name = test;
      unknown.outcome = Outcome::failed;
      unknown.message = fmt::format("there is no such test; expected to fail because: {}", reason);
      report_.cases.push_back(std::move(unknown));
    }
  }

  void read_board() {
    auto device = open_();
    if (device.ok())
      board_ = (*device)->capabilities();
    else
      no_board_ = device.status();
  }

  /// Refusals before anything is done; the default outcome `passed` means: run it.
  ConformanceCase look(const Test& test) const {
    ConformanceCase result;
    result.name = test.name;
    if (!board_) {
      // A device that is away is no fault of it; one that opens wrongly is.
      result.outcome = no_board_.code() == Code::unavailable ? Outcome::unavailable : Outcome::failed;
      result.message = no_board_.to_string();
      return result;
    }
    if (const std::string why = why_absent(test, *board_); !why.empty()) {
      result.outcome = Outcome::feature_absent;
      result.message = why;
      return result;
    }
    result.worst_case_pulses = test.pulses(*board_);
    const std::uint64_t left = options_.pulses - std::min(options_.pulses, spent_);
    if (test.writes && board_->has(Feature::physical) && !options_.allow_physical) {
      result.outcome = Outcome::over_budget;
      result.message = fmt::format("needs up to {} pulses on a physical board, which was not allowed", result.worst_case_pulses);
    } else if (result.worst_case_pulses > left) {
      result.outcome = Outcome::over_budget;
      result.message = fmt::format("needs up to {} pulses; {} of {} are left", result.worst_case_pulses, left, options_.pulses);
    }
    return result;
  }

  static Status guarded(const Test& test, Bench& bench) {
    try {
      return test.body(bench);
    } catch (const std::exception& error) {
      return found("threw: {}", error.what());
    }
  }

  ConformanceCase run_one(const Test& test) {
    ConformanceCase result = look(test);
    if (result.outcome != Outcome::passed) return result;
    const auto begin = Clock::now();
    Status verdict;
    {
      Bench bench(open_, options_, *board_);
      verdict = guarded(test, bench);
      bench.close();
      result.pulses = bench.pulses();
    }
    result.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
    spent_ += result.pulses;
    if (verdict.ok() && result.pulses > result.worst_case_pulses)
      verdict = found("spent {} pulses; it declared {} in the worst case", result.pulses, result.worst_case_pulses);
    judge(verdict, result);
    return result;
  }

  void judge(const Status& verdict, ConformanceCase& result) const {
    const auto& expected = options_.expected_failures;
    const auto reason = std::find_if(expected.begin(), expected.end(), [&](const auto& pair) { return pair.first == result.name; });
    // What the suite finds carries its own words; what the device answered carries its code too.
    const std::string why = verdict.ok() || verdict.code() == Code::internal ? verdict.message() : verdict.to_string();
    if (reason == expected.end()) {
      result.outcome = verdict.ok() ? Outcome::passed : Outcome::failed;
      result.message = why;
    } else if (verdict.ok()) {
      result.outcome = Outcome::failed;
      result.message = fmt::format("passed, but was expected to fail because: {}", reason->second);
    } else {
      result.outcome = Outcome::expected_failure;
      result.message = fmt::format("{} (expected: {})", why, reason->second);
    }
  }

  const OpenDevice& open_;
  const ConformanceOptions& options_;
  std::optional<Capabilities> board_;
  Status no_board_;
  std::uint64_t spent_ = 0;
  ConformanceReport report_;
};

}  // namespace

bool ConformanceReport::passed() const {
  const auto count = [&](ConformanceCase::Outcome outcome) {
    return std::count_if(cases.begin(), cases.end(), [&](const ConformanceCase& c) { return c.outcome == outcome; });
  };
  return count(ConformanceCase::Outcome::failed) == 0 && count(ConformanceCase::Outcome::passed) > 0;
}

std::string_view name(ConformanceCase::Outcome outcome) noexcept {
  switch (outcome) {
    case ConformanceCase::Outcome::passed: return "passed";
    case ConformanceCase::Outcome::failed: return "failed";
    case ConformanceCase::Outcome::expected_failure: return "expected_failure";
    case ConformanceCase::Outcome::feature_absent: return "feature_absent";
    case ConformanceCase::Outcome::unavailable: return "unavailable";
    case ConformanceCase::Outcome::over_budget: return "over_budget";
  }
  return "unknown";
}

std::vector<std::string> conformance_tests() {
  std::vector<std::string> names;
  for (const Test& test : tests) names.emplace_back(test.name);
  return names;
}

ConformanceReport run_conformance(const std::function<Result<std::unique_ptr<Device>>()>& open, const ConformanceOptions& options) {
  return Suite(open, options).run();
}

}  // namespace sedma::hal

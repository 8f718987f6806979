#pragma once
// The conformance suite: what any crossbar device must do. No test framework; tolerances and budget come from the caller and the device.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "hal/device.h"

namespace sedma::hal {

struct ConformanceOptions {
  std::uint64_t pulses = 0;        ///< budget for the whole suite; a test whose worst case does not fit is refused, not shortened
  double write_sigma = 0;          ///< sd of a converged cell / range (0: from levels: half a level, at least 1e-3)
  double read_relative_sigma = 0;  ///< read noise of a cell, sd / mean
  double read_sigma_siemens = 0;   ///< read noise of a cell that does not depend on its conductance, sd
  double cell_error_siemens = 0;   ///< what a cell counts in a product may differ by this from its read
  double line_relative_error = 0;  ///< what a cell adds to a product may differ by this from Ohm's law on its read (wires, I(V), ageing)
  double converter_error = 0;      ///< offset and gain error of an output converter, fraction of its full scale
  std::string only;                ///< run the tests whose name contains this; empty: all
  std::vector<std::pair<std::string, std::string>> expected_failures;  ///< (test, reason); an unexpected pass fails
  bool allow_physical = false;                                         ///< run on a board that can be harmed
  std::function<void(const std::string& test, std::size_t index, std::size_t count)> progress;
};

struct ConformanceCase {
  enum class Outcome : std::uint8_t { passed, failed, expected_failure, feature_absent, unavailable, over_budget };
  std::string name;
  Outcome outcome = Outcome::passed;
  std::string message;  ///< why it failed or did not run
  std::uint64_t worst_case_pulses = 0, pulses = 0;
  double seconds = 0;  ///< wall time
};

struct ConformanceReport {
  std::vector<ConformanceCase> cases;
  bool passed() const;  ///< no case failed and at least one passed
};

std::string_view name(ConformanceCase::Outcome outcome) noexcept;

/// The names of all tests, in the order they run.
std::vector<std::string> conformance_tests();

/// Runs the suite. `open` opens a fresh device (the suite reopens it up to 100 times); it must be the same board every time.
ConformanceReport run_conformance(const std::function<Result<std::unique_ptr<Device>>()>& open, const ConformanceOptions& options);

}  // namespace sedma::hal

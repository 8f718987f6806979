#pragma once
// The goal of `sedma multiply`: what the user wants, instead of how it is done.

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "hal/limits.h"
#include "runtime/memory/tuner.h"

namespace sedma::cli {

struct TuningOptions {
  std::optional<double> target_error, joules, seconds;
  std::optional<std::string> objective, policy;
  std::optional<std::uint64_t> horizon;
  std::string memory;  ///< empty: runtime::default_memory_path()
  bool explain = false, strict = false;
  std::vector<std::string> decided;  ///< options given, without dashes, that a goal decides

  bool wanted() const noexcept { return target_error || joules || seconds; }
};

void add_tuning_options(CLI::App& command, TuningOptions& options);
/// The options given that a goal would decide. @pre `command` is parsed and has the session options
std::vector<std::string> decided_options(const CLI::App& command);

/// Errors: invalid_argument (options that contradict each other, belong to a goal where there is none, or that a goal decides: by name; an
/// unknown policy).
Status check_tuning(const TuningOptions& options);
/// For a run of `vectors`. Errors: invalid_argument (a horizon shorter than the run).
Result<runtime::Goal> goal_of(const TuningOptions& options, std::uint64_t vectors, const hal::Limits& limits);
/// @pre check_tuning() is ok
runtime::Policy policy_of(const TuningOptions& options);

const char* name(runtime::Objective objective) noexcept;
/// "--partition clustered --tile 64x64 ...": gives the same choice without a goal.
std::string flags_of(const runtime::TunedChoice& tuned);

}  // namespace sedma::cli

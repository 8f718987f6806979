#include "cli/tuning_options.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/multiply_flags.h"
#include "cli/report.h"
#include "cli/units.h"

namespace sedma::cli {
namespace {

CLI::Validator positive() {
  const auto check = [](std::string& text) -> std::string {
    double value = 0;
    if (CLI::detail::lexical_cast(text, value) && std::isfinite(value) && value > 0) return {};
    return fmt::format("{} is not a number > 0", text);
  };
  return {check, ""};
}

std::string dashed(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) fmt::format_to(std::back_inserter(text), "{}--{}", text.empty() ? "" : ", ", name);
  return text;
}

Status belongs_to_goal(const TuningOptions& o) {
  const char* lonely = o.objective ? "--objective"
                       : o.horizon ? "--horizon"
                       : o.policy  ? "--policy"
                       : o.explain ? "--explain"
                       : o.strict  ? "--strict"
                                   : nullptr;
  if (lonely == nullptr) return {};
  return fail(Code::invalid_argument, "{} belongs to a goal: --target-error E, --joules J or --seconds S", lonely);
}

}  // namespace

void add_tuning_options(CLI::App& command, TuningOptions& o) {
  add_option(command, "--target-error", o.target_error,
             "the goal: relative l2 error that 95 % of the vectors stay within, for the least --objective; how is then chosen here")
      ->check(positive())
      ->type_name("E");
  add_option(command, "--objective", o.objective, "what is least: energy, latency (device seconds) or cells (of the arrays in use)")
      ->check(CLI::IsMember({"energy", "latency", "cells"}))
      ->type_name("WHAT");
  add_option(command, "--joules", o.joules, "the goal: the smallest error for so much energy, writing and horizon together")
      ->check(positive())
      ->type_name("J");
  add_option(command, "--seconds", o.seconds, "the goal: the smallest error in so much time of the device, writing and horizon together")
      ->check(positive())
      ->type_name("S");
  add_option(command, "--horizon", o.horizon, "vectors that one writing of the matrix will serve; default: those of this run")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1000000000000}))
      ->type_name("VECTORS");
  add_option(command, "--policy", o.policy,
             "full, or with something taken away: no-long-term, no-short-term, fixed-lambda, static-partition (static)")
      ->type_name("NAME");
  add_option(command, "--memory", o.memory,
             "what worked before: a file, postgresql://..., or none; default: sedma/memory.sqlite under $XDG_DATA_HOME. Only with a goal")
      ->type_name("PATH");
  add_flag(command, "--explain", o.explain, "say what was recalled, predicted and chosen for the goal, and what came out");
  add_flag(command, "--strict", o.strict, "exit with 1 where the goal was not met; without it there is a warning");
}

std::vector<std::string> decided_options(const CLI::App& command) {
  std::vector<std::string> decided;
  for (const std::string& key : session_option_keys())
    if (key != "wait" && command.get_option("--" + key)->count() > 0) decided.push_back(key);
  return decided;
}

Status check_tuning(const TuningOptions& o) {
  if (!o.wanted()) return belongs_to_goal(o);
  if (o.target_error && (o.joules || o.seconds))
    return Status(Code::invalid_argument,
                  "--target-error asks for the least that meets it, --joules and --seconds for the smallest error within them; use one");
  if (o.objective && !o.target_error)
    return Status(Code::invalid_argument, "--objective belongs to --target-error; within a budget the error is what is least");
  if (!o.decided.empty())
    return fail(Code::invalid_argument, "a goal decides {}; leave {} out, or the goal", dashed(o.decided),
                o.decided.size() == 1 ? "it" : "them");
  return o.policy ? runtime::policy_named(*o.policy).status() : Status();
}

Result<runtime::Goal> goal_of(const TuningOptions& o, std::uint64_t vectors, const hal::Limits& limits) {
  if (o.horizon && *o.horizon < vectors)
    return fail(Code::invalid_argument, "--horizon {}: this run alone multiplies {}", *o.horizon, count(vectors, "vector"));
  runtime::Goal goal;
  goal.target_error = o.target_error;
  goal.joules_budget = o.joules;
  goal.seconds_budget = o.seconds;
  goal.horizon_vectors = o.horizon.value_or(vectors);
  if (o.objective == "latency") goal.objective = runtime::Objective::latency;
  if (o.objective == "cells") goal.objective = runtime::Objective::cells;
  if (limits.max_total_pulses) goal.pulses_budget = *limits.max_total_pulses;
  return goal;
}

runtime::Policy policy_of(const TuningOptions& o) { return o.policy ? runtime::policy_named(*o.policy).value() : runtime::Policy{}; }

const char* name(runtime::Objective objective) noexcept {
  switch (objective) {
    case runtime::Objective::energy: return "energy";
    case runtime::Objective::latency: return "latency";
    case runtime::Objective::cells: return "cells";
  }
  return "unknown";
}

std::string flags_of(const runtime::TunedChoice& tuned) {
  const runtime::Choice& c = tuned.choice;
  return fmt::format(
      "--partition {} --tile {}x{} --encoding {} --slices {} --passes {} --tolerance {:g} --headroom {:g} --repeats {} --lambda {}",
      name(c.partition), c.tile_rows, c.tile_cols, name(c.encoding), c.slices, c.passes, c.tolerance_levels, c.conversion.headroom,
      c.conversion.repeats, tuned.adaptive_lambda ? "adaptive" : "0");
}

}  // namespace sedma::cli

#include "cli/goal_report.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/report.h"
#include "cli/table.h"
#include "cli/units.h"

namespace sedma::cli {
namespace {

using runtime::Episode;
using runtime::Outcome;

// Nobody knows what nobody checked.
Json checked_number(const Outcome& outcome, double error) {
  return outcome.vectors > 0 && outcome.checked == 0 ? Json(nullptr) : Json(error);
}

Json outcome_json(const Outcome& o) {
  return {{"vectors", o.vectors},
          {"checked", o.checked},
          {"error_p95", checked_number(o, o.error_p95)},
          {"error_median", checked_number(o, o.error_median)},
          {"programming_joules", o.programming_joules},
          {"programming_seconds", o.programming_seconds},
          {"pulses", o.pulses},
          {"vector_joules", o.vector_joules},
          {"vector_seconds", o.vector_seconds},
          {"unconverged", o.unconverged},
          {"arrays", o.arrays},
          {"memory_efficiency", o.memory_efficiency},
          {"lambda", o.lambda}};
}

Json choice_json(const runtime::TunedChoice& tuned) {
  const runtime::Choice& c = tuned.choice;
  return {{"partition", name(c.partition)},
          {"tile_rows", c.tile_rows},
          {"tile_cols", c.tile_cols},
          {"encoding", name(c.encoding)},
          {"scale", name(c.scale)},
          {"slices", c.slices},
          {"passes", c.passes},
          {"tolerance_levels", c.tolerance_levels},
          {"headroom", c.conversion.headroom},
          {"repeats", c.conversion.repeats},
          {"adaptive_lambda", tuned.adaptive_lambda}};
}

Json recalled_json(const runtime::RecalledCopy& recalled) {
  const runtime::Pattern& p = recalled.pattern;
  return {{"key", recalled.key.hex()},
          {"distance", recalled.distance},
          {"material", p.context.material},
          {"board", p.context.board},
          {"evidence", p.evidence},
          {"choice", choice_json(p.choice)},
          {"predicted", outcome_json(p.predicted)},
          {"found", outcome_json(p.found)}};
}

Json episode_json(const Episode& e) {
  Json json = {
      {"first_vector", e.first_vector}, {"programmed", e.programmed}, {"exploring", e.proposal.exploring}, {"handed_out", e.handed_out}};
  json["reason"] = e.proposal.reason;
  json["choice"] = choice_json(e.proposal.choice);
  json["prior"] = outcome_json(e.proposal.prior);
  json["corrected"] = outcome_json(e.proposal.corrected);
  json["error_sd"] = e.proposal.error_sd;
  json["met_probability"] = e.proposal.met_probability;
  json["objective"] = e.proposal.objective;
  json["found"] = e.found.vectors > 0 ? outcome_json(e.found) : Json(nullptr);
  json["recalled"] = Json::array();
  for (const runtime::RecalledCopy& recalled : e.recalled) json["recalled"].push_back(recalled_json(recalled));
  return json;
}

Json number_or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

std::string choice_text(const runtime::TunedChoice& tuned) {
  const runtime::Choice& c = tuned.choice;
  std::string text = fmt::format("{} tiles of {} x {}, {}, {}, {} passes", name(c.partition), c.tile_rows, c.tile_cols, name(c.encoding),
                                 count(c.slices, "slice"), c.passes);
  text += fmt::format(", full scale {:g}, {}", c.conversion.headroom, count(c.conversion.repeats, "repeat"));
  return text + (tuned.adaptive_lambda ? ", lambda adaptive" : "");
}

std::string goal_text(const runtime::Goal& goal) {
  if (goal.target_error) return fmt::format("error {} for the least {}", scientific(*goal.target_error), name(goal.objective));
  std::string text = "the smallest error within ";
  if (goal.joules_budget) text += si(*goal.joules_budget, "J");
  if (goal.joules_budget && goal.seconds_budget) text += " and ";
  if (goal.seconds_budget) text += si(*goal.seconds_budget, "s");
  return text;
}

bool was_run(const GoalReport& report) { return report.tuned.total.vectors > 0; }

std::string give_or_take(double value, double sd) { return fmt::format("{} +-{:.0f} %", scientific(value), 100 * std::expm1(sd)); }

// The costs of one programming and of one vector.
std::vector<std::string> costs_cells(const Outcome& o) {
  return {si(o.programming_joules, "J"), si(o.vector_joules, "J"), si(o.programming_seconds, "s"), si(o.vector_seconds, "s"),
          fmt::format("{:.0f}", o.arrays)};
}

void add_row(Table& table, std::vector<std::string> cells, const Outcome& outcome) {
  const std::vector<std::string> costs = costs_cells(outcome);
  cells.insert(cells.end(), costs.begin(), costs.end());
  table.add(std::move(cells));
}

std::string recalled_table(const Episode& episode) {
  if (episode.recalled.empty()) return "recalled: nothing\n";
  constexpr auto right = Table::Align::right;
  Table table({{"recalled"}, {"distance", right}, {"evidence", right}, {"predicted", right}, {"found", right}, {"with"}});
  for (const runtime::RecalledCopy& r : episode.recalled)
    table.add({r.key.hex().substr(0, 12), fmt::format("{:.3f}", r.distance), count(r.pattern.evidence),
               scientific(r.pattern.predicted.error_p95), r.pattern.found.checked > 0 ? scientific(r.pattern.found.error_p95) : "-",
               choice_text(r.pattern.choice)});
  return table.to_string();
}

std::string predictions_table(const Episode& episode) {
  constexpr auto right = Table::Align::right;
  Table table({{""},
               {"error p95", right},
               {"write energy", right},
               {"a vector's", right},
               {"write time", right},
               {"a vector's", right},
               {"arrays", right}});
  add_row(table, {"physics alone", scientific(episode.proposal.prior.error_p95)}, episode.proposal.prior);
  add_row(table, {"corrected by memory", give_or_take(episode.proposal.corrected.error_p95, episode.proposal.error_sd)},
          episode.proposal.corrected);
  if (episode.found.vectors > 0)
    add_row(
        table,
        {fmt::format("found, {} checked", episode.found.checked), episode.found.checked > 0 ? scientific(episode.found.error_p95) : "-"},
        episode.found);
  return table.to_string();
}

std::string episode_text(const Episode& e, std::size_t number) {
  std::string text = fmt::format("\nfrom vector {}: {}\n", e.first_vector, choice_text(e.proposal.choice));
  if (number > 0 && !e.programmed) text += "nothing was written for it\n";
  if (!e.handed_out && e.found.vectors > 0) text += "its products missed the goal and were multiplied again\n";
  if (!e.proposal.reason.empty()) text += fmt::format("because: {}\n", printable(e.proposal.reason));
  return text + recalled_table(e) + predictions_table(e);
}

}  // namespace

Json goal_json(const GoalReport& report) {
  const runtime::TunedReport& tuned = report.tuned;
  Json json;
  json["goal"] = {{"target_error", number_or_null(report.goal.target_error)},
                  {"objective", report.goal.target_error ? Json(name(report.goal.objective)) : Json(nullptr)},
                  {"joules_budget", number_or_null(report.goal.joules_budget)},
                  {"seconds_budget", number_or_null(report.goal.seconds_budget)},
                  {"horizon_vectors", report.goal.horizon_vectors},
                  {"pulses_budget", report.goal.pulses_budget == UINT64_MAX ? Json(nullptr) : Json(report.goal.pulses_budget)}};
  json["policy"] = report.policy;
  json["memory"] = {
      {"store", report.memory.store}, {"patterns_before", report.patterns_before}, {"patterns_after", report.memory.patterns}};
  json["episodes"] = Json::array();
  for (const Episode& episode : tuned.episodes) json["episodes"].push_back(episode_json(episode));
  json["total"] = was_run(report) ? outcome_json(tuned.total) : Json(nullptr);
  json["target_met"] = was_run(report) ? Json(tuned.target_met) : Json(nullptr);
  json["repeated_vectors"] = tuned.repeated_vectors;
  json["check_seconds"] = tuned.check_seconds;
  json["tuning_seconds"] = tuned.tuning_seconds;
  json["flags"] = flags_of(tuned.episodes.back().proposal.choice);
  return json;
}

std::string outcome_line(const GoalReport& report) {
  const Outcome& total = report.tuned.total;
  const std::string error =
      total.checked == 0 ? std::string("no vector was checked")
                         : fmt::format("95 % of {} checked are within {}", count(total.checked, "vector"), scientific(total.error_p95));
  if (report.goal.target_error) return error;
  const double vectors = static_cast<double>(report.goal.horizon_vectors);
  return fmt::format("{}; {} and {} of the device for a horizon of {}", error,
                     si(total.programming_joules + vectors * total.vector_joules, "J"),
                     si(total.programming_seconds + vectors * total.vector_seconds, "s"), count(report.goal.horizon_vectors, "vector"));
}

std::string goal_line(const GoalReport& report) {
  const std::string chosen = fmt::format("{}: {}", goal_text(report.goal), choice_text(report.tuned.episodes.back().proposal.choice));
  if (!was_run(report)) return chosen;
  return fmt::format("{}; {}: {}", chosen, report.tuned.target_met ? "met" : "NOT met", outcome_line(report));
}

std::string explanation(const GoalReport& report) {
  std::string text = fmt::format("\n{}; policy {}; memory {} with {} before, {} now\n", goal_text(report.goal), report.policy,
                                 printable(report.memory.store), count(report.patterns_before, "pattern"), report.memory.patterns);
  std::size_t number = 0;
  for (const Episode& episode : report.tuned.episodes) text += episode_text(episode, number++);
  if (was_run(report))
    text += fmt::format("\nchoosing took {} of the host, exact products {}; {} multiplied again\n", si(report.tuned.tuning_seconds, "s"),
                        si(report.tuned.check_seconds, "s"), count(report.tuned.repeated_vectors, "vector"));
  return text + fmt::format("\nthe same without a goal: {}\n", flags_of(report.tuned.episodes.back().proposal.choice));
}

}  // namespace sedma::cli

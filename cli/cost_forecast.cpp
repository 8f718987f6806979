#include "cli/cost_forecast.h"

#include "cli/report.h"
#include "cli/units.h"

namespace sedma::cli {
namespace {

Json stage_json(const runtime::StageForecast& stage) {
  return {{"pulses", stage.pulses}, {"joules", joules_json(stage.joules)}, {"seconds", stage.seconds}};
}

Json run_json(const runtime::RunForecast& run) {
  Json json = stage_json(run.total());
  json["programming"] = stage_json(run.programming);
  json["multiplying"] = stage_json(run.multiplying);
  return json;
}

std::string run_text(const runtime::RunForecast& run) {
  const runtime::StageForecast total = run.total();
  return fmt::format("{}, {}, {} of the device ({} to write, {} to multiply)", count(total.pulses, "pulse"), si(total.joules.total(), "J"),
                     si(total.seconds, "s"), si(run.programming.seconds, "s"), si(run.multiplying.seconds, "s"));
}

constexpr const char* no_trial = "what is to be expected is found on an emulated twin, and the device is no emulator";
constexpr const char* no_model = "the device states no model of its energy and time";

}  // namespace

Json costs_json(const runtime::CostForecast& costs) {
  Json json;
  json["expected"] = costs.expected ? run_json(*costs.expected) : Json(nullptr);
  const Json pulses_alone = {{"pulses", costs.worst_case_pulses}, {"joules", nullptr}, {"seconds", nullptr}};
  json["worst_case"] = costs.worst_case ? run_json(*costs.worst_case) : pulses_alone;
  std::string note = costs.expected ? "" : no_trial;
  if (!costs.worst_case) note += fmt::format("{}{}", note.empty() ? "" : "; ", no_model);
  json["note"] = note.empty() ? Json(nullptr) : Json(note);
  return json;
}

CostText costs_text(const runtime::CostForecast& costs) {
  CostText text;
  text.expected = costs.expected ? run_text(*costs.expected) : fmt::format("not known: {}", no_trial);
  text.worst_case = costs.worst_case
                        ? run_text(*costs.worst_case)
                        : fmt::format("{}; joules and seconds not known: {}", count(costs.worst_case_pulses, "pulse"), no_model);
  return text;
}

}  // namespace sedma::cli

#include "bench/ablation_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "cli/table.h"
#include "hal/version.h"

namespace sedma::bench {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<const AblationRow*>;

// Policies in the order of the rows, targets from large to small.
std::vector<std::pair<std::pair<std::string, double>, Rows>> groups_of(const Ablation& ablation) {
  std::vector<std::pair<std::pair<std::string, double>, Rows>> groups;
  for (const AblationRow& row : ablation.rows) {
    const std::pair<std::string, double> key{row.policy, row.target_error};
    auto found = std::find_if(groups.begin(), groups.end(), [&key](const auto& group) { return group.first == key; });
    if (found == groups.end()) found = groups.insert(groups.end(), {key, {}});
    found->second.push_back(&row);
  }
  std::stable_sort(groups.begin(), groups.end(), [](const auto& a, const auto& b) { return a.first.second > b.first.second; });
  return groups;
}

template <class Value>
std::vector<double> each(const Rows& rows, const Value& value) {
  std::vector<double> values;
  for (const AblationRow* row : rows)
    if (const double v = value(*row); !std::isnan(v)) values.push_back(v);
  return values;
}

double median(const std::vector<double>& values) { return quantile(values, 0.5); }
double p95(const std::vector<double>& values) { return quantile(values, 0.95); }
double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

double regret_if_met(const AblationRow& row) { return row.last_met() ? row.regret : NAN; }

/// A column of the table: what it shows of a group of rows.
struct Figure {
  const char* name;
  const char* format;
  double (*value)(const AblationRow& row);
  double (*statistic)(const std::vector<double>& values);
};

constexpr Figure figures[] = {
    {"last run met", "{:.2f}", [](const AblationRow& r) { return r.last_met() ? 1.0 : 0.0; }, mean},
    {"regret median", "{:.3f}", regret_if_met, median},
    {"regret p95", "{:.3f}", regret_if_met, p95},
    {"runs to adapt", "{:.2f}", [](const AblationRow& r) { return static_cast<double>(r.runs_to_adapt); }, mean},
    {"met", "{:.3f}", [](const AblationRow& r) { return r.met_share; }, mean},
    {"/ static p95", "{:.3f}", [](const AblationRow& r) { return r.versus_static; }, p95},
    {"memory efficiency", "{:.3f}", [](const AblationRow& r) { return r.memory_efficiency; }, mean},
};

Json number(double value) { return std::isfinite(value) ? Json(value) : Json(nullptr); }

Json run_json(const RunRecord& run, double oracle_objective) {
  return {{"objective", run.objective},
          {"regret", run.objective / oracle_objective - 1},
          {"error", number(run.total.error_p95)},
          {"met_share", run.met_share},
          {"off_target", run.off_target},
          {"off_target_after_step", run.off_target_after_step},
          {"joules", run.joules},
          {"device_seconds", run.seconds},
          {"programmings", run.programmings},
          {"episodes", run.episodes},
          {"explored", run.explored},
          {"tuning_seconds", run.tuning_seconds},
          {"choice", to_text(run.choice)}};
}

Json row_json(const AblationRow& row) {
  Json json = {{"policy", row.policy},
               {"material", row.material},
               {"matrix", row.matrix},
               {"seed", row.seed},
               {"target_error", row.target_error},
               {"runs_to_adapt", row.runs_to_adapt},
               {"regret", row.regret},
               {"last_met", row.last_met()},
               {"error", number(row.error)},
               {"joules", row.joules},
               {"device_seconds", row.device_seconds},
               {"products_per_second", row.products_per_second},
               {"memory_efficiency", row.memory_efficiency},
               {"met_share", row.met_share},
               {"objective", row.objective},
               {"oracle_objective", row.oracle_objective},
               {"versus_static", number(row.versus_static)},
               {"choice", row.choice},
               {"runs", Json::array()}};
  for (const RunRecord& run : row.runs) json["runs"].push_back(run_json(run, row.oracle_objective));
  return json;
}

Json table_json(const Ablation& ablation) {
  Json table = Json::array();
  for (const auto& [key, rows] : groups_of(ablation)) {
    Json line = {{"policy", key.first}, {"target_error", key.second}, {"cases", rows.size()}};
    for (const Figure& figure : figures) {
      const std::vector<double> values = each(rows, figure.value);
      if (values.empty()) continue;
      const Interval interval = bootstrap(values, figure.statistic);
      line[figure.name] = {{"value", interval.value}, {"low", interval.low}, {"high", interval.high}};
    }
    table.push_back(line);
  }
  return table;
}

std::string cell(const Figure& figure, const Rows& rows) {
  const std::vector<double> values = each(rows, figure.value);
  if (values.empty()) return "-";
  const Interval i = bootstrap(values, figure.statistic);
  const auto text = [&figure](double v) { return fmt::format(fmt::runtime(figure.format), v); };
  return fmt::format("{} [{}, {}]", text(i.value), text(i.low), text(i.high));
}

}  // namespace

std::string to_text(const runtime::TunedChoice& tuned) {
  const runtime::Choice& c = tuned.choice;
  constexpr const char* partitions[] = {"fixed", "grid", "clustered"};
  return fmt::format("{} {} {}x{} k{} {}p h{:g} r{}{}", partitions[static_cast<std::size_t>(c.partition)],
                     c.encoding == kernels::Encoding::pair ? "pair" : "offset", c.tile_rows, c.tile_cols, c.slices, c.passes,
                     c.conversion.headroom, c.conversion.repeats, tuned.adaptive_lambda ? " lambda" : "");
}

Json to_json(const Ablation& ablation, const nlohmann::ordered_json& settings) {
  Json json = {{"format", "sedma-ablation-1"},
               {"version", version()},
               {"commit", commit()},
               {"settings", settings},
               {"interval", "95 %, percentile bootstrap over cases, 2000 samples"},
               {"interrupted", ablation.interrupted},
               {"rows", Json::array()},
               {"left_out", Json::array()},
               {"table", table_json(ablation)}};
  for (const AblationRow& row : ablation.rows) json["rows"].push_back(row_json(row));
  for (const LeftOut& out : ablation.left_out)
    json["left_out"].push_back({{"material", out.material},
                                {"matrix", out.matrix},
                                {"seed", out.seed},
                                {"target_error", out.target_error},
                                {"least_error", number(out.least_error)}});
  return json;
}

std::string to_table(const Ablation& ablation) {
  constexpr auto right = cli::Table::Align::right;
  std::vector<cli::Table::Column> columns = {{"target", right}, {"policy"}, {"cases", right}};
  for (const Figure& figure : figures) columns.push_back({figure.name, right});
  cli::Table table(columns);
  for (const auto& [key, rows] : groups_of(ablation)) {
    std::vector<std::string> cells = {fmt::format("{:g}", key.second), key.first, fmt::format("{}", rows.size())};
    for (const Figure& figure : figures) cells.push_back(cell(figure, rows));
    table.add(cells);
  }
  return fmt::format(
      "{}95 % intervals: percentile bootstrap over cases (matrix, material, seed), 2,000 samples.\n{} cases left out: no choice meets the "
      "target.\n",
      table.to_string(), ablation.left_out.size());
}

}  // namespace sedma::bench

#include "cli/sweep_report.h"

#include <fmt/format.h>

#include <charconv>

#include "cli/csv.h"
#include "cli/table.h"
#include "cli/units.h"

namespace sedma::cli {
namespace {

// Names and values of a point's figures, in the order of the columns.
using Figures = std::vector<std::pair<std::string, std::string>>;

void add_joules(Figures& figures, const std::string& stage, const hal::Joules& joules) {
  const std::pair<const char*, double> parts[] = {{"_joules", joules.total()},     {"_joules_cells", joules.cells},
                                                  {"_joules_lines", joules.lines}, {"_joules_dac", joules.dac},
                                                  {"_joules_adc", joules.adc},     {"_joules_verify", joules.verify}};
  for (const auto& [name, value] : parts) figures.emplace_back(stage + name, fmt::format("{}", value));
}

Figures figures_of(const SweepPoint& p) {
  const JobReport& job = p.job;
  Figures figures = {{"relative_l2", fmt::format("{}", job.error->relative_l2)},
                     {"relative_l2_median", fmt::format("{}", job.median_error())},
                     {"relative_linf", fmt::format("{}", job.error->relative_linf)}};
  add_joules(figures, "program", job.programming.joules);
  add_joules(figures, "multiply", job.multiplying.joules);
  const auto add = [&](const char* name, auto value) { figures.emplace_back(name, fmt::format("{}", value)); };
  add("program_seconds", job.programming.seconds);
  add("multiply_seconds", job.multiplying.seconds);
  add("pulses", job.programming.pulses);
  add("unconverged", job.programming.unconverged);
  add("program_conversions", job.programming.conversions);
  add("multiply_conversions", job.multiplying.conversions);
  add("products", job.multiplying.products);
  add("tiles", job.plan.tiles.size());
  add("arrays", arrays_in_use(job.layouts).arrays);
  add("turns", arrays_in_use(job.layouts).turns);
  add("memory_efficiency", runtime::memory_efficiency(job.plan, job.layouts));
  return figures;
}

// A number where it is one.
Json value_json(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc() && end == text.data() + text.size()) return value;
  return text;
}

Json axis_json(const Axis& axis) {
  Json values = Json::array();
  for (const std::string& value : axis.values) values.push_back(value_json(value));
  return {{"key", axis.key}, {"of", axis.of_session ? "session" : "device"}, {"values", values}};
}

Json point_json(const Sweep& sweep, const SweepPoint& p) {
  Json at = Json::object();
  for (std::size_t a = 0; a < sweep.axes.size(); ++a) at[sweep.axes[a].key] = value_json(p.point[a]);
  return {{"point", at},
          {"uri", p.uri},
          {"error", error_json(p.job)},
          {"programming", programming_json(p.job.programming, p.job.plan.choice)},
          {"multiply", multiplying_json(p.job.multiplying)},
          {"plan", plan_json(p.job.plan, p.job.layouts)},
          {"y_digest", p.y_digest},
          {"wall_seconds", p.wall}};
}

}  // namespace

std::string sweep_csv(const Sweep& sweep) {
  Csv csv;
  std::vector<std::string> header;
  for (const Axis& axis : sweep.axes) header.push_back(axis.key);
  for (const SweepPoint& p : sweep.points) {
    std::vector<std::string> fields = p.point;
    const bool first = csv.text().empty();
    for (auto& [name, value] : figures_of(p)) {
      if (first) header.push_back(name);
      fields.push_back(value);
    }
    if (first) csv.add(header);
    csv.add(fields);
  }
  return csv.text();
}

Json sweep_json(const Sweep& sweep) {
  Json json = {{"matrix", matrix_json(sweep.matrix)},
               {"device", sweep.options.device},
               {"over", Json::array()},
               {"batch", sweep.batch},
               {"seed", sweep.options.seed}};
  json["input_seed"] = sweep.options.input.empty() ? Json(sweep.options.effective_input_seed()) : Json(nullptr);
  if (!sweep.options.input.empty()) json["input"] = sweep.options.input;
  for (const Axis& axis : sweep.axes) json["over"].push_back(axis_json(axis));
  json["points"] = Json::array();
  for (const SweepPoint& p : sweep.points) json["points"].push_back(point_json(sweep, p));
  return json;
}

std::string sweep_text(const Sweep& sweep) {
  constexpr auto right = Table::Align::right;
  std::vector<Table::Column> columns;
  for (const Axis& axis : sweep.axes) columns.push_back({axis.key, right});
  for (const char* title :
       {"error", "median", "write energy", "product energy", "write time", "product time", "pulses", "conversions", "arrays", "memory"})
    columns.push_back({title, right});
  Table table(std::move(columns));
  for (const SweepPoint& p : sweep.points) {
    std::vector<std::string> cells;
    for (const std::string& value : p.point) cells.push_back(printable(value));
    const JobReport& job = p.job;
    for (std::string cell : {scientific(job.error->relative_l2), scientific(job.median_error()), si(job.programming.joules.total(), "J"),
                             si(job.multiplying.joules.total(), "J"), si(job.programming.seconds, "s"), si(job.multiplying.seconds, "s"),
                             count(job.programming.pulses), count(job.multiplying.conversions), count(arrays_in_use(job.layouts).arrays),
                             percent(runtime::memory_efficiency(job.plan, job.layouts))})
      cells.push_back(std::move(cell));
    table.add(std::move(cells));
  }
  return fmt::format("{}, {} x {}, {}; {}; {}\n\n", printable(sweep.matrix.name()), sweep.matrix.rows(), sweep.matrix.cols(),
                     count(sweep.matrix.nonzeros(), "nonzero"), printable(sweep.options.device), count(sweep.batch, "vector")) +
         table.to_string() +
         "\nerror: relative l2 against a double-precision product, over all vectors, original domain; median: of the vectors alone.\n"
         "Energy and time are the device's: writing the matrix once, and the products of all vectors.\n";
}

}  // namespace sedma::cli

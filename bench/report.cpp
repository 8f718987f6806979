#include "bench/report.h"

#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "bench/product_case.h"
#include "cli/units.h"

namespace sedma::bench {
namespace {

using Json = nlohmann::ordered_json;

Json or_null(const std::string& text) { return text.empty() ? Json() : Json(text); }
Json or_null(const std::optional<double>& value) { return value ? Json(*value) : Json(); }

Json row_json(const Row& row) {
  Json json = {{"name", row.name},
               {"rows", row.rows},
               {"cols", row.cols},
               {"batch", row.batch},
               {"threads", row.threads},
               {"wires", or_null(row.wires)},
               {"noise", or_null(row.noise)},
               {"path", or_null(row.path)},
               {"isa", row.isa},
               {"seconds", row.seconds}};
  json["reference"] = or_null(row.reference);
  json["ratio"] = or_null(row.ratio());
  json["spread"] = row.spread;
  json["reference_spread"] = or_null(row.reference_spread);
  json["samples"] = row.samples;
  json["bytes"] = row.bytes == 0 ? Json() : Json(row.bytes);
  json["level"] = or_null(row.level);
  json["scaling"] = row.scaling ? Json(row.scaling->own) : Json();
  json["fma_scaling"] = row.scaling ? Json(row.scaling->fma) : Json();
  json["read_scaling"] = row.scaling ? Json(row.scaling->read) : Json();
  json["note"] = or_null(row.note);
  return json;
}

Json machine_json(const Machine& machine) {
  Json json = {{"cpu", machine.cpu},
               {"cores", machine.cores},
               {"caches", Json::array()},
               {"governor", or_null(machine.governor)},
               {"kernel", machine.kernel},
               {"compiler", machine.compiler},
               {"isa", machine.isa},
               {"openblas", machine.blas_config},
               {"openblas_core", machine.blas_core},
               {"environment", Json::object()}};
  for (const Cache& cache : machine.caches) json["caches"].push_back({{"level", cache.level}, {"bytes", cache.bytes}});
  for (const auto& [key, value] : machine.environment) json["environment"][key] = value;
  json["load_at_start"] = machine.load_at_start < 0 ? Json() : Json(machine.load_at_start);
  return json;
}

// A column of the tables: a title and what it shows of a row; a column that shows nothing in any row of a table is left out.
struct Column {
  const char* title;
  std::function<std::string(const Row&)> text;
};

std::string digits(double value) { return fmt::format("{:.3g}", value); }
std::string digits(const std::optional<double>& value) { return value ? digits(*value) : ""; }

const std::vector<Column>& columns() {
  static const std::vector<Column> all = {
      {"rows", [](const Row& row) { return row.rows == 0 ? "" : fmt::format("{}", row.rows); }},
      {"cols", [](const Row& row) { return row.cols == 0 ? "" : fmt::format("{}", row.cols); }},
      {"batch", [](const Row& row) { return row.path.empty() && row.batch == 1 ? "" : fmt::format("{}", row.batch); }},
      {"threads", [](const Row& row) { return fmt::format("{}", row.threads); }},
      {"wires", [](const Row& row) { return row.wires; }},
      {"noise", [](const Row& row) { return row.noise; }},
      {"path", [](const Row& row) { return row.path; }},
      {"isa", [](const Row& row) { return row.isa; }},
      {"streams", [](const Row& row) { return row.bytes == 0 ? "" : fmt::format("{} ({})", cli::bytes(row.bytes), row.level); }},
      {"time", [](const Row& row) { return cli::si(row.seconds, "s"); }},
      {"rate",
       [](const Row& row) {
         return row.bytes == 0 || row.batch > 1 || row.name == "write_verify"
                    ? ""
                    : cli::si(static_cast<double>(row.bytes) / row.seconds, "B/s");
       }},
      {"reference", [](const Row& row) { return row.reference ? cli::si(*row.reference, "s") : ""; }},
      {"ratio", [](const Row& row) { return digits(row.ratio()); }},
      {"median / best", [](const Row& row) { return digits(row.spread); }},
      {"of the reference", [](const Row& row) { return digits(row.reference_spread); }},
      {"samples", [](const Row& row) { return fmt::format("{}", row.samples); }},
      {"note", [](const Row& row) { return row.note; }}};
  return all;
}

const std::vector<Column>& scaling_columns() {
  static const std::vector<Column> all = {
      {"name", [](const Row& row) { return row.name; }},
      {"rows", [](const Row& row) { return fmt::format("{}", row.rows); }},
      {"cols", [](const Row& row) { return fmt::format("{}", row.cols); }},
      {"batch", [](const Row& row) { return fmt::format("{}", row.batch); }},
      {"threads", [](const Row& row) { return fmt::format("{}", row.threads); }},
      {"wires", [](const Row& row) { return row.wires; }},
      {"noise", [](const Row& row) { return row.noise; }},
      {"path", [](const Row& row) { return row.path; }},
      {"scaling", [](const Row& row) { return digits(row.scaling->own); }},
      {"FMA loop", [](const Row& row) { return digits(row.scaling->fma); }},
      {"read bandwidth", [](const Row& row) { return digits(row.scaling->read); }},
      {"streams", [](const Row& row) { return row.bytes == 0 ? "" : fmt::format("{} ({})", cli::bytes(row.bytes), row.level); }}};
  return all;
}

std::string line(const std::vector<std::string>& cells) { return fmt::format("| {} |\n", fmt::join(cells, " | ")); }

std::string table(const std::vector<const Row*>& rows, const std::vector<Column>& candidates) {
  std::vector<const Column*> shown;
  for (const Column& column : candidates) {
    if (std::any_of(rows.begin(), rows.end(), [&](const Row* row) { return !column.text(*row).empty(); })) shown.push_back(&column);
  }
  std::vector<std::string> cells, rule(shown.size(), "---");
  for (const Column* column : shown) cells.emplace_back(column->title);
  std::string text = line(cells) + line(rule);
  for (const Row* row : rows) {
    cells.clear();
    for (const Column* column : shown) cells.push_back(column->text(*row));
    text += line(cells);
  }
  return text + "\n";
}

std::string machine_text(const Machine& machine) {
  std::vector<std::string> caches;
  for (const Cache& cache : machine.caches) caches.push_back(fmt::format("L{} {}", cache.level, cli::bytes(cache.bytes)));
  std::vector<std::string> variables;
  for (const auto& [key, value] : machine.environment) variables.push_back(fmt::format("{}={}", key, value));
  std::string text;
  const auto add = [&](const char* what, const std::string& value) { text += fmt::format("| {} | {} |\n", what, value); };
  text += "| | |\n|---|---|\n";
  add("commit", fmt::format("{} (version {})", machine.commit, machine.version));
  add("date", machine.date_utc);
  add("processor", fmt::format("{}, {}", machine.cpu, cli::count(machine.cores, "core")));
  add("caches of a core", caches.empty() ? "unknown" : fmt::format("{}", fmt::join(caches, ", ")));
  add("governor", machine.governor.empty() ? "unknown" : machine.governor);
  add("kernel", machine.kernel);
  add("compiler", machine.compiler);
  add("kernels' instruction set", machine.isa);
  add("OpenBLAS", fmt::format("{}; kernels for {}", machine.blas_config, machine.blas_core));
  add("environment",
      variables.empty() ? "none of the variables that steer threads and kernels" : fmt::format("{}", fmt::join(variables, " ")));
  add("load at start", machine.load_at_start < 0 ? "unknown" : digits(machine.load_at_start));
  return text + "\n";
}

constexpr const char* method =
    "Times are those of one call, the fastest of all samples; a sample is the mean of as many calls as take 50 us. A row and its "
    "reference\n"
    "take turns, sample by sample, and `ratio` is the row's time / the reference's. `median / best` tells how quiet the machine was. The\n"
    "reference is row-major OpenBLAS sgemv (batch 1) or sgemm of the same shape on at most as many threads: the fastest of one call on "
    "one\n"
    "thread, an OpenMP split into blocks of columns with such a call for each, and OpenBLAS' own threads (the notes of sgemv and sgemm "
    "say\n"
    "which). Before a sample the same call runs once untimed: `streams` says how many bytes of matrix a call reads and the level of the\n"
    "memory that holds them between two calls; `rate` is those bytes / time.\n\n";

const char* about(const std::string& name) {
  if (name == "noisy_product") {
    return "One product of TaOx-HfOx cells with device-to-device spread and stuck cells: 8-bit DAC, read noise (`level`: in proportion to "
           "the\n"
           "conductance; `constant`: the same for all cells), 8-bit ADC with a range for each output.\n\n";
  }
  if (name == "write_verify") return "From G_min to uniform targets, with cycle-to-cycle noise, to a tolerance of one level.\n\n";
  if (name == "effective_matrix") return "The whole transfer matrix of an array whose lines have 0.237 ohm a cell.\n\n";
  if (name == "read_bandwidth")
    return "The sum of an array of floats, again and again, as many loads in flight as registers allow; the time is that of one pass.\n\n";
  if (name == "fma_loop") return "Independent multiply-adds in registers: what threads reach without memory.\n\n";
  return "";
}

std::string about_wires(const std::vector<const Row*>& rows) {
  if (std::none_of(rows.begin(), rows.end(), [](const Row* row) { return row->wires == "exact"; })) return {};
  return fmt::format(
      "With wires `exact` the entries are those of the transfer matrix; above {} cells, where computing it takes a minute and more, the "
      "series\n"
      "model stands in for it: the time of a product does not depend on the values of the entries.\n\n",
      most_exact_cells);
}

std::string scaling_text(const Report& report) {
  std::vector<const Row*> rows;
  for (const Row& row : report.rows) {
    if (row.scaling) rows.push_back(&row);
  }
  if (rows.empty()) return {};
  return "## Threads against one\n\nTime on one thread / time on this many: of the call, of a register-only FMA loop, and of reading as "
         "many bytes as\n"
         "the call streams, all sampled in the same rounds. Virtual cores often share what they compute with: the loop shows how "
         "much.\n\n" +
         table(rows, scaling_columns());
}

}  // namespace

Json to_json(const Report& report) {
  Json json = {{"format", "sedma-bench-1"},
               {"version", report.machine.version},
               {"commit", report.machine.commit},
               {"date", report.machine.date_utc},
               {"effort", report.effort},
               {"seconds_per_row", report.seconds_per_row},
               {"machine", machine_json(report.machine)}};
  json["rows"] = Json::array();
  for (const Row& row : report.rows) json["rows"].push_back(row_json(row));
  return json;
}

std::string to_markdown(const Report& report) {
  std::string text = fmt::format("# SEDMA bench report ({})\n\n", report.effort) + machine_text(report.machine);
  if (report.machine.load_at_start > quiet_load) {
    text += fmt::format(
        "**The machine was not idle (load {:.2f} at the start): times and scalings are too high or too low by as much as\n"
        "`median / best` tells.**\n\n",
        report.machine.load_at_start);
  }
  text += method;
  std::vector<std::string> names;
  for (const Row& row : report.rows) {
    if (std::find(names.begin(), names.end(), row.name) == names.end()) names.push_back(row.name);
  }
  for (const std::string& name : names) {
    std::vector<const Row*> rows;
    for (const Row& row : report.rows) {
      if (row.name == name) rows.push_back(&row);
    }
    text += fmt::format("## {}\n\n{}{}", name, about(name), about_wires(rows)) + table(rows, columns());
  }
  return text + scaling_text(report);
}

}  // namespace sedma::bench

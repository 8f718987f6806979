// sedma info: what a matrix file holds.

#include <fmt/format.h>

#include "cli/command.h"
#include "cli/load_matrix.h"
#include "cli/matrix_facts.h"
#include "cli/output_file.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/units.h"

namespace sedma::cli {
namespace {

const char* field(const MatrixFacts& facts) { return facts.ones ? "pattern" : facts.integer ? "integer" : "real"; }

Json info_json(const runtime::MatrixSource& matrix, const MatrixFacts& facts) {
  Json json = matrix_json(matrix);
  json["density"] = facts.density;
  json["field"] = field(facts);
  json["symmetry"] = name(facts.symmetry);
  json["symmetric_pattern"] = facts.symmetric_pattern;
  json["min_magnitude"] = facts.min_magnitude;
  json["max_magnitude"] = facts.max_magnitude;
  json["lower_bandwidth"] = facts.lower_bandwidth;
  json["upper_bandwidth"] = facts.upper_bandwidth;
  json["empty_rows"] = facts.empty_rows;
  json["empty_cols"] = facts.empty_cols;
  json["bytes"] = facts.bytes;
  return json;
}

std::string info_text(const runtime::MatrixSource& matrix, const MatrixFacts& facts) {
  const bool pattern_only = facts.symmetric_pattern && facts.symmetry == Symmetry::general;
  Table table = Table::of_facts();
  table.add({"matrix", printable(matrix.name())});
  table.add({"shape", fmt::format("{} x {}", matrix.rows(), matrix.cols())});
  table.add({"nonzeros", fmt::format("{} ({} of all entries)", count(matrix.nonzeros()), percent(facts.density))});
  table.add({"field", field(facts)});
  table.add({"symmetry", fmt::format("{}{}", name(facts.symmetry), pattern_only ? " (symmetric pattern)" : "")});
  table.add({"|a|", fmt::format("{:.6g} to {:.6g}", facts.min_magnitude, facts.max_magnitude)});
  table.add({"bandwidth", fmt::format("{} below, {} above the diagonal", facts.lower_bandwidth, facts.upper_bandwidth)});
  table.add({"empty", fmt::format("{}, {}", count(facts.empty_rows, "row"), count(facts.empty_cols, "column"))});
  table.add({"memory", bytes(facts.bytes)});
  return table.to_string();
}

Ending run_info(const std::string& file, bool as_json) {
  Progress progress;
  const auto matrix = load_matrix(file, progress);
  if (!matrix.ok()) return matrix.status();
  const auto facts = examine(**matrix, progress);
  if (!facts.ok()) return facts.status();
  return print(as_json ? to_text(info_json(**matrix, *facts)) : info_text(**matrix, *facts));
}

struct Options {
  std::string matrix;
  bool as_json = false;
};

}  // namespace

Command add_info(CLI::App& program) {
  CLI::App* command = program.add_subcommand("info", "Describe a matrix file");
  command->footer(examples({"sedma info bcsstk02.mtx", "sedma info model.h5:/layer1/weights --json"}));
  const auto options = std::make_shared<Options>();
  command
      ->add_option("matrix", options->matrix,
                   "Matrix Market, Harwell-Boeing, NumPy .npy or HDF5 (file.h5:/dataset); told by the content, not by the name")
      ->required()
      ->type_name("MATRIX");
  command->add_flag("--json", options->as_json, "JSON instead of a table");
  return {command, [options] { return run_info(options->matrix, options->as_json); }};
}

}  // namespace sedma::cli

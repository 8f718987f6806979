// sedma plan: where matrices would lie on a board, and what that takes. Nothing is written, nothing is asked of the device.

#include <fmt/format.h>

#include <memory>

#include "cli/board.h"
#include "cli/command.h"
#include "cli/load_matrix.h"
#include "cli/multiply_flags.h"
#include "cli/output_file.h"
#include "cli/plan_facts.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/units.h"
#include "runtime/diagonal_source.h"

namespace sedma::cli {
namespace {

struct Options {
  MultiplyOptions layout;
  std::vector<std::string> matrices;
  std::string device;
  std::uint32_t slices = 0;
  bool as_json = false, picture = false;
};

constexpr std::uint32_t picture_step = 16, most_arrays_drawn = 16;

Json vector_json(const std::optional<VectorCost>& cost) {
  if (!cost) return nullptr;
  return {{"seconds", cost->seconds}, {"converter_joules", cost->converter_joules}, {"joules_at_most", cost->most_joules}};
}

Json layout_json(const LayoutFacts& facts) {
  return {{"tiles", facts.tiles},
          {"arrays", facts.arrays},
          {"loads", facts.loads},
          {"turns", facts.turns},
          {"windows_on_a_load", facts.windows},
          {"memory_efficiency", facts.memory_efficiency},
          {"product", vector_json(facts.vector)}};
}

Json facts_json(const PlanFacts& facts) {
  return {{"name", facts.name},
          {"rows", facts.rows},
          {"cols", facts.cols},
          {"nonzeros", facts.nonzeros},
          {"cells_useful", facts.cells_useful},
          {"counting_bound", facts.counting_bound},
          {"plan", layout_json(facts.chosen)},
          {"static", layout_json(facts.fixed)}};
}

Json report_json(const std::vector<PlanFacts>& each, const PlanFacts& all, const Board& board, const runtime::Choice& choice) {
  Json json = {{"device", device_json(board.device->capabilities())},
               {"partition", name(choice.partition)},
               {"sharing", choice.sharing},
               {"encoding", name(choice.encoding)},
               {"slices", choice.slices},
               {"matrices", Json::array()}};
  for (const PlanFacts& facts : each) json["matrices"].push_back(facts_json(facts));
  json["all"] = facts_json(all);
  return json;
}

std::string cost_text(const std::optional<VectorCost>& cost) { return cost ? si(cost->seconds, "s") : "not known"; }
std::string joules_text(const std::optional<VectorCost>& cost) { return cost ? si(cost->most_joules, "J") : "not known"; }

void add_row(Table& table, const std::string& name, const std::string& how, const LayoutFacts& facts, const std::string& bound) {
  table.add({name, how, count(facts.tiles), count(facts.loads), bound, count(facts.windows), count(facts.turns),
             percent(facts.memory_efficiency), cost_text(facts.vector), joules_text(facts.vector)});
}

std::string report_text(const std::vector<PlanFacts>& each, const PlanFacts& all, const Board& board, const Options& o) {
  constexpr auto right = Table::Align::right;
  const hal::Capabilities& c = board.device->capabilities();
  Table table({{"matrix"},
               {"partition"},
               {"tiles", right},
               {"arrays", right},
               {"at least", right},
               {"sharing", right},
               {"turns", right},
               {"efficiency", right},
               {"a product", right},
               {"at most", right}});
  const auto add = [&](const PlanFacts& facts, const std::string& title) {
    add_row(table, title, o.layout.partition, facts.chosen, count(facts.counting_bound));
    add_row(table, "", "static", facts.fixed, "");
  };
  for (const PlanFacts& facts : each) add(facts, printable(facts.name));
  if (each.size() > 1) add(all, "all together");
  std::string text = fmt::format("{} of {} x {} ({}), {} encoding, {}; nothing was written\n\n", count(c.arrays, "array"), c.rows, c.cols,
                                 printable(c.material), o.layout.encoding, count(o.slices, "residual slice"));
  text += table.to_string();
  text +=
      "\narrays: loads of one; at least: that the useful cells alone would fill; sharing: tiles and slices that take turns with an array;\n"
      "turns: loads of every array, written anew for every batch where there are several; a product: of one vector, of the device;\n"
      "at most: its energy, with every input at full voltage.\n";
  if (!o.picture) return text;
  text += fmt::format("\nOne character for {} x {} lines, word lines from top to bottom; a letter for every tile, '.' for none.\n\n",
                      picture_step, picture_step);
  text += plan_picture(all, c, picture_step, most_arrays_drawn);
  if (all.layout.arrays > most_arrays_drawn) text += fmt::format("and {} more\n", count(all.layout.arrays - most_arrays_drawn, "array"));
  return text;
}

struct Loaded {
  std::vector<std::unique_ptr<runtime::MatrixSource>> matrices;
  std::unique_ptr<runtime::MatrixSource> all;  // on one diagonal
};

Result<Loaded> load_all(const std::vector<std::string>& references) {
  Loaded loaded;
  Progress progress;
  std::vector<const runtime::MatrixSource*> blocks;
  for (const std::string& reference : references) {
    SEDMA_ASSIGN_OR_RETURN(std::unique_ptr<runtime::MatrixSource> matrix, load_matrix(reference, progress));
    blocks.push_back(matrix.get());
    loaded.matrices.push_back(std::move(matrix));
  }
  SEDMA_ASSIGN_OR_RETURN(loaded.all, runtime::diagonal_of(blocks));
  return loaded;
}

Ending run_plan(const Options& o) {
  const auto loaded = load_all(o.matrices);
  if (!loaded.ok()) return loaded.status();
  const auto board = open_board(make_registry(), {o.device, {}, {}});
  if (!board.ok()) return Ending::of_request(board.status());
  auto session = session_options(o.layout);
  if (!session.ok()) return Ending::of_request(session.status());
  runtime::Choice choice = session->choice;
  choice.slices = o.slices;
  const hal::Capabilities& capabilities = board->device->capabilities();
  std::optional<runtime::DeviceModel> device;
  if (auto model = device_model(*board); model.ok()) device = std::move(model).value();  // of other boards the cost is not known
  std::vector<PlanFacts> each;
  for (const auto& matrix : loaded->matrices) {
    auto facts = plan_facts(*matrix, capabilities, choice, device);
    if (!facts.ok()) return Ending::of_request(facts.status());
    each.push_back(std::move(facts).value());
  }
  const auto all = plan_facts(*loaded->all, capabilities, choice, device);
  if (!all.ok()) return Ending::of_request(all.status());
  return print(o.as_json ? to_text(report_json(each, *all, *board, choice)) : report_text(each, *all, *board, o));
}

}  // namespace

Command add_plan(CLI::App& program) {
  CLI::App* command =
      program.add_subcommand("plan", "Show where matrices would lie on a board and how well they use it; nothing is written");
  command->footer(examples({"sedma plan --matrix add32.mtx --device emulator:EpiRAM",
                            "sedma plan --matrix a.mtx --matrix model.h5:/w1 --device emulator:EpiRAM?arrays=64 --sharing 1 --picture",
                            "sedma plan --matrix gallery:fem9?n=255 --device emulator:TaOx-HfOx --partition grid --tile 64x64 --json"}));
  const auto options = std::make_shared<Options>();
  options->layout.partition = "clustered";
  command->add_option("--matrix", options->matrices, "a matrix, as for sedma multiply; several share the board")
      ->required()
      ->type_name("FILE")
      ->allow_extra_args(false);
  add_option(*command, "--device", options->device, "the board; it is only asked what it is")->required()->type_name("URI");
  add_layout_options(*command, options->layout);
  add_option(*command, "--slices", options->slices, "residual slices")->check(CLI::Range(0u, 16u))->capture_default_str()->type_name("K");
  command->add_flag("--picture", options->picture, "draw the arrays too");
  command->add_flag("--json", options->as_json, "JSON instead of a table");
  return {command, [options] { return run_plan(*options); }};
}

}  // namespace sedma::cli

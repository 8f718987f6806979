// sedma conformance: does a board do what every board must do?

#include "hal/conformance.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "cli/board.h"
#include "cli/command.h"
#include "cli/interrupt.h"
#include "cli/limits_file.h"
#include "cli/report.h"
#include "cli/table.h"
#include "cli/units.h"

namespace sedma::cli {
namespace {

using Outcome = hal::ConformanceCase::Outcome;

struct Options {
  std::string device, only, limits, json;
  std::uint64_t pulses = 0;
  double write_sigma = 0, line_error = 0;
  std::optional<double> read_sigma;
  bool physical = false;
};

std::uint64_t tally(const hal::ConformanceReport& report, Outcome outcome) {
  const auto is = [&](const hal::ConformanceCase& each) { return each.outcome == outcome; };
  return static_cast<std::uint64_t>(std::count_if(report.cases.begin(), report.cases.end(), is));
}

std::uint64_t pulses(const hal::ConformanceReport& report) {
  std::uint64_t sum = 0;
  for (const auto& each : report.cases) sum += each.pulses;
  return sum;
}

std::string report_text(const hal::ConformanceReport& report, std::uint64_t budget) {
  Table table({{"test"}, {"outcome"}, {"pulses", Table::Align::right}, {"wall", Table::Align::right}, {"why"}});
  for (const auto& each : report.cases)
    table.add({each.name, std::string(hal::name(each.outcome)), count(each.pulses), si(each.seconds, "s"), printable(each.message)});
  return table.to_string() + fmt::format("{}: {} passed, {} failed, {} not run; {} of {} pulses\n",
                                         report.passed() ? "conforms" : "does not conform", tally(report, Outcome::passed),
                                         tally(report, Outcome::failed),
                                         report.cases.size() - tally(report, Outcome::passed) - tally(report, Outcome::failed),
                                         count(pulses(report)), count(budget));
}

Json subject_json(const Board& board, const std::vector<std::string>& argv) {
  const hal::Capabilities& capabilities = board.device->capabilities();
  return {{"device", device_json(capabilities)},
          {"assumptions", assumptions_json(board.assumptions, capabilities)},
          {"provenance", provenance_json(board.uri, argv)}};
}

Json report_json(const hal::ConformanceReport& report, std::uint64_t budget, const Json& subject) {
  Json json = {{"passed", report.passed()}, {"budget_pulses", budget}, {"pulses", pulses(report)}, {"cases", Json::array()}};
  for (const auto& each : report.cases)
    json["cases"].push_back({{"name", each.name},
                             {"outcome", std::string(hal::name(each.outcome))},
                             {"message", each.message},
                             {"worst_case_pulses", each.worst_case_pulses},
                             {"pulses", each.pulses},
                             {"wall_seconds", each.seconds}});
  json.update(subject);
  return json;
}

// What lies between a cell and the converter of an emulator changes its share of a product by at most this: the drop along both lines if
// all their cells were at G_max and full volts, and I(V).
double line_error(const backends::EmulatorAssumptions& a, const hal::Capabilities& board) {
  const double rows = board.rows, cols = board.cols;
  const double ohms = a.wire_ohms_per_cell * (rows * (rows + 1) + cols * (cols + 1)) / 2 + a.source_ohms * cols + a.sense_ohms * rows;
  return ohms * board.g_max_siemens + std::abs(a.cubic_per_square_volt) * a.read_volts * a.read_volts;
}

hal::ConformanceOptions suite_options(const Options& options, const Board& board, Progress& progress) {
  hal::ConformanceOptions suite;
  suite.pulses = options.pulses;
  suite.only = options.only;
  suite.write_sigma = options.write_sigma;
  suite.read_relative_sigma = options.read_sigma.value_or(board.assumptions ? board.assumptions->read_noise : 0);
  suite.line_relative_error = options.line_error;
  if (board.assumptions) {
    constexpr double most_sigmas = 6;
    suite.read_sigma_siemens = board.assumptions->read_floor_siemens;
    suite.cell_error_siemens = board.assumptions->entry_step_siemens / 2;
    suite.line_relative_error += line_error(*board.assumptions, board.device->capabilities());
    suite.converter_error = most_sigmas * (board.assumptions->adc_gain_spread + board.assumptions->adc_offset_spread);
  }
  suite.allow_physical = options.physical;
  suite.progress = [&progress](const std::string& test, std::size_t index, std::size_t number) { progress.update(test, index, number); };
  return suite;
}

Ending run_conformance(const Options& options, const std::vector<std::string>& argv) {
  JsonTarget json(options.json);
  SEDMA_RETURN_IF_ERROR(json.check());
  SEDMA_ASSIGN_OR_RETURN(const hal::Limits limits, read_limits(options.limits));
  const hal::Registry registry = make_registry();
  const BoardRequest request{options.device, limits, {}};
  auto first = open_board(registry, request);
  if (!first.ok()) return Ending::of_request(first.status());
  Progress progress;
  const hal::ConformanceOptions suite = suite_options(options, *first, progress);
  const Json subject = subject_json(*first, argv);
  catch_interrupts();
  first->device.reset();  // a board may be exclusive; the suite opens its own
  const auto open = [&]() -> Result<std::unique_ptr<hal::Device>> {
    // Every test opens a device: refusing ends the suite between two tests, with each device closed in order.
    if (interrupted() != 0) return Status(Code::aborted, "interrupted");
    return registry.open(first->uri, limits);
  };
  const hal::ConformanceReport report = hal::run_conformance(open, suite);
  progress.clear();
  if (interrupted() != 0) return Status(Code::aborted, "interrupted");
  if (!json.takes_stdout()) SEDMA_RETURN_IF_ERROR(print(report_text(report, options.pulses)));
  SEDMA_RETURN_IF_ERROR(json.prepare(report_json(report, options.pulses, subject)));
  SEDMA_RETURN_IF_ERROR(json.commit());
  if (report.cases.empty()) return Ending::usage(fmt::format("no test's name contains '{}'", options.only));
  return report.passed() ? Ending() : Ending(exit_failed, "");
}

}  // namespace

Command add_conformance(CLI::App& program, const std::vector<std::string>& argv) {
  CLI::App* command = program.add_subcommand("conformance", "Run the suite that every board must pass; exit code 1 if it does not");
  command->footer(examples({"sedma conformance --device 'emulator:TaOx-HfOx?rows=32&cols=32&arrays=4' --pulses 10000000",
                            "sedma conformance --device 'emulator:EpiRAM?adc_bits=4' --pulses 10000000 --only product --json -",
                            "sedma conformance --device URI --pulses 20000 --limits board.json --physical"}));
  const auto options = std::make_shared<Options>();
  add_option(*command, "--device", options->device, "the board")->required()->type_name("URI");
  add_option(*command, "--pulses", options->pulses, "budget for the whole suite; a test that might need more is not run")
      ->check(non_negative())
      ->required()
      ->type_name("N");
  add_option(*command, "--only", options->only, "only tests whose name contains TEXT")->type_name("TEXT");
  add_option(*command, "--limits", options->limits, "what may reach the chip, JSON with the fields of hal::Limits")->type_name("FILE");
  add_option(*command, "--write-sigma", options->write_sigma, "sd of a written cell / its range; 0: half a level")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("F");
  add_option(*command, "--read-sigma", options->read_sigma, "sd of a read / its mean; default: what an emulator was told, otherwise 0")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("F");
  add_option(*command, "--line-error", options->line_error,
             "a cell's share of a product may differ by this from Ohm's law on its read; an emulator's wires and I(V) are added to it")
      ->check(CLI::Range(0.0, 1.0))
      ->type_name("F");
  add_flag(*command, "--physical", options->physical, "run on a board that can be harmed");
  add_option(*command, "--json", options->json, "the report; -: to stdout, and nothing else there")->type_name("FILE|-");
  return {command, [options, argv] { return run_conformance(*options, argv); }};
}

}  // namespace sedma::cli

// sedma board-check: first contact with a board. Not one pulse.

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

constexpr std::chrono::seconds patience{60};

struct Options {
  std::string device, limits;
  bool as_json = false;
};

struct Findings {
  std::vector<hal::Reading> readings;
  bool has_self_test = true;
  std::uint32_t rows = 0, cols = 0;  ///< of the window read
  double volts = 0;
  std::vector<float> siemens;
  std::uint64_t pulses = 0;  ///< reported by the commands and charged by the ledger; must be 0
  hal::Stats stats;
};

Status self_test(hal::Device& device, Findings& findings) {
  const auto completion = device.run(hal::SelfTest{&findings.readings}, patience);
  if (completion.status().code() == Code::unsupported) {
    findings.has_self_test = false;
    return {};
  }
  if (!completion.ok()) return completion.status().with_context("self-test at 0 V");
  findings.stats += completion->stats;
  return {};
}

// A corner of the first array, at the highest read voltage that board and limits allow: what reading was designed for.
Status read_corner(hal::Device& device, Findings& findings) {
  const hal::Capabilities& board = device.capabilities();
  constexpr std::uint32_t side = 4;
  findings.rows = std::min(side, board.rows);
  findings.cols = std::min(side, board.cols);
  findings.volts = std::min(board.read_volts.max, device.limits().max_read_volts.value_or(board.read_volts.max));
  findings.siemens.resize(std::size_t{findings.rows} * findings.cols);
  hal::Read read;
  read.siemens = {findings.siemens.data(), findings.rows, findings.cols};
  read.rows = findings.rows;
  read.cols = findings.cols;
  read.volts = findings.volts;
  const auto completion = device.run(read, patience);
  if (!completion.ok()) return completion.status().with_context("reading a corner of array 0");
  findings.stats += completion->stats;
  const auto bad = std::find_if_not(findings.siemens.begin(), findings.siemens.end(), [](float g) { return std::isfinite(g); });
  if (bad == findings.siemens.end()) return {};
  return fail(Code::device_fault, "cell {} of the corner of array 0 reads as {} S", bad - findings.siemens.begin(), *bad);
}

Result<Findings> examine(hal::Device& device) {
  Findings findings;
  const CancelOnInterrupt guard(device);
  SEDMA_RETURN_IF_ERROR(self_test(device, findings));
  SEDMA_RETURN_IF_ERROR(read_corner(device, findings));
  device.cancel();
  findings.pulses = std::max(device.charged_pulses(), findings.stats.pulses);
  if (findings.pulses == 0) return findings;
  return fail(Code::device_fault, "the board reports {} pulses; none was asked for", findings.pulses);
}

Json findings_json(const Board& board, const Findings& findings, const std::vector<std::string>& argv) {
  const hal::Capabilities& capabilities = board.device->capabilities();
  Json json = {{"device", device_json(capabilities)}, {"self_test", nullptr}, {"pulses", findings.pulses}, {"safe_state", true}};
  if (findings.has_self_test) {
    json["self_test"] = Json::array();
    for (const auto& reading : findings.readings)
      json["self_test"].push_back({{"name", reading.name}, {"value", reading.value}, {"unit", reading.unit}});
  }
  json["read"] = {{"array", 0}, {"rows", findings.rows}, {"cols", findings.cols}, {"volts", findings.volts}, {"siemens", findings.siemens}};
  json["joules"] = joules_json(findings.stats.joules);
  json["seconds"] = findings.stats.seconds;
  json["assumptions"] = assumptions_json(board.assumptions, capabilities);
  json["provenance"] = provenance_json(board.uri, argv);
  return json;
}

std::string findings_text(const Board& board, const Findings& findings) {
  const hal::Capabilities& c = board.device->capabilities();
  const auto [least, most] = std::minmax_element(findings.siemens.begin(), findings.siemens.end());
  Table table = Table::of_facts();
  table.add({"board", fmt::format("{} ({}), {}", printable(c.board_id), printable(c.material), name(c.cell))});
  table.add({"arrays", fmt::format("{} of {} x {}, {}", c.arrays, c.rows, c.cols, converters_text(c))});
  table.add({"cells", fmt::format("{} to {}, {}", si(c.g_min_siemens, "S"), si(c.g_max_siemens, "S"),
                                  c.levels == 0 ? "analog" : count(c.levels, "level"))});
  table.add({"features", fmt::format("{}", fmt::join(feature_names(c), ", "))});
  table.add(
      {"self-test", findings.has_self_test ? fmt::format("at 0 V: {}", count(findings.readings.size(), "reading")) : "the board has none"});
  for (const auto& reading : findings.readings)
    table.add({"", std::isnan(reading.value)
                       ? fmt::format("{}: unknown", printable(reading.name))
                       : fmt::format("{}: {:g} {}", printable(reading.name), reading.value, printable(reading.unit))});
  table.add({"read", fmt::format("{} x {} cells of array 0 at {}: {} to {}", findings.rows, findings.cols, si(findings.volts, "V"),
                                 si(static_cast<double>(*least), "S"), si(static_cast<double>(*most), "S"))});
  table.add({"safe state", "reached: cancelled, all lines grounded"});
  table.add({"pulses", count(findings.pulses)});
  return table.to_string();
}

Ending run_board_check(const Options& options, const std::vector<std::string>& argv) {
  SEDMA_ASSIGN_OR_RETURN(const hal::Limits limits, read_limits(options.limits));
  catch_interrupts();
  const auto board = open_board(make_registry(), {options.device, limits, {}});
  if (!board.ok()) return Ending::of_request(board.status());
  const auto findings = examine(*board->device);
  if (!findings.ok()) return findings.status();
  return print(options.as_json ? to_text(findings_json(*board, *findings, argv)) : findings_text(*board, *findings));
}

}  // namespace

Command add_board_check(CLI::App& program, const std::vector<std::string>& argv) {
  CLI::App* command =
      program.add_subcommand("board-check", "First contact with a board: capabilities, self-test at 0 V, one read, safe state; no pulse");
  command->footer(examples({"sedma board-check --device URI --limits board.json", "sedma board-check --device emulator:EpiRAM --json"}));
  const auto options = std::make_shared<Options>();
  add_option(*command, "--device", options->device, "the board")->required()->type_name("URI");
  add_option(*command, "--limits", options->limits, "what may reach the chip, JSON with the fields of hal::Limits")->type_name("FILE");
  command->add_flag("--json", options->as_json, "JSON instead of a table");
  return {command, [options, argv] { return run_board_check(*options, argv); }};
}

}  // namespace sedma::cli

#include "cli/multiply_report.h"

#include <fmt/format.h>

#include "cli/table.h"
#include "cli/units.h"
#include "runtime/digest.h"

namespace sedma::cli {
namespace {

std::uint64_t device_seed(const MultiplyContext& c) { return c.board.assumptions ? c.board.assumptions->seed : c.options.seed; }

const char* cost_note(runtime::Correction correction) {
  switch (correction) {
    case runtime::Correction::none: return "one product through every tile";
    case runtime::Correction::products: return "x is written on the board for every x; A~ x, A x~ and A~ x~ are products";
    case runtime::Correction::residual: return "one product through every tile and each of its slices; nothing is written for x";
  }
  return "";
}

Json correction_json(const MultiplyContext& c, const runtime::Plan& plan, const Json& products_per_x) {
  const auto& board = c.board.device->capabilities();
  const runtime::Correction kind = correction_of(c.session);
  const Forecast with = forecast(plan, c.matrix, board, c.session.products, 1), without = forecast(plan, c.matrix, board, false, 1);
  return {
      {"kind", name(kind)},
      {"slices", c.session.choice.slices},
      {"lambda", c.session.lambda},
      {"cost", {{"array_writes_per_x", with.programs - without.programs}, {"products_per_x", products_per_x}, {"note", cost_note(kind)}}}};
}

void add_inputs(Json& json, const MultiplyContext& c) {
  json["batch"] = c.batch;
  json["seed"] = device_seed(c);
  if (c.options.input.empty()) {
    json["input_seed"] = c.options.effective_input_seed();
  } else {
    json["input_seed"] = nullptr;
    json["input"] = c.options.input;
  }
}

std::string correction_text(const MultiplyContext& c) {
  const runtime::Correction kind = correction_of(c.session);
  std::string text = name(kind);
  if (kind == runtime::Correction::residual) text += fmt::format(", {}", count(c.session.choice.slices, "slice"));
  if (c.session.lambda > 0) text += fmt::format(", denoised with lambda {:g}", c.session.lambda);
  return text;
}

std::string error_text(const MultiplyContext& c, const JobReport& job) {
  const auto& board = c.board.device->capabilities();
  const std::string conditions = fmt::format("{}, {}, {} passes{}, seed {}", converters_text(board), c2c_text(c.board.assumptions),
                                             c.session.choice.passes, physics_text(c.board.assumptions), device_seed(c));
  if (!job.error) return fmt::format("not computed (--no-reference); {}", conditions);
  return fmt::format("{} relative l2, {} linf, original domain ({})", scientific(job.error->relative_l2),
                     scientific(job.error->relative_linf), conditions);
}

std::string programming_text(const runtime::StageCost& cost) {
  const double per_cell = cost.cells == 0 ? 0 : static_cast<double>(cost.pulses) / static_cast<double>(cost.cells);
  std::string text =
      fmt::format("{}, {} on the device, {} pulses ({:.1f} a cell), {} of {} cells unconverged", si(cost.joules.total(), "J"),
                  si(cost.seconds, "s"), count(cost.pulses), per_cell, count(cost.unconverged), count(cost.cells));
  if (cost.compensated + cost.uncompensated > 0)
    text += fmt::format(", {} bad cells made up for, {} not", count(cost.compensated), count(cost.uncompensated));
  return text;
}

void add_subject(Table& table, const MultiplyContext& c, const runtime::Plan& plan) {
  const auto& board = c.board.device->capabilities();
  table.add({"matrix", fmt::format("{}, {} x {}, {}", printable(c.matrix.name()), c.matrix.rows(), c.matrix.cols(),
                                   count(c.matrix.nonzeros(), "nonzero"))});
  table.add({"device", fmt::format("{}: {} of {} x {}, {}", printable(c.board.uri), count(board.arrays, "array"), board.rows, board.cols,
                                   converters_text(board))});
  table.add({"plan", fmt::format("{}, {} encoding, memory efficiency {}", plan_text(plan, board), name(plan.choice.encoding),
                                 percent(plan.memory_efficiency()))});
  table.add({"correction", correction_text(c)});
}

}  // namespace

Json multiply_json(const MultiplyContext& c, const JobReport& job) {
  const auto& board = c.board.device->capabilities();
  Json json;
  json["matrix"] = matrix_json(c.matrix);
  json["device"] = device_json(board);
  json["plan"] = plan_json(job.plan);
  json["programming"] = programming_json(job.programming, c.session.choice);
  json["multiply"] = multiplying_json(job.multiplying);
  json["assumptions"] = assumptions_json(c.board.assumptions, board);
  json["provenance"] = provenance_json(c.board.uri, c.argv);
  json["error"] = error_json(job);
  json["correction"] = correction_json(c, job.plan, static_cast<double>(job.multiplying.products) / static_cast<double>(c.batch));
  json["wall_seconds"] = wall_json(job.wall);
  json["peak_bytes"] = peak_bytes();
  add_inputs(json, c);
  json["y_digest"] = runtime::digest(job.product.y);
  return json;
}

std::string multiply_text(const MultiplyContext& c, const JobReport& job) {
  Table table = Table::of_facts();
  add_subject(table, c, job.plan);
  table.add({"error", error_text(c, job)});
  table.add({"programming", programming_text(job.programming)});
  table.add(
      {"product", fmt::format("{}, {} on the device, {} for {}", si(job.multiplying.joules.total(), "J"), si(job.multiplying.seconds, "s"),
                              count(job.multiplying.products, "array product"), count(c.batch, "vector"))});
  const WallSeconds& wall = job.wall;
  table.add({"wall", fmt::format("{} (load {}, program {}, multiply {}, reference {}), peak {}", si(wall.total, "s"), si(wall.load, "s"),
                                 si(wall.program, "s"), si(wall.multiply, "s"), si(wall.reference, "s"), bytes(peak_bytes()))});
  table.add({"y", fmt::format("{} x {}, xxh3-128 {}{}{}", job.product.batch, job.product.rows, runtime::digest(job.product.y),
                              c.options.output.empty() ? "" : ", in ", printable(c.options.output))});
  return table.to_string();
}

Json dry_run_json(const MultiplyContext& c, const runtime::Plan& plan, const Forecast& forecast) {
  const auto& board = c.board.device->capabilities();
  Json json;
  json["dry_run"] = true;
  json["matrix"] = matrix_json(c.matrix);
  json["device"] = device_json(board);
  json["plan"] = plan_json(plan);
  json["commands"] = forecast_json(forecast);
  json["worst_case_pulses"] = forecast.worst_case_pulses;
  json["assumptions"] = assumptions_json(c.board.assumptions, board);
  json["provenance"] = provenance_json(c.board.uri, c.argv);
  json["correction"] = correction_json(c, plan, nullptr);
  json["peak_bytes"] = peak_bytes();
  add_inputs(json, c);
  return json;
}

std::string dry_run_text(const MultiplyContext& c, const runtime::Plan& plan, const Forecast& forecast) {
  Table table = Table::of_facts();
  add_subject(table, c, plan);
  table.add(
      {"commands", fmt::format("{}, {}, {} for {}: {}", count(forecast.programs, "program"), count(forecast.reads, "read"),
                               count(forecast.products, "product"), count(c.batch, "vector"), count(forecast.commands(), "submission"))});
  table.add({"pulses", fmt::format("{} at most", count(forecast.worst_case_pulses))});
  table.add({"", "dry run: nothing was sent to the device"});
  return table.to_string();
}

}  // namespace sedma::cli

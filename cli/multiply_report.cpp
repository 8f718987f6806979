#include "cli/multiply_report.h"

#include <fmt/format.h>

#include "cli/ranks_report.h"
#include "cli/table.h"
#include "cli/units.h"
#include "runtime/digest.h"
#include "runtime/process.h"

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

std::uint64_t arrays_of(const MultiplyContext& c) {
  if (c.job == nullptr) return c.board.device->capabilities().arrays;
  std::uint64_t arrays = 0;
  for (const runtime::RankFacts& rank : c.job->ranks) arrays += rank.capabilities.arrays;
  return arrays;
}

std::string correction_text(const MultiplyContext& c) {
  const runtime::Correction kind = correction_of(c.session);
  std::string text = name(kind);
  if (kind == runtime::Correction::residual) text += fmt::format(", {}", count(c.session.choice.slices, "slice"));
  if (c.session.lambda.adaptive)
    text += ", denoised as far as the risk falls";
  else if (c.session.lambda.value > 0)
    text += fmt::format(", denoised with lambda {:g}", c.session.lambda.value);
  return text;
}

std::string conversion_text(const runtime::Conversion& conversion) {
  return fmt::format("headroom {:g}, {}", conversion.headroom, count(conversion.repeats, "repeat"));
}

std::string error_text(const MultiplyContext& c, const JobReport& job) {
  const auto& board = c.board.device->capabilities();
  const std::string conditions =
      fmt::format("{}, {}, {}, {} passes{}, seed {}", converters_text(board), conversion_text(c.session.choice.conversion),
                  c2c_text(c.board.assumptions), c.session.choice.passes, physics_text(c.board.assumptions), device_seed(c));
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

}  // namespace

Json correction_json(const MultiplyContext& c, const runtime::Layout& layout, const Json& products_per_x) {
  const auto& board = c.board.device->capabilities();
  const runtime::Correction kind = correction_of(c.session);
  const Forecast with = forecast(c.session.choice, layout, c.matrix, board, c.session.products, {1, 1}),
                 without = forecast(c.session.choice, layout, c.matrix, board, false, {1, 1});
  return {
      {"kind", name(kind)},
      {"slices", c.session.choice.slices},
      {"lambda", c.session.lambda.value},
      {"lambda_adaptive", c.session.lambda.adaptive},
      {"cost", {{"array_writes_per_x", with.programs - without.programs}, {"products_per_x", products_per_x}, {"note", cost_note(kind)}}}};
}

void add_subject(Table& table, const MultiplyContext& c, const runtime::Plan& plan, std::span<const runtime::Layout> layouts) {
  const auto& board = c.board.device->capabilities();
  table.add({"matrix", fmt::format("{}, {} x {}, {}", printable(c.matrix.name()), c.matrix.rows(), c.matrix.cols(),
                                   count(c.matrix.nonzeros(), "nonzero"))});
  table.add({"device", fmt::format("{}: {} of {} x {}, {}", printable(c.board.uri), count(board.arrays, "array"), board.rows, board.cols,
                                   converters_text(board))});
  table.add({"plan", fmt::format("{}, {} encoding, memory efficiency {}", plan_text(plan, layouts, arrays_of(c)),
                                 name(plan.choice.encoding), percent(runtime::memory_efficiency(plan, layouts)))});
  table.add({"conversion", conversion_text(plan.choice.conversion)});
  table.add({"correction", correction_text(c)});
  if (!c.goal.empty()) table.add({"goal", c.goal});
}

Json subject_json(const MultiplyContext& c, const runtime::Plan& plan, std::span<const runtime::Layout> layouts) {
  const auto& board = c.board.device->capabilities();
  Json json;
  json["matrix"] = matrix_json(c.matrix);
  json["device"] = device_json(board);
  json["plan"] = plan_json(plan, layouts);
  json["conversion"] = {{"headroom", plan.choice.conversion.headroom}, {"repeats", plan.choice.conversion.repeats}};
  json["assumptions"] = assumptions_json(c.board.assumptions, board);
  json["provenance"] = provenance_json(c.board.uri, c.argv);
  add_inputs(json, c);
  return json;
}

Json multiply_json(const MultiplyContext& c, const JobReport& job) {
  Json json = subject_json(c, job.plan, job.layouts);
  json["programming"] = programming_json(job.programming, c.session.choice);
  json["multiply"] = multiplying_json(job.multiplying);
  json["error"] = error_json(job);
  json["correction"] =
      correction_json(c, job.layouts.front(), static_cast<double>(job.multiplying.products) / static_cast<double>(c.batch));
  json["sequence"] = sequence_json(job.sequence);
  json["ranks"] = ranks_json(job.ranks);
  json["losses"] = losses_json(job.losses);
  json["wall_seconds"] = wall_json(job.wall);
  json["peak_bytes"] = runtime::peak_memory_bytes();
  json["tiles_digest"] = tiles_digest(job.tile_hashes);
  json["y_digest"] = runtime::digest(job.product.y);
  return json;
}

std::string multiply_text(const MultiplyContext& c, const JobReport& job) {
  Table table = Table::of_facts();
  add_subject(table, c, job.plan, job.layouts);
  table.add({"error", error_text(c, job)});
  table.add({"programming", programming_text(job.programming)});
  table.add(
      {"product", fmt::format("{}, {} on the device, {} for {}", si(job.multiplying.joules.total(), "J"), si(job.multiplying.seconds, "s"),
                              count(job.multiplying.products, "array product"), count(c.batch, "vector"))});
  const WallSeconds& wall = job.wall;
  table.add(
      {"wall", fmt::format("{} (load {}, program {}, multiply {}, reference {}), peak {}", si(wall.total, "s"), si(wall.load, "s"),
                           si(wall.program, "s"), si(wall.multiply, "s"), si(wall.reference, "s"), bytes(runtime::peak_memory_bytes()))});
  table.add({"y", fmt::format("{} x {}, xxh3-128 {}{}{}", job.product.batch, job.product.rows, runtime::digest(job.product.y),
                              c.options.output.empty() ? "" : ", in ", printable(c.options.output))});
  return table.to_string() + ranks_text(job);
}

}  // namespace sedma::cli

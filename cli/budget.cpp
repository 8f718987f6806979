#include "cli/budget.h"

#include <fmt/format.h>

#include <cmath>

#include "cli/budget_sources.h"
#include "cli/interrupt.h"
#include "cli/job.h"
#include "cli/table.h"
#include "cli/units.h"

namespace sedma::cli {
namespace {

// A board that a signal cancels while it is in use.
struct GuardedBoard {
  explicit GuardedBoard(std::unique_ptr<hal::Device> d) : device(std::move(d)), guard(*device) {}
  std::unique_ptr<hal::Device> device;
  CancelOnInterrupt guard;
};

Result<std::shared_ptr<hal::Device>> open_guarded(const hal::Registry& registry, const BoardRequest& request) {
  SEDMA_ASSIGN_OR_RETURN(Board board, open_board(registry, request));
  const auto guarded = std::make_shared<GuardedBoard>(std::move(board.device));
  return std::shared_ptr<hal::Device>(guarded, guarded->device.get());
}

// Stream s is the board whose seed is s higher: the first stream is the board of the command line itself.
hal::Uri with_seed(hal::Uri uri, std::uint64_t seed) {
  uri.take_text("seed", "");
  uri.set_default("seed", fmt::format("{}", seed));
  return uri;
}

Json part_json(const runtime::BudgetPart& part) {
  return {{"squared", part.squared},
          {"interval", {part.low, part.high}},
          {"rms", part.squared < 0 ? Json(nullptr) : Json(std::sqrt(part.squared))},
          {"share", part.share},
          {"bias", part.bias},
          {"variance", part.variance}};
}

Json named_json(const runtime::BudgetPart& part) {
  Json json = {{"source", part.name}};
  json.update(part_json(part));
  return json;
}

void add_row(Table& table, const runtime::BudgetPart& part) {
  table.add({part.name, scientific(part.squared), part.squared < 0 ? "-" : scientific(std::sqrt(part.squared)),
             fmt::format("{:.2f} %", 100 * part.share), fmt::format("{} to {}", scientific(part.low), scientific(part.high)),
             scientific(part.bias), scientific(part.variance)});
}

constexpr const char* legend =
    "\nA source's part of E^2 = |y - A x|^2 / |A x|^2 is E^2 - E^2 with it off; rms: its square root, a relative l2 error. It may be\n"
    "negative: errors can cancel. encoding: E^2 with every source off. interaction: what the parts do not add up to; below 0 where an "
    "error\n"
    "hangs on two sources and counts under both, as read noise that misleads write-verify. bias repeats in every stream, variance does "
    "not.\n"
    "Intervals: 95 %, Student's t over the streams.\n";

}  // namespace

Result<BudgetReport> run_budget(const hal::Registry& registry, const BudgetRequest& request, Progress& progress) {
  const Stopwatch watch;
  SEDMA_ASSIGN_OR_RETURN(hal::Uri uri, effective_uri(registry, request.board));
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::string> sources, sources_on(uri));
  BudgetReport report;
  SEDMA_ASSIGN_OR_RETURN(report.first_seed, hal::Uri(uri).take_unsigned("seed", 1, 0, UINT64_MAX));
  const auto open = [&](std::uint32_t stream, std::span<const std::size_t> off) {
    std::vector<std::string> names;
    for (const std::size_t k : off) names.push_back(sources[k]);
    const hal::Uri variant = with_seed(without_sources(uri, names), report.first_seed + stream);
    return open_guarded(registry, {variant.to_string(), request.board.limits, std::nullopt});
  };
  runtime::SessionOptions session = request.session;
  session.progress = [](const char*, std::uint64_t, std::uint64_t) { return interrupted() == 0; };
  runtime::BudgetOptions options;
  options.streams = request.streams;
  options.progress = [&](std::uint64_t done, std::uint64_t total) {
    progress.update("error budget", done, total);
    return interrupted() == 0;
  };
  SEDMA_ASSIGN_OR_RETURN(report.budget, runtime::error_budget(open, sources, request.matrix, session, request.x, request.batch, options));
  report.wall = watch.seconds();
  return report;
}

Json budget_json(const BudgetReport& report) {
  const runtime::Budget& budget = report.budget;
  Json json = {{"of", "E^2 = |y - A x|^2 / |A x|^2 over the batch, original domain"},
               {"streams", budget.streams},
               {"first_seed", report.first_seed},
               {"products", budget.products},
               {"confidence", 0.95},
               {"total", part_json(budget.total)},
               {"sources", Json::array()},
               {"encoding", part_json(budget.encoding)},
               {"interaction", part_json(budget.interaction)},
               {"wall_seconds", report.wall}};
  for (const runtime::BudgetPart& part : budget.sources) json["sources"].push_back(named_json(part));
  return json;
}

std::string budget_text(const BudgetReport& report) {
  constexpr auto right = Table::Align::right;
  const runtime::Budget& budget = report.budget;
  Table table({{"source of error"},
               {"part of E^2", right},
               {"rms", right},
               {"share", right},
               {"95 % interval", right},
               {"bias", right},
               {"variance", right}});
  for (const runtime::BudgetPart& part : budget.sources) add_row(table, part);
  for (const runtime::BudgetPart* part : {&budget.encoding, &budget.interaction, &budget.total}) add_row(table, *part);
  const std::uint64_t last = report.first_seed + budget.streams - 1;
  return fmt::format("\nerror budget over {} (seeds {} to {}), {} in {}\n\n", count(budget.streams, "stream"), report.first_seed, last,
                     count(budget.products, "product"), si(report.wall, "s")) +
         table.to_string() + legend;
}

}  // namespace sedma::cli

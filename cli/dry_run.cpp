#include "cli/dry_run.h"

#include <fmt/format.h>

#include "cli/table.h"
#include "cli/units.h"
#include "runtime/comm/traffic_forecast.h"
#include "runtime/process.h"

namespace sedma::cli {
namespace {

Vectorwise vectors_of(const MultiplyContext& c) { return {c.batch, c.options.each.value_or(static_cast<std::uint32_t>(c.batch))}; }

runtime::Workload workload(const MultiplyContext& c, const runtime::Plan& plan, const runtime::Layout& layout) {
  runtime::Workload work;
  work.choice = plan.choice;
  for (const runtime::Placement& placement : layout.placements) work.windows.push_back(runtime::work_of(placement));
  work.programmings = layout.turns > 1 ? vectors_of(c).products() : 1;
  work.vectors = c.batch;
  if (c.session.products) work.products = runtime::Workload::Products{c.matrix.rows(), c.matrix.cols()};
  return work;
}

// A board of another host is not opened here; what an emulator will cost, one like it tells.
Result<runtime::CostForecast> cost_on(const MultiplyContext& c, const hal::Registry& registry, const runtime::RankFacts& facts,
                                      const runtime::Plan& plan, const runtime::Layout& layout) {
  const runtime::Workload work = workload(c, plan, layout);
  if (facts.uri == c.board.uri) return forecast_costs(work, c.matrix, plan.tiles, registry, c.board);
  if (!is_emulated(registry, facts.uri)) return runtime::worst_case(work, facts.capabilities, std::nullopt);
  SEDMA_ASSIGN_OR_RETURN(const Board twin, open_board(registry, {facts.uri, {}, {}}));
  return forecast_costs(work, c.matrix, plan.tiles, registry, twin);
}

std::string commands_text(const Forecast& f, std::size_t vectors) {
  return fmt::format("{}, {}, {} for {}: {}", count(f.programs, "program"), count(f.reads, "read"), count(f.products, "product"),
                     count(vectors, "vector"), count(f.commands(), "submission"));
}

Forecast sum(const std::vector<Forecast>& ranks) {
  Forecast all;
  for (const Forecast& f : ranks) {
    all.programs += f.programs;
    all.reads += f.reads;
    all.products += f.products;
  }
  return all;
}

std::uint64_t tiles_in(const runtime::Layout& layout) {
  std::uint64_t tiles = 0;
  for (const runtime::Placement& placement : layout.placements) tiles += placement.slice == 0 ? 1 : 0;
  return tiles;
}

std::string ranks_table(const MultiplyContext& c, const DryRun& told) {
  if (told.layouts.size() < 2) return "";
  constexpr auto right = Table::Align::right;
  Table table({{"rank", right},
               {"host"},
               {"tiles", right},
               {"arrays", right},
               {"turns", right},
               {"submissions", right},
               {"messages sent", right},
               {"bytes", right},
               {"received", right},
               {"bytes", right}});
  for (std::size_t r = 0; r < told.layouts.size(); ++r) {
    const runtime::Layout& layout = told.layouts[r];
    const runtime::Traffic& t = told.traffic[r];
    table.add({fmt::format("{}", r), printable(c.job->ranks[r].host), count(tiles_in(layout)), count(layout.arrays), count(layout.turns),
               count(told.commands[r].commands()), count(t.messages_sent), count(t.bytes_sent), count(t.messages_received),
               count(t.bytes_received)});
  }
  return "\n" + table.to_string();
}

}  // namespace

Result<DryRun> foretell(const MultiplyContext& c, const runtime::Session& session) {
  DryRun told{session.plan(), session.layouts(), {}, {}, {}};
  const hal::Registry registry = make_registry();
  const runtime::RankFacts alone{"", c.board.uri, c.board.device->capabilities(), {}, 0, ""};
  std::vector<runtime::CostForecast> costs;
  for (std::size_t r = 0; r < told.layouts.size(); ++r) {
    const runtime::RankFacts& facts = c.job != nullptr ? c.job->ranks[r] : alone;
    told.commands.push_back(forecast(told.plan.choice, told.layouts[r], c.matrix, facts.capabilities, c.session.products, vectors_of(c)));
    SEDMA_ASSIGN_OR_RETURN(const runtime::CostForecast cost, cost_on(c, registry, facts, told.plan, told.layouts[r]));
    costs.push_back(cost);
  }
  told.cost = runtime::together(costs);
  told.traffic.resize(1);
  if (c.job != nullptr) {
    SEDMA_ASSIGN_OR_RETURN(told.traffic, runtime::forecast_traffic(c.job->ranks, c.matrix, c.session, c.batch, vectors_of(c).each));
  }
  return told;
}

Json dry_run_json(const MultiplyContext& c, const DryRun& told) {
  Json json;
  json["dry_run"] = true;
  json.update(subject_json(c, told.plan, told.layouts));
  json["commands"] = forecast_json(sum(told.commands));
  json["cost"] = costs_json(told.cost);
  json["worst_case_pulses"] = told.cost.worst_case_pulses;
  json["correction"] = correction_json(c, told.layouts.front(), nullptr);
  json["ranks"] = Json::array();
  for (std::size_t r = 0; r < told.layouts.size(); ++r) {
    const runtime::Traffic& t = told.traffic[r];
    const Forecast& f = told.commands[r];
    json["ranks"].push_back({{"rank", r},
                             {"tiles", tiles_in(told.layouts[r])},
                             {"arrays", told.layouts[r].arrays},
                             {"turns", told.layouts[r].turns},
                             {"programs", f.programs},
                             {"reads", f.reads},
                             {"products", f.products},
                             {"messages_sent", t.messages_sent},
                             {"messages_received", t.messages_received},
                             {"bytes_sent", t.bytes_sent},
                             {"bytes_received", t.bytes_received}});
  }
  json["peak_bytes"] = runtime::peak_memory_bytes();
  return json;
}

std::string dry_run_text(const MultiplyContext& c, const DryRun& told) {
  Table table = Table::of_facts();
  add_subject(table, c, told.plan, told.layouts);
  const CostText cost = costs_text(told.cost);
  table.add({"commands", commands_text(sum(told.commands), c.batch)});
  table.add({"expected", cost.expected});
  table.add({"at most", cost.worst_case});
  table.add({"", "dry run: nothing was sent to the device"});
  return table.to_string() + ranks_table(c, told);
}

}  // namespace sedma::cli

#pragma once
// `sedma multiply --dry-run`: what would be asked of the boards and said between the ranks, without doing it.

#include <string>
#include <vector>

#include "cli/cost_forecast.h"
#include "cli/forecast.h"
#include "cli/multiply_report.h"

namespace sedma::cli {

struct DryRun {
  runtime::Plan plan;
  std::vector<runtime::Layout> layouts;   ///< of every rank
  std::vector<Forecast> commands;         ///< of every rank
  std::vector<runtime::Traffic> traffic;  ///< of every rank, exact if nothing is lost
  runtime::CostForecast cost;             ///< of all boards together
};
/// Errors: of the trial of an emulator, and of the matrix.
Result<DryRun> foretell(const MultiplyContext& context, const runtime::Session& session);
Json dry_run_json(const MultiplyContext& context, const DryRun& told);
std::string dry_run_text(const MultiplyContext& context, const DryRun& told);

}  // namespace sedma::cli

#pragma once
// What a run is expected to cost, before anything is sent to a device, and how that is told.

#include <span>
#include <string>
#include <vector>

#include "cli/board.h"
#include "cli/output_file.h"
#include "runtime/cost_forecast.h"
#include "runtime/matrix_source.h"

namespace sedma::cli {

/// runtime::worst_case(), and where `board` is an emulator what is expected: on a twin of it up to four of the matrix's own tiles, spread
/// evenly over `tiles`, are written as `work.choice` says and multiplied by random vectors; what that cost is scaled to all cells. Within
/// about 15 % where tiles are alike. Errors: of the matrix and of the twin. Cost: that of writing four tiles.
Result<runtime::CostForecast> forecast_costs(const runtime::Workload& work, const runtime::MatrixSource& matrix,
                                             std::span<const runtime::Tile> tiles, const hal::Registry& registry, const Board& board);

/// {"expected": {"pulses", "joules": {...}, "seconds", "programming": {...}, "multiplying": {...}} | null, "worst_case": the same, or with
/// null for joules and seconds, "note"}
Json costs_json(const runtime::CostForecast& costs);
/// One line for expected, one for worst case.
struct CostText {
  std::string expected, worst_case;
};
CostText costs_text(const runtime::CostForecast& costs);

}  // namespace sedma::cli

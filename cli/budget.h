#pragma once
// The error budget of `sedma multiply --budget`.

#include <optional>
#include <span>
#include <string>

#include "cli/board.h"
#include "cli/output_file.h"
#include "cli/progress.h"
#include "runtime/budget.h"

namespace sedma::cli {

struct BudgetReport {
  runtime::Budget budget;
  std::uint64_t first_seed = 0;  ///< of the emulator, of stream 0; stream s has first_seed + s
  double wall = 0;               ///< seconds on the host
};

/// What the budget is of.
struct BudgetRequest {
  BoardRequest board;
  const runtime::MatrixSource& matrix;
  const runtime::SessionOptions& session;
  std::span<const double> x;
  std::size_t batch;
  std::uint32_t streams;
};

/// Errors: invalid_argument (not an emulator: says what is possible), those of runtime::error_budget; aborted where a signal asked to stop.
Result<BudgetReport> run_budget(const hal::Registry& registry, const BudgetRequest& request, Progress& progress);

Json budget_json(const BudgetReport& report);
/// A table with a line above it and a legend below.
std::string budget_text(const BudgetReport& report);

}  // namespace sedma::cli

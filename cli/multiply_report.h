#pragma once
// The result of `sedma multiply` as JSON and as a table.

#include <string>
#include <vector>

#include "cli/board.h"
#include "cli/multiply_options.h"
#include "cli/report.h"

namespace sedma::cli {

/// Everything that a report speaks of.
struct MultiplyContext {
  const MultiplyOptions& options;
  const runtime::SessionOptions& session;
  const runtime::MatrixSource& matrix;
  const Board& board;
  std::size_t batch;
  const std::vector<std::string>& argv;
};

Json multiply_json(const MultiplyContext& context, const JobReport& job);
std::string multiply_text(const MultiplyContext& context, const JobReport& job);

/// Of --dry-run: the plan and what it would ask of the board.
Json dry_run_json(const MultiplyContext& context, const runtime::Plan& plan, const Forecast& forecast);
std::string dry_run_text(const MultiplyContext& context, const runtime::Plan& plan, const Forecast& forecast);

}  // namespace sedma::cli

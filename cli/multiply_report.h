#pragma once
// The result of `sedma multiply` as JSON and as a table.

#include <string>
#include <vector>

#include "cli/board.h"
#include "cli/multiply_options.h"
#include "cli/report.h"
#include "cli/table.h"
#include "runtime/comm/job.h"

namespace sedma::cli {

/// Everything that a report speaks of.
struct MultiplyContext {
  const MultiplyOptions& options;
  const runtime::SessionOptions& session;
  const runtime::MatrixSource& matrix;
  const Board& board;
  std::size_t batch;
  const std::vector<std::string>& argv;
  const runtime::Job* job = nullptr;  ///< with several ranks
  std::string goal = {};              ///< what was chosen for a goal and whether that was met, in one line
};

Json multiply_json(const MultiplyContext& context, const JobReport& job);
std::string multiply_text(const MultiplyContext& context, const JobReport& job);

/// What a dry run and a real one say alike.
Json subject_json(const MultiplyContext& context, const runtime::Plan& plan, std::span<const runtime::Layout> layouts);
void add_subject(Table& table, const MultiplyContext& context, const runtime::Plan& plan, std::span<const runtime::Layout> layouts);
/// The correction and what it costs. `layout`: of rank 0.
Json correction_json(const MultiplyContext& context, const runtime::Layout& layout, const Json& products_per_x);

}  // namespace sedma::cli

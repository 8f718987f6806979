#pragma once
// The result of `sedma sweep` as CSV, as JSON and as a table.

#include <string>
#include <vector>

#include "cli/report.h"
#include "cli/sweep_axes.h"

namespace sedma::cli {

/// What one point came to. Its product itself is not kept.
struct SweepPoint {
  Point point;
  std::string uri, y_digest;
  JobReport job;
  double wall = 0;  ///< seconds on the host
};

struct Sweep {
  const MultiplyOptions& options;
  const runtime::MatrixSource& matrix;
  const std::vector<Axis>& axes;
  std::size_t batch;
  std::vector<SweepPoint> points;
};

/// A header and one line a point: the axes, then the figures, plain SI numbers with units in the names of the columns.
std::string sweep_csv(const Sweep& sweep);
Json sweep_json(const Sweep& sweep);
std::string sweep_text(const Sweep& sweep);

}  // namespace sedma::cli

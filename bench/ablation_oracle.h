#pragma once
// What every choice of the candidate set comes to on a board: real runs, none left out that could matter.

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hal/device.h"
#include "runtime/memory/tuner.h"
#include "runtime/session.h"

namespace sedma::bench {

/// A choice that was run.
struct Trial {
  runtime::TunedChoice choice;
  runtime::Outcome found;
};

/// A product to be computed on a board, and how its error is judged: relative l2 of every vector, in the original domain, against a
/// reference in double precision.
struct OracleCase {
  const runtime::MatrixSource& matrix;
  /// The `draw`th of the boards to judge on, with nothing written (TrueBoard::open).
  std::function<Result<std::unique_ptr<hal::Device>>(std::uint64_t draw)> open_board;
  std::span<const double> x, reference;  ///< [batch, cols], [batch, rows]
  std::size_t batch = 0;
  std::size_t programmings = 1;  ///< a choice is written so often, each time on a fresh board, and judged by all vectors of all of them
  /// A choice with which more than 5 % of the vectors are further off meets no target: it is not kept, and not tried to the end.
  double loosest_error = 0;
};

/// What is told of the search while it goes on; returning false ends it with `aborted`.
using OracleWatch = std::function<bool(std::size_t done, std::size_t total)>;

/// Every choice that meets loosest_error, and what it took to find them.
struct OracleTable {
  std::vector<Trial> trials;      ///< in the order of the candidates
  std::size_t writings = 0;       ///< run: those whose tiles are the same once cut to the size of the matrix are one
  std::size_t impossible = 0;     ///< writings that the board cannot hold in one turn
  std::size_t choices = 0;        ///< writings x conversions x lambdas
  double least_error = INFINITY;  ///< error_p95 of the best of all choices tried to the end
  double host_seconds = 0;
};

/// Runs everything: every writing on fresh boards, then its conversions and lambdas; costs are the mean of the programmings. Errors: of
/// Session.
Result<OracleTable> try_all(const OracleCase& work, const runtime::Candidates& candidates, const OracleWatch& watch);

/// The trial with the least objective value of those that meet the target; nullptr if none does.
const Trial* best_of(const OracleTable& table, const runtime::Goal& goal, const hal::Capabilities& board);

/// Every `n`th writing of each (encoding, slices, tile rows, tile columns), and no others: the subsample for matrices that are too large to
/// try all. n = 1: all.
runtime::Candidates subsample(const runtime::Candidates& candidates, std::size_t n);

/// Relative l2 error of every vector, [batch]. A vector whose exact product is 0 has error 0 or infinity.
std::vector<double> vector_errors(std::span<const double> y, std::span<const double> reference, std::size_t batch);

}  // namespace sedma::bench

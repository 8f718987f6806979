// The names of policies, the choices looked at, and what they are worth.

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

#include "runtime/memory/tuner.h"

namespace sedma::runtime {
namespace {

constexpr std::array<std::uint32_t, 4> tile_sizes = {32, 64, 128, 256};
constexpr std::array<std::uint32_t, 5> pass_counts = {5, 10, 21, 50, 100};
constexpr std::array<double, 4> headrooms = {1, 0.5, 0.25, 0.125};
constexpr std::array<std::uint32_t, 2> repeat_counts = {1, 4};
constexpr std::uint32_t most_slices = 2;

/// Rows x columns of the tiles that an array can hold; the largest alone for the static baseline.
std::vector<std::pair<std::uint32_t, std::uint32_t>> tiles_for(std::uint32_t rows, std::uint32_t cols, Partition partition) {
  std::vector<std::pair<std::uint32_t, std::uint32_t>> tiles;
  if (partition != Partition::fixed)
    for (const std::uint32_t tile_rows : tile_sizes)
      for (const std::uint32_t tile_cols : tile_sizes)
        if (tile_rows <= rows && tile_cols <= cols) tiles.emplace_back(tile_rows, tile_cols);
  const std::pair<std::uint32_t, std::uint32_t> largest{rows, cols};
  if (std::find(tiles.begin(), tiles.end(), largest) == tiles.end()) tiles.push_back(largest);
  return tiles;
}

}  // namespace

Result<Policy> policy_named(const std::string& name) {
  if (name == "full") return Policy{};
  if (name == "no-long-term") return Policy{"no-long-term", false, true, true, Partition::clustered};
  if (name == "no-short-term") return Policy{"no-short-term", true, false, true, Partition::clustered};
  if (name == "fixed-lambda") return Policy{"fixed-lambda", true, true, false, Partition::clustered};
  if (name == "static-partition" || name == "static") return Policy{"static-partition", true, true, true, Partition::fixed};
  return fail(Code::invalid_argument, "policy '{}'; there are full, no-long-term, no-short-term, fixed-lambda, static-partition", name);
}

Candidates candidates_for(const hal::Capabilities& board, const Mask& mask, const Policy& policy) {
  Candidates candidates;
  for (const kernels::Encoding encoding : {kernels::Encoding::pair, kernels::Encoding::offset}) {
    const Result<BoardShape> shape = board_shape(board, mask, encoding);
    if (!shape) continue;
    const std::uint32_t rows = kernels::outputs_of(encoding, shape->bit_lines), cols = shape->word_lines;
    for (const auto& [tile_rows, tile_cols] : tiles_for(rows, cols, policy.partition))
      for (std::uint32_t slices = 0; slices <= most_slices; ++slices)
        for (const std::uint32_t passes : pass_counts) {
          TunedChoice writing;
          writing.choice.partition = policy.partition;
          writing.choice.tile_rows = tile_rows;
          writing.choice.tile_cols = tile_cols;
          writing.choice.encoding = encoding;
          writing.choice.slices = slices;
          writing.choice.passes = passes;
          candidates.writings.push_back(writing);
        }
  }
  for (const double headroom : headrooms)
    for (const std::uint32_t repeats : repeat_counts) candidates.conversions.push_back({headroom, repeats});
  candidates.lambdas.push_back(false);
  if (policy.adaptive_lambda) candidates.lambdas.push_back(true);
  return candidates;
}

double objective_value(const Goal& goal, const Outcome& outcome, const hal::Capabilities& board) {
  const auto horizon = static_cast<double>(goal.horizon_vectors);
  const double joules = outcome.programming_joules + horizon * outcome.vector_joules;
  switch (goal.objective) {
    case Objective::energy: return joules;
    case Objective::latency: return outcome.programming_seconds + horizon * outcome.vector_seconds;
    case Objective::cells: break;
  }
  // A tie is broken within half a cell, however many joules it is about.
  return outcome.arrays * static_cast<double>(board.rows) * static_cast<double>(board.cols) + 0.5 * joules / (1 + joules);
}

}  // namespace sedma::runtime

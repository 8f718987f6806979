#pragma once
// Which rank holds which group of a plan: pure functions of the plan and of what every rank has.

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/plan.h"

namespace sedma::runtime {

/// What a rank brings along.
struct RankShape {
  BoardShape board;
  bool usable = true;  ///< false: lost, or its board is
};

/// owner[g]: the rank that holds group g.
struct Assignment {
  std::vector<std::uint32_t> owner;
  /// Groups of one rank, ascending.
  std::vector<std::uint32_t> groups_of(std::uint32_t rank) const;
};

/// Loads that a board holds at the same time.
std::uint64_t capacity(const BoardShape& board, const Geometry& geometry) noexcept;

/// Runs of consecutive groups, so that a rank has few rows and a narrow part of x, in proportion to the ranks' capacities (where all fit
/// without turns and ranks are equal: to one group). Errors: unavailable (no usable rank).
Result<Assignment> assign(const Plan& plan, std::span<const RankShape> ranks);
/// Moves only groups whose owner is not usable: each, in order, to the usable rank that will then be least full (of equals the lowest).
/// Errors: as assign().
Result<Assignment> reassign(const Plan& plan, std::span<const RankShape> ranks, const Assignment& before);

}  // namespace sedma::runtime

#include "runtime/assignment.h"

#include <algorithm>

#include "runtime/pack.h"

namespace sedma::runtime {
namespace {

__extension__ using Wide = unsigned __int128;

// Loads that each rank can take; 0 for one that cannot be used.
Result<std::vector<std::uint64_t>> room_of(const Plan& plan, std::span<const RankShape> ranks) {
  std::vector<std::uint64_t> room;
  std::uint64_t total = 0;
  for (const RankShape& rank : ranks) {
    room.push_back(rank.usable ? capacity(rank.board, plan.geometry) : 0);
    total += room.back();
  }
  if (total == 0) return fail(Code::unavailable, "none of {} ranks has a usable board", ranks.size());
  return room;
}

// Runs of groups, rank after rank: begin[r] to begin[r + 1].
using Runs = std::vector<std::size_t>;

// A group goes where the middle of its loads falls when the ranks share all loads by their room.
Runs share(const Plan& plan, const std::vector<std::uint64_t>& room) {
  Wide total = 0;
  for (const std::uint64_t r : room) total += r;
  Runs begin(room.size() + 1, 0);
  std::size_t group = 0;
  std::uint64_t before = 0;  // loads of the groups handed out
  Wide reached = 0;          // room of the ranks so far
  for (std::size_t r = 0; r < room.size(); ++r) {
    reached += room[r];
    while (group < plan.groups.size() && (Wide{2} * before + plan.groups[group].loads) * total < Wide{2} * plan.loads * reached)
      before += plan.groups[group++].loads;
    begin[r + 1] = group;
  }
  return begin;
}

// Rounding may have given a rank more than it holds at once, which would cost it turns: it hands what is too much to its neighbours.
void fit(const Plan& plan, const std::vector<std::uint64_t>& room, Runs& begin) {
  const auto spill = [&](std::size_t r, bool onward) {
    std::uint64_t loads = 0;
    for (std::size_t g = begin[r]; g < begin[r + 1]; ++g) loads += plan.groups[g].loads;
    while (loads > room[r] && begin[r] < begin[r + 1]) loads -= plan.groups[onward ? --begin[r + 1] : begin[r]++].loads;
  };
  for (std::size_t r = 0; r + 1 < room.size(); ++r) spill(r, true);
  for (std::size_t r = room.size() - 1; r > 0; --r) spill(r, false);
}

}  // namespace

std::vector<std::uint32_t> Assignment::groups_of(std::uint32_t rank) const {
  std::vector<std::uint32_t> groups;
  for (std::uint32_t group = 0; group < owner.size(); ++group)
    if (owner[group] == rank) groups.push_back(group);
  return groups;
}

std::uint64_t capacity(const BoardShape& board, const Geometry& geometry) noexcept {
  return slots_of(board, geometry).count() * board.arrays;
}

Result<Assignment> assign(const Plan& plan, std::span<const RankShape> ranks) {
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> room, room_of(plan, ranks));
  Runs begin = share(plan, room);
  std::uint64_t total = 0;
  for (const std::uint64_t r : room) total += r;
  if (plan.loads <= total) fit(plan, room, begin);
  Assignment assignment;
  assignment.owner.resize(plan.groups.size());
  for (std::uint32_t r = 0; r < room.size(); ++r)
    std::fill(assignment.owner.begin() + static_cast<std::ptrdiff_t>(begin[r]),
              assignment.owner.begin() + static_cast<std::ptrdiff_t>(begin[r + 1]), r);
  return assignment;
}

Result<Assignment> reassign(const Plan& plan, std::span<const RankShape> ranks, const Assignment& before) {
  SEDMA_ASSIGN_OR_RETURN(const std::vector<std::uint64_t> room, room_of(plan, ranks));
  SEDMA_CHECK(before.owner.size() == plan.groups.size(), before.owner.size(), plan.groups.size());
  const auto homeless = [&](std::size_t g) { return before.owner[g] >= ranks.size() || room[before.owner[g]] == 0; };
  std::vector<std::uint64_t> loads(ranks.size(), 0);
  for (std::size_t g = 0; g < plan.groups.size(); ++g)
    if (!homeless(g)) loads[before.owner[g]] += plan.groups[g].loads;
  Assignment after = before;
  for (std::size_t g = 0; g < plan.groups.size(); ++g) {
    if (!homeless(g)) continue;
    const std::uint64_t more = plan.groups[g].loads;
    std::size_t best = ranks.size();
    for (std::size_t r = 0; r < ranks.size(); ++r) {
      if (room[r] == 0) continue;
      if (best == ranks.size() || Wide{loads[r] + more} * room[best] < Wide{loads[best] + more} * room[r]) best = r;
    }
    loads[best] += more;
    after.owner[g] = static_cast<std::uint32_t>(best);
  }
  return after;
}

}  // namespace sedma::runtime

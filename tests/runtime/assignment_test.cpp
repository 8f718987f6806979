#include "runtime/assignment.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>
#include <random>

namespace sedma::runtime {
namespace {

using Ranks = std::vector<std::uint32_t>;

// Groups that take these numbers of loads; nothing else of a plan matters here.
Plan groups(const std::vector<std::uint32_t>& loads) {
  Plan plan;
  plan.geometry = {4, 8, false};
  for (const std::uint32_t count : loads) {
    plan.groups.emplace_back();
    plan.groups.back().loads = count;
    plan.loads += count;
  }
  return plan;
}

// A rank whose board holds so many loads.
RankShape holds(std::uint32_t loads, bool usable = true) { return {{loads, 4, 8, 4, 8, false}, usable}; }

Ranks owners(const Plan& plan, const std::vector<RankShape>& ranks) { return assign(plan, ranks).value().owner; }

TEST(Assignment, CapacityCountsSlots) {
  const Geometry geometry{4, 8, false};
  EXPECT_EQ(capacity({3, 4, 8, 4, 8, false}, geometry), 3u);
  EXPECT_EQ(capacity({3, 9, 20, 9, 20, false}, geometry), 3u * 2u * 2u);
  EXPECT_EQ(capacity({3, 9, 20, 9, 20, true}, geometry), 3u);
  EXPECT_EQ(capacity({3, 9, 20, 3, 20, false}, geometry), 0u) << "too few good lines";
}

TEST(Assignment, EqualRanksDifferByOneGroup) {
  EXPECT_EQ(owners(groups({1, 1, 1, 1}), {holds(9), holds(9)}), (Ranks{0, 0, 1, 1}));
  EXPECT_EQ(owners(groups({1, 1, 1, 1, 1}), {holds(9), holds(9)}), (Ranks{0, 0, 1, 1, 1}));
  EXPECT_EQ(owners(groups({1, 1, 1, 1, 1, 1, 1}), {holds(9), holds(9), holds(9)}), (Ranks{0, 0, 1, 1, 1, 2, 2}));
  for (std::uint32_t ranks = 1; ranks <= 9; ++ranks)
    for (std::uint32_t count = 0; count <= 40; ++count) {
      const Assignment all = assign(groups(std::vector<std::uint32_t>(count, 2)), std::vector<RankShape>(ranks, holds(100))).value();
      EXPECT_TRUE(std::is_sorted(all.owner.begin(), all.owner.end())) << "runs";
      std::vector<std::size_t> sizes;
      for (std::uint32_t r = 0; r < ranks; ++r) sizes.push_back(all.groups_of(r).size());
      EXPECT_LE(*std::max_element(sizes.begin(), sizes.end()), *std::min_element(sizes.begin(), sizes.end()) + 1)
          << count << " groups on " << ranks << " ranks";
    }
}

TEST(Assignment, FollowsTheBoards) {
  // 12 loads of room 1 : 2 : 3.
  EXPECT_EQ(owners(groups({1, 1, 1, 1, 1, 1}), {holds(2), holds(4), holds(6)}), (Ranks{0, 1, 1, 2, 2, 2}));
  // A larger array counts for the loads it holds.
  const RankShape large{{1, 8, 16, 8, 16, false}, true};
  EXPECT_EQ(owners(groups({1, 1, 1, 1, 1}), {holds(1), large}), (Ranks{0, 1, 1, 1, 1}));
}

TEST(Assignment, PassesOverRanksThatCannotBeUsed) {
  EXPECT_EQ(owners(groups({1, 1, 1}), {holds(4, false), holds(4), holds(0), holds(4)}), (Ranks{1, 3, 3}));
  EXPECT_EQ(assign(groups({1}), std::vector<RankShape>{holds(4, false), holds(0)}).status().code(), Code::unavailable);
  EXPECT_EQ(assign(groups({1}), {}).status().code(), Code::unavailable);
}

TEST(Assignment, MoreGroupsThanRoom) {
  EXPECT_EQ(owners(groups({1, 1, 1, 1, 1, 1, 1, 1}), {holds(1), holds(3)}), (Ranks{0, 0, 1, 1, 1, 1, 1, 1})) << "in the same proportion";
}

TEST(Assignment, FewerGroupsThanRanks) {
  EXPECT_EQ(owners(groups({1}), {holds(9), holds(9), holds(9)}), (Ranks{1}));
  EXPECT_EQ(owners(groups({1, 1}), {holds(9), holds(9), holds(9)}), (Ranks{0, 2}));
  EXPECT_TRUE(owners(groups({}), {holds(9), holds(9)}).empty());
}

TEST(Assignment, RoundingCostsNoTurns) {
  // A quarter of 9 loads is more than half of the first group, which does not fit rank 0.
  EXPECT_EQ(owners(groups({4, 1, 1, 1, 1, 1}), {holds(3), holds(9)}), (Ranks{1, 1, 1, 1, 1, 1}));
  EXPECT_EQ(owners(groups({1, 1, 1, 1, 1, 4}), {holds(9), holds(3)}), (Ranks{0, 0, 0, 0, 0, 0}));
  std::mt19937 random(1);
  const auto draw = [&](std::uint32_t min, std::uint32_t max) { return std::uniform_int_distribution<std::uint32_t>(min, max)(random); };
  for (int round = 0; round < 300; ++round) {  // of one load each, whatever fits in all fits
    std::vector<RankShape> ranks(draw(1, 6));
    std::uint32_t room = 0;
    for (RankShape& rank : ranks) {
      const std::uint32_t loads = draw(0, 7);
      rank = holds(loads);
      room += loads;
    }
    if (room == 0) continue;
    const Assignment all = assign(groups(std::vector<std::uint32_t>(draw(0, room), 1)), ranks).value();
    for (std::uint32_t r = 0; r < ranks.size(); ++r) EXPECT_LE(all.groups_of(r).size(), ranks[r].board.arrays);
  }
}

TEST(Assignment, ReassigningMovesOnlyWhatHasNoHome) {
  const Plan plan = groups({1, 1, 1, 1, 1, 1});
  const std::vector<RankShape> all = {holds(8), holds(8), holds(8)};
  const Assignment before = assign(plan, all).value();
  ASSERT_EQ(before.owner, (Ranks{0, 0, 1, 1, 2, 2}));
  EXPECT_EQ(reassign(plan, all, before)->owner, before.owner);
  EXPECT_EQ(reassign(plan, std::vector<RankShape>{holds(8), holds(8, false), holds(8)}, before)->owner, (Ranks{0, 0, 0, 2, 2, 2}));
  EXPECT_EQ(reassign(plan, std::vector<RankShape>{holds(8, false), holds(8), holds(4)}, before)->owner, (Ranks{1, 1, 1, 1, 2, 2}))
      << "3 of 8 and 4 of 8 are less than 3 of 4";
  EXPECT_EQ(reassign(plan, std::vector<RankShape>{holds(8, false), holds(8, false), holds(8)}, before)->owner, (Ranks{2, 2, 2, 2, 2, 2}));
  EXPECT_EQ(reassign(plan, std::vector<RankShape>{holds(8, false), holds(8, false), holds(8, false)}, before).status().code(),
            Code::unavailable);
}

}  // namespace
}  // namespace sedma::runtime

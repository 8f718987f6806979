// The coordinator's books, by hand. 0.1 s.

#include <gtest/gtest.h>

#include "runtime/comm/ledger.h"

namespace sedma::runtime {
namespace {

using Groups = std::vector<std::uint32_t>;

// Six groups of one tile and one load each on ranks of as many arrays: two for each of three ranks.
class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest() {
    plan.geometry = {8, 8, false};
    plan.tiles.resize(6);
    plan.loads = 6;
    for (std::uint32_t group = 0; group < 6; ++group) plan.groups.push_back({{group}, {{group, 0, 0, 0, 0}}, 1});
    const BoardShape board{6, 8, 8, 8, 8, false};
    ledger = std::make_unique<Ledger>(plan, std::vector<RankShape>(3, RankShape{board, true}), Assignment{{0, 0, 1, 1, 2, 2}});
    for (const Ledger::Batch& batch : ledger->owned()) holds[batch.rank] = ledger->note_hold(batch);
  }
  StateMessage state(std::uint32_t rank, const Groups& groups, std::uint64_t ordinal) {
    StateMessage message;
    for (const std::uint32_t group : groups) message.held.push_back({group, holds[rank], ordinal});
    return message;
  }
  Groups owned(std::uint32_t rank) { return ledger->assignment().groups_of(rank); }

  Plan plan;
  std::unique_ptr<Ledger> ledger;
  std::map<std::uint32_t, std::uint64_t> holds;
};

TEST_F(LedgerTest, AProductHasAPartForEveryOwnerWhichIsClosedOnce) {
  const auto parts = ledger->open_product(1);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1].work.groups, (Groups{2, 3}));
  EXPECT_FALSE(ledger->close_part(parts[1].id, 2));  // of another rank
  EXPECT_TRUE(ledger->close_part(parts[1].id, 1));
  EXPECT_FALSE(ledger->close_part(parts[1].id, 1));
  EXPECT_EQ(ledger->open_parts(1), 2u);
}

TEST_F(LedgerTest, ALostRankIsReplacedInItsOpenPartsOnly) {
  const auto parts = ledger->open_product(1), later = ledger->open_product(2);
  ASSERT_TRUE(ledger->close_part(parts[1].id, 1));
  const auto moves = ledger->take_away(1, Standing::lost);
  ASSERT_TRUE(moves.ok());
  EXPECT_EQ(moves->groups, (Groups{2, 3}));
  ASSERT_EQ(moves->holds.size(), 2u);
  std::size_t groups = 0;
  for (const Ledger::Part& part : moves->parts) {
    EXPECT_EQ(part.product, 2u);
    EXPECT_NE(part.work.rank, 1u);
    groups += part.work.groups.size();
  }
  EXPECT_EQ(groups, 2u);
  EXPECT_FALSE(ledger->close_part(later[1].id, 1));  // late
  EXPECT_EQ(ledger->open_parts(1), 2u);
}

TEST_F(LedgerTest, PartsOfAnInterimOwnerGoToWhoOwnsTheGroupsThen) {
  ledger->open_product(1);
  const auto moves = ledger->take_away(1, Standing::lost);
  for (const Ledger::Batch& batch : moves->holds) ledger->note_hold(batch);
  ledger->note_return(1);
  const auto home = ledger->take_back(1, state(1, {2, 3}, 5), 5, false);
  EXPECT_EQ(home.back, (Groups{2, 3}));
  EXPECT_TRUE(home.stale.empty());
  EXPECT_EQ(owned(1), (Groups{2, 3}));
  for (const Ledger::Batch& batch : home.drops) ledger->note_drop(batch);
  // Rank 2 still works on one of them for product 1; when it is lost, rank 1 has it.
  const auto again = ledger->take_away(2, Standing::lost);
  ASSERT_TRUE(again.ok());
  bool found = false;
  for (const Ledger::Part& part : again->parts)
    for (const std::uint32_t group : part.work.groups)
      if (group == 2 || group == 3) found = found || part.work.rank == 1;
  EXPECT_TRUE(found);
}

TEST_F(LedgerTest, WhatIsNotIntactStaysWhereItIs) {
  for (const auto& [ordinal, hold, back] : {std::tuple{4ul, 0ul, 0u},
                                            {5ul, 9ul, 0u},
                                            {StateMessage::not_programmed, 0ul, 0u},
                                            {StateMessage::restored, 0ul, 2u},
                                            {5ul, 0ul, 2u}}) {
    Ledger copy = *ledger;
    ASSERT_TRUE(copy.take_away(1, Standing::lost).ok());
    copy.note_return(1);
    StateMessage told = state(1, {2, 3}, ordinal);
    for (StateMessage::Held& held : told.held) held.hold += hold;
    const auto home = copy.take_back(1, told, 5, true);
    EXPECT_EQ(home.back.size(), back) << ordinal << ' ' << hold;
    EXPECT_EQ(home.stale.size(), 2 - back);
    EXPECT_EQ(copy.shelves(1).held().size(), back);
    EXPECT_TRUE(copy.working(1));
  }
}

TEST_F(LedgerTest, AReturnedRankIsNoOwnerUntilItToldWhatItHolds) {
  ASSERT_TRUE(ledger->take_away(1, Standing::lost).ok());
  ledger->note_return(1);
  EXPECT_EQ(ledger->standing(1), Standing::returned);
  ASSERT_TRUE(ledger->take_away(2, Standing::lost).ok());
  EXPECT_EQ(owned(0).size(), 6u);
  EXPECT_TRUE(owned(1).empty());
}

TEST_F(LedgerTest, TheLastBoardCannotBeReplaced) {
  ASSERT_TRUE(ledger->take_away(1, Standing::lost).ok());
  ASSERT_TRUE(ledger->take_away(0, Standing::broken).ok());
  EXPECT_EQ(ledger->take_away(2, Standing::broken).status().code(), Code::unavailable);
  ledger->note_return(0);
  EXPECT_EQ(ledger->standing(0), Standing::broken);  // a board does not come back
}

}  // namespace
}  // namespace sedma::runtime

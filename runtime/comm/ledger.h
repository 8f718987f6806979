#pragma once
// The coordinator's books: which rank holds which group, and what it was asked to do. Pure bookkeeping: sends nothing, waits for nothing.
// Internal.

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "runtime/assignment.h"
#include "runtime/comm/messages.h"
#include "runtime/layout.h"
#include "runtime/plan.h"

namespace sedma::runtime {

enum class Standing : std::uint8_t {
  working,
  lost,      ///< silent
  returned,  ///< heard again, but not yet known what it holds
  broken,    ///< its board failed: for good
};

class Ledger {
 public:
  /// Groups for one rank.
  struct Batch {
    std::uint32_t rank = 0;
    std::vector<std::uint32_t> groups;
  };
  /// Products of some groups, asked of one rank.
  struct Part {
    std::uint64_t id = 0, product = 0;
    Batch work;
  };
  /// What follows from the loss of a rank.
  struct Moves {
    std::vector<Batch> holds;           ///< to be held (and programmed) by new owners
    std::vector<Part> parts;            ///< in place of open parts of the rank, to be asked after that
    std::vector<std::uint32_t> groups;  ///< that moved, ascending
  };
  /// What follows from the return of a rank.
  struct Homecoming {
    std::vector<std::uint32_t> back;   ///< groups that it holds as if nothing had happened
    std::vector<std::uint32_t> stale;  ///< that it still holds and should drop
    std::vector<Batch> drops;          ///< interim owners
  };

  Ledger(const Plan& plan, std::vector<RankShape> ranks, Assignment assignment);

  std::size_t ranks() const noexcept { return ranks_.size(); }
  Standing standing(std::uint32_t rank) const { return standings_[rank]; }
  bool working(std::uint32_t rank) const { return standings_[rank] == Standing::working; }
  const Assignment& assignment() const noexcept { return assignment_; }
  /// Groups owned, one batch for every rank that has any.
  std::vector<Batch> owned() const;
  std::uint64_t tiles_of(std::span<const std::uint32_t> groups) const;

  /// A HoldMessage is sent; its number.
  std::uint64_t note_hold(const Batch& batch);
  void note_drop(const Batch& batch);
  /// Where the groups that a rank holds lie.
  const Shelves& shelves(std::uint32_t rank) const { return shelves_[rank]; }

  /// One part for every owner of groups.
  std::vector<Part> open_product(std::uint64_t product);
  /// Closes a part; nothing if it is not open at this rank: late work.
  std::optional<Part> close_part(std::uint64_t id, std::uint32_t rank);
  /// A part whose rank failed at it: open again, until the rank is taken away.
  void reopen_part(const Part& part) { parts_[part.id] = part; }
  void close_all_parts() { parts_.clear(); }
  std::vector<Part> parts_of(std::uint64_t product) const;
  std::size_t open_parts(std::uint64_t product) const;

  /// A rank is lost, or its board broken: what it owned moves to others. Errors: unavailable (nobody is left).
  Result<Moves> take_away(std::uint32_t rank, Standing standing);
  /// A rank is heard again.
  void note_return(std::uint32_t rank);
  /// A rank that returned tells what it holds. Groups that were its own from the start and are programmed as `ordinal`, or were restored
  /// and `restored_count`, are its own again. Work under way stays where it is.
  Homecoming take_back(std::uint32_t rank, const StateMessage& state, std::optional<std::uint64_t> ordinal, bool restored_count);

 private:
  const Plan& plan_;
  std::vector<RankShape> ranks_;
  std::vector<Standing> standings_;
  Assignment home_, assignment_;
  std::vector<Shelves> shelves_;
  std::vector<std::map<std::uint32_t, std::uint64_t>> holds_;  // per rank: number of the HoldMessage of every group
  std::map<std::uint64_t, Part> parts_;
  std::uint64_t next_part_ = 1, next_hold_ = 1;
};

}  // namespace sedma::runtime

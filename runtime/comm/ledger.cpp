#include "runtime/comm/ledger.h"

#include <algorithm>
#include <utility>

namespace sedma::runtime {
namespace {

std::vector<Ledger::Batch> batches(std::map<std::uint32_t, std::vector<std::uint32_t>>&& by_rank) {
  std::vector<Ledger::Batch> result;
  for (auto& [rank, groups] : by_rank) result.push_back({rank, std::move(groups)});
  return result;
}

}  // namespace

Ledger::Ledger(const Plan& plan, std::vector<RankShape> ranks, Assignment assignment)
    : plan_(plan),
      ranks_(std::move(ranks)),
      standings_(ranks_.size(), Standing::working),
      home_(assignment),
      assignment_(std::move(assignment)),
      shelves_(ranks_.size()),
      holds_(ranks_.size()) {
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank)
    if (!ranks_[rank].usable) standings_[rank] = Standing::broken;
}

std::vector<Ledger::Batch> Ledger::owned() const {
  std::map<std::uint32_t, std::vector<std::uint32_t>> by_rank;
  for (std::uint32_t group = 0; group < assignment_.owner.size(); ++group) by_rank[assignment_.owner[group]].push_back(group);
  return batches(std::move(by_rank));
}

std::uint64_t Ledger::tiles_of(std::span<const std::uint32_t> groups) const {
  std::uint64_t tiles = 0;
  for (const std::uint32_t group : groups) tiles += plan_.groups[group].tiles.size();
  return tiles;
}

std::uint64_t Ledger::note_hold(const Batch& batch) {
  for (const std::uint32_t group : batch.groups) {
    shelves_[batch.rank].hold(group, plan_.groups[group].loads);
    holds_[batch.rank][group] = next_hold_;
  }
  return next_hold_++;
}

void Ledger::note_drop(const Batch& batch) {
  for (const std::uint32_t group : batch.groups) {
    shelves_[batch.rank].drop(group);
    holds_[batch.rank].erase(group);
  }
}

std::vector<Ledger::Part> Ledger::open_product(std::uint64_t product) {
  std::vector<Part> opened;
  for (Batch& batch : owned()) {
    opened.push_back({next_part_++, product, std::move(batch)});
    parts_[opened.back().id] = opened.back();
  }
  return opened;
}

std::optional<Ledger::Part> Ledger::close_part(std::uint64_t id, std::uint32_t rank) {
  const auto part = parts_.find(id);
  if (part == parts_.end() || part->second.work.rank != rank) return {};
  return std::move(parts_.extract(part).mapped());
}

std::vector<Ledger::Part> Ledger::parts_of(std::uint64_t product) const {
  std::vector<Part> open;
  for (const auto& [id, part] : parts_)
    if (part.product == product) open.push_back(part);
  return open;
}

std::size_t Ledger::open_parts(std::uint64_t product) const {
  return static_cast<std::size_t>(
      std::count_if(parts_.begin(), parts_.end(), [&](const auto& part) { return part.second.product == product; }));
}

Result<Ledger::Moves> Ledger::take_away(std::uint32_t rank, Standing standing) {
  standings_[rank] = standing;
  ranks_[rank].usable = false;
  const Assignment before = assignment_;
  SEDMA_ASSIGN_OR_RETURN(assignment_, reassign(plan_, ranks_, before));
  Moves moves;
  std::map<std::uint32_t, std::vector<std::uint32_t>> holds;
  for (std::uint32_t group = 0; group < before.owner.size(); ++group) {
    if (before.owner[group] == assignment_.owner[group]) continue;
    moves.groups.push_back(group);
    holds[assignment_.owner[group]].push_back(group);
  }
  moves.holds = batches(std::move(holds));
  std::vector<Part> orphans;
  for (const auto& [id, part] : parts_)
    if (part.work.rank == rank) orphans.push_back(part);
  for (const Part& orphan : orphans) {
    parts_.erase(orphan.id);
    std::map<std::uint32_t, std::vector<std::uint32_t>> by_owner;
    for (const std::uint32_t group : orphan.work.groups) by_owner[assignment_.owner[group]].push_back(group);
    for (Batch& batch : batches(std::move(by_owner))) {
      moves.parts.push_back({next_part_++, orphan.product, std::move(batch)});
      parts_[moves.parts.back().id] = moves.parts.back();
    }
  }
  return moves;
}

void Ledger::note_return(std::uint32_t rank) {
  if (standings_[rank] == Standing::lost) standings_[rank] = Standing::returned;
}

Ledger::Homecoming Ledger::take_back(std::uint32_t rank, const StateMessage& state, std::optional<std::uint64_t> ordinal,
                                     bool restored_count) {
  standings_[rank] = Standing::working;
  ranks_[rank].usable = true;
  Homecoming result;
  std::map<std::uint32_t, std::vector<std::uint32_t>> drops;
  std::map<std::uint32_t, std::uint64_t> still_held;
  for (const StateMessage::Held& held : state.held) {
    const auto known = holds_[rank].find(held.group);
    const bool same = known != holds_[rank].end() && known->second == held.hold;
    const bool programmed = !ordinal || held.ordinal == *ordinal || (restored_count && held.ordinal == StateMessage::restored);
    if (!same || !programmed || home_.owner[held.group] != rank) {
      result.stale.push_back(held.group);
      continue;
    }
    still_held[held.group] = held.hold;
    result.back.push_back(held.group);
    const std::uint32_t interim = std::exchange(assignment_.owner[held.group], rank);
    if (interim != rank) drops[interim].push_back(held.group);
  }
  std::vector<std::uint32_t> forgotten;
  for (const auto& [group, hold] : holds_[rank])
    if (still_held.count(group) == 0) forgotten.push_back(group);
  note_drop({rank, forgotten});
  result.drops = batches(std::move(drops));
  return result;
}

}  // namespace sedma::runtime

// What the coordinator does when a rank is lost, comes back, or its board fails.

#include <algorithm>

#include "runtime/comm/coordinator.h"

namespace sedma::runtime {
namespace {

// "rank 1", "ranks 1 and 3", "ranks 1, 2 and 3".
std::string listed(const std::vector<Ledger::Batch>& batches) {
  std::string text = batches.size() == 1 ? "rank " : "ranks ";
  for (std::size_t k = 0; k < batches.size(); ++k)
    text += fmt::format("{}{}", k == 0 ? "" : k + 1 == batches.size() ? " and " : ", ", batches[k].rank);
  return text;
}

std::string counted(std::uint64_t tiles) { return fmt::format("{} tile{}", tiles, tiles == 1 ? "" : "s"); }

}  // namespace

std::string Coordinator::rank_name(std::uint32_t rank) const { return fmt::format("rank {} on host {}", rank, job_.ranks[rank].host); }

void Coordinator::log(const std::string& sentence) const {
  if (job_.options.log) job_.options.log(sentence);
}

Status Coordinator::hear_lost(std::uint32_t rank) {
  if (ledger_.standing(rank) == Standing::broken) return {};
  const std::string why = fmt::format("silent for {} s", job_.options.dead_after_seconds);
  return move_away(rank, Standing::lost, why, fail(Code::unavailable, "{} has been {}", rank_name(rank), why));
}

// What waits there is called off: its answers would be of no use.
Status Coordinator::break_board(std::uint32_t rank, const Status& why) {
  send(rank, MessageKind::cancel, {});
  return move_away(rank, Standing::broken, why.to_string(), prefixed(rank, why));
}

Status Coordinator::move_away(std::uint32_t rank, Standing standing, const std::string& why, const Status& if_last) {
  const Clock::time_point begin = Clock::now();
  ++changes_;
  for (auto request = requests_.begin(); request != requests_.end();)
    request = request->second.work.rank == rank ? requests_.erase(request) : std::next(request);
  auto moves = ledger_.take_away(rank, standing);
  if (!moves.ok()) return end(if_last.with_context("no usable board is left"));
  const std::uint64_t tiles = ledger_.tiles_of(moves->groups);
  losses_.push_back({static_cast<int>(rank), job_.ranks[rank].host, why, tiles, 0, false});
  const std::string what = standing == Standing::lost ? fmt::format("{} has been {}", rank_name(rank), why)
                                                      : fmt::format("the board of {} failed ({})", rank_name(rank), why);
  log(tiles == 0 ? what + "; it held no tiles"
                 : fmt::format("{}: its {} move{} to {}", what, counted(tiles), tiles == 1 ? "s" : "", listed(moves->holds)));
  for (const std::uint32_t group : moves->groups) restored_.erase(group);
  if (ordinal_ && !moves->groups.empty()) recoveries_.push_back({losses_.size() - 1, begin, {moves->groups.begin(), moves->groups.end()}});
  return replace(*moves, std::make_shared<CostClock>());
}

// Messages of a rank are worked off in order: parts follow what they need.
Status Coordinator::replace(const Ledger::Moves& moves, const std::shared_ptr<CostClock>& clock) {
  for (const Ledger::Batch& batch : moves.holds) {
    if (const Status status = send_hold(batch); !status.ok()) return end(status);
    if (ordinal_) send_program(batch, clock);
  }
  for (const Ledger::Part& part : moves.parts) send_multiply(part);
  return {};
}

void Coordinator::note_programmed(std::span<const std::uint32_t> groups) {
  const auto recovered = [&](Recovery& recovery) {
    for (const std::uint32_t group : groups) recovery.groups.erase(group);
    if (!recovery.groups.empty()) return false;
    losses_[recovery.loss].recovery_seconds = std::chrono::duration<double>(Clock::now() - recovery.begin).count();
    return true;
  };
  recoveries_.erase(std::remove_if(recoveries_.begin(), recoveries_.end(), recovered), recoveries_.end());
}

// Some of what it was asked may have reached it after its return, before it was known here: the answer to a recall is what counts.
void Coordinator::hear_returned(std::uint32_t rank) {
  ledger_.note_return(rank);
  if (ledger_.standing(rank) == Standing::returned) send(rank, MessageKind::recall, encode(RecallMessage{++recalls_[rank]}));
}

Status Coordinator::hear_state(std::uint32_t rank, const StateMessage& message) {
  if (ledger_.standing(rank) != Standing::returned || message.recall != recalls_[rank]) return {};
  ++changes_;
  const bool knows_session = message.session == session_;
  if (!knows_session) send(rank, MessageKind::open, encode(open_message(plan_, matrix_, options_, session_)));
  const StateMessage state = knows_session ? message : StateMessage{};
  const Ledger::Homecoming home = ledger_.take_back(rank, state, ordinal_, programmings_ <= 1);
  for (const StateMessage::Held& held : state.held)
    if (held.ordinal == StateMessage::restored && std::binary_search(home.back.begin(), home.back.end(), held.group))
      restored_.insert(held.group);
  if (!home.stale.empty()) send(rank, MessageKind::drop, encode(DropMessage{home.stale}));
  for (const Ledger::Batch& batch : home.drops) {
    ledger_.note_drop(batch);
    send(batch.rank, MessageKind::drop, encode(DropMessage{batch.groups}));
  }
  note_programmed(home.back);
  const auto loss = std::find_if(losses_.rbegin(), losses_.rend(), [&](const Loss& l) { return l.rank == static_cast<int>(rank); });
  const std::uint64_t tiles = ledger_.tiles_of(home.back);
  if (loss != losses_.rend()) loss->returned = tiles > 0 || loss->tiles == 0;
  log(tiles > 0 ? fmt::format("{} is back: {} there {} its own again", rank_name(rank), counted(tiles), tiles == 1 ? "is" : "are")
                : fmt::format("{} is back, without tiles", rank_name(rank)));
  return {};
}

}  // namespace sedma::runtime

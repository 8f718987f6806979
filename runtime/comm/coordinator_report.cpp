// What the coordinator tells of the ranks, and what it has them keep.

#include <algorithm>

#include "runtime/comm/coordinator.h"
#include "runtime/process.h"

namespace sedma::runtime {

std::vector<RankReport> Coordinator::ranks() const {
  const double window =
      first_start_ && last_finish_ > *first_start_ ? std::chrono::duration<double>(last_finish_ - *first_start_).count() : 0;
  std::vector<RankReport> reports(ledger_.ranks());
  for (const Ledger::Batch& batch : ledger_.owned()) reports[batch.rank].tiles = ledger_.tiles_of(batch.groups);
  for (std::uint32_t rank = 0; rank < reports.size(); ++rank) {
    RankReport& report = reports[rank];
    report.rank = static_cast<int>(rank);
    report.host = job_.ranks[rank].host;
    report.busy_seconds = tallies_[rank].busy_seconds;
    report.wait_seconds = std::max(0.0, window - report.busy_seconds);
    report.peak_bytes = rank == 0 ? peak_memory_bytes() : tallies_[rank].peak_bytes;
    const auto is_its = [&](const Loss& loss) { return loss.rank == report.rank; };
    report.lost = !ledger_.working(rank) && std::any_of(losses_.begin(), losses_.end(), is_its);
    if (rank == 0) continue;
    const Traffic here = job_.transport.traffic(report.rank);
    report.traffic = {here.messages_received, here.bytes_received, here.messages_sent, here.bytes_sent};
    Traffic& own = reports[0].traffic;
    own = {own.messages_sent + here.messages_sent, own.bytes_sent + here.bytes_sent, own.messages_received + here.messages_received,
           own.bytes_received + here.bytes_received};
  }
  return reports;
}

std::vector<Layout> Coordinator::layouts() const {
  std::vector<Layout> layouts(ledger_.ranks());
  for (std::uint32_t rank = 0; rank < layouts.size(); ++rank)
    if (ledger_.working(rank)) layouts[rank] = lay_out(plan_, ledger_.shelves(rank), boards_[rank], job_.ranks[rank].mask);
  return layouts;
}

// Asks every owner, and all again if tiles moved meanwhile.
Status Coordinator::ask_owners(MessageKind kind, const std::string& path) {
  for (std::uint64_t before = changes_ + 1; before != changes_;) {
    before = changes_;
    file_status_ = {};
    const auto clock = std::make_shared<CostClock>();
    for (const Ledger::Batch& batch : ledger_.owned()) {
      const std::uint64_t id = next_request_++;
      requests_[id] = {kind, batch, clock};
      send(batch.rank, kind, encode(FileMessage{id, path}));
    }
    SEDMA_RETURN_IF_ERROR(wait(kind == MessageKind::save ? "save" : "restore", [&] { return requests_.empty(); }));
  }
  return file_status_;
}

// Also after the work was called off: what was programmed until then is worth keeping.
Status Coordinator::save(const std::string& path) {
  if (!options_.keep_cells) return Status(Code::invalid_argument, "the session was opened without keep_cells");
  if (verdict_.ok()) return ask_owners(MessageKind::save, path);
  if (verdict_.code() != Code::aborted) return verdict_;
  const Status verdict = std::exchange(verdict_, Status());
  const StageWatch progress = std::exchange(options_.progress, nullptr);
  const Status status = ask_owners(MessageKind::save, path);
  if (verdict_.ok()) verdict_ = verdict;
  options_.progress = progress;
  return status;
}

Status Coordinator::restore(const std::string& path) {
  SEDMA_RETURN_IF_ERROR(verdict_);
  return ask_owners(MessageKind::restore, path);
}

}  // namespace sedma::runtime

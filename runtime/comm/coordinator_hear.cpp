// What the coordinator hears while it waits.

#include <string_view>

#include "runtime/comm/coordinator.h"

namespace sedma::runtime {
namespace {

constexpr std::chrono::milliseconds poll_interval{20};
enum PulseStage : std::uint32_t { programming_stage = 1, multiplying_stage = 2 };

// The board, or what leads to it, is not to be trusted: the work goes elsewhere.
bool board_failed(Code code) noexcept {
  return code == Code::device_fault || code == Code::unavailable || code == Code::data_corrupt || code == Code::deadline_exceeded;
}

}  // namespace

Status Coordinator::end(Status status) {
  verdict_ = std::move(status);
  requests_.clear();
  ledger_.close_all_parts();
  products_.clear();  // their x is not ours any more
  for (std::uint32_t rank = 0; rank < ledger_.ranks(); ++rank) send(rank, MessageKind::cancel, {});
  return verdict_;
}

Status Coordinator::wait(const char* stage, const std::function<bool()>& finished) {
  while (!finished()) {
    SEDMA_RETURN_IF_ERROR(hear(poll_interval));
    if (Clock::now() - last_poll_ >= poll_interval) SEDMA_RETURN_IF_ERROR(poll(stage));
  }
  return {};
}

// Tiles that ranks still work on, less what they told of them.
std::uint64_t Coordinator::tiles_open(const char* stage) const {
  const bool multiply = std::string_view(stage) == "multiply";
  double open = 0;
  const auto add = [&](const Ledger::Batch& work) {
    const Pulse pulse = job_.transport.pulse_of(static_cast<int>(work.rank));
    const bool told = pulse.total > 0 && pulse.stage == (multiply ? multiplying_stage : programming_stage);
    const double left = told ? 1 - static_cast<double>(pulse.done) / static_cast<double>(pulse.total) : 1.0;
    open += left * static_cast<double>(ledger_.tiles_of(work.groups));
  };
  for (const auto& [id, request] : requests_)
    if (!multiply) add(request.work);
  if (multiply && !products_.empty()) {
    for (const Ledger::Part& part : ledger_.parts_of(products_.front().id)) add(part.work);
  }
  return static_cast<std::uint64_t>(open);
}

Status Coordinator::poll(const char* stage) {
  last_poll_ = Clock::now();
  for (std::uint32_t rank = 1; rank < ledger_.ranks(); ++rank)
    if (ledger_.working(rank) && job_.transport.pulse_of(static_cast<int>(rank)).stop_asked)
      return end(fail(Code::aborted, "{} was asked to stop", rank_name(rank)));
  if (!options_.progress) return {};
  const std::uint64_t total = plan_.tiles.size(), open = std::min(total, tiles_open(stage));
  if (options_.progress(stage, total - open, total)) return {};
  return end(fail(Code::aborted, "stopped at {} {} of {}", stage, total - open, total));
}

Status Coordinator::hear(std::chrono::nanoseconds timeout) {
  std::optional<Arrival> arrival = job_.transport.receive(Role::coordinator, timeout);
  if (!arrival || arrival->peer < 0 || static_cast<std::size_t>(arrival->peer) >= ledger_.ranks()) return {};
  const auto rank = static_cast<std::uint32_t>(arrival->peer);
  switch (arrival->what) {
    case Arrival::What::lost: return hear_lost(rank);
    case Arrival::What::returned: hear_returned(rank); return {};
    case Arrival::What::message: {
      const Status status = hear_message(rank, static_cast<MessageKind>(arrival->kind), std::move(arrival->body));
      return status.ok() || !verdict_.ok() ? status : end(prefixed(rank, status));
    }
    default: return {};
  }
}

// Errors that are not the verdict yet become it, with the rank named.
Status Coordinator::hear_message(std::uint32_t rank, MessageKind kind, Bytes body) {
  switch (kind) {
    case MessageKind::done: {
      SEDMA_ASSIGN_OR_RETURN(const DoneMessage message, decode_done(body));
      return message.session == session_ ? hear_done(rank, message) : Status();
    }
    case MessageKind::partial: return hear_partial(rank, std::move(body));
    case MessageKind::state: {
      SEDMA_ASSIGN_OR_RETURN(const StateMessage message, decode_state(body));
      return hear_state(rank, message);
    }
    case MessageKind::failed: {
      SEDMA_ASSIGN_OR_RETURN(const FailedMessage message, decode_failed(body));
      return ledger_.working(rank) && (message.session == session_ || message.session == 0) ? message.status : Status();
    }
    default: return fail(Code::internal, "`{}` ({}) is no message for the coordinator", name(kind), static_cast<std::uint32_t>(kind));
  }
}

void Coordinator::note_report(std::uint32_t rank, const WorkReport& report) {
  tallies_[rank] = {report.busy_seconds, report.peak_bytes};
  for (const auto& [tile, hash] : report.hashes)
    if (tile < hashes_.size()) hashes_[tile] = hash;
}

Status Coordinator::hear_done(std::uint32_t rank, const DoneMessage& message) {
  const auto found = requests_.find(message.request);
  if (found == requests_.end() || found->second.work.rank != rank) return {};
  const Request request = std::move(requests_.extract(found).mapped());
  note_report(rank, message.report);
  request.clock->add(rank, message.report.programming, programming_);
  if (request.kind != MessageKind::program) return hear_file_done(rank, request, message);
  const Status& status = message.report.status;
  if (status.ok()) {
    note_programmed(request.work.groups);
    return {};
  }
  return board_failed(status.code()) ? break_board(rank, status) : status;
}

Status Coordinator::hear_file_done(std::uint32_t rank, const Request& request, const DoneMessage& message) {
  if (!message.report.status.ok()) {
    if (file_status_.ok()) file_status_ = prefixed(rank, message.report.status);
    return {};
  }
  if (request.kind != MessageKind::restore) return {};
  for (const std::uint32_t group : message.groups)
    if (group < plan_.groups.size() && ledger_.assignment().owner[group] == rank) restored_.insert(group);
  return {};
}

Status Coordinator::hear_partial(std::uint32_t rank, Bytes body) {
  SEDMA_ASSIGN_OR_RETURN(const PartialMessage message, decode_partial(body));
  if (message.session != session_) return {};
  const std::optional<Ledger::Part> part = ledger_.close_part(message.part, rank);
  if (!part) return {};  // late work of a rank that was held for lost
  const Status& status = message.report.status;
  note_report(rank, message.report);
  Product* product = nullptr;
  for (Product& candidate : products_)
    if (candidate.id == part->product) product = &candidate;
  if (product == nullptr) return {};
  product->programming.add(rank, message.report.programming, programming_);
  product->multiplying.add(rank, message.report.multiplying, multiplying_);
  if (!status.ok()) {
    ledger_.reopen_part(*part);
    return board_failed(status.code()) ? break_board(rank, status) : status;
  }
  auto used = lines(part->work);
  if (message.outputs != used->rows.size() || message.batch != product->task.batch)
    return fail(Code::data_corrupt, "sums of {} outputs and {} vectors came; {} and {} were asked for", message.outputs, message.batch,
                used->rows.size(), product->task.batch);
  product->answers.push_back({std::move(body), message, std::move(used)});
  return {};
}

}  // namespace sedma::runtime

#include "runtime/comm/work_session.h"

#include <chrono>

#include "runtime/process.h"

namespace sedma::runtime {
WorkSession::WorkSession(const Job& job, const WorkerSettings& settings, const OpenMessage& message)
    : job_(job), open_(message), store_(message, job.local.matrix, settings.matrix_lock) {}

Result<std::unique_ptr<WorkSession>> WorkSession::open(const Job& job, const WorkerSettings& settings, const OpenMessage& message,
                                                       StageWatch progress) {
  std::unique_ptr<WorkSession> session(new WorkSession(job, settings, message));
  SEDMA_ASSIGN_OR_RETURN(session->bench_,
                         settings.make_bench(job, {session->open_, session->store_.plan(), session->store_, std::move(progress)}));
  return session;
}

Status WorkSession::expect_held(std::span<const std::uint32_t> groups) const {
  if (store_.holds(groups)) return {};
  return fail(Code::internal, "asked to work on {} groups, not all of which are held here", groups.size());
}

const Lines& WorkSession::lines(const std::vector<std::uint32_t>& groups) {
  if (groups != lines_groups_) {
    lines_ = lines_of(store_.plan(), groups, open_.rows, open_.cols);
    lines_groups_ = groups;
  }
  return lines_;
}

void WorkSession::finish_report(WorkReport& report) {
  report.busy_seconds = busy_seconds_;
  report.peak_bytes = peak_memory_bytes();
  for (const auto& [tile, hash] : bench_.workbench->hashes())
    if (told_.insert(tile).second) report.hashes.emplace_back(tile, hash);
}

Status WorkSession::hold(HoldMessage message) {
  std::vector<std::uint32_t> groups;
  for (const HeldGroup& group : message.groups) groups.push_back(group.index);
  for (const std::uint32_t group : groups)
    if (store_.holds(std::span(&group, 1))) return fail(Code::internal, "group {} is held here already", group);
  SEDMA_RETURN_IF_ERROR(store_.hold(std::move(message)));
  bench_.workbench->hold(groups);
  return {};
}

Status WorkSession::drop(std::span<const std::uint32_t> groups) {
  SEDMA_RETURN_IF_ERROR(expect_held(groups));
  bench_.workbench->drop(groups);
  store_.drop(groups);
  lines_groups_.clear();
  lines_ = {};
  for (const std::uint32_t group : groups) ordinals_.erase(group);
  return {};
}

Result<Bytes> WorkSession::program(const ProgramMessage& message) {
  SEDMA_RETURN_IF_ERROR(expect_held(message.groups));
  for (const std::uint32_t group : message.groups) ordinals_.erase(group);
  DoneMessage done{open_.session, message.request, {}, {}};
  done.report.status = bench_.workbench->program(message.groups, message.ordinal, done.report.programming);
  if (done.report.status.ok()) {
    for (const std::uint32_t group : message.groups) ordinals_[group] = message.ordinal;
  }
  finish_report(done.report);
  return encode(done);
}

Result<Bytes> WorkSession::multiply(const MultiplyMessage& message) {
  SEDMA_RETURN_IF_ERROR(expect_held(message.groups));
  const Lines& used = lines(message.groups);
  const auto batch = static_cast<std::size_t>(message.batch);
  const std::size_t columns = used.cols.size();
  if (message.x.size() != batch * columns)
    return fail(Code::data_corrupt, "x has {} numbers; {} vectors of {} columns take {}", message.x.size(), batch, columns,
                batch * columns);
  x_.resize(batch * open_.cols);  // columns that no tile asks for keep what they had
  Accumulator y(batch, open_.rows);
  std::vector<double> bounds;
  for (const std::uint32_t row : used.rows) bounds.push_back(store_.row_bound(row));
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t j = 0; j < columns; ++j) x_[b * open_.cols + used.cols[j]] = message.x[b * columns + j];
    for (std::size_t i = 0; i < bounds.size(); ++i) y.set_bound(b, used.rows[i], bounds[i] * message.largest[b]);
  }
  PartialMessage partial;
  partial.session = open_.session;
  partial.part = message.part;
  partial.batch = message.batch;
  WorkReport& report = partial.report;
  const auto begin = std::chrono::steady_clock::now();
  report.status = bench_.workbench->multiply({x_, batch, message.vector, message.conversion, message.matrix_part}, message.groups, y,
                                             report.programming, report.multiplying);
  busy_seconds_ += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  finish_report(report);
  return encode(std::move(partial), y, used.rows);
}

Result<Bytes> WorkSession::save(const FileMessage& message) {
  DoneMessage done{open_.session, message.request, {}, {}};
  done.report.status = bench_.workbench->save(message.path + "." + std::to_string(job_.transport.rank()));
  finish_report(done.report);
  return encode(done);
}

Result<Bytes> WorkSession::restore(const FileMessage& message) {
  DoneMessage done{open_.session, message.request, {}, {}};
  auto groups = bench_.restore(message.path, done.report.programming);
  done.report.status = groups.status();
  if (groups.ok()) {
    done.groups = std::move(groups).value();
    SEDMA_RETURN_IF_ERROR(expect_held(done.groups));
  }
  for (const std::uint32_t group : done.groups) ordinals_[group] = StateMessage::restored;
  finish_report(done.report);
  return encode(done);
}

StateMessage WorkSession::state() {
  told_.clear();
  StateMessage message;
  message.session = open_.session;
  for (const auto& [group, hold] : store_.held()) {
    const auto ordinal = ordinals_.find(group);
    message.held.push_back({group, hold, ordinal == ordinals_.end() ? StateMessage::not_programmed : ordinal->second});
  }
  return message;
}

}  // namespace sedma::runtime

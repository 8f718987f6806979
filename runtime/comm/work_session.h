#pragma once
// One session at a worker: what it was asked, done on its workbench. Internal.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <vector>

#include "runtime/comm/bench.h"
#include "runtime/comm/job.h"
#include "runtime/comm/messages.h"
#include "runtime/comm/parcels.h"
#include "runtime/comm/tile_store.h"

namespace sedma::runtime {

/// Not thread-safe but for workbench().stop().
class WorkSession {
 public:
  /// Errors: of the factory.
  static Result<std::unique_ptr<WorkSession>> open(const Job& job, const WorkerSettings& settings, const OpenMessage& message,
                                                   StageWatch progress);

  Workbench& workbench() noexcept { return *bench_.workbench; }
  std::uint64_t number() const noexcept { return open_.session; }

  /// Errors of these two: data_corrupt, internal; they end the job.
  Status hold(HoldMessage message);
  Status drop(std::span<const std::uint32_t> groups);
  /// Answers; what fails on the device is in the report. Errors: internal (groups that are not held here), data_corrupt.
  Result<Bytes> program(const ProgramMessage& message);
  Result<Bytes> multiply(const MultiplyMessage& message);
  Result<Bytes> save(const FileMessage& message);
  Result<Bytes> restore(const FileMessage& message);
  /// What is held, and as which programming. Answers given before may not have arrived: all hashes are told again.
  StateMessage state();

 private:
  WorkSession(const Job& job, const WorkerSettings& settings, const OpenMessage& message);
  Status expect_held(std::span<const std::uint32_t> groups) const;
  const Lines& lines(const std::vector<std::uint32_t>& groups);
  void finish_report(WorkReport& report);

  const Job& job_;
  OpenMessage open_;
  TileStore store_;
  Bench bench_;                                      // after what it refers to
  std::map<std::uint32_t, std::uint64_t> ordinals_;  // of groups that are programmed as a whole
  std::set<std::uint32_t> told_;                     // tiles whose hash was told
  std::vector<std::uint32_t> lines_groups_;
  Lines lines_;            // of lines_groups_
  std::vector<double> x_;  // [batch, cols] of the product under way
  double busy_seconds_ = 0;
};

}  // namespace sedma::runtime

#pragma once
// How a worker comes to its workbench: an engine on its device, or what a test puts there. Internal.

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/comm/job.h"
#include "runtime/comm/messages.h"
#include "runtime/engine.h"

namespace sedma::runtime {

struct Bench {
  std::unique_ptr<Workbench> workbench;
  /// Session::restore() of this rank: the groups that are as they were. Errors: of read_saved_cells(), of the device.
  std::function<Result<std::vector<std::uint32_t>>(const std::string& path, StageCost& programming)> restore;
};

/// All references outlive the bench.
struct BenchTask {
  const OpenMessage& open;
  const Plan& plan;
  const TileValues& values;
  StageWatch progress;
};
using BenchFactory = std::function<Result<Bench>(const Job& job, BenchTask task)>;

/// An engine on the rank's device.
Result<Bench> make_engine_bench(const Job& job, BenchTask task);

struct WorkerSettings {
  BenchFactory make_bench;
  std::mutex* matrix_lock = nullptr;  ///< held while LocalRank::matrix is read: rank 0's worker shares it with the coordinator
};
/// serve_rank() with any workbench.
Status serve_rank(const Job& job, const WorkerSettings& settings);

}  // namespace sedma::runtime

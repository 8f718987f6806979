#pragma once
// The ranks of a job, as sessions and workers see them. No MPI here.

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "hal/device.h"
#include "runtime/comm/transport.h"
#include "runtime/mask.h"
#include "runtime/matrix_source.h"

namespace sedma::runtime {

/// What a rank brings along to Cluster::open().
struct LocalRank {
  Status status;                  ///< not ok: this rank cannot take part (its board, its files), and so nobody can
  hal::Device* device = nullptr;  ///< outlives the cluster
  std::string uri;                ///< of the device
  Mask mask;                      ///< of the device
  /// Optional: the matrix, opened by this rank itself (a gallery, a file that it sees). Rank 0 sends values only to ranks that lack it.
  /// Outlives the cluster.
  const MatrixSource* matrix = nullptr;
};

struct ClusterOptions {
  double dead_after_seconds = 5;  ///< [0.1, 3600]: a rank silent for so long is lost
  /// Told what happens to ranks, in whole sentences, from any thread. Without it nothing is printed.
  std::function<void(const std::string& sentence)> log;
  /// Polled by every rank; true: somebody (a signal) asked this rank to stop. Rank 0 learns it with the next heartbeat.
  std::function<bool()> stop_asked;
};

/// What every rank knows of every other from the start.
struct RankFacts {
  std::string host, uri;
  hal::Capabilities capabilities;
  Mask mask;
  std::uint64_t content = 0;  ///< of LocalRank::matrix; 0: it has none
  std::string isa;            ///< best instruction set
};

/// Everything that a session or a worker needs of the job. What it refers to outlives it.
struct Job {
  Transport& transport;
  const std::vector<RankFacts>& ranks;
  const LocalRank& local;
  const ClusterOptions& options;
};

}  // namespace sedma::runtime

#pragma once
// The ranks of a job: who there is, what each brings along, and who is still alive. Of the headers of SEDMA only this one and
// mpi_environment.h know MPI.

#include <mpi.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "runtime/comm/job.h"

namespace sedma::runtime {

/// A job's ranks. Rank 0 opens sessions on it, the others serve(). One at a time per process.
class Cluster {
 public:
  /// Collective over `comm`, which is duplicated; afterwards one thread of this object makes all MPI calls, so MPI must be initialised with
  /// MPI_THREAD_SERIALIZED or more, and the caller makes none until close(). All ranks agree on the lowest instruction set.
  /// Errors, the same on every rank: the first rank's LocalRank::status that is not ok ("rank 3 on host n2: ..."); invalid_argument
  /// (options); unsupported (ranks of different SEDMA versions; MPI initialised with less than MPI_THREAD_SERIALIZED).
  static Result<Cluster> open(MPI_Comm comm, const LocalRank& local, const ClusterOptions& options);
  Cluster(Cluster&&) noexcept;
  Cluster& operator=(Cluster&&) noexcept;
  ~Cluster();  ///< close(internal) if nobody did

  int rank() const noexcept;
  int size() const noexcept;
  const std::vector<RankFacts>& ranks() const noexcept;
  const std::string& isa() const noexcept;
  /// For Session::open(). Good as long as the cluster is neither moved nor destroyed.
  Job job() noexcept;

  /// Ranks > 0: works for rank 0 until it closes. Returns its verdict: ok, or why the job failed; unavailable (rank 0 is silent for good).
  Status serve();
  /// Rank 0: tells every rank how the job ended and waits, at most 2 s, until they know. Ranks > 0: called by serve(). Then nobody's
  /// thread makes MPI calls any more.
  void close(const Status& verdict);
  /// Whether every rank is alive, so that MPI can be finalised.
  bool intact() const;

  struct Impl;

 private:
  explicit Cluster(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Collective: gives every rank the texts of all, in the order of the ranks. Only before Cluster::open().
std::vector<std::string> share(MPI_Comm comm, const std::string& mine);

}  // namespace sedma::runtime

#pragma once
// MPI for the length of a program. Only the program makes one; the library neither initialises, finalises nor aborts MPI.

#include <mpi.h>

#include <optional>

#include "hal/status.h"

namespace sedma::runtime {

/// What mpirun told a process, known before MPI is initialised.
struct Launched {
  int rank = 0, size = 1;
  int local_rank = 0;  ///< among the ranks of this host
};
/// Nothing if the process was not started by mpirun (or another launcher that Open MPI understands).
std::optional<Launched> launched() noexcept;

class MpiEnvironment {
 public:
  /// MPI_Init_thread with MPI_THREAD_SERIALIZED. SIGPIPE is ignored from here on: a dead peer must not end the process.
  /// Errors: unsupported (the MPI library offers less), internal.
  static Result<MpiEnvironment> start();
  MpiEnvironment(MpiEnvironment&&) noexcept;
  MpiEnvironment& operator=(MpiEnvironment&&) = delete;
  /// Finalises if nobody called finish().
  ~MpiEnvironment();

  MPI_Comm world() const noexcept { return MPI_COMM_WORLD; }
  /// Ends MPI. `intact`: every rank is alive, all of them call this, MPI is finalised and it returns. Otherwise finalising would hang:
  /// ranks > 0 end the process with `exit_code`, at once or, where that is 0, once rank 0 has had 5 s to abort the job; rank 0, whose
  /// results must be durable and printed by now, aborts the job with `exit_code`, which becomes mpirun's.
  void finish(bool intact, int exit_code);

 private:
  MpiEnvironment() = default;
  bool active_ = true;
};

}  // namespace sedma::runtime

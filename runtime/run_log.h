#pragma once
// What a long run leaves behind so that it can go on elsewhere: a directory with every product handed out so far, the state of the boards,
// and how the run stands.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hal/status.h"

namespace sedma::runtime {

/// What must be the same for a run to be continued: everything that decides y.
struct RunIdentity {
  std::string matrix;         ///< name
  std::uint64_t content = 0;  ///< MatrixSource::content()
  std::uint64_t inputs = 0;   ///< xxh3-64 of all x
  std::uint64_t vectors = 0, rows = 0, each = 0;
  std::string options;  ///< the choice and all that decides y, in words
};

struct RunStanding {
  std::uint64_t starts = 0;        ///< how often the run was begun or continued; the log counts it
  std::uint64_t vectors_done = 0;  ///< of the first vectors, appended before
  std::uint64_t programmings = 0;
  /// All but running: noted last, when everything else that the run writes is durable. A supervisor then gives it 30 s to leave.
  enum class State : std::uint8_t { running, done, stopped, failed } state = State::running;
  std::string message;  ///< of a failure
  std::string coordinator_host;
  std::vector<std::string> lost_hosts;  ///< of ranks lost so far
};

/// A directory on a file system that every host sees: `identity`, two generations of `standing` (JSON behind a checksum), and one file
/// `results-N` for each start of the run, with checksummed records after one another. The standing alone says how far a run is: results
/// beyond its vectors_done are computed again and replace those written, because nothing says what else belonged to them.
///
/// One writer at a time. Locks of a dead host outlive it on shared file systems, so there are none: whoever resumes takes over, by being
/// the only one who can make the next `results-N`, and a writer that still lives is refused at its next append() or note(). Where hosts see
/// each other's new files late, it may get in a few more; they lie in its own file and count for nothing.
class RunLog {
 public:
  /// A new run in an empty or absent directory (its parent exists). Errors: unavailable (cannot be made or written), invalid_argument
  /// (holds a run already: says which and how far; or something else), data_corrupt and unsupported (a run whose standing cannot be
  /// read). Remains of a create() that was cut short are no obstacle.
  static Result<RunLog> create(const std::string& directory, const RunIdentity& identity);
  /// A run to be continued: its standing is noted as running, and as one start more. Errors: unavailable (no such directory, or no run in
  /// it), invalid_argument (another run: says what differs), data_corrupt (the last record and the one before are damaged; one torn record
  /// is passed over and the one before it used), unsupported (of a newer SEDMA).
  static Result<RunLog> resume(const std::string& directory, const RunIdentity& identity);
  /// How the run in a directory stands, for a supervisor; nothing if there is none. Errors: data_corrupt, unavailable, unsupported.
  static Result<std::optional<RunStanding>> standing(const std::string& directory);

  RunLog(RunLog&&) noexcept;
  RunLog& operator=(RunLog&&) noexcept;
  ~RunLog();

  const RunStanding& standing() const noexcept { return standing_; }
  /// Keeps y of vectors [first, first + y.size() / rows): durable once it returns. Of several for one vector the last start's last counts.
  /// Errors: invalid_argument (not whole vectors of the run), unavailable (disk full ...; the log is as it was), aborted (the run was taken
  /// over by another start). Cost: one write and one fdatasync.
  Status append(std::uint64_t first, std::span<const double> y);
  /// Durable once it returns; the standing before it stays readable until then. `starts` is the log's own. Errors: unavailable, aborted (as
  /// append).
  Status note(const RunStanding& standing);
  /// All y so far, [vectors_done, rows]; every record is checked. Errors: data_corrupt (a damaged record; says where), unavailable.
  Result<std::vector<double>> products() const;
  /// Where Session::save() puts the boards' state in start number `start` (standing().starts: this one). That of the start before stays.
  std::string cells_path(std::uint64_t start) const;

 private:
  class Results;  // the file of this start
  RunLog(std::string directory, RunIdentity identity);
  Status begin(RunStanding standing);
  Status check_mine() const;

  std::string directory_;
  RunIdentity identity_;
  RunStanding standing_;
  std::uint64_t sequence_ = 0;  // of the last standing
  std::unique_ptr<Results> results_;
};

}  // namespace sedma::runtime

#pragma once
// The two small files of a run log, identity and standing: JSON behind a line with its checksum. Internal.

#include <optional>
#include <string>

#include "runtime/run_log.h"

namespace sedma::runtime {

struct NumberedStanding {
  RunStanding standing;
  std::uint64_t sequence = 0;  ///< grows with every note
};

/// Replaces the file as a whole, durably. Errors: unavailable.
Status write_identity(const std::string& directory, const RunIdentity& identity);
/// Errors: data_corrupt, unavailable, unsupported.
Result<RunIdentity> read_identity(const std::string& directory);
/// ok, or invalid_argument with every field that differs and both values.
Status same_run(const RunIdentity& there, const RunIdentity& asked);

/// Overwrites the older of the two generations. Errors: unavailable.
Status write_standing(const std::string& directory, const NumberedStanding& numbered);
/// The newest whole generation; nothing if there is neither. Errors: data_corrupt (no whole one), unavailable, unsupported.
Result<std::optional<NumberedStanding>> read_standing(const std::string& directory);

/// "running", "done", "stopped", "failed".
const char* name(RunStanding::State state) noexcept;

}  // namespace sedma::runtime

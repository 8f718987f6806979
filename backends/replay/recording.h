#pragma once
// A recorded run of a device: in memory, and as a sealed HDF5 file.

#include <cstddef>
#include <string>
#include <vector>

#include "backends/replay/command_io.h"
#include "hal/device.h"

namespace sedma::backends::replay {

/// One command and what came of it.
struct Entry {
  Fingerprint print;
  bool refused = false;            ///< the failure came from submit, not from wait
  Status status;                   ///< of submit or wait
  hal::Completion completion;      ///< if ok
  std::vector<std::byte> outputs;  ///< if ok
};

/// Commands in the order of their submission; the order within a lane is the order on the board.
struct Recording {
  hal::Capabilities capabilities;
  hal::Limits limits;
  std::vector<Entry> entries;
};

/// The file (HDF5, sealed), n commands: attributes of "/": format, version, commands, capabilities and limits by their names;
/// /commands/words [n, 14] uint64 and /commands/values [n, 8] float64 (columns named by their attribute `columns`), /commands/text and
/// /commands/outputs uint8: all summaries and messages, all outputs, one after the other, with the ends of each in words.
/// Errors: unavailable (cannot write, with the system's reason).
Status save(const Recording& recording, const std::string& path);
/// Errors: unavailable (no such file), data_corrupt (unsealed, damaged, not a recording: found before HDF5 opens it where the seal tells).
Result<Recording> load(const std::string& path);

}  // namespace sedma::backends::replay

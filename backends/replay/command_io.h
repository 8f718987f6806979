#pragma once
// A command as bytes: the hash of what goes in, the copy of what comes out.

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "hal/commands.h"
#include "hal/status.h"

namespace sedma::backends::replay {

/// What identifies a command within the order of its lane.
struct Fingerprint {
  std::uint8_t kind = 0;                ///< index in hal::Command
  std::uint32_t lane = 0;               ///< the array; Idle and SelfTest share the lane behind the last array
  std::array<std::uint64_t, 2> hash{};  ///< xxh3-128 of every input: scalars, shapes and values, not of outputs nor of deadlines
  std::string summary;                  ///< e.g. "mvm of 4 vectors on 32 x 17 cells at (0, 0)"
};

Fingerprint fingerprint(const hal::Command& command, std::uint32_t arrays);

/// The outputs of a command, in the order of their fields, row-major, little endian. Absent ones are left out.
std::vector<std::byte> capture(const hal::Command& command);
/// Writes captured outputs into those that `command` asks for. Every optional output of a Program must have been captured.
/// Errors: data_corrupt (not the bytes of such a command); nothing is written then.
Status restore(const hal::Command& command, const std::vector<std::byte>& bytes);

}  // namespace sedma::backends::replay

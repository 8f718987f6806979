#pragma once
// Write-verify on the host, over Pulse and Read, for boards without Feature::verify_on_board.

#include <functional>

#include "hal/device.h"

namespace sedma::hal {

/// How many identical pulses take a cell from terminal conductance `from` to `to` (> 0 up, < 0 down, never 0 unless equal), by the
/// board's nominal pulse response.
using PulseCount = std::function<double(float from_siemens, float to_siemens)>;

/// Runs `program` as read-compare-pulse rounds with the damped step of program.schedule: the same loop, stop rule and outcomes as a board
/// that verifies by itself. Program.erase is done with down pulses. Errors: as Device::submit; a failure midway leaves the cells as they
/// are. Cost: passes * (one Read + one Pulse) submissions.
Result<Completion> write_verify(Device& device, const Program& program, const Drive& up, const Drive& down, double read_volts,
                                const PulseCount& count, std::chrono::nanoseconds deadline);

}  // namespace sedma::hal

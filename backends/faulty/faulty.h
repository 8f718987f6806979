#pragma once
// A board that fails on purpose: injects faults into another device.

#include "hal/registry.h"

namespace sedma::backends {

/// The driver of `faulty:URI?fault.key=value&...`: the device of URI (which gets every option without the prefix `fault.`, and the limits),
/// with faults. Which command meets which fault is decided by counter-based random numbers of its ordinal, so a run can be repeated as
/// long as commands are submitted in the same order. Options, all optional, probabilities within [0, 1]:
///   fault.error         probability of device_fault; every second such command was carried out before it failed
///   fault.hang          probability that a command never ends: until cancel() (aborted) or its deadline; it is not carried out
///   fault.garbage       probability that outputs are scrambled; reported as data_corrupt, never as ok
///   fault.delay_seconds added to a command's time on the host; fault.delay: probability of that (1)
///   fault.lost_after    number of commands after which the board is gone for good: unavailable
///   fault.seed          of the random numbers (1)
/// Capabilities are those of the inner device. A command behind a hanging one on the same array is carried out: the hanging one never was.
/// Errors: invalid_argument (unknown fault.key, value out of range, the inner URI), and those of the inner driver.
hal::Registry::Driver faulty_driver();

}  // namespace sedma::backends

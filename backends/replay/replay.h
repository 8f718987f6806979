#pragma once
// A device that answers as another one once did.

#include "hal/registry.h"

namespace sedma::backends {

/// The driver of `replay:FILE`, FILE written by `record:`. Capabilities are the recorded ones, limits the tighter of the recorded and the
/// given. The same commands, in the same order on each array (Idle and SelfTest in an order of their own), get the recorded outputs,
/// completions and failures, at once.
/// Errors of opening: unavailable (no such file); data_corrupt (unsealed, damaged, not a recording: found before HDF5 opens it where the
/// seal tells); invalid_argument (options).
/// Errors of submit: invalid_argument (the command differs from the recorded one: its ordinal, what was recorded, what was asked; the
/// recorded one stays next); unavailable (the recording is at its end for this array); those that were recorded.
hal::Registry::Driver replay_driver();

}  // namespace sedma::backends

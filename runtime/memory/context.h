#pragma once
// The situation in which a choice is made, from what is known of matrix, board and device.

#include "runtime/device_model.h"
#include "runtime/mask.h"
#include "runtime/memory/pattern.h"

namespace sedma::runtime {

/// `age_seconds`: of the cells when products are made. The temperature is left unknown. Cost: O(masked lines and cells).
Context context_of(const MatrixFeatures& matrix, const hal::Capabilities& board, const Mask& mask, const DeviceModel& model,
                   double age_seconds);

}  // namespace sedma::runtime

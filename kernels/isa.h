#pragma once
// The instruction set that Highway's dynamic dispatch uses. Internal to kernels.

namespace sedma::kernels {

/// Applies SEDMA_ISA or the processor's best, the first time; call it before HWY_DYNAMIC_DISPATCH. Thread-safe and cheap.
void choose_isa() noexcept;

}  // namespace sedma::kernels

// What every file that includes <hwy/highway.h> must include before it. Internal to kernels.
#pragma once

// The row kernels keep vectors in structs, which sets with a vector length unknown to the compiler cannot do.
#define HWY_DISABLED_TARGETS (HWY_SVE | HWY_SVE2 | HWY_SVE_256 | HWY_SVE2_128 | HWY_RVV)

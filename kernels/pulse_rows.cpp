// Write-verify of one row by the chosen instruction set. The active cells lie side by side in arrays, in column order; four passes, for
// which one Philox call gives the normals, run in registers, then the cells that are done are recorded and the others move together.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/pulse_rows.cpp"
#include "kernels/simd.h"
// These two in this order.
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <cstddef>

#include "kernels/isa.h"
#include "kernels/pulse_rows-inl.h"
#include "kernels/pulse_rows.h"

HWY_BEFORE_NAMESPACE();
namespace sedma::kernels {
namespace HWY_NAMESPACE {

RowTotals write_row_here(const WriteLaw& law, const RowJob& row, RowScratch& scratch) {
#if HWY_TARGET == HWY_SCALAR || HWY_TARGET == HWY_EMU128
  (void)scratch;
  return write_row_reference(law, row);
#else
  if (law.own_cells) return Row<true>(law, row, scratch).write();
  return Row<false>(law, row, scratch).write();
#endif
}

}  // namespace HWY_NAMESPACE
}  // namespace sedma::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace sedma::kernels {
namespace {
HWY_EXPORT(write_row_here);
}

RowTotals write_row(const WriteLaw& law, const RowJob& row, RowScratch& scratch) {
  choose_isa();
  return HWY_DYNAMIC_DISPATCH(write_row_here)(law, row, scratch);
}

}  // namespace sedma::kernels
#endif  // HWY_ONCE

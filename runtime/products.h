#pragma once
// The published first-order correction, p = A~ x + A x~ - A~ x~, with x~ really written on an array. For sessions of one process.

#include <cstdint>
#include <span>

#include "runtime/session.h"
#include "runtime/window.h"

namespace sedma::runtime {

/// ok if the board has room for x~ beside the layout. Errors: unsupported (residual slices too, several turns, a mask, no verify on board,
/// or too few free arrays: says how many there are and how many it takes).
Status check_products(const Plan& plan, const Layout& layout, const MatrixSource& matrix, const hal::Capabilities& capabilities,
                      const SessionOptions& options);

/// x~ lies on arrays from `first_array` on: one pair of bit lines per segment of as many inputs as an array has word lines.
class ProductsCorrection {
 public:
  ProductsCorrection(hal::Device& device, const MatrixSource& matrix, const Plan& plan, std::uint32_t first_array,
                     const SessionOptions& options);
  /// A x~ - A~ x~, added to y. `groups`: all of the plan. Uses the ordinals task.vector + [0, 2 batch * repeats).
  Status add(const ProductTask& task, Engine& engine, std::span<const std::uint32_t> groups, Accumulator& y, StageCost& programming,
             StageCost& multiplying) const;

 private:
  struct Written;
  Status report(std::uint64_t done, std::uint64_t total) const;
  Result<Written> write_segment(std::uint32_t segment, std::span<const double> x, std::uint64_t ordinal, const Poll& poll,
                                StageCost& programming) const;
  Status multiply_rows(const Written& written, std::uint32_t first, std::uint64_t ordinal, std::size_t b, const Conversion& conversion,
                       const Poll& poll, Accumulator& y, StageCost& multiplying) const;

  hal::Device& device_;
  const MatrixSource& matrix_;
  const Plan& plan_;
  std::uint32_t first_array_;
  std::chrono::nanoseconds deadline_;
  StageWatch progress_;
  kernels::Window window_;
};

}  // namespace sedma::runtime

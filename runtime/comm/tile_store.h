#pragma once
// The tiles that a worker was given: their lines in a plan of its own, their values. Internal.

#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <vector>

#include "runtime/comm/messages.h"
#include "runtime/engine.h"
#include "runtime/matrix_source.h"

namespace sedma::runtime {

/// A plan that knows only the groups held, and where their values come from. Not thread-safe.
class TileStore final : public TileValues {
 public:
  /// `matrix`: of this rank, or nullptr; used if its content is that of the session. `matrix_lock`: held while it is read, or nullptr.
  TileStore(const OpenMessage& open, const MatrixSource* matrix, std::mutex* matrix_lock);

  const Plan& plan() const noexcept { return plan_; }
  /// Errors: data_corrupt (does not fit the session; nothing is held then), internal (no values, and no matrix here).
  Status hold(HoldMessage message);
  void drop(std::span<const std::uint32_t> groups);
  Status gather(std::uint32_t index, double* out) const override;
  /// @pre the row is one of a tile held.
  double row_bound(std::uint32_t row) const;
  bool holds(std::span<const std::uint32_t> groups) const;
  /// Group and HoldMessage::hold of all groups held.
  const std::map<std::uint32_t, std::uint64_t>& held() const noexcept { return held_; }

 private:
  Status check(const HeldGroup& held, bool with_values) const;

  OpenMessage open_;
  Plan plan_;
  const MatrixSource* matrix_;
  std::mutex* matrix_lock_;
  std::map<std::uint32_t, TileBlock> blocks_;
  std::map<std::uint32_t, std::uint64_t> held_;
  std::vector<double> row_bounds_;  // [rows], of rows given
};

}  // namespace sedma::runtime

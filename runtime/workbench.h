#pragma once
// What a rank does with its device: holds groups of a plan, writes them, multiplies. Engine does it on a device; tests put others in its
// place.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "runtime/accumulate.h"
#include "runtime/plan.h"
#include "runtime/stage_cost.h"
#include "runtime/tile_hash.h"

namespace sedma::runtime {

/// One product: x [batch, cols of the matrix], row-major; only columns of the tiles asked for need to be filled in.
struct ProductTask {
  std::span<const double> x;
  std::size_t batch = 0;
  std::uint64_t vector = 0;  ///< ordinal of the first; each takes as many ordinals as it is repeated
  Conversion conversion = {};
  std::optional<std::uint32_t> part = {};  ///< only tiles of this part of the matrix work; none: all do
};

/// Not thread-safe, but stop() may be called from any thread.
class Workbench {
 public:
  virtual ~Workbench() = default;
  /// Takes over groups whose tiles the plan describes; writes nothing.
  virtual void hold(std::span<const std::uint32_t> groups) = 0;
  /// Forgets groups; their cells are left as they are.
  virtual void drop(std::span<const std::uint32_t> groups) = 0;
  /// Writes groups held, as programming `ordinal`, adding what it cost. Where the arrays cannot hold all groups at once nothing is
  /// written here but in multiply(), turn by turn. Errors: of the device, with tile and array named; of the values; aborted.
  virtual Status program(std::span<const std::uint32_t> groups, std::uint64_t ordinal, StageCost& programming) = 0;
  /// Adds the products of these groups to y [batch, rows of the matrix], whose bounds are set. Errors: as program().
  virtual Status multiply(const ProductTask& task, std::span<const std::uint32_t> groups, Accumulator& y, StageCost& programming,
                          StageCost& multiplying) = 0;
  /// Hashes of the first slices of tiles programmed so far: (tile, hash), ascending.
  virtual std::vector<std::pair<std::uint32_t, TileHash>> hashes() const = 0;
  /// Writes what is known of the groups held to a file, atomically (runtime/saved_cells.h). Errors: unavailable.
  virtual Status save(const std::string& path) = 0;
  /// Ends what is under way as soon as the device can (outcome aborted) and refuses all work until resume().
  virtual void stop() noexcept = 0;
  virtual void resume() noexcept = 0;
};

}  // namespace sedma::runtime

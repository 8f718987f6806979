#pragma once
// The inside of Engine, shared by its source files; not installed.

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "kernels/encode.h"
#include "kernels/random.h"
#include "runtime/board_time.h"
#include "runtime/engine.h"
#include "runtime/window.h"

namespace sedma::runtime {

/// What a slice of a tile is to hold.
struct SliceTarget {
  std::vector<double> wanted;  ///< row-major [outputs, inputs]
  kernels::EncodedTile encoded;
};

/// What the engine remembers of one programmed slice of a tile.
struct SliceState {
  std::vector<double> unit;  ///< [outputs], see kernels::EncodedTile; with residual slices and Feature::line_drop times the output's gain
  std::vector<float> full_scale;             ///< see full_scales(): of headroom 1
  std::vector<double> write_variance;        ///< [outputs]: sum over inputs of (value read back - value wanted)^2
  std::vector<double> own_write_variance;    ///< [outputs]: the same without what outputs of the tile have in common, and without a gain
  std::vector<double> sum_of_squares;        ///< [outputs]: of the wanted values
  std::vector<double> read_variance;         ///< [outputs]: sum over inputs of the variance of one read of its value, see read_noise
  std::vector<double> shared_read_variance;  ///< [outputs]: the part that comes from the reference line, on top
  std::vector<float> target, found;          ///< conductances, [word lines, bit lines]; only with EngineOptions::keep_cells
};

struct HeldTile {
  std::vector<float> residual;  ///< row-major [outputs, inputs], while a later slice waits for it; else empty
  std::optional<TileHash> hash;
};

struct HeldGroup {
  std::optional<std::uint64_t> ordinal;  ///< of the programming asked for last; none: not programmed, or that failed
  bool written = false;                  ///< its cells are on the arrays
  std::vector<HeldTile> tiles;           ///< as Group::tiles
  std::vector<SliceState> slices;        ///< as Group::spots
  std::vector<std::size_t> pieces;       ///< of Engine::Impl::pieces, ascending
};

/// One slice of a tile where it lies now.
struct Piece {
  const Placement* placement = nullptr;
  HeldGroup* group = nullptr;
  HeldTile* tile = nullptr;
  SliceState* state = nullptr;
};

using Pieces = std::span<const std::size_t>;  // of Engine::Impl::pieces, ascending

/// How far the work under way is, for EngineOptions::progress.
struct Stage {
  const char* name = "";
  std::uint64_t done = 0, total = 0;
};

struct Engine::Impl {
  hal::Device& device;
  const Plan& plan;
  const TileValues& values;
  BoardShape shape;
  EngineOptions options;
  kernels::Window window;
  double volts_max = 0;
  bool line_drop = false;
  Shelves shelves;
  Layout layout;
  std::map<std::uint32_t, HeldGroup> groups;
  std::vector<Piece> pieces;  ///< as layout.placements
  bool stale = false;         ///< groups were held or dropped since `layout` was made
  Stage stage;
  Poll poll;  ///< go_on()
  std::atomic<bool> stopped{false};

  Impl(hal::Device& d, const Plan& p, const TileValues& v, const BoardShape& s, EngineOptions o);

  /// Makes `layout` and `pieces` anew if they are stale.
  void settle();
  const Tile& tile_of(const Piece& piece) const { return plan.tiles[piece.placement->tile]; }
  std::uint64_t stream(const Piece& piece) const;
  /// All slices of these groups. Errors: internal (a group that is not held).
  Result<std::vector<std::size_t>> pieces_of(std::span<const std::uint32_t> asked);
  /// aborted after stop().
  Status not_stopped() const;
  /// aborted if stop() or the watch says so.
  Status go_on() const;
  /// To be called after every submission, for a stop() that came before it.
  void stop_again() const;
  /// A failure by stop() is `aborted`, however the device put it.
  Status ended(Status status) const;

  /// Writes pieces of one turn, slice after slice, and marks their groups.
  Status write(Pieces turn, StageCost& cost);
  Status write_slice(Pieces slice, BoardTime& clock, StageCost& cost);
  /// With Feature::line_drop: finds what was written by multiplying unit vectors.
  Status read_slice(Pieces slice, BoardTime& clock, StageCost& cost);
  Status multiply_turn(const ProductTask& task, Pieces turn, Accumulator& y, StageCost& cost);
  Status multiply_in_turns(const ProductTask& task, Pieces all, Accumulator& y, StageCost& programming, StageCost& multiplying);
  Status let_time_pass() const;

  /// The tile's wanted values for a slice, row-major [outputs, inputs]. Errors: of TileValues::gather.
  Result<std::vector<double>> wanted_values(const Piece& piece) const;
  Result<SliceTarget> slice_target(const Piece& piece) const;
  /// Keeps what products and later slices need of a slice just written, and its residual if another slice follows.
  void remember(const Piece& piece, const SliceTarget& target, const std::vector<double>& found) const;

  void remember_errors(const SliceTarget& target, const std::vector<double>& found, SliceState& state) const;
  void remember_noise(std::span<const float> target_siemens, SliceState& state) const;  ///< @pre state.unit is set

  SavedSlice saved_slice(const Piece& piece) const;
  const SavedSlice* matching(const Piece& piece, const SavedSlice* saved) const;
  Result<bool> wants(const HeldGroup& group, const std::vector<const SavedSlice*>& found) const;
  Result<std::set<std::uint32_t>> changed_cells(Pieces all, const std::vector<const SavedSlice*>& found, StageCost& cost) const;
};

}  // namespace sedma::runtime

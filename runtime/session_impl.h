#pragma once
// The inside of Session, shared by its source files; not installed.

#include <cstdint>
#include <vector>

#include "kernels/encode.h"
#include "kernels/random.h"
#include "runtime/accumulate.h"
#include "runtime/session.h"
#include "runtime/window.h"

namespace sedma::runtime {

/// What a slice of a tile is to hold.
struct SliceTarget {
  std::vector<double> wanted;  ///< row-major [outputs, inputs]
  kernels::EncodedTile encoded;
};

/// What the session remembers of one programmed slice of a tile.
struct SliceState {
  std::vector<double> unit;  ///< [outputs], see kernels::EncodedTile; with residual slices and Feature::line_drop times the output's gain
  std::vector<float> full_scale;       ///< see full_scales()
  std::vector<double> write_variance;  ///< [outputs]: sum over inputs of (value read back - value wanted)^2
  std::vector<double> sum_of_squares;  ///< [outputs]: of the wanted values
};

/// Adds up what arrays cost while they work at the same time.
class TurnClock {
 public:
  TurnClock(std::uint32_t arrays, bool parallel) : seconds_(arrays, 0.0), parallel_(parallel) {}
  void add(std::uint32_t array, double seconds) { seconds_[array] += seconds; }
  /// The turn's time; starts the next turn.
  double finish();

 private:
  std::vector<double> seconds_;
  bool parallel_;
};

struct Session::Impl {
  hal::Device& device;
  const MatrixSource& matrix;
  SessionOptions options;
  Plan plan;
  kernels::Window window;
  double volts_max = 0;
  double tolerance_siemens = 0;
  bool analog_subtract = true, line_drop = false;
  kernels::Key content;            ///< hash of the matrix: the root of every stream
  std::uint64_t programmings = 0;  ///< times that program() was asked for; the ordinal in streams
  std::uint64_t vectors = 0;       ///< vectors multiplied so far
  bool programmed = false;
  std::vector<SliceState> states;             ///< as plan.placements
  std::vector<std::vector<float>> residuals;  ///< per tile, row-major [outputs, inputs], while a later slice waits for it; else empty
  std::vector<std::size_t> turn_begin;        ///< placements of turn t: [turn_begin[t], turn_begin[t + 1])
  StageCost programming, multiplying;

  Impl(hal::Device& d, const MatrixSource& m, SessionOptions o, Plan p);

  WritePolicy write_policy() const;
  std::uint64_t stream(const Placement& placement) const;
  Status program_turn(std::uint32_t turn);
  Status multiply_turn(std::uint32_t turn, std::span<const double> x, std::size_t batch, Accumulator& y);
  /// One pass over all turns, programming where the arrays do not hold the turn yet.
  Status multiply_all(std::span<const double> x, std::size_t batch, Accumulator& y);
  /// A x~ - A~ x~, added to y (correction `products`).
  Status add_products_correction(std::span<const double> x, std::size_t batch, Accumulator& y);
  /// The tile's wanted values for a slice, row-major [outputs, inputs]. Errors: of MatrixSource::gather.
  Result<std::vector<double>> wanted_values(const Placement& placement) const;
  Result<SliceTarget> slice_target(const Placement& placement) const;
  /// Writes placements [begin, end), all of one slice, and reads their cells; with Feature::line_drop read_slice() multiplies unit vectors.
  Status write_slice(std::size_t begin, std::size_t end, TurnClock& clock);
  Status read_slice(std::size_t begin, std::size_t end, TurnClock& clock);
  Status let_time_pass();
  /// Keeps what products and later slices need of a slice just written, and its residual if another slice follows.
  void remember(const Placement& placement, const SliceTarget& target, const std::vector<double>& found, SliceState& state);
  Status report(const char* stage, std::uint64_t done, std::uint64_t total) const;
  Accumulator accumulator(std::span<const double> x, std::size_t batch) const;
};

}  // namespace sedma::runtime

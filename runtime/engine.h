#pragma once
// Tiles on one device: written slice after slice, read back, multiplied. What a session of one process and every rank of a job work with.

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "hal/device.h"
#include "kernels/crossbar.h"
#include "runtime/layout.h"
#include "runtime/mask.h"
#include "runtime/saved_cells.h"
#include "runtime/workbench.h"

namespace sedma::runtime {

/// Where the values of a tile come from. Errors: data_corrupt, unavailable.
class TileValues {
 public:
  virtual ~TileValues() = default;
  /// Row-major [tile rows, tile cols].
  virtual Status gather(std::uint32_t tile, double* out) const = 0;
};

/// Errors of outputs that are counted: all; or each output's own, those that other outputs do not share. Rounding of the inputs, reference
/// lines, biases and gains are shared: they do not look like noise among the outputs.
enum class NoiseSources : std::uint8_t { all, own };

/// Told what is done of what, from the working thread, e.g. ("program", 12, 400). Returning false ends the work with `aborted`.
using StageWatch = std::function<bool(const char* stage, std::uint64_t done, std::uint64_t total)>;

struct EngineOptions {
  std::uint64_t content = 0;  ///< MatrixSource::content(), for save(); streams come from Plan::roots
  double wait_seconds = 0;
  Mask mask;
  std::chrono::nanoseconds deadline = std::chrono::minutes(10);
  bool keep_cells = false;  ///< keeps targets and read-back conductances (8 bytes a cell) for save()
  StageWatch progress;
  kernels::ReadNoise read_noise = {};  ///< of the device's cells, for expected errors
};

/// Ordinals of vectors below this are those of unit vectors that operators are found by (Feature::line_drop); products begin here.
std::uint64_t first_vector(const Geometry& geometry, const Choice& choice) noexcept;

class Engine final : public Workbench {
 public:
  /// `plan`: tiles and groups are filled in before they are held; it, the device and the values outlive the engine. `shape` is that of the
  /// device and mask.
  Engine(hal::Device& device, const Plan& plan, const TileValues& values, const BoardShape& shape, EngineOptions options);
  ~Engine() override;

  void hold(std::span<const std::uint32_t> groups) override;
  void drop(std::span<const std::uint32_t> groups) override;
  Status program(std::span<const std::uint32_t> groups, std::uint64_t ordinal, StageCost& programming) override;
  Status multiply(const ProductTask& task, std::span<const std::uint32_t> groups, Accumulator& y, StageCost& programming,
                  StageCost& multiplying) override;
  std::vector<std::pair<std::uint32_t, TileHash>> hashes() const override;
  Status save(const std::string& path) override;
  void stop() noexcept override;
  void resume() noexcept override;

  const Layout& layout() const noexcept;
  /// Takes over cells that were written before, without a pulse. A group is as it was if every slice of it was saved on this physical board
  /// (board_id) in one programming, of the same values, on the same lines of the same array in turn 0, and if every cell, read now as after
  /// writing, lies within the write tolerance plus 1 percent of the conductance range of what was found then. Returns those groups; the
  /// others want program(). Where lines have resistance reads do not tell, and nothing is taken over. Errors: of the device, of the values.
  Result<std::vector<std::uint32_t>> restore(const SavedCells& saved, StageCost& programming);
  /// Variance of every output's error, added to variance [batch, rows of the matrix]; see Session::expected_error().
  void add_expected_variance(std::span<const double> x, std::size_t batch, const Conversion& conversion, NoiseSources sources,
                             std::span<double> variance) const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sedma::runtime

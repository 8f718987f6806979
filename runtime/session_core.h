#pragma once
// The inside of a session: what is different between one process and many. Internal.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/accumulate.h"
#include "runtime/session.h"

namespace sedma::runtime {

/// Session keeps what is common: inputs checked, bounds of outputs, ordinals, denoising. Products may overlap: up to depth() started and
/// not finished; they are finished in the order of their starts.
class SessionCore {
 public:
  virtual ~SessionCore() = default;
  virtual const Plan& plan() const noexcept = 0;
  /// Writes all groups as programming `ordinal`; what restore() took over is left alone the first time.
  virtual Status program(std::uint64_t ordinal) = 0;
  virtual std::size_t depth() const noexcept = 0;
  /// `task.x` stays until the product is finished.
  virtual Status start(const ProductTask& task) = 0;
  /// Waits for the oldest product started; y's bounds are set. After a failure it is over all the same.
  virtual Status finish(Accumulator& y) = 0;
  virtual const StageCost& programming() const noexcept = 0;
  virtual const StageCost& multiplying() const noexcept = 0;
  virtual std::vector<RankReport> ranks() const = 0;
  virtual const std::vector<Loss>& losses() const noexcept = 0;
  virtual std::vector<Layout> layouts() const = 0;
  virtual std::vector<TileHash> tile_hashes() const = 0;
  virtual Status save(const std::string& path) = 0;
  virtual Status restore(const std::string& path) = 0;
  virtual bool knows_expected_variance() const noexcept { return false; }
  /// See Engine. False: nothing is known here, the tiles being those of other processes.
  virtual bool add_expected_variance(std::span<const double> /*x*/, std::size_t /*batch*/, const Conversion& /*conversion*/,
                                     NoiseSources /*sources*/, std::span<double> /*variance*/) const {
    return false;
  }
};

/// The ranks of a job (runtime/comm/). Called by rank 0.
Result<std::unique_ptr<SessionCore>> open_cluster_core(const Job& job, const MatrixSource& matrix, const SessionOptions& options);

}  // namespace sedma::runtime

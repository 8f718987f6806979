#include "runtime/session_local.h"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "runtime/process.h"
#include "runtime/products.h"

namespace sedma::runtime {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_between(Clock::time_point begin, Clock::time_point end) { return std::chrono::duration<double>(end - begin).count(); }

class SourceValues final : public TileValues {
 public:
  SourceValues(const MatrixSource& matrix, const Plan& plan) : matrix_(matrix), plan_(plan) {}
  Status gather(std::uint32_t tile, double* out) const override {
    return matrix_.gather(plan_.tiles[tile].rows, plan_.tiles[tile].cols, out);
  }

 private:
  const MatrixSource& matrix_;
  const Plan& plan_;
};

EngineOptions engine_options(const MatrixSource& matrix, const SessionOptions& options) {
  EngineOptions engine;
  engine.content = matrix.content();
  engine.wait_seconds = options.wait_seconds;
  engine.mask = options.mask;
  engine.deadline = options.deadline;
  engine.read_noise = options.read_noise;
  engine.keep_cells = options.keep_cells;
  engine.progress = options.progress;
  return engine;
}

class LocalCore final : public SessionCore {
 public:
  LocalCore(hal::Device& device, const MatrixSource& matrix, const SessionOptions& options, const BoardShape& shape, Plan plan)
      : plan_(std::move(plan)), values_(matrix, plan_), engine_(device, plan_, values_, shape, engine_options(matrix, options)) {
    all_.resize(plan_.groups.size());
    std::iota(all_.begin(), all_.end(), 0u);
    engine_.hold(all_);
    if (options.products) products_.emplace(device, matrix, plan_, engine_.layout().arrays, options);
  }

  const Plan& plan() const noexcept override { return plan_; }

  Status program(std::uint64_t ordinal) override {
    std::vector<std::uint32_t> wanted;
    std::set_difference(all_.begin(), all_.end(), restored_.begin(), restored_.end(), std::back_inserter(wanted));
    SEDMA_RETURN_IF_ERROR(engine_.program(wanted, ordinal, programming_));
    restored_.clear();
    return {};
  }

  std::size_t depth() const noexcept override { return 1; }

  Status start(const ProductTask& task) override {
    task_ = task;
    if (!first_start_) first_start_ = Clock::now();
    return {};
  }

  Status finish(Accumulator& y) override {
    const Clock::time_point begin = Clock::now();
    Status status = engine_.multiply(task_, all_, y, programming_, multiplying_);
    if (status.ok() && products_) status = products_->add(task_, engine_, all_, y, programming_, multiplying_);
    last_end_ = Clock::now();
    busy_seconds_ += seconds_between(begin, last_end_);
    return status;
  }

  const StageCost& programming() const noexcept override { return programming_; }
  const StageCost& multiplying() const noexcept override { return multiplying_; }

  std::vector<RankReport> ranks() const override {
    RankReport report;
    report.host = host_name();
    report.tiles = plan_.tiles.size();
    report.busy_seconds = busy_seconds_;
    if (first_start_) report.wait_seconds = std::max(0.0, seconds_between(*first_start_, last_end_) - busy_seconds_);
    report.peak_bytes = peak_memory_bytes();
    return {report};
  }

  const std::vector<Loss>& losses() const noexcept override { return losses_; }
  std::vector<Layout> layouts() const override { return {engine_.layout()}; }

  std::vector<TileHash> tile_hashes() const override {
    std::vector<TileHash> hashes(plan_.tiles.size());
    for (const auto& [tile, hash] : engine_.hashes()) hashes[tile] = hash;
    return hashes;
  }

  Status save(const std::string& path) override { return engine_.save(path + ".0"); }

  Status restore(const std::string& path) override {
    SEDMA_ASSIGN_OR_RETURN(const SavedCells saved, read_saved_cells(path + ".0"));
    SEDMA_ASSIGN_OR_RETURN(restored_, engine_.restore(saved, programming_));
    return {};
  }

  bool knows_expected_variance() const noexcept override { return true; }
  bool add_expected_variance(std::span<const double> x, std::size_t batch, const Conversion& conversion, NoiseSources sources,
                             std::span<double> variance) const override {
    engine_.add_expected_variance(x, batch, conversion, sources, variance);
    return true;
  }

 private:
  Plan plan_;
  SourceValues values_;
  Engine engine_;
  std::optional<ProductsCorrection> products_;
  std::vector<std::uint32_t> all_, restored_;
  ProductTask task_;
  StageCost programming_, multiplying_;
  std::vector<Loss> losses_;  // nobody else could take over: a failure ends the session's work
  std::optional<Clock::time_point> first_start_;
  Clock::time_point last_end_;
  double busy_seconds_ = 0;
};

}  // namespace

Result<std::unique_ptr<SessionCore>> open_local_core(hal::Device& device, const MatrixSource& matrix, const SessionOptions& options) {
  SEDMA_ASSIGN_OR_RETURN(const BoardShape shape, board_shape(device.capabilities(), options.mask, options.choice.encoding));
  SEDMA_ASSIGN_OR_RETURN(Plan plan, make_plan(matrix, common_geometry({&shape, 1}), options.choice));
  if (options.products)
    SEDMA_RETURN_IF_ERROR(check_products(plan, lay_out_all(plan, shape, options.mask), matrix, device.capabilities(), options));
  return std::unique_ptr<SessionCore>(std::make_unique<LocalCore>(device, matrix, options, shape, std::move(plan)));
}

}  // namespace sedma::runtime

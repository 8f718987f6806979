#include "runtime/memory/prior.h"

#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>

#include "runtime/cost_model.h"
#include "runtime/memory/output_sample.h"
#include "runtime/memory/write_trial.h"

namespace sedma::runtime {
namespace {

/// What decides the plan; then what else decides the cells; then what else decides products.
using PlanKey = std::tuple<Partition, std::uint32_t, std::uint32_t, std::uint32_t, kernels::Encoding, kernels::Scale, std::uint32_t>;
using WritingKey = std::tuple<PlanKey, std::uint32_t, double, float, std::uint32_t, std::uint32_t>;
using ProductKey = std::tuple<WritingKey, double, std::uint32_t>;

PlanKey plan_key(const Choice& c) { return {c.partition, c.sharing, c.tile_rows, c.tile_cols, c.encoding, c.scale, c.slices}; }
WritingKey writing_key(const Choice& c) {
  return {plan_key(c), c.passes, c.tolerance_levels, c.step_fraction, c.max_pulses_per_cell, c.read_repeats};
}
ProductKey product_key(const Choice& c) { return {writing_key(c), c.conversion.headroom, c.conversion.repeats}; }

constexpr std::size_t most_samples_kept = 4;  // each up to about 1 MB a slice

/// The matrix as a choice lays it out.
struct Planned {
  Plan plan;
  Layout layout;
  double memory_efficiency = 0;
  std::vector<TrialTile> tiles;
  std::optional<SampledPlan> sample;
};

class PhysicalPrior final : public Prior {
 public:
  PhysicalPrior(const MatrixSource& matrix, hal::Capabilities board, Mask mask, DeviceModel model, const PriorOptions& options)
      : matrix_(matrix), board_(std::move(board)), mask_(std::move(mask)), model_(std::move(model)), options_(options) {}

  Status look();
  const MatrixFeatures& features() const noexcept override { return features_; }
  Result<Outcome> cost(const TunedChoice& tuned) override;
  Result<Outcome> predict(const TunedChoice& tuned) override;

 private:
  TrialBoard trial() const noexcept { return {model_, board_, options_.age_seconds}; }
  kernels::Key key(std::uint64_t tag) const noexcept { return kernels::derive(kernels::Key{options_.seed}, tag); }
  Result<Planned*> planned(const Choice& choice);
  const WriteTrial& written(const Planned& planned, const Choice& choice);
  Result<std::span<const WrittenSample>> sampled(Planned& planned, const Choice& choice);
  double mean_square(std::uint32_t inputs);

  const MatrixSource& matrix_;
  hal::Capabilities board_;
  Mask mask_;
  DeviceModel model_;
  PriorOptions options_;
  MatrixFeatures features_;
  std::optional<OutputSample> sample_;
  std::map<PlanKey, Planned> plans_;
  std::map<WritingKey, WriteTrial> trials_;
  std::vector<std::pair<WritingKey, std::vector<WrittenSample>>> samples_;  // the last ones
  std::map<ProductKey, ErrorQuantiles> errors_;
  std::map<ProductKey, Outcome> costs_;
  std::map<std::uint32_t, double> mean_squares_;
};

enum Tag : std::uint64_t { trial_tag = 1, sample_tag, noise_tag };

Status PhysicalPrior::look() {
  SEDMA_ASSIGN_OR_RETURN(features_, features_of(matrix_));
  SEDMA_ASSIGN_OR_RETURN(sample_, sample_outputs(matrix_, options_.outputs, options_.vectors, options_.seed));
  return {};
}

Result<Planned*> PhysicalPrior::planned(const Choice& choice) {
  const PlanKey which = plan_key(choice);
  if (const auto known = plans_.find(which); known != plans_.end()) return &known->second;
  SEDMA_ASSIGN_OR_RETURN(const BoardShape shape, board_shape(board_, mask_, choice.encoding));
  Planned planned;
  SEDMA_ASSIGN_OR_RETURN(planned.plan, make_plan(matrix_, common_geometry({&shape, 1}), choice));
  planned.layout = lay_out_all(planned.plan, shape, mask_);
  if (planned.layout.turns > 1)
    return fail(Code::out_of_range, "the choice takes {} loads; the board has {} arrays", planned.plan.loads, board_.arrays);
  planned.memory_efficiency = memory_efficiency(planned.plan, {&planned.layout, 1});
  SEDMA_ASSIGN_OR_RETURN(planned.tiles, trial_tiles(matrix_, planned.plan));
  return &plans_.emplace(which, std::move(planned)).first->second;
}

const WriteTrial& PhysicalPrior::written(const Planned& planned, const Choice& choice) {
  const WritingKey which = writing_key(choice);
  const auto known = trials_.find(which);
  if (known != trials_.end()) return known->second;
  return trials_.emplace(which, WriteTrial(trial(), choice, planned.tiles, key(trial_tag))).first->second;
}

Result<std::span<const WrittenSample>> PhysicalPrior::sampled(Planned& planned, const Choice& choice) {
  const WritingKey which = writing_key(choice);
  for (const auto& [known, sample] : samples_)
    if (known == which) return std::span<const WrittenSample>(sample);
  if (!planned.sample) {
    SEDMA_ASSIGN_OR_RETURN(planned.sample, cut_sample(matrix_, *sample_, planned.plan));
  }
  if (samples_.size() >= most_samples_kept) samples_.erase(samples_.begin());
  std::vector<WrittenSample> programmings;
  for (std::uint32_t k = 0; k < sample_->programmings; ++k)
    programmings.push_back(write_sample(trial(), choice, *planned.sample, kernels::derive(key(sample_tag), k)));
  samples_.emplace_back(which, std::move(programmings));
  return std::span<const WrittenSample>(samples_.back().second);
}

double PhysicalPrior::mean_square(std::uint32_t inputs) {
  const auto known = mean_squares_.find(inputs);
  return known != mean_squares_.end() ? known->second : mean_squares_.emplace(inputs, mean_square_volts(inputs)).first->second;
}

Result<Outcome> PhysicalPrior::cost(const TunedChoice& tuned) {
  const Choice& choice = tuned.choice;
  const ProductKey which = product_key(choice);
  if (const auto known = costs_.find(which); known != costs_.end()) return known->second;
  SEDMA_ASSIGN_OR_RETURN(const Planned* const planned, this->planned(choice));
  Outcome outcome;
  outcome.vectors = 1;
  outcome.arrays = planned->layout.arrays;
  outcome.memory_efficiency = planned->memory_efficiency;
  if (!planned->tiles.empty()) {
    Workload work;
    work.choice = choice;
    for (const Placement& placement : planned->layout.placements) work.windows.push_back(work_of(placement));
    const WriteTrial& trial = written(*planned, choice);
    const CostModel model(model_, board_, choice);
    const RunForecast run = add_windows(
        work, board_, [&](const WindowWork& window) { return trial.write(this->trial(), choice, window); },
        [&](const WindowWork& window) {
          const StageForecast overhead = model.product_overhead(window, choice.conversion.repeats);
          return trial.multiply(this->trial(), choice, window, overhead, mean_square(window.word_lines));
        });
    outcome.programming_joules = run.programming.joules.total();
    outcome.programming_seconds = run.programming.seconds;
    outcome.pulses = static_cast<double>(run.programming.pulses);
    outcome.vector_joules = run.multiplying.joules.total();
    outcome.vector_seconds = run.multiplying.seconds;
    outcome.unconverged = trial.unconverged();
  }
  return costs_.emplace(which, outcome).first->second;
}

Result<Outcome> PhysicalPrior::predict(const TunedChoice& tuned) {
  SEDMA_ASSIGN_OR_RETURN(Outcome outcome, cost(tuned));
  const ProductKey which = product_key(tuned.choice);
  auto errors = errors_.find(which);
  if (errors == errors_.end()) {
    SEDMA_ASSIGN_OR_RETURN(Planned* const planned, this->planned(tuned.choice));
    SEDMA_ASSIGN_OR_RETURN(const std::span<const WrittenSample> programmings, sampled(*planned, tuned.choice));
    const ErrorQuantiles found = multiply_sample(trial(), tuned.choice, *sample_, *planned->sample, programmings, key(noise_tag));
    errors = errors_.emplace(which, found).first;
  }
  outcome.error_p95 = errors->second.p95;
  outcome.error_median = errors->second.median;
  return outcome;
}

}  // namespace

Result<std::unique_ptr<Prior>> Prior::open(const MatrixSource& matrix, const hal::Capabilities& capabilities, const Mask& mask,
                                           const DeviceModel& model, const PriorOptions& options) {
  auto prior = std::make_unique<PhysicalPrior>(matrix, capabilities, mask, model, options);
  SEDMA_RETURN_IF_ERROR(prior->look());
  return std::unique_ptr<Prior>(std::move(prior));
}

}  // namespace sedma::runtime

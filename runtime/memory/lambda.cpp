#include "runtime/memory/lambda.h"

#include <algorithm>
#include <cmath>

#include "kernels/denoise_risk.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t least_outputs = 32;
constexpr double standard_errors = 2;  // by which the risk has to fall
constexpr std::size_t recalled_patterns = 32;

using kernels::risk_lanes, kernels::RiskLanes;

struct Candidate {
  double lambda = 0, risk = 0;
};

// Risks of one product, against lambda = 0.
class RiskCurve {
 public:
  RiskCurve(std::span<const double> y, std::span<const double> sd, std::span<double> scratch) : y_(y), sd_(sd), scratch_(scratch) {}

  Candidate at(double lambda) const {
    RiskLanes lambdas{};
    lambdas[0] = lambda;
    return {lambda, kernels::denoise_risk(y_, sd_, lambdas, scratch_)[0]};
  }
  double standard_error(double lambda) const { return kernels::denoise_risk_error(y_, sd_, lambda, scratch_); }

  /// The lowest of a grid of half decades and, about that, of tenths of a decade.
  Candidate minimum() const {
    Candidate best;
    for (std::size_t first = 0; first < grid_points; first += risk_lanes)
      look(best, least_lambda, [&](std::size_t lane) { return 0.5 * static_cast<double>(first + lane); });
    if (best.lambda > 0)
      look(best, best.lambda, [](std::size_t lane) { return 0.1 * (static_cast<double>(lane) - (lane < risk_lanes / 2 ? 4 : 3)); });
    return best;
  }

 private:
  static constexpr std::size_t grid_points = 16;
  static_assert(grid_points % risk_lanes == 0);

  template <class Decades>
  void look(Candidate& best, double from, const Decades& decades) const {
    RiskLanes lambdas;
    for (std::size_t lane = 0; lane < risk_lanes; ++lane)
      lambdas[lane] = std::clamp(from * std::pow(10, decades(lane)), least_lambda, most_lambda);
    const RiskLanes risks = kernels::denoise_risk(y_, sd_, lambdas, scratch_);
    for (std::size_t lane = 0; lane < risk_lanes; ++lane)
      if (risks[lane] < best.risk) best = {lambdas[lane], risks[lane]};
  }

  std::span<const double> y_, sd_;
  std::span<double> scratch_;
};

double blend(const LambdaRule& rule, double short_term) {
  const double beta = rule.evidence / (rule.evidence + 1);
  const double mixed = beta * std::log(rule.value + lambda_offset) + (1 - beta) * std::log(short_term + lambda_offset);
  return std::max(std::exp(mixed) - lambda_offset, 0.0);
}

// The largest number: squares of 1e200 or 1e-200 must not overflow or vanish.
double scale_of(std::span<const double> y, std::span<const double> sd) {
  double largest = 0;
  for (const double v : y) largest = std::max(largest, std::abs(v));
  for (const double v : sd) largest = std::max(largest, v);
  return largest;
}

}  // namespace

const char* name(LambdaReason reason) noexcept {
  switch (reason) {
    case LambdaReason::fixed: return "fixed";
    case LambdaReason::few_outputs: return "few outputs";
    case LambdaReason::noise_unknown: return "noise unknown";
    case LambdaReason::no_gain: return "no gain";
    case LambdaReason::short_term: return "short-term";
    case LambdaReason::blended: return "blended";
    case LambdaReason::disagreeing: return "disagreeing";
  }
  return "unknown";
}

LambdaUse LambdaChooser::choose(std::span<const double> y, std::span<const double> sd, const LambdaRule& rule) {
  LambdaUse use;
  if (!rule.adaptive) {
    use.lambda = rule.value;
    return use;
  }
  const auto zero = [&](LambdaReason reason) {
    use.reason = reason;
    return use;
  };
  if (y.size() < least_outputs) return zero(LambdaReason::few_outputs);
  const auto known = [](double v) { return std::isfinite(v); };
  if (sd.size() != y.size() || !std::all_of(sd.begin(), sd.end(), known) || !std::all_of(y.begin(), y.end(), known))
    return zero(LambdaReason::noise_unknown);
  const double scale = scale_of(y, sd);
  if (scale == 0) return zero(LambdaReason::no_gain);
  y_.resize(y.size());
  sd_.resize(y.size());
  scratch_.resize(kernels::denoise_risk_scratch(y.size()));
  for (std::size_t i = 0; i < y.size(); ++i) {
    y_[i] = y[i] / scale;
    sd_[i] = sd[i] / scale;
  }
  const RiskCurve curve(y_, sd_, scratch_);
  Candidate best = curve.minimum();
  const double error = curve.standard_error(best.lambda);
  if (!(best.risk < -standard_errors * error)) return zero(LambdaReason::no_gain);
  use.short_term = best.lambda;
  use.reason = LambdaReason::short_term;
  if (rule.evidence > 0) {
    const Candidate mixed = curve.at(blend(rule, best.lambda));
    const bool agreed = mixed.risk <= best.risk + error;
    use.reason = agreed ? LambdaReason::blended : LambdaReason::disagreeing;
    if (agreed) best = mixed;
  }
  use.lambda = best.lambda;
  use.risk_change = best.risk * scale * scale;
  use.standard_error = error * scale * scale;
  return use;
}

LambdaRule long_term_lambda(const Context& context, std::span<const Recalled> recalled) {
  LambdaRule rule;
  rule.adaptive = true;
  double logs = 0;
  for (const Recalled& one : recalled) {
    const Pattern& pattern = *one.pattern;
    if (!pattern.choice.adaptive_lambda || pattern.context.material != context.material) continue;
    const double weight = std::exp(-one.distance * one.distance / 2) * static_cast<double>(pattern.evidence);
    logs += weight * std::log(pattern.found.lambda + lambda_offset);
    rule.evidence += weight;
  }
  if (rule.evidence > 0) rule.value = std::max(std::exp(logs / rule.evidence) - lambda_offset, 0.0);
  return rule;
}

LambdaRule long_term_lambda(const Context& context, const EpisodicMemory& memory) {
  return long_term_lambda(context, memory.nearest(feature_vector(context), recalled_patterns));
}

}  // namespace sedma::runtime

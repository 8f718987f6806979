#pragma once
// Adaptive denoising, equation (6): lambda from the product at hand and the noise of its outputs, and from what served before.

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/memory/episodic.h"
#include "runtime/session.h"

namespace sedma::runtime {

/// Why a lambda was used.
enum class LambdaReason : std::uint8_t {
  fixed,          ///< LambdaRule::value
  few_outputs,    ///< 0: below 32 outputs the risk says little
  noise_unknown,  ///< 0: no noise is known of any output, or not of all
  no_gain,        ///< 0: no lambda lowers the risk by more than two standard errors
  short_term,     ///< what minimises the risk of this product; nothing is known from before
  blended,        ///< of both: its risk is within one standard error of the short-term lambda's
  disagreeing     ///< the short-term lambda: the blend's risk is not
};
const char* name(LambdaReason reason) noexcept;

/// What a vector was denoised with.
struct LambdaUse {
  double lambda = 0, short_term = 0;
  LambdaReason reason = LambdaReason::fixed;
  double risk_change = 0;     ///< of the sum of squared errors, estimated, against lambda = 0; units of y squared
  double standard_error = 0;  ///< of that
};

/// Lambdas looked at: 0, or between these.
inline constexpr double least_lambda = 1e-3, most_lambda = 3e4;
/// Blends are made in log(lambda + this).
inline constexpr double lambda_offset = 1e-6;

/// The lambda of (6) for products of one size; keeps its scratch memory.
class LambdaChooser {
 public:
  /// For y as it came, [outputs], and the standard deviation of every output's own noise (errors that outputs share do not count).
  /// short-term: the minimiser of Stein's unbiased risk estimate (kernels/denoise_risk.h) on a grid of half decades, refined once to 1/9 of
  /// that; 0 unless the risk falls by more than two standard errors. Blend: beta log(rule.value + 1e-6) + (1 - beta) log(short + 1e-6)
  /// with beta = rule.evidence / (rule.evidence + 1), for a vector is one product. Cost: about 120 ns an output.
  LambdaUse choose(std::span<const double> y, std::span<const double> sd, const LambdaRule& rule);

 private:
  std::vector<double> y_, sd_, scratch_;
};

/// The adaptive rule for a context: lambda_long is the mean of log(Outcome::lambda + 1e-6) over patterns of the same material that
/// denoised adaptively, weighted by evidence and by nearness, exp(-distance^2 / 2); `evidence` is the sum of the weights. Without such
/// patterns value and evidence are 0: the product at hand decides alone.
LambdaRule long_term_lambda(const Context& context, std::span<const Recalled> recalled);
/// From the 32 nearest.
LambdaRule long_term_lambda(const Context& context, const EpisodicMemory& memory);

}  // namespace sedma::runtime

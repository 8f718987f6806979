#pragma once
// What is believed of predictions after what was found: a Gaussian process on log(found / predicted).

#include <array>
#include <cstdint>
#include <vector>

#include "runtime/memory/pattern.h"

namespace sedma::runtime {

/// A choice as a point: about one unit is "may err differently".
using ChoiceVector = std::array<float, 10>;
ChoiceVector choice_vector(const TunedChoice& choice, const hal::Capabilities& board);

/// Where something was found, or is asked for. Equal numbers: the same profile and material, board, matrix.
struct Situation {
  std::uint32_t profile = 0, board = 0, matrix = 0;
  FeatureVector context{};
  ChoiceVector choice{};
  std::uint32_t writing = 0;  ///< cells of one writing have one number; 0: written for this alone
  bool stepped = false;       ///< in this run, after the error has changed
};

/// found / predicted: mean and standard deviation of the logarithm.
struct LogRatio {
  double mean = 0, sd = 0;
};
/// Of the costs: joules, seconds and pulses of a programming, joules and seconds of a vector.
using CostRatios = std::array<double, 5>;
CostRatios costs_of(const Outcome& outcome);
/// `prior` with its costs times the ratios (logarithms) and its errors times exp(error).
Outcome corrected(const Outcome& prior, const CostRatios& log_costs, double log_error);

/// Bayesian regression on what the prior got wrong, log(found / predicted), of errors and of costs, solved exactly. Two findings belong
/// together by a kernel
///   profile^2 [same profile, material] + board^2 [same board] + matrix^2 [same board and matrix]
///   + (board_choice^2 [same board] exp(-|contexts|^2 / 2) + matrix_choice^2 [same board and matrix]) exp(-|choices|^2 / 2)
///   + writing^2 [same cells] + step^2 [both after a step of this run] (1/2 + 1/2 [same cells]).
/// So what a board does to every matrix is known from others at once, what a matrix does from its own runs, and near choices tell of each
/// other. Boards differ from their profile by 30 to 50 %, which sets the sizes. A step of the error is half believed to stay when cells
/// are written anew (temperature) and half to go with them (relaxation). Against a bandit (no transfer between choices or matrices) and the
/// mean of nearest patterns (no idea of its own uncertainty): what is decided here is whether error_p95 <= target holds, and for that a
/// mean is not enough. Not thread-safe. Cost: solve() O(n^3), below 1 ms of 128 findings; error() O(n^2), costs() O(n).
class Belief {
 public:
  void clear();
  /// `variance`: of what was found, the scatter between writings not included; `times`: written so often.
  void learn_error(const Situation& at, double log_ratio, double variance, double times);
  void learn_costs(const Situation& at, const CostRatios& log_ratios, double times);
  /// For questions about this profile, board, matrix and context.
  void solve(const Situation& here);

  LogRatio error(const Situation& at) const;    ///< of one writing yet to be done, its own scatter included
  CostRatios costs(const Situation& at) const;  ///< means
  double cost_sd(const Situation& at) const;    ///< of each of them
  /// How much each finding of learn_error(), in that order, moves error(at).
  std::vector<double> weights(const Situation& at) const;

 private:
  struct Kernel;
  struct Finding {
    Situation at;
    double variance = 0;         // of its own
    CostRatios found{};          // errors: the first
    double still = 0, near = 0;  // kernel to `here`: whatever the choice, and times their nearness
  };
  struct Process {
    std::vector<Finding> findings;
    std::vector<double> factor;         // Cholesky's, [n, n] column-major, lower
    std::vector<CostRatios> solutions;  // kernel matrix \ found
    void solve(const Kernel& kernel, const Situation& here);
    std::vector<double> towards(const Kernel& kernel, const Situation& at) const;
    double explained(const std::vector<double>& towards) const;
  };
  static const Kernel error_kernel, cost_kernel;
  Process errors_, costs_;
};

}  // namespace sedma::runtime

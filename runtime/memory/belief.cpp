#include "runtime/memory/belief.h"

#include <Eigen/Cholesky>
#include <cmath>
#include <cstddef>

namespace sedma::runtime {

// Standard deviations of log(found / predicted).
struct Belief::Kernel {
  double profile, board, matrix, board_choice, matrix_choice, writing, step;

  static double square(double x) { return x * x; }
  double still(const Situation& a, const Situation& b) const {
    if (a.profile != b.profile) return 0;
    double sum = square(profile);
    if (a.board != b.board) return sum;
    sum += square(board);
    if (a.matrix == b.matrix) sum += square(matrix);
    return sum;
  }
  double near(const Situation& a, const Situation& b) const {
    if (a.profile != b.profile || a.board != b.board) return 0;
    if (a.matrix == b.matrix) return square(board_choice) + square(matrix_choice);
    double distance = 0;
    for (std::size_t i = 0; i < a.context.size(); ++i) distance += square(double{a.context[i]} - double{b.context[i]});
    return square(board_choice) * std::exp(-0.5 * distance);
  }
  static double nearness(const ChoiceVector& a, const ChoiceVector& b) {
    float distance = 0;
    for (std::size_t i = 0; i < a.size(); ++i) distance += (a[i] - b[i]) * (a[i] - b[i]);
    return std::exp(-0.5 * double{distance});
  }
  /// What only findings of one run share.
  double of_run(const Situation& a, const Situation& b) const {
    const bool same_cells = a.writing != 0 && a.writing == b.writing;
    double sum = same_cells ? square(writing) : 0;
    if (a.stepped && b.stepped) sum += square(step) * (same_cells ? 1.0 : 0.5);
    return sum;
  }
  double operator()(const Situation& a, const Situation& b) const {
    return still(a, b) + near(a, b) * nearness(a.choice, b.choice) + of_run(a, b);
  }
  /// Of a question: its own variance, with the scatter of a writing.
  double own(const Situation& at) const { return still(at, at) + near(at, at) + square(writing) + (at.stepped ? square(step) : 0); }
};

const Belief::Kernel Belief::error_kernel{0.10, 0.25, 0.08, 0.15, 0.10, 0.03, 0.7};
const Belief::Kernel Belief::cost_kernel{0.05, 0.25, 0.03, 0.10, 0.04, 0.01, 0};

ChoiceVector choice_vector(const TunedChoice& choice, const hal::Capabilities& board) {
  const Choice& c = choice.choice;
  const auto octaves = [](double x) { return static_cast<float>(std::log2(std::max(x, 1e-6))); };
  return {0.35f * octaves(c.tile_rows == 0 ? board.cols : c.tile_rows),
          0.35f * octaves(c.tile_cols == 0 ? board.rows : c.tile_cols),
          c.encoding == kernels::Encoding::pair ? 0.0f : 1.0f,
          1.0f * static_cast<float>(c.slices),
          0.5f * octaves(c.passes),
          0.5f * octaves(c.conversion.headroom),
          0.5f * octaves(c.conversion.repeats),
          choice.adaptive_lambda ? 0.7f : 0.0f,
          c.partition == Partition::fixed ? 1.0f : 0.0f,
          0.5f * octaves(c.tolerance_levels)};
}

CostRatios costs_of(const Outcome& outcome) {
  return {outcome.programming_joules, outcome.programming_seconds, outcome.pulses, outcome.vector_joules, outcome.vector_seconds};
}

Outcome corrected(const Outcome& prior, const CostRatios& log_costs, double log_error) {
  Outcome outcome = prior;
  outcome.error_p95 *= std::exp(log_error);
  outcome.error_median *= std::exp(log_error);
  outcome.programming_joules *= std::exp(log_costs[0]);
  outcome.programming_seconds *= std::exp(log_costs[1]);
  outcome.pulses *= std::exp(log_costs[2]);
  outcome.vector_joules *= std::exp(log_costs[3]);
  outcome.vector_seconds *= std::exp(log_costs[4]);
  return outcome;
}

void Belief::clear() {
  errors_ = {};
  costs_ = {};
}

void Belief::learn_error(const Situation& at, double log_ratio, double variance, double times) {
  // Of findings of this run the scatter between writings is in the kernel.
  if (at.writing == 0) variance += Kernel::square(error_kernel.writing) / times;
  errors_.findings.push_back({at, variance, {log_ratio}, 0, 0});
}

void Belief::learn_costs(const Situation& at, const CostRatios& log_ratios, double times) {
  costs_.findings.push_back({at, Kernel::square(cost_kernel.writing) / times + 1e-5, log_ratios, 0, 0});
}

void Belief::solve(const Situation& here) {
  errors_.solve(error_kernel, here);
  costs_.solve(cost_kernel, here);
}

void Belief::Process::solve(const Kernel& kernel, const Situation& here) {
  const auto count = static_cast<Eigen::Index>(findings.size());
  Eigen::MatrixXd matrix(count, count), found(count, static_cast<Eigen::Index>(CostRatios{}.size()));
  for (Eigen::Index i = 0; i < count; ++i) {
    Finding& finding = findings[static_cast<std::size_t>(i)];
    finding.still = kernel.still(finding.at, here);
    finding.near = kernel.near(finding.at, here);
    for (Eigen::Index j = 0; j <= i; ++j) matrix(i, j) = kernel(finding.at, findings[static_cast<std::size_t>(j)].at);
    matrix(i, i) += finding.variance;
    for (Eigen::Index k = 0; k < found.cols(); ++k) found(i, k) = finding.found[static_cast<std::size_t>(k)];
  }
  const Eigen::LLT<Eigen::MatrixXd> cholesky(matrix.selfadjointView<Eigen::Lower>());
  const Eigen::MatrixXd lower = cholesky.matrixL();
  const Eigen::MatrixXd solved = cholesky.solve(found);
  factor.assign(lower.data(), lower.data() + lower.size());
  solutions.resize(findings.size());
  for (Eigen::Index i = 0; i < count; ++i)
    for (Eigen::Index k = 0; k < found.cols(); ++k) solutions[static_cast<std::size_t>(i)][static_cast<std::size_t>(k)] = solved(i, k);
}

std::vector<double> Belief::Process::towards(const Kernel& kernel, const Situation& at) const {
  std::vector<double> values(findings.size());
  for (std::size_t i = 0; i < values.size(); ++i) {
    const Finding& finding = findings[i];
    values[i] = finding.still + kernel.of_run(finding.at, at);
    if (finding.near > 0) values[i] += finding.near * Kernel::nearness(finding.at.choice, at.choice);
  }
  return values;
}

double Belief::Process::explained(const std::vector<double>& towards) const {
  const auto count = static_cast<Eigen::Index>(towards.size());
  const Eigen::Map<const Eigen::MatrixXd> lower(factor.data(), count, count);
  const Eigen::Map<const Eigen::VectorXd> kernel(towards.data(), count);
  return lower.triangularView<Eigen::Lower>().solve(kernel).squaredNorm();
}

LogRatio Belief::error(const Situation& at) const {
  const std::vector<double> towards = errors_.towards(error_kernel, at);
  LogRatio ratio;
  for (std::size_t i = 0; i < towards.size(); ++i) ratio.mean += towards[i] * errors_.solutions[i][0];
  ratio.sd = std::sqrt(std::max(error_kernel.own(at) - errors_.explained(towards), 1e-6));
  return ratio;
}

CostRatios Belief::costs(const Situation& at) const {
  const std::vector<double> towards = costs_.towards(cost_kernel, at);
  CostRatios ratios{};
  for (std::size_t i = 0; i < towards.size(); ++i)
    for (std::size_t k = 0; k < ratios.size(); ++k) ratios[k] += towards[i] * costs_.solutions[i][k];
  return ratios;
}

double Belief::cost_sd(const Situation& at) const {
  return std::sqrt(std::max(cost_kernel.own(at) - costs_.explained(costs_.towards(cost_kernel, at)), 1e-6));
}

std::vector<double> Belief::weights(const Situation& at) const {
  std::vector<double> weights = errors_.towards(error_kernel, at);
  for (std::size_t i = 0; i < weights.size(); ++i) weights[i] = std::abs(weights[i] * errors_.solutions[i][0]);
  return weights;
}

}  // namespace sedma::runtime

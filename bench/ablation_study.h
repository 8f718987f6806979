#pragma once
// An ablation: every policy on every matrix, material and seed, beside the oracle.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/ablation_cache.h"
#include "bench/ablation_policies.h"
#include "bench/ablation_report.h"

namespace sedma::bench {

struct StudyOptions {
  std::vector<std::string> materials, policies;  ///< policies: of tuner.h and "oracle"
  std::size_t seeds = 10;
  std::vector<double> targets;
  runtime::Goal goal;  ///< objective and horizon
  std::size_t runs = 10, batch = 64, each = 16;
  std::size_t judged = 64;  ///< vectors by which the oracle judges a choice, on each of
  std::size_t programmings = 3;
  std::string device_options;  ///< of nominal and true boards
  std::vector<std::string>
      true_options;  ///< of the true board alone: seed k takes the (k - 1) mod n th; none: boards are what they are taken for
  std::optional<Step> step;
  std::size_t large_rows = 1000, large_share = 4;  ///< of matrices with more rows the oracle tries every large_share-th writing
  std::string oracle_cache;
};

struct StudyWatch {
  std::function<void(const std::string& label, std::size_t done, std::size_t total)> progress;
  std::function<bool()> go_on;  ///< false: stop, and keep the rows there are
};

using Matrices = std::vector<std::unique_ptr<runtime::MatrixSource>>;

/// Fills `ablation` row by row, so that an interruption loses none. Long-term memory is filled leave-one-out: the policy `full` runs on
/// every other matrix of the list from an empty memory (same board, target and number of runs), and what those memories hold is united.
/// Errors: of the boards, the oracle and the runs; aborted.
Status run_study(const StudyOptions& options, const Matrices& matrices, const StudyWatch& watch, Ablation& ablation);

}  // namespace sedma::bench

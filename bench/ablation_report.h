#pragma once
// The rows of an ablation, and how they are written: JSON for programs, a table for people.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "bench/ablation_policies.h"
#include "bench/ablation_statistics.h"

namespace sedma::bench {

struct AblationRow {
  std::string policy, material, matrix;
  std::uint64_t seed = 0;
  double target_error = 0;
  std::size_t runs_to_adapt = 0;          ///< the number of runs + 1 where it never did
  double regret = 0;                      ///< of the last run: objective / the oracle's - 1
  double error = 0;                       ///< error_p95 of the last run
  double joules = 0, device_seconds = 0;  ///< of the last run: what was spent; the oracle: one writing and the vectors that judged it
  double products_per_second = 0;         ///< vectors per device second, writing aside
  double memory_efficiency = 0;
  double met_share = 0;  ///< of the vectors of the runs since it adapted (of the last run where it never did)
  double objective = 0, oracle_objective = 0;
  double versus_static = NAN;   ///< objective / that of static-partition's last run; NaN: that policy was not run
  std::string choice;           ///< of the last run
  std::vector<RunRecord> runs;  ///< none: the oracle
  /// Whether the last run met the target: where not, its regret says nothing and is in no figure of the table.
  bool last_met() const noexcept { return runs.empty() || runs.back().met(); }
};

/// A target that no choice meets, and so no policy is asked to.
struct LeftOut {
  std::string material, matrix;
  std::uint64_t seed = 0;
  double target_error = 0, least_error = 0;
};

struct Ablation {
  std::string objective;
  std::uint64_t horizon_vectors = 0;
  std::vector<AblationRow> rows;
  std::vector<LeftOut> left_out;
  bool interrupted = false;
};

/// "pair 128x256 k1 21p h0.25 r4 lambda": how a choice is named in tables.
std::string to_text(const runtime::TunedChoice& tuned);
/// `settings`: of the command line. {"format", "version", "commit", "settings", "interrupted", "rows": [...], "left_out": [...], "table":
/// [...]}
nlohmann::ordered_json to_json(const Ablation& ablation, const nlohmann::ordered_json& settings);
/// One line for a policy and target: medians and 95 % intervals by the bootstrap over cases (matrix, material, seed).
std::string to_table(const Ablation& ablation);

}  // namespace sedma::bench

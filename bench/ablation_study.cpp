#include "bench/ablation_study.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

namespace sedma::bench {
namespace {

using runtime::EpisodicMemory;
using runtime::MatrixSource;

constexpr std::uint64_t judging = 0x6f7261636c65;  // apart from the seeds of the runs' vectors

/// A matrix beside what the oracle knows of it on one board.
struct Judged {
  const MatrixSource* matrix = nullptr;
  OracleTable table;
};

/// All matrices on one board: what policies remember of them is shared.
class BoardStudy {
 public:
  BoardStudy(const StudyOptions& options, const Matrices& matrices, const TrueBoard& board, const StudyWatch& watch, Ablation& ablation)
      : options_(options), matrices_(matrices), board_(board), watch_(watch), ablation_(ablation) {}

  Status run(std::size_t done, std::size_t total) {
    done_ = done;
    total_ = total;
    for (const auto& matrix : matrices_) {
      tell(matrix->name(), "oracle");
      SEDMA_ASSIGN_OR_RETURN(OracleTable table, table_of(*matrix));
      judged_.push_back({matrix.get(), std::move(table)});
    }
    for (const double target : options_.targets) SEDMA_RETURN_IF_ERROR(run_target(target));
    return {};
  }

 private:
  void tell(const std::string& matrix, const std::string& what) const {
    watch_.progress(fmt::format("{} seed {} {} {}", board_.material(), board_.seed(), matrix, what), done_, total_);
  }

  Result<OracleTable> table_of(const MatrixSource& matrix) const {
    const std::vector<double> x = runtime::random_inputs(board_.seed() ^ judging, options_.judged, matrix.cols());
    std::vector<double> reference(options_.judged * matrix.rows());
    SEDMA_RETURN_IF_ERROR(matrix.multiply(x, reference, options_.judged));
    const double loosest = *std::max_element(options_.targets.begin(), options_.targets.end());
    const OracleCase work{
        matrix, [this](std::uint64_t draw) { return board_.open(draw); }, x, reference, options_.judged, options_.programmings, loosest};
    runtime::Candidates candidates = runtime::candidates_for(board_.capabilities(), {}, runtime::Policy{});
    if (matrix.rows() > options_.large_rows) candidates = subsample(candidates, options_.large_share);
    const OracleCache cache(options_.oracle_cache);
    const std::string key = oracle_key(work, board_.uri(), candidates);
    SEDMA_ASSIGN_OR_RETURN(std::optional<OracleTable> known, cache.find(key, candidates));
    if (known) {
      SEDMA_ASSIGN_OR_RETURN(const bool valid, still_true(*known, work, candidates));
      if (valid) return std::move(*known);
    }
    SEDMA_ASSIGN_OR_RETURN(OracleTable table, try_all(work, candidates, [this](std::size_t, std::size_t) { return watch_.go_on(); }));
    SEDMA_RETURN_IF_ERROR(cache.add(key, table, candidates));
    return table;
  }

  Status run_target(double target) {
    runtime::Goal goal = options_.goal;
    goal.target_error = target;
    std::map<const MatrixSource*, std::unique_ptr<EpisodicMemory>> school;
    if (needs_school()) SEDMA_RETURN_IF_ERROR(fill(goal, school));
    for (const Judged& judged : judged_) {
      const Trial* best = best_of(judged.table, goal, board_.capabilities());
      if (best == nullptr) {
        ablation_.left_out.push_back({board_.material(), judged.matrix->name(), board_.seed(), target, judged.table.least_error});
        done_ += options_.policies.size();
        continue;
      }
      SEDMA_RETURN_IF_ERROR(run_case(judged, *best, goal, school));
    }
    return {};
  }

  bool needs_school() const {
    const bool asked = std::any_of(options_.policies.begin(), options_.policies.end(), [](const std::string& name) {
      const auto policy = runtime::policy_named(name);
      return policy.ok() && policy->long_term;
    });
    return asked && matrices_.size() > 1;
  }

  // Every matrix learnt by itself, from nothing.
  Status fill(const runtime::Goal& goal, std::map<const MatrixSource*, std::unique_ptr<EpisodicMemory>>& school) {
    for (const auto& matrix : matrices_) {
      tell(matrix->name(), "long-term memory");
      SEDMA_ASSIGN_OR_RETURN(auto memory, EpisodicMemory::open("none"));
      SEDMA_ASSIGN_OR_RETURN(const auto runs, run_sequence(request(*matrix, runtime::Policy{}, goal), memory.get()));
      static_cast<void>(runs);
      school[matrix.get()] = std::move(memory);
    }
    return {};
  }

  SequenceRequest request(const MatrixSource& matrix, const runtime::Policy& policy, const runtime::Goal& goal) const {
    return {matrix, board_, policy, goal, options_.runs, options_.batch, options_.each, options_.step, watch_.go_on};
  }

  Status run_case(const Judged& judged, const Trial& best, const runtime::Goal& goal,
                  const std::map<const MatrixSource*, std::unique_ptr<EpisodicMemory>>& school) {
    const std::size_t first = ablation_.rows.size();
    for (const std::string& name : options_.policies) {
      tell(judged.matrix->name(), name);
      ++done_;
      if (name == "oracle") {
        ablation_.rows.push_back(oracle_row(judged, best, goal));
        continue;
      }
      SEDMA_ASSIGN_OR_RETURN(const runtime::Policy policy, runtime::policy_named(name));
      std::vector<const EpisodicMemory*> filled;
      if (policy.long_term)
        for (const auto& [matrix, memory] : school) filled.push_back(memory.get());
      SEDMA_ASSIGN_OR_RETURN(const auto memory, memory_without(filled, judged.matrix->content()));
      SEDMA_ASSIGN_OR_RETURN(std::vector<RunRecord> runs, run_sequence(request(*judged.matrix, policy, goal), memory.get()));
      ablation_.rows.push_back(policy_row(judged, best, goal, policy.name, std::move(runs)));
    }
    compare_with_static(first);
    return {};
  }

  AblationRow row_of(const Judged& judged, const Trial& best, const runtime::Goal& goal, const std::string& policy) const {
    AblationRow row;
    row.policy = policy;
    row.material = board_.material();
    row.matrix = judged.matrix->name();
    row.seed = board_.seed();
    row.target_error = *goal.target_error;
    row.oracle_objective = runtime::objective_value(goal, best.found, board_.capabilities());
    return row;
  }

  AblationRow oracle_row(const Judged& judged, const Trial& best, const runtime::Goal& goal) const {
    AblationRow row = row_of(judged, best, goal, "oracle");
    const auto vectors = static_cast<double>(options_.batch);
    row.runs_to_adapt = 1;
    row.error = best.found.error_p95;
    row.joules = best.found.programming_joules + vectors * best.found.vector_joules;
    row.device_seconds = best.found.programming_seconds + vectors * best.found.vector_seconds;
    row.products_per_second = 1 / best.found.vector_seconds;
    row.memory_efficiency = best.found.memory_efficiency;
    row.met_share = 1;
    row.objective = row.oracle_objective;
    row.choice = to_text(best.choice);
    return row;
  }

  AblationRow policy_row(const Judged& judged, const Trial& best, const runtime::Goal& goal, const std::string& policy,
                         std::vector<RunRecord> runs) const {
    AblationRow row = row_of(judged, best, goal, policy);
    const RunRecord& last = runs.back();
    row.runs_to_adapt = runs_to_adapt(runs, row.oracle_objective);
    row.regret = last.objective / row.oracle_objective - 1;
    row.error = last.total.error_p95;
    row.joules = last.joules;
    row.device_seconds = last.seconds;
    row.products_per_second = 1 / last.total.vector_seconds;
    row.memory_efficiency = last.total.memory_efficiency;
    row.objective = last.objective;
    row.choice = to_text(last.choice);
    const std::size_t since = std::min(row.runs_to_adapt, runs.size());
    double met = 0;
    for (std::size_t r = since; r <= runs.size(); ++r) met += runs[r - 1].met_share;
    row.met_share = met / static_cast<double>(runs.size() + 1 - since);
    row.runs = std::move(runs);
    return row;
  }

  void compare_with_static(std::size_t first) {
    const auto begin = ablation_.rows.begin() + static_cast<std::ptrdiff_t>(first);
    const auto fixed = std::find_if(begin, ablation_.rows.end(), [](const AblationRow& row) { return row.policy == "static-partition"; });
    if (fixed == ablation_.rows.end()) return;
    const double objective = fixed->objective;
    std::for_each(begin, ablation_.rows.end(), [objective](AblationRow& row) { row.versus_static = row.objective / objective; });
  }

  const StudyOptions& options_;
  const Matrices& matrices_;
  const TrueBoard& board_;
  const StudyWatch& watch_;
  Ablation& ablation_;
  std::vector<Judged> judged_;
  std::size_t done_ = 0, total_ = 0;
};

}  // namespace

Status run_study(const StudyOptions& options, const Matrices& matrices, const StudyWatch& watch, Ablation& ablation) {
  const hal::Registry registry = cli::make_registry();
  const std::size_t of_board = matrices.size() * options.targets.size() * options.policies.size();
  const std::size_t total = of_board * options.materials.size() * options.seeds;
  std::size_t done = 0;
  for (std::uint64_t seed = 1; seed <= options.seeds; ++seed) {
    for (const std::string& material : options.materials) {
      const std::string differing = options.true_options.empty() ? "" : options.true_options[(seed - 1) % options.true_options.size()];
      SEDMA_ASSIGN_OR_RETURN(const TrueBoard board, TrueBoard::make(registry, material, options.device_options, differing, seed));
      BoardStudy study(options, matrices, board, watch, ablation);
      SEDMA_RETURN_IF_ERROR(study.run(done, total));
      done += of_board;
    }
  }
  return {};
}

}  // namespace sedma::bench

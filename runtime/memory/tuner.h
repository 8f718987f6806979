#pragma once
// Chooses how products are computed: a physical prior, corrected by what the memories know.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "runtime/memory/episodic.h"
#include "runtime/memory/prior.h"
#include "runtime/memory/working.h"

namespace sedma::runtime {

enum class Objective : std::uint8_t { energy, latency, cells };

/// What the user wants. Objective value: energy: joules, latency: device seconds, of one programming and `horizon_vectors` vectors; cells:
/// cells of the arrays in use (ties by energy).
struct Goal {
  std::optional<double> target_error;  ///< relative l2, to be met by 95 % of the vectors, for the least objective value
  Objective objective = Objective::energy;
  /// Without a target: the smallest error within these, programming and horizon together.
  std::optional<double> joules_budget, seconds_budget;
  std::uint64_t horizon_vectors = 1;         ///< that one programming will serve
  std::uint64_t pulses_budget = UINT64_MAX;  ///< of this run, whatever for: never passed by exploring
};
double objective_value(const Goal& goal, const Outcome& outcome, const hal::Capabilities& board);

/// What is taken away for an ablation.
struct Policy {
  std::string name = "full";  ///< full, no-long-term, no-short-term, fixed-lambda, static-partition
  bool long_term = true, short_term = true, adaptive_lambda = true;
  Partition partition = Partition::clustered;
};
/// Errors: invalid_argument (lists the names; "static" is static-partition).
Result<Policy> policy_named(const std::string& name);

/// The choices looked at for a board; `oracle` and tuner take theirs here. Tiles {32, 64, 128, 256}^2 as far as they fit (and the largest
/// that fits), both encodings, slices 0 to 2, passes 5, 10, 21, 50, 100, headrooms 1, 1/2, 1/4, 1/8, repeats 1 and 4, lambda off and
/// adaptive.
struct Candidates {
  std::vector<TunedChoice> writings;  ///< that differ in what is written: conversion and lambda at their defaults
  std::vector<Conversion> conversions;
  std::vector<bool> lambdas;
};
Candidates candidates_for(const hal::Capabilities& board, const Mask& mask, const Policy& policy);

/// A choice and why.
struct Proposal {
  TunedChoice choice;
  Outcome prior, corrected;        ///< predictions for it
  double error_sd = 0;             ///< of log(corrected.error_p95)
  double met_probability = 0;      ///< that error_p95 <= target
  double objective = 0;            ///< corrected
  std::vector<Recalled> recalled;  ///< the patterns that had most weight
  bool exploring = false;          ///< not what looks best, but what is worth knowing
  bool reprogram = true;           ///< false: differs from the choice in force only in conversion or lambda, or not at all
  std::string reason;              ///< one sentence
};

struct TunerOptions {
  /// Of the work expected of this matrix (what was done and what is left of ten runs), at most, that trials may be expected to waste.
  /// Trials that write come only at the start of a run, three of any kind in a run, none from the tenth run on a matrix on.
  double exploration_share = 0.1;
  double confidence = 0.9;  ///< a choice is taken for one that meets the target at this probability
};

/// The cheapest candidate that meets the target by the prior, corrected by Bayesian regression on what it got wrong (why: belief.h).
/// Never changes what is computed, only how. Not thread-safe. Prior and memory outlive it; memory may be nullptr.
class Tuner {
 public:
  Tuner(Prior& prior, EpisodicMemory* memory, const hal::Capabilities& board, const Mask& mask, const Policy& policy,
        const TunerOptions& options = {});
  ~Tuner();
  Tuner(const Tuner&) = delete;
  Tuner& operator=(const Tuner&) = delete;

  /// A new run: no cell is written, working memory is empty, budgets are whole. A new tuner has begun one.
  void begin_run();
  /// For a new run, or again within one: then hysteresis holds, and the choice in force is left only if the gain over the rest of the
  /// horizon is larger than what writing costs (pulses of the goal included). Errors: out_of_range (nothing that the board can hold), and
  /// those of the prior. If nothing is likely to meet the target it proposes what comes nearest and says so.
  Result<Proposal> propose(const Context& context, const Goal& goal);
  /// After a run, or a part of one, made with `choice`: corrects beliefs, and remembers (short-term off: only here, not within runs).
  void observe(const Context& context, const TunedChoice& choice, const Outcome& outcome);
  /// After every product of a run, cheap (below 10 us): true if something has changed that asks for propose() again.
  bool notice(const Moment& moment);
  const WorkingMemory& working() const noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sedma::runtime

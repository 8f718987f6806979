#pragma once
// What a tuner holds; its parts are in tuner.cpp (choosing), tuner_recall.cpp (remembering) and tuner_notice.cpp (watching).

#include <optional>
#include <vector>

#include "runtime/memory/offers.h"

namespace sedma::runtime {

/// What is in force in a run, and what it was expected to do.
struct Stretch {
  InForce in_force;
  Proposal proposal;  ///< `recalled` emptied
  std::vector<PatternKey> recalled;
  Situation at;
  bool observed = false;  ///< its real costs are in the run's account
};

/// The error of a stretch as its products showed it.
struct Level {
  Situation at;
  double log_ratio = 0, variance = 0;
};

struct Run {
  std::optional<Stretch> now, before;  ///< before: of a trial on the same cells
  bool trial = false;                  ///< the next product is one
  std::uint32_t writings = 0;
  double vectors = 0, pulses = 0, joules = 0, seconds = 0;  ///< so far; expected where not yet observed
  std::uint32_t trials = 0;
  double explored = 0;  ///< objective value risked so far
  bool stepped = false;
  std::uint32_t stepped_cells = 0;  ///< the writing whose error has changed while it was used (InForce::cells)
  std::vector<Level> levels;        ///< of stretches that are over
  double off_target = 0;            ///< cumulative sum of evidence for more than 5 % off target
  std::uint64_t checked = 0, milestone = 8;
  double product_vectors = 8;
  bool curious = false;  ///< there is something to try on the cells as they are
};

struct Tuner::Impl {
  Impl(Prior& prior, EpisodicMemory* memory, const hal::Capabilities& board, const Mask& mask, const Policy& policy,
       const TunerOptions& options);

  Result<Proposal> propose(const Context& context, const Goal& wanted);
  void observe(const Context& context, const TunedChoice& choice, const Outcome& outcome);
  bool notice(const Moment& moment);

  // Recalling.
  std::vector<Recalled> recall(const Context& context) const;
  /// Fills the belief with what was recalled and with this run's levels; the situation of the context. Errors: of the prior.
  Situation believe(const Context& context, std::vector<Recalled>& recalled);
  std::optional<Level> level_now() const;
  void reward(const TunedChoice& choice, const Outcome& found);

  // Choosing.
  Terms terms_now(const Goal& wanted) const;
  Result<Offer*> choose(Offers& offers, const Terms& terms, std::string& reason);
  Offer* stay(Offers& offers, Offer* best, const Terms& terms, std::string& reason) const;
  Offer* explore(Offers& offers, Offer* best, const std::vector<Recalled>& recalled, const Terms& terms);
  void put_in_force(const Proposal& proposal, const Offer& offer, const Situation& at);

  PriorTable table;
  Prior& prior;
  EpisodicMemory* memory;
  hal::Capabilities board;
  Policy policy;
  TunerOptions options;
  Goal goal;
  std::vector<Pattern> seen;  ///< the last 100, where no long-term memory is used; of this run alone without the policy for one
  Belief belief;
  WorkingMemory working;
  Run run;
};

}  // namespace sedma::runtime

#pragma once
// Candidates with their price under a goal, and the search among them that asks the prior for as few errors as it can.

#include <limits>
#include <vector>

#include "runtime/memory/belief.h"
#include "runtime/memory/prior_table.h"

namespace sedma::runtime {

/// Everything that differs only in headroom and lambda: it costs the same.
struct Offer {
  std::size_t writing = 0, repeats = 0;  ///< places in the table
  bool rewrite = true;                   ///< cells are written for it
  Outcome cost;                          ///< corrected; programming 0 where nothing is written
  double value = 0;                      ///< objective of the rest of the run, equation (4)'s memory term included
  // After evaluate(): the variant that is most likely to be good enough.
  bool evaluated = false;
  std::size_t variant = 0;
  Outcome prior;
  LogRatio error;        ///< of found / predicted
  double log_error = 0;  ///< corrected
  double probability = 0;
};

/// What limits the choice.
struct Terms {
  Goal goal;  ///< with the horizon that is left
  double joules_left = std::numeric_limits<double>::infinity(), seconds_left = joules_left, pulses_left = joules_left;
  double confidence = 0.9;
};

/// What is written now, if anything is.
struct InForce {
  std::size_t writing = 0, variant = 0;
  std::uint32_t cells = 0;  ///< Situation::writing
};

class Offers {
 public:
  /// Prices all that the budgets allow at three standard deviations, cheapest first. `here`: the context now; its choice is not looked at.
  Offers(PriorTable& table, const Belief& belief, const hal::Capabilities& board, const Situation& here, const Terms& terms,
         const std::optional<InForce>& in_force);

  std::vector<Offer>& all() noexcept { return offers_; }
  Situation situation(const Offer& offer, std::size_t variant) const;
  /// Errors: of the prior.
  Status evaluate(Offer& offer);
  /// The first that meets the target at the confidence; nullptr: none. Evaluates what is cheaper, but for what cannot meet it by what is
  /// known of better ones: more passes, slices or repeats do not make it worse, and another tile size changes it by 30 % an octave at most.
  Result<Offer*> cheapest();
  /// The smallest error, or the cheapest within 2 % of it; nullptr: no offers.
  Result<Offer*> most_accurate();

 private:
  double pressure(const Outcome& cost) const;
  bool affordable(const Offer& offer, const Situation& at) const;
  /// No error below this is to be expected, by the ones evaluated.
  double least_log_error(const Offer& offer) const;

  PriorTable& table_;
  const Belief& belief_;
  const hal::Capabilities& board_;
  Situation here_;
  Terms terms_;
  std::optional<InForce> in_force_;
  std::vector<Offer> offers_;
};

}  // namespace sedma::runtime

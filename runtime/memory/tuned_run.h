#pragma once
// One run under a goal: proposes, programs, multiplies, checks a share of the products, adapts while it goes, and remembers.

#include <functional>
#include <vector>

#include "runtime/memory/tuner.h"
#include "runtime/session.h"

namespace sedma::runtime {

struct TunedRequest {
  const MatrixSource& matrix;
  SessionOptions base;  ///< mask, deadline, wait, progress; its choice and lambda are the tuner's to set
  std::function<Result<Session>(const SessionOptions& options)> open;
  Context context;
  Goal goal;
  std::span<const double> x = {};   ///< [batch, cols]
  std::size_t batch = 0, each = 0;  ///< vectors of one product; 0: all
  /// Exact products [batch, rows], where the caller has them: then every vector is checked. Otherwise exact products of a share of the
  /// vectors are computed here, before the first product.
  std::span<const double> reference = {};
  double check_share = 1.0 / 16;  ///< of the vectors, at least 8 of a run, without `reference`
  std::function<Status(std::size_t first_vector, Product&& product)> take = {};
  /// Told of a session with all its products made, before it goes: its plan, its ranks.
  std::function<void(const Session& session)> leave = {};
};

/// A pattern as it was when it was recalled.
struct RecalledCopy {
  PatternKey key;
  double distance = 0;
  Pattern pattern;
};

/// A stretch of a run with one choice.
struct Episode {
  Proposal proposal;                   ///< without its `recalled`, which does not outlive what is remembered
  std::vector<RecalledCopy> recalled;  ///< in its place
  Outcome found;                       ///< programming_*: of the cells in use, also where they were written in an earlier episode
  std::size_t first_vector = 0;
  bool programmed = true;   ///< cells were written for it
  bool handed_out = false;  ///< at least one of its products was
  StageCost programming, multiplying;
};

/// With nothing done yet; copies what was recalled.
Episode episode_of(Proposal proposal);

struct TunedReport {
  std::vector<Episode> episodes;
  StageCost programming, multiplying;  ///< of all episodes
  Outcome total;                       ///< of the whole run: vectors and errors of what was handed out; vector figures are means
  std::uint64_t repeated_vectors = 0;  ///< found off target by their check, multiplied again, and only then handed out
  /// error_p95 <= target; without a target: programming and horizon, at what the run's vectors cost, stay within the budgets.
  bool target_met = false;
  double check_seconds = 0;   ///< host time for exact products
  double tuning_seconds = 0;  ///< host time for proposals, observations and notices
};

/// The tuner is asked after every product. A product that the check finds off target (more than 5 % of its checked vectors) while the tuner
/// has something else to propose is multiplied again with that, once, and counted; so is one that explored, with the choice in force
/// before. Every vector of an exploring product is checked; where nothing has to be written for it, exploring lasts one product. Errors: of
/// Tuner, Session, the matrix and `take`; invalid_argument (sizes). What was found before a failure is remembered.
Result<TunedReport> run_tuned(const TunedRequest& request, Tuner& tuner);

}  // namespace sedma::runtime

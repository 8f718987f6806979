#include "runtime/memory/tuner.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "runtime/memory/tuner_state.h"

namespace sedma::runtime {
namespace {

constexpr double worth_changing = 0.02;   // of the rest of the run's objective
constexpr double worth_a_writing = 0.2;   // of probability or log(error), where nothing is sure to meet the target
constexpr double stays_at = 0.5;          // what is written stays at this probability
constexpr double worth_trying = 0.15;     // probability
constexpr double runs_ahead = 9;          // after the first, that a new matrix is tuned for: later ones explore no more
constexpr std::uint32_t most_trials = 3;  // of a run
constexpr std::size_t shown = 8;          // recalled patterns in a proposal

double energy_of(const Goal& goal, const Outcome& cost) {
  return cost.programming_joules + static_cast<double>(goal.horizon_vectors) * cost.vector_joules;
}

/// What is risked in a trial that fails, in the units of the objective (cells: joules).
double risked(const Goal& goal, const Outcome& cost, double vectors) {
  if (goal.objective == Objective::latency) return cost.programming_seconds + vectors * cost.vector_seconds;
  return cost.programming_joules + vectors * cost.vector_joules;
}

}  // namespace

Tuner::Impl::Impl(Prior& the_prior, EpisodicMemory* the_memory, const hal::Capabilities& the_board, const Mask& mask,
                  const Policy& the_policy, const TunerOptions& the_options)
    : table(the_prior, candidates_for(the_board, mask, the_policy)),
      prior(the_prior),
      memory(the_memory),
      board(the_board),
      policy(the_policy),
      options(the_options) {}

Terms Tuner::Impl::terms_now(const Goal& wanted) const {
  Terms terms;
  terms.goal = wanted;
  const auto done = static_cast<std::uint64_t>(run.vectors);
  terms.goal.horizon_vectors = wanted.horizon_vectors > done ? wanted.horizon_vectors - done : 1;
  if (wanted.joules_budget) terms.joules_left = *wanted.joules_budget - run.joules;
  if (wanted.seconds_budget) terms.seconds_left = *wanted.seconds_budget - run.seconds;
  if (wanted.pulses_budget != UINT64_MAX) terms.pulses_left = static_cast<double>(wanted.pulses_budget) - run.pulses;
  terms.confidence = options.confidence;
  return terms;
}

Result<Proposal> Tuner::Impl::propose(const Context& context, const Goal& wanted) {
  if (wanted.target_error && !(*wanted.target_error > 0))
    return fail(Code::invalid_argument, "target error {}; it is a relative error above 0", *wanted.target_error);
  goal = wanted;
  if (Status status = table.load(); !status.ok()) return status;
  std::vector<Recalled> recalled = recall(context);
  const std::vector<Recalled> all = recalled;
  const Situation here = believe(context, recalled);
  const Terms terms = terms_now(wanted);
  Offers offers(table, belief, board, here, terms, run.now ? std::optional<InForce>(run.now->in_force) : std::nullopt);
  if (offers.all().empty()) return fail(Code::out_of_range, "nothing that the board can hold is within what is left of the budgets");
  Proposal proposal;
  Result<Offer*> chosen = choose(offers, terms, proposal.reason);
  if (!chosen.ok()) return chosen.status();
  Offer* offer = chosen.value();
  if (Offer* trial = explore(offers, offer, all, terms); trial != nullptr) {
    proposal.exploring = true;
    proposal.reason = fmt::format("a trial: {:.0f} % likely to meet the target, for {:.3g} of the value of the sure choice",
                                  100 * trial->probability, trial->value / offer->value);
    offer = trial;
  }
  const Situation at = offers.situation(*offer, offer->variant);
  proposal.choice = table.choice(offer->writing, offer->variant);
  proposal.prior = offer->prior;
  proposal.corrected = corrected(offer->prior, belief.costs(at), offer->error.mean);
  proposal.error_sd = offer->error.sd;
  proposal.met_probability = offer->probability;
  proposal.objective = offer->value;
  proposal.reprogram = offer->rewrite;
  const std::vector<double> weights = belief.weights(at);
  std::vector<std::size_t> order(recalled.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return weights[a] > weights[b]; });
  for (std::size_t i = 0; i < std::min(shown, order.size()); ++i) proposal.recalled.push_back(recalled[order[i]]);
  // Fewer products averaged, on the same cells: tried once some of this run's own products are known.
  run.curious = !run.now && !proposal.exploring && offer->repeats > 0;
  put_in_force(proposal, *offer, at);
  return proposal;
}

Result<Offer*> Tuner::Impl::choose(Offers& offers, const Terms& terms, std::string& reason) {
  if (!terms.goal.target_error) {
    Result<Offer*> best = offers.most_accurate();
    if (!best.ok()) return best;
    reason = fmt::format("the smallest error within the budget, {:.2g}", std::exp(best.value()->log_error));
    return stay(offers, best.value(), terms, reason);
  }
  Result<Offer*> best = offers.cheapest();
  if (!best.ok()) return best;
  if (best.value() != nullptr) {
    reason = fmt::format("the least that meets {:.2g} at {:.0f} %", *terms.goal.target_error, 100 * best.value()->probability);
    return stay(offers, best.value(), terms, reason);
  }
  Result<Offer*> nearest = offers.most_accurate();
  if (!nearest.ok()) return nearest;
  reason = fmt::format("nothing is likely to meet {:.2g}: the nearest, {:.2g} expected", *terms.goal.target_error,
                       std::exp(nearest.value()->log_error));
  return stay(offers, nearest.value(), terms, reason);
}

Offer* Tuner::Impl::stay(Offers& offers, Offer* best, const Terms& terms, std::string& reason) const {
  if (!run.now) return best;
  const auto in_force = [&](const Offer& offer) {
    return !offer.rewrite && offer.writing == run.now->in_force.writing &&
           table.repeats()[offer.repeats] == run.now->proposal.choice.choice.conversion.repeats;
  };
  const auto found = std::find_if(offers.all().begin(), offers.all().end(), in_force);
  if (found == offers.all().end() || &*found == best) return best;
  if (!offers.evaluate(*found).ok()) return best;
  bool stays = false;
  if (!terms.goal.target_error)
    stays = best->rewrite && best->log_error > found->log_error - worth_a_writing;
  else if (best->probability >= terms.confidence)
    stays = found->probability >= (best->rewrite ? stays_at : terms.confidence) && best->value > (1 - worth_changing) * found->value;
  else
    stays =
        best->rewrite && best->probability < found->probability + worth_a_writing && best->log_error > found->log_error - worth_a_writing;
  if (!stays) return best;
  reason = fmt::format("what is in force stays ({:.0f} % likely to be good enough); a change would gain less than it costs",
                       100 * found->probability);
  return &*found;
}

Offer* Tuner::Impl::explore(Offers& offers, Offer* best, const std::vector<Recalled>& recalled, const Terms& terms) {
  if (!terms.goal.target_error || best->probability < terms.confidence || options.exploration_share <= 0 || run.trials == most_trials)
    return nullptr;
  // A share of all the work on this matrix, less what was risked before.
  const double this_run = risked(terms.goal, best->cost, static_cast<double>(terms.goal.horizon_vectors));
  double work = (1 + runs_ahead) * this_run, risked_before = run.explored, ahead = runs_ahead;
  for (const Recalled& r : recalled) {
    if (r.pattern->context.board != board.board_id || r.pattern->context.matrix.content != prior.features().content) continue;
    const auto times = static_cast<double>(r.pattern->evidence);
    ahead -= static_cast<double>(r.pattern->found.runs);
    work += times * risked(terms.goal, r.pattern->found, static_cast<double>(r.pattern->found.vectors) / times);
    if (r.pattern->found.checked > 0 && r.pattern->found.error_p95 > *terms.goal.target_error)
      risked_before += times * risked(terms.goal, r.pattern->found, 0);
  }
  if (ahead <= 0) return nullptr;
  Offer* trial = nullptr;
  double most = 0;
  for (Offer& offer : offers.all()) {
    if (&offer == best) break;
    if (!offer.evaluated || (run.now && offer.rewrite) || offer.probability < worth_trying ||
        offer.value > (1 - worth_changing) * best->value)
      continue;
    const double fails = 1 - offer.probability, risk = risked(terms.goal, offer.cost, run.product_vectors);
    if (fails * risk > options.exploration_share * work - risked_before) continue;
    const double unit = terms.goal.objective == Objective::cells ? best->value / energy_of(terms.goal, best->cost) : 1;
    const double worth = offer.probability * (best->value - offer.value) * ahead - fails * risk * unit;
    if (worth > most) {
      most = worth;
      trial = &offer;
    }
  }
  if (trial == nullptr) return nullptr;
  ++run.trials;
  run.explored += (1 - trial->probability) * risked(terms.goal, trial->cost, run.product_vectors);
  return trial;
}

void Tuner::Impl::put_in_force(const Proposal& proposal, const Offer& offer, const Situation& at) {
  const bool changes = !run.now || proposal.reprogram || !(run.now->proposal.choice == proposal.choice);
  if (run.now && (changes || working.stepped()))
    if (const std::optional<Level> level = level_now(); level && changes) run.levels.push_back(*level);
  Stretch next;
  next.in_force = {offer.writing, offer.variant, run.now ? run.now->in_force.cells : 0};
  if (proposal.reprogram) {
    next.in_force.cells = ++run.writings;
    run.pulses += proposal.corrected.pulses;
    run.joules += proposal.corrected.programming_joules;
    run.seconds += proposal.corrected.programming_seconds;
  }
  next.proposal = proposal;
  for (const Recalled& r : proposal.recalled) next.recalled.push_back(r.key);
  next.proposal.recalled.clear();
  next.at = at;
  next.at.writing = next.in_force.cells;
  if (!changes) {
    next.observed = run.now->observed;
    next.proposal.reprogram = run.now->proposal.reprogram;
    working.settle();
  } else {
    run.trial = proposal.exploring && !proposal.reprogram;
    run.before = run.now;
    run.checked = 0;
    run.milestone = 8;
    working.clear();
  }
  run.off_target = 0;
  run.now = std::move(next);
}

Tuner::Tuner(Prior& prior, EpisodicMemory* memory, const hal::Capabilities& board, const Mask& mask, const Policy& policy,
             const TunerOptions& options)
    : impl_(std::make_unique<Impl>(prior, memory, board, mask, policy, options)) {}
Tuner::~Tuner() = default;

void Tuner::begin_run() {
  impl_->run = {};
  impl_->working.clear();
  if (!impl_->policy.long_term) impl_->seen.clear();
}
Result<Proposal> Tuner::propose(const Context& context, const Goal& goal) { return impl_->propose(context, goal); }
void Tuner::observe(const Context& context, const TunedChoice& choice, const Outcome& outcome) { impl_->observe(context, choice, outcome); }
bool Tuner::notice(const Moment& moment) { return impl_->notice(moment); }
const WorkingMemory& Tuner::working() const noexcept { return impl_->working; }

}  // namespace sedma::runtime

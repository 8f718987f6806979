#include "runtime/memory/offers.h"

#include <algorithm>
#include <cmath>
#include <tuple>
#include <utility>

namespace sedma::runtime {
namespace {

// Equation (4): alpha = alpha0 used / (capacity - used), M the share of the board's arrays. A board that is full to nine tenths makes a
// choice 1 % dearer, a full one 5 %: among equals the plan that leaves room wins, and nothing else.
constexpr double alpha0 = 0.00125, most_pressure = 0.05;
constexpr double sure = 3.0;              // standard deviations
constexpr double hopeless = 2.0;          // standard deviations from the target
constexpr double slack = 0.02;            // of log(error), for "not worse"
constexpr double slack_an_octave = 0.25;  // for other tile sizes
constexpr double as_accurate = 0.02;

double log_of(double error) { return std::log(std::max(error, 1e-300)); }
double normal_below(double z) { return 0.5 * std::erfc(-z / std::sqrt(2.0)); }
double octaves(std::uint32_t a, std::uint32_t b) {
  return std::abs(std::log2(static_cast<double>(std::max(a, 1u)) / static_cast<double>(std::max(b, 1u))));
}

}  // namespace

Offers::Offers(PriorTable& table, const Belief& belief, const hal::Capabilities& board, const Situation& here, const Terms& terms,
               const std::optional<InForce>& in_force)
    : table_(table), belief_(belief), board_(board), here_(here), terms_(terms), in_force_(in_force) {
  for (std::size_t writing = 0; writing < table.writings(); ++writing)
    for (std::size_t repeats = 0; repeats < table.repeats().size(); ++repeats) {
      const Outcome* cost = table.cost(writing, repeats);
      if (cost == nullptr) continue;
      for (const bool rewrite : {true, false}) {
        if (!rewrite && (!in_force || in_force->writing != writing)) continue;
        Offer offer;
        offer.writing = writing;
        offer.repeats = repeats;
        offer.rewrite = rewrite;
        TunedChoice choice = table.choice(writing, 0);
        choice.choice.conversion.repeats = table.repeats()[repeats];
        Situation at = here;
        at.choice = choice_vector(choice, board);
        offer.cost = corrected(*cost, belief.costs(at), 0);
        if (!rewrite) offer.cost.programming_joules = offer.cost.programming_seconds = offer.cost.pulses = 0;
        offer.value = objective_value(terms.goal, offer.cost, board);
        if (terms.goal.objective != Objective::cells) offer.value *= 1 + pressure(offer.cost);
        if (affordable(offer, at)) offers_.push_back(offer);
      }
    }
  std::stable_sort(offers_.begin(), offers_.end(), [](const Offer& a, const Offer& b) {
    return std::make_tuple(a.value, a.rewrite) < std::make_tuple(b.value, b.rewrite);
  });
}

double Offers::pressure(const Outcome& cost) const {
  const double capacity = board_.arrays, used = cost.arrays;
  if (used >= capacity) return most_pressure;
  return std::min(most_pressure, alpha0 * used / (capacity - used) * used / capacity);
}

bool Offers::affordable(const Offer& offer, const Situation& at) const {
  if (std::isinf(terms_.pulses_left) && std::isinf(terms_.joules_left) && std::isinf(terms_.seconds_left)) return true;
  const double at_most = std::exp(sure * belief_.cost_sd(at));
  const auto horizon = static_cast<double>(terms_.goal.horizon_vectors);
  const Outcome& cost = offer.cost;
  return cost.pulses * at_most <= terms_.pulses_left &&
         (cost.programming_joules + horizon * cost.vector_joules) * at_most <= terms_.joules_left &&
         (cost.programming_seconds + horizon * cost.vector_seconds) * at_most <= terms_.seconds_left;
}

Situation Offers::situation(const Offer& offer, std::size_t variant) const {
  Situation at = here_;
  at.choice = choice_vector(table_.choice(offer.writing, variant), board_);
  at.writing = offer.rewrite ? 0 : in_force_->cells;
  return at;
}

Status Offers::evaluate(Offer& offer) {
  if (offer.evaluated) return {};
  for (std::size_t variant = 0; variant < table_.variants(); ++variant) {
    if (table_.choice(offer.writing, variant).choice.conversion.repeats != table_.repeats()[offer.repeats]) continue;
    Result<Outcome> prior = table_.predict(offer.writing, variant);
    if (!prior.ok()) return prior.status();
    const LogRatio ratio = belief_.error(situation(offer, variant));
    const double log_error = log_of(prior->error_p95) + ratio.mean;
    const double probability = terms_.goal.target_error ? normal_below((log_of(*terms_.goal.target_error) - log_error) / ratio.sd) : 1;
    if (offer.evaluated && std::make_pair(-probability, log_error) >= std::make_pair(-offer.probability, offer.log_error)) continue;
    offer.evaluated = true;
    offer.variant = variant;
    offer.prior = std::move(prior).value();
    offer.error = ratio;
    offer.log_error = log_error;
    offer.probability = probability;
  }
  return {};
}

double Offers::least_log_error(const Offer& offer) const {
  const Choice mine = table_.choice(offer.writing, 0).choice;
  double least = -std::numeric_limits<double>::infinity();
  for (const Offer& other : offers_) {
    if (!other.evaluated || other.repeats < offer.repeats || other.rewrite != offer.rewrite) continue;
    const Choice theirs = table_.choice(other.writing, 0).choice;
    if (theirs.encoding != mine.encoding || theirs.slices < mine.slices || theirs.passes < mine.passes) continue;
    const double apart = octaves(mine.tile_rows, theirs.tile_rows) + octaves(mine.tile_cols, theirs.tile_cols);
    least = std::max(least, other.log_error - slack - slack_an_octave * apart);
  }
  return least;
}

Result<Offer*> Offers::cheapest() {
  const double target = log_of(*terms_.goal.target_error);
  for (Offer& offer : offers_) {
    const double sd = belief_.error(situation(offer, 0)).sd;
    if (least_log_error(offer) > target + hopeless * sd) continue;
    if (Status status = evaluate(offer); !status.ok()) return status;
    if (offer.probability >= terms_.confidence) return &offer;
  }
  return static_cast<Offer*>(nullptr);
}

Result<Offer*> Offers::most_accurate() {
  const auto strength = [&](const Offer& offer) {
    const Choice choice = table_.choice(offer.writing, 0).choice;
    return std::make_tuple(choice.slices, choice.passes, offer.repeats);
  };
  std::vector<Offer*> strongest;
  for (Offer& offer : offers_) strongest.push_back(&offer);
  std::stable_sort(strongest.begin(), strongest.end(), [&](const Offer* a, const Offer* b) { return strength(*a) > strength(*b); });
  double least = std::numeric_limits<double>::infinity();
  for (Offer* offer : strongest) {
    if (least_log_error(*offer) > least) continue;
    if (Status status = evaluate(*offer); !status.ok()) return status;
    least = std::min(least, offer->log_error);
  }
  for (Offer& offer : offers_)
    if (offer.evaluated && offer.log_error <= least + as_accurate) return &offer;
  return static_cast<Offer*>(nullptr);
}

}  // namespace sedma::runtime

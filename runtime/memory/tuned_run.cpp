#include "runtime/memory/tuned_run.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "runtime/memory/chooser.h"
#include "runtime/memory/lambda.h"
#include "runtime/memory/product_checks.h"

namespace sedma::runtime {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t first_checked = 32;  // vectors of a new programming: fewer say little about the worst twentieth
constexpr int most_repeats = 2;            // of one product
constexpr double allowed_off_target = 0.05;

double seconds_since(Clock::time_point begin) { return std::chrono::duration<double>(Clock::now() - begin).count(); }

StageCost between(const StageCost& before, StageCost after) {
  for (double hal::Joules::*part : {&hal::Joules::cells, &hal::Joules::lines, &hal::Joules::dac, &hal::Joules::adc, &hal::Joules::verify})
    after.joules.*part -= before.joules.*part;
  after.seconds -= before.seconds;
  for (std::uint64_t StageCost::*count :
       {&StageCost::pulses, &StageCost::conversions, &StageCost::products, &StageCost::cells, &StageCost::unconverged,
        &StageCost::compensated, &StageCost::uncompensated, &StageCost::commands})
    after.*count -= before.*count;
  return after;
}

bool same_writing(TunedChoice a, TunedChoice b) {
  a.choice.conversion = b.choice.conversion = {};
  a.adaptive_lambda = b.adaptive_lambda = false;
  return a == b;
}

double share(std::uint64_t part, std::uint64_t whole) { return whole == 0 ? 0 : static_cast<double>(part) / static_cast<double>(whole); }

void add_programming(const StageCost& cost, Outcome& outcome) {
  outcome.programming_joules = cost.joules.total();
  outcome.programming_seconds = cost.seconds;
  outcome.pulses = static_cast<double>(cost.pulses);
  outcome.unconverged = share(cost.unconverged, cost.cells);
}

void add_errors(const std::vector<double>& errors, Outcome& outcome) {
  outcome.checked = errors.size();
  outcome.error_median = median_of(errors);
  outcome.error_p95 = percentile_95(errors);
}

void add_layout(const Session& session, Outcome& outcome) {
  const std::vector<Layout> layouts = session.layouts();
  outcome.arrays = 0;
  for (const Layout& layout : layouts) outcome.arrays += layout.arrays;
  outcome.memory_efficiency = memory_efficiency(session.plan(), layouts);
}

/// A product and what its check has shown.
struct Made {
  std::size_t first = 0;
  Product product;
  CheckedErrors checked;
  bool off_target = false;
  bool restless = false;  ///< the tuner wants to be asked again
};

class TunedRun {
 public:
  TunedRun(const TunedRequest& request, Chooser& chooser)
      : request_(request),
        chooser_(chooser),
        checks_(request),
        each_(request.each != 0 ? request.each : request.batch),
        target_(request.goal.target_error.value_or(std::numeric_limits<double>::infinity())) {}

  Result<TunedReport> run() {
    chooser_.begin_run();
    Status status = propose();
    while (status.ok() && next_ < request_.batch) status = stretch();
    end_episode();
    if (session_ && request_.leave) request_.leave(*session_);
    if (!status.ok()) return status;
    conclude();
    return std::move(report_);
  }

 private:
  // Products until the tuner has something to say.
  Status stretch() {
    std::optional<Made> doubtful;
    const std::size_t begin = next_, cols = request_.matrix.cols();
    const auto take = [&](std::size_t first, Product&& product) -> Status {
      SEDMA_ASSIGN_OR_RETURN(Made made, examine(begin + first, std::move(product), true));
      if (!made.restless) return hand_out(made);
      doubtful = std::move(made);
      return Status(Code::aborted, "another choice");
    };
    const std::size_t left = request_.batch - begin, each = lasts_one_product() ? std::min(each_, left) : left;
    started_ = Clock::now();
    const Status status = session_->multiply_each(request_.x.subspan(begin * cols, each * cols), each, each_, take);
    if (!doubtful) return status;
    return settle(std::move(*doubtful));
  }

  // Nothing is handed out that is known to be off target while there is another way.
  Status settle(Made made) {
    for (int repeats = 0; made.off_target && made.restless && repeats < most_repeats; ++repeats) {
      SEDMA_ASSIGN_OR_RETURN(const bool another, change(true));
      if (!another) return hand_out(made);
      report_.repeated_vectors += made.product.batch;
      SEDMA_ASSIGN_OR_RETURN(made, again(made.first, made.product.batch));
    }
    SEDMA_RETURN_IF_ERROR(hand_out(made));
    return made.restless && next_ < request_.batch ? change(false).status() : Status();
  }

  Result<Made> again(std::size_t first, std::size_t count) {
    const std::size_t cols = request_.matrix.cols();
    started_ = Clock::now();
    SEDMA_ASSIGN_OR_RETURN(Product product, session_->multiply(request_.x.subspan(first * cols, count * cols), count));
    return examine(first, std::move(product), false);
  }

  Result<Made> examine(std::size_t first, Product&& product, bool new_vectors) {
    Episode& episode = report_.episodes.back();
    const double wall = seconds_since(started_);
    Made made{first, std::move(product), {}, false, false};
    SEDMA_ASSIGN_OR_RETURN(made.checked, checks_.check(first, made.product, at_least_checked(episode)));
    const std::uint64_t above = made.checked.above(target_);
    made.off_target = share(above, made.checked.errors.size()) > allowed_off_target;
    episode.found.vectors += made.product.batch;
    made_vectors_ += made.product.batch;
    errors_.insert(errors_.end(), made.checked.errors.begin(), made.checked.errors.end());
    lambdas_.insert(lambdas_.end(), made.product.lambdas.begin(), made.product.lambdas.end());
    const double device = session_->multiplying().seconds - multiplied_.seconds;
    Moment moment;
    moment.seconds = age();
    moment.vectors = new_vectors ? made.product.batch : 0;
    moment.checked = made.checked.errors.size();
    moment.off_target = above;
    moment.error = median_of(made.checked.errors);
    moment.noise = expected_noise(made);
    moment.unconverged = share(written_.unconverged, written_.cells);
    moment.load = wall > 0 ? device / wall : 0;
    multiplied_ = session_->multiplying();
    const Clock::time_point begin = Clock::now();
    made.restless = chooser_.notice(moment) || lasts_one_product();
    report_.tuning_seconds += seconds_since(begin);
    started_ = Clock::now();
    return made;
  }

  std::size_t at_least_checked(const Episode& episode) const {
    if (lasts_one_product()) return request_.batch;
    if (episode.programmed) return first_checked - std::min<std::size_t>(first_checked, episode.found.vectors);
    return episode.found.vectors == 0 ? 1 : 0;
  }

  // Of the first vector, relative to its output.
  double expected_noise(const Made& made) const {
    const std::vector<double> sd =
        session_->expected_error(request_.x.subspan(made.first * request_.matrix.cols(), request_.matrix.cols()), 1);
    double noise = 0, signal = 0;
    for (std::size_t i = 0; i < sd.size(); ++i) {
      noise += sd[i] * sd[i];
      signal += made.product.y[i] * made.product.y[i];
    }
    return signal > 0 ? std::sqrt(noise / signal) : 0;
  }

  Status hand_out(Made& made) {
    next_ = made.first + made.product.batch;
    report_.episodes.back().handed_out = true;
    all_errors_.insert(all_errors_.end(), made.checked.errors.begin(), made.checked.errors.end());
    all_lambdas_.insert(all_lambdas_.end(), made.product.lambdas.begin(), made.product.lambdas.end());
    report_.total.vectors = next_;
    return request_.take ? request_.take(made.first, std::move(made.product)) : Status();
  }

  // Whether the next product is made another way. An exploring one that missed gives way to what was in force before.
  Result<bool> change(bool missed) {
    const Proposal before = report_.episodes.back().proposal;
    end_episode();
    if (missed && before.exploring && safe_ && same_writing(safe_->choice, before.choice)) {
      Proposal back = *safe_;
      back.reprogram = false;
      back.reason = "the trial missed: what was in force before it is in force again";
      SEDMA_RETURN_IF_ERROR(adopt(std::move(back)));
      return true;
    }
    SEDMA_RETURN_IF_ERROR(propose());
    const Proposal& now = report_.episodes.back().proposal;
    return now.reprogram || !(now.choice == before.choice);
  }

  Status propose() {
    Context context = request_.context;
    if (session_) context.age_seconds = age();
    const Clock::time_point begin = Clock::now();
    auto proposal = chooser_.propose(context, request_.goal);
    report_.tuning_seconds += seconds_since(begin);
    if (!proposal.ok()) return proposal.status();
    long_term_lambda_ = long_term_lambda(context, proposal->recalled);
    return adopt(std::move(proposal).value());
  }

  Status adopt(Proposal proposal) {
    const bool write = !session_ || proposal.reprogram || !same_writing(proposal.choice, in_force_);
    const bool anew = !session_ || !same_writing(proposal.choice, in_force_);
    in_force_ = proposal.choice;
    proposal.reprogram = write;
    if (session_ && !anew) {
      SEDMA_RETURN_IF_ERROR(session_->set_conversion(in_force_.choice.conversion));
      SEDMA_RETURN_IF_ERROR(session_->set_lambda(lambda_rule(proposal)));
    }
    if (anew) SEDMA_RETURN_IF_ERROR(open(proposal));
    Episode episode = episode_of(std::move(proposal));
    episode.first_vector = next_;
    episode.programmed = write;
    if (!episode.proposal.exploring) safe_ = episode.proposal;
    report_.episodes.push_back(std::move(episode));
    running_ = true;
    errors_.clear();
    lambdas_.clear();
    return write ? program() : Status();
  }

  Status open(const Proposal& proposal) {
    leave_session();
    SessionOptions options = request_.base;
    options.choice = in_force_.choice;
    options.lambda = lambda_rule(proposal);
    SEDMA_ASSIGN_OR_RETURN(Session session, request_.open(options));
    // Other streams than those of the sessions before: their noise and their writing are not to be met again.
    session.continue_from(made_vectors_, programmings_ + 1);
    session_.emplace(std::move(session));
    return {};
  }

  Status program() {
    const StageCost before = session_->programming();
    const Status status = session_->program();
    ++programmings_;
    written_ = between(before, session_->programming());
    written_at_ = session_->multiplying().seconds;
    return status;
  }

  LambdaRule lambda_rule(const Proposal& proposal) const { return proposal.choice.adaptive_lambda ? long_term_lambda_ : LambdaRule{}; }

  double age() const { return request_.base.wait_seconds + session_->multiplying().seconds - written_at_; }

  // Counts what the session has cost since the last time to the episode.
  void account() {
    Episode& episode = report_.episodes.back();
    episode.programming += between(counted_programming_, session_->programming());
    episode.multiplying += between(counted_multiplying_, session_->multiplying());
    counted_programming_ = session_->programming();
    counted_multiplying_ = session_->multiplying();
  }

  void end_episode() {
    if (!running_) return;
    running_ = false;
    account();
    Episode& episode = report_.episodes.back();
    Outcome& found = episode.found;
    add_programming(written_, found);
    add_errors(errors_, found);
    add_layout(*session_, found);
    found.lambda = median_of(lambdas_);
    found.runs = report_.episodes.size() == 1 ? 1 : 0;
    if (found.vectors == 0) return;
    const double vectors = static_cast<double>(found.vectors);
    found.vector_joules = episode.multiplying.joules.total() / vectors;
    found.vector_seconds = episode.multiplying.seconds / vectors;
    Context context = request_.context;
    context.age_seconds = age();
    const Clock::time_point begin = Clock::now();
    chooser_.observe(context, episode.proposal.choice, found);
    report_.tuning_seconds += seconds_since(begin);
  }

  void leave_session() {
    if (session_ && request_.leave) request_.leave(*session_);
    session_.reset();
    counted_programming_ = counted_multiplying_ = multiplied_ = {};
  }

  void conclude() {
    for (const Episode& episode : report_.episodes) {
      report_.programming += episode.programming;
      report_.multiplying += episode.multiplying;
    }
    Outcome& total = report_.total;
    add_programming(report_.programming, total);
    add_errors(all_errors_, total);
    add_layout(*session_, total);
    total.lambda = median_of(all_lambdas_);
    total.vector_joules = report_.multiplying.joules.total() / static_cast<double>(total.vectors);
    total.vector_seconds = report_.multiplying.seconds / static_cast<double>(total.vectors);
    report_.check_seconds = checks_.seconds();
    report_.target_met = request_.goal.target_error ? total.error_p95 <= target_ : within_budgets();
  }

  bool within_budgets() const {
    const Outcome& total = report_.total;
    const double vectors = static_cast<double>(std::max(request_.goal.horizon_vectors, total.vectors));
    return total.programming_joules + vectors * total.vector_joules <= request_.goal.joules_budget.value_or(INFINITY) &&
           total.programming_seconds + vectors * total.vector_seconds <= request_.goal.seconds_budget.value_or(INFINITY);
  }

  // Exploring what needs no writing is worth one product; what was written for it is used on.
  bool lasts_one_product() const {
    const Episode& episode = report_.episodes.back();
    return episode.proposal.exploring && !episode.programmed;
  }

  const TunedRequest& request_;
  Chooser& chooser_;
  ProductChecks checks_;
  std::size_t each_, next_ = 0;
  double target_;
  std::optional<Session> session_;
  TunedChoice in_force_;
  LambdaRule long_term_lambda_;
  std::optional<Proposal> safe_;  // the last that did not explore
  std::uint64_t programmings_ = 0, made_vectors_ = 0;
  bool running_ = false;  // an episode is
  StageCost written_;     // the programming in force
  double written_at_ = 0;
  StageCost counted_programming_, counted_multiplying_, multiplied_;
  std::vector<double> errors_, lambdas_, all_errors_, all_lambdas_;
  Clock::time_point started_;
  TunedReport report_;
};

Status check_request(const TunedRequest& request) {
  const std::size_t cols = request.matrix.cols(), rows = request.matrix.rows();
  if (request.batch == 0 || request.x.size() != request.batch * cols)
    return fail(Code::invalid_argument, "x has {} numbers; a batch of {} vectors of {} takes {}", request.x.size(), request.batch, cols,
                request.batch * cols);
  if (!request.reference.empty() && request.reference.size() != request.batch * rows)
    return fail(Code::invalid_argument, "the reference has {} numbers; {} exact products of {} are {}", request.reference.size(),
                request.batch, rows, request.batch * rows);
  if (!(request.check_share > 0) || request.check_share > 1)
    return fail(Code::invalid_argument, "{} of the vectors are to be checked; it must be above 0 and at most 1", request.check_share);
  return {};
}

}  // namespace

Episode episode_of(Proposal proposal) {
  Episode episode;
  for (const Recalled& recalled : proposal.recalled) episode.recalled.push_back({recalled.key, recalled.distance, *recalled.pattern});
  proposal.recalled.clear();
  episode.proposal = std::move(proposal);
  return episode;
}

Result<TunedReport> run_chosen(const TunedRequest& request, Chooser& chooser) {
  SEDMA_RETURN_IF_ERROR(check_request(request));
  return TunedRun(request, chooser).run();
}

}  // namespace sedma::runtime

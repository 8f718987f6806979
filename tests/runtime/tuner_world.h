#pragma once
// A made-up board with laws of its own, a prior that knows the laws but not the board's numbers, and runs on it: what a tuner is tried on.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "kernels/random.h"
#include "runtime/memory/tuner.h"

namespace sedma::runtime::testing {

inline double normal_at(std::uint64_t seed, std::uint64_t index) {
  return double{kernels::normals4({seed}, kernels::Use::test, static_cast<std::uint32_t>(index & 0xffffffffu), index >> 32)[0]};
}

/// Numbers of a board (or what its profile takes them for) and what a matrix makes of them.
struct Numbers {
  double writing = 0.06, read_noise = 0.006, step = 0.004, drop = 0.02, smooth = 1.0, programming = 1.0, product = 1.0;
};

inline Outcome by_law(const Numbers& numbers, const MatrixFeatures& matrix, const hal::Capabilities& board, const TunedChoice& tuned) {
  const Choice& c = tuned.choice;
  const double slices = c.slices, passes = c.passes, repeats = c.conversion.repeats, headroom = c.conversion.headroom;
  const double lines = c.encoding == kernels::Encoding::pair ? 2 : 1;
  const double rows = std::min<double>(c.tile_rows, matrix.rows), cols = std::min<double>(c.tile_cols, matrix.cols);
  const double blocks = std::ceil(matrix.rows / rows) * std::ceil(matrix.cols / cols);
  const double packed = std::max(1.0, std::floor(board.rows / cols) * std::floor(board.cols / (rows * lines)));
  // Errors: writing (less by passes, then by slices), steps of the converter (finer by headroom, until outputs saturate), noise, wires.
  const double written = numbers.writing / std::sqrt(passes) / (1 + passes / 50);
  const double residual = written * std::pow(4 * numbers.writing, slices);
  const double step = numbers.step * headroom * std::sqrt(lines == 1 ? 2.0 : 1.0) / std::sqrt(repeats) * std::sqrt(cols / 128);
  const double saturated = std::exp(-14 * headroom * std::sqrt(cols / 64));
  const double noise = numbers.read_noise * std::sqrt((1 + slices) / repeats) * (lines == 1 ? 1.3 : 1.0);
  const double drop = numbers.drop * rows * cols / (256.0 * 256.0) * std::pow(0.1, slices);
  Outcome outcome;
  outcome.error_median = std::sqrt(residual * residual + step * step + noise * noise + drop * drop + saturated * saturated);
  if (tuned.adaptive_lambda) outcome.error_median *= numbers.smooth;
  outcome.error_p95 = outcome.error_median * 1.3;
  outcome.arrays = std::ceil(blocks * (slices + 1) / packed);
  const double cells = matrix.rows * matrix.cols * lines * (slices + 1);
  outcome.pulses = cells * 40 * (1 - std::exp(-passes / 15));
  outcome.programming_joules = numbers.programming * outcome.pulses * 1e-12;
  outcome.programming_seconds = numbers.programming * passes * cols * 1e-5 * (slices + 1);
  outcome.vector_joules = numbers.product * repeats * blocks * (slices + 1) * (rows * lines * 6e-12 + cols * 3e-12);
  outcome.vector_seconds = numbers.product * repeats * (slices + 1) * 64e-9 * std::max(1.0, std::min(packed, blocks) / 2);
  outcome.memory_efficiency = cells / (outcome.arrays * board.rows * board.cols);
  return outcome;
}

/// Knows the laws and the profile's numbers.
class LawPrior : public Prior {
 public:
  LawPrior(const Numbers& numbers, const MatrixFeatures& matrix, const hal::Capabilities& board)
      : numbers_(numbers), matrix_(matrix), board_(board) {}
  const MatrixFeatures& features() const noexcept override { return matrix_; }
  Result<Outcome> cost(const TunedChoice& choice) override {
    ++costs;
    Outcome outcome = by_law(numbers_, matrix_, board_, choice);
    if (outcome.arrays > board_.arrays) return fail(Code::out_of_range, "{} arrays; there are {}", outcome.arrays, board_.arrays);
    outcome.error_p95 = outcome.error_median = 0;
    return outcome;
  }
  Result<Outcome> predict(const TunedChoice& choice) override {
    ++predictions;
    Outcome outcome = by_law(numbers_, matrix_, board_, choice);
    if (outcome.arrays > board_.arrays) return fail(Code::out_of_range, "{} arrays; there are {}", outcome.arrays, board_.arrays);
    return outcome;
  }
  int costs = 0, predictions = 0;

 private:
  Numbers numbers_;
  MatrixFeatures matrix_;
  hal::Capabilities board_;
};

inline hal::Capabilities test_board(std::uint32_t arrays = 64) {
  hal::Capabilities board;
  board.board_id = "board";
  board.material = "made-up";
  board.arrays = arrays;
  board.rows = board.cols = 256;
  board.levels = 128;
  board.g_min_siemens = 1e-6;
  board.g_max_siemens = 1e-5;
  board.dac_bits = board.adc_bits = 8;
  return board;
}

inline MatrixFeatures test_matrix(std::uint64_t seed) {
  MatrixFeatures matrix;
  matrix.content = 1000 + seed;
  matrix.rows = std::floor(80 * std::exp(0.7 * std::abs(normal_at(seed, 901))));
  matrix.cols = std::floor(80 * std::exp(0.7 * std::abs(normal_at(seed, 902))));
  matrix.nonzeros = matrix.rows * matrix.cols;
  matrix.density = 1;
  matrix.dynamic_range = 1 + 0.3 * normal_at(seed, 903);
  matrix.row_peak = 0.3;
  matrix.row_crowding = 6;
  return matrix;
}

/// What is really there: the laws with the board's and the matrix's own numbers, and what no law knows.
struct World {
  hal::Capabilities board = test_board();
  MatrixFeatures matrix;
  Numbers numbers;
  std::uint64_t seed = 1;
  double scatter = 0.12;          // of log(error) between vectors
  double writing_scatter = 0.02;  // between writings of the same
  double lawless = 0.03;          // of a choice

  World(std::uint64_t board_seed, std::uint64_t matrix_seed, double off) : matrix(test_matrix(matrix_seed)), seed(matrix_seed) {
    const auto times = [&](double& number, double sd, std::uint64_t index) { number *= std::exp(sd * normal_at(board_seed, index)); };
    times(numbers.writing, off, 1);
    times(numbers.read_noise, off, 2);
    times(numbers.drop, off, 3);
    times(numbers.step, 0.3 * off, 4);
    times(numbers.programming, off, 5);
    times(numbers.product, off, 6);
    const double of_matrix = std::exp(0.08 * normal_at(matrix_seed, 7));
    for (double* number : {&numbers.writing, &numbers.read_noise, &numbers.step, &numbers.drop}) *number *= of_matrix;
    board.board_id = "board " + std::to_string(board_seed);
  }
  Context context() const {
    Context context;
    context.matrix = matrix;
    context.material = board.material;
    context.profile = "published";
    context.board = board.board_id;
    context.arrays = board.arrays;
    context.array_rows = board.rows;
    context.array_cols = board.cols;
    context.dac_bits = board.dac_bits;
    context.adc_bits = board.adc_bits;
    return context;
  }
  /// Means over writings.
  Outcome truth(const TunedChoice& choice) const {
    Outcome outcome = by_law(numbers, matrix, board, choice);
    const double own = std::exp(lawless * normal_at(seed, key_of(Context{}, choice).low));
    outcome.error_p95 = outcome.error_median * own * std::exp(1.645 * scatter);
    outcome.error_median *= own;
    return outcome;
  }
};

/// The least objective value of all choices that truly meet the target; nothing where none does.
inline std::optional<double> oracle(const World& world, const Goal& goal, const Policy& policy = {}) {
  const Candidates candidates = candidates_for(world.board, Mask{}, policy);
  double least = std::numeric_limits<double>::infinity();
  for (TunedChoice choice : candidates.writings)
    for (const Conversion& conversion : candidates.conversions)
      for (const bool lambda : candidates.lambdas) {
        choice.choice.conversion = conversion;
        choice.adaptive_lambda = lambda;
        const Outcome outcome = world.truth(choice);
        if (outcome.arrays <= world.board.arrays && outcome.error_p95 <= *goal.target_error)
          least = std::min(least, objective_value(goal, outcome, world.board));
      }
  if (std::isinf(least)) return std::nullopt;
  return least;
}

/// What a run came to.
struct RunResult {
  double value = 0;  // everything, trials and rewriting included; cells: of the last choice
  std::uint64_t vectors = 0, off_target = 0;
  int products_off = 0;  // with more than 5 % of their vectors off target
  int writings = 0, products = 0;
  double pulses = 0;
  Proposal first, last;
};

/// One run of products of `each` vectors, all checked, as run_tuned does it. `disturb`: factor on the errors of a product, by its number
/// and by the products since the last writing.
template <class Disturb>
RunResult run_on(const World& world, Tuner& tuner, const Goal& goal, std::uint64_t number, std::uint64_t each, const Disturb& disturb) {
  RunResult result;
  tuner.begin_run();
  Result<Proposal> proposed = tuner.propose(world.context(), goal);
  if (!proposed.ok()) return result;
  result.first = *proposed;
  Proposal now = *proposed;
  double joules = 0, seconds = 0, of_writing = 1;
  int since = 0;
  std::vector<double> errors;  // of the stretch
  const auto write = [&](const Proposal& proposal) {
    const Outcome truth = world.truth(proposal.choice);
    joules += truth.programming_joules;
    seconds += truth.programming_seconds;
    result.pulses += truth.pulses;
    of_writing = std::exp(world.writing_scatter * normal_at(world.seed * 7919 + number, 500 + static_cast<std::uint64_t>(result.writings)));
    ++result.writings;
    since = 0;
  };
  bool observed = false;
  const auto observe = [&](const Proposal& proposal) {
    if (errors.empty()) return;
    Outcome found = world.truth(proposal.choice);
    std::sort(errors.begin(), errors.end());
    found.vectors = found.checked = errors.size();
    found.runs = observed ? 0 : 1;
    observed = true;
    found.error_median = errors[errors.size() / 2];
    found.error_p95 = errors[(errors.size() * 95 + 99) / 100 - 1];
    tuner.observe(world.context(), proposal.choice, found);
    errors.clear();
  };
  write(now);
  std::optional<Proposal> before;
  bool again = false;  // a product off target is made once more
  for (std::uint64_t first = 0; first < goal.horizon_vectors;) {
    const std::uint64_t count = std::min(each, goal.horizon_vectors - first);
    const Outcome truth = world.truth(now.choice);
    const bool trial = now.exploring && !now.reprogram;
    Moment moment;
    moment.vectors = again ? 0 : count;
    moment.checked = count;
    std::vector<double> these;
    for (std::uint64_t v = 0; v < count; ++v) {
      const double draw = normal_at(world.seed * 104729 + number, 1000 + first + v + (again ? 1u << 20 : 0u));
      const double error = truth.error_median * of_writing * disturb(result.products, since) * std::exp(world.scatter * draw);
      these.push_back(error);
      moment.off_target += goal.target_error && error > *goal.target_error ? 1 : 0;
    }
    errors.insert(errors.end(), these.begin(), these.end());
    std::sort(these.begin(), these.end());
    moment.error = these[these.size() / 2];
    joules += static_cast<double>(count) * truth.vector_joules;
    seconds += static_cast<double>(count) * truth.vector_seconds;
    const bool off = moment.off_target * 20 > count;
    const bool call = tuner.notice(moment) || trial;
    bool repeat = false;
    if (call) {
      observe(now);
      const Proposal tried = now;
      if (trial && off) {
        now = *before;
        repeat = true;
      } else {
        proposed = tuner.propose(world.context(), goal);
        if (!proposed.ok()) return result;
        if (!trial) before = tried;  // after trials one after another: what was in force before the first
        now = *proposed;
        if (now.reprogram) write(now);
        repeat = off && !again && !(now.choice == tried.choice && !now.reprogram);
      }
    }
    if (repeat) {
      again = true;
      continue;
    }
    again = false;
    ++result.products;
    ++since;
    result.products_off += off ? 1 : 0;
    result.vectors += count;
    result.off_target += moment.off_target;
    first += count;
  }
  observe(now);
  result.last = now;
  const double cells = world.truth(now.choice).arrays * world.board.rows * world.board.cols;
  result.value = goal.objective == Objective::energy ? joules : goal.objective == Objective::latency ? seconds : cells;
  return result;
}
inline RunResult run_on(const World& world, Tuner& tuner, const Goal& goal, std::uint64_t number, std::uint64_t each) {
  return run_on(world, tuner, goal, number, each, [](int, int) { return 1.0; });
}

}  // namespace sedma::runtime::testing

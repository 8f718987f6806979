// Conformance of order and concurrency: one array keeps the order of its commands, arrays do not know of each other, callers may be many.

#include <algorithm>
#include <atomic>
#include <thread>

#include "hal/conformance_internal.h"

namespace sedma::hal::conformance {
namespace {

constexpr std::uint32_t callers = 8;

/// The commands of one round: write, read, multiply; with everything that they point to.
struct Round {
  Written written;
  std::vector<std::int32_t> counts;
  std::vector<float> siemens, amps, scale;
  Drives drives;
  std::vector<Pending> pending;
};

/// Raw pulses that take every cell well away from where the other rounds leave it.
Command pulses_for(const Bench& bench, const Window& at, Round& round, bool up) {
  const auto ramp = static_cast<std::int32_t>(ramp_pulses(bench.board));
  round.counts.assign(at.size(), up ? (ramp + 1) / 2 : -ramp);
  return Pulse{at.array, {round.counts.data(), at.rows, at.cols}, at.row, at.col, bench.up(), bench.down()};
}

Status submit_round(Bench& bench, const Window& at, Round& round, std::size_t ordinal) {
  const bool high = ordinal % 2 == 0;
  round.written.target = flat(bench.board, at, high ? 0.9 : 0.2);
  const Command program =
      bench.board.has(Feature::verify_on_board) ? Command(make_program(bench, at, round.written, {})) : pulses_for(bench, at, round, high);
  round.drives = random_drives(bench, at, 2, 50 + ordinal);
  double largest = 0;
  for (const float v : round.drives.volts) largest = std::max(largest, std::abs(static_cast<double>(v)));
  round.scale.assign(1,
                     static_cast<float>(std::max(largest, bench.board.read_volts.max * 1e-3) * at.rows * bench.board.g_max_siemens * 1.5));
  const Command commands[] = {program, make_read(bench, at, round.siemens, bench.tolerances.repeats),
                              make_mvm(round.drives, round.scale, round.amps)};
  for (const Command& command : commands) {
    SEDMA_ASSIGN_OR_RETURN(Pending pending, bench.device().submit(command, patience));
    round.pending.push_back(std::move(pending));
  }
  return {};
}

/// A caller's turn in concurrent_callers: products of its own vectors, compared each time.
Status multiply_often(Bench& bench, const Cells& cells, std::uint64_t salt) {
  for (std::uint64_t turn = 0; turn < 12; ++turn) {
    const Drives drives = random_drives(bench, cells.window, 1 + turn % 3, salt * 100 + turn);
    const Expected expected = expect(bench, cells, drives);
    const std::vector<float> scale = fitted(bench, expected);
    SEDMA_ASSIGN_OR_RETURN(const std::vector<float> amps, multiply(bench, drives, scale));
    SEDMA_RETURN_IF_ERROR(check_product(bench, expected, scale, amps, fmt::format("caller {}", salt)));
    SEDMA_ASSIGN_OR_RETURN(const Cells again, measure(bench, cells.window));
    SEDMA_RETURN_IF_ERROR(check_unchanged(bench, cells, again, nullptr, fmt::format("caller {}", salt)));
  }
  return {};
}

/// Runs body(caller) on one thread each, all from the same moment on; the first failure.
template <class Body>
Status together(Body body) {
  std::vector<Status> verdicts(callers);
  std::atomic<std::uint32_t> ready{0};
  std::vector<std::thread> threads;
  threads.reserve(callers);
  for (std::uint32_t caller = 0; caller < callers; ++caller)
    threads.emplace_back([&, caller] {
      for (++ready; ready.load() < callers;) std::this_thread::yield();
      verdicts[caller] = body(caller);
    });
  for (std::thread& thread : threads) thread.join();
  for (const Status& verdict : verdicts) SEDMA_RETURN_IF_ERROR(verdict);
  return {};
}

/// The window of a caller: its own array where there are enough, and rows of its own.
Window caller_window(const Capabilities& board, std::uint32_t caller, bool one_array) {
  const std::uint32_t rows = std::max(std::min(board.rows / callers, 4u), 1u);
  Window at = window(board, rows, 3, one_array ? 0 : caller, 0, caller % 2);
  at.row = caller * rows % board.rows;
  return at;
}

}  // namespace

std::uint64_t order_cost(const Capabilities& board) { return 4 * write_cost(board, window(board, 9, 4).size()); }

Status order_in_one_array(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = window(bench.board, 9, 4, bench.board.arrays - 1);
  std::vector<Round> rounds(4);
  for (std::size_t i = 0; i < rounds.size(); ++i) SEDMA_RETURN_IF_ERROR(submit_round(bench, at, rounds[i], i));
  double before = 0;
  for (std::size_t i = 0; i < rounds.size(); ++i) {
    Round& round = rounds[i];
    for (Pending& pending : round.pending) SEDMA_RETURN_IF_ERROR(pending.wait(patience).status());
    const Cells cells = average(at, round.siemens);
    const std::string what = fmt::format("round {} of write, read, multiply in flight together", i);
    SEDMA_RETURN_IF_ERROR(check_product(bench, expect(bench, cells, round.drives), round.scale, round.amps, what));
    double mean = 0;
    for (const double siemens : cells.siemens) mean += siemens / static_cast<double>(cells.siemens.size());
    const double moved = (mean - before) / bench.board.g_range_siemens();
    if (i > 0 && !(i % 2 == 0 ? moved > 0.1 : moved < -0.1))
      return found("{}: its read finds the mean moved by {:.3f} of the range; its write went {}", what, moved, i % 2 == 0 ? "up" : "down");
    before = mean;
  }
  return {};
}

Status arrays_are_independent(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const std::uint32_t last = bench.board.arrays - 1;
  const Window first = window(bench.board, 9, 4, 0, 2, 1), other = window(bench.board, 9, 4, last, 2, 1);
  SEDMA_RETURN_IF_ERROR(write(bench, first, pattern(bench.board, first, 60)).status());
  SEDMA_ASSIGN_OR_RETURN(const Cells first_cells, measure(bench, first));
  SEDMA_ASSIGN_OR_RETURN(const Cells other_before, measure(bench, other));
  SEDMA_RETURN_IF_ERROR(write(bench, first, flat(bench.board, first, 0.8)).status());
  SEDMA_ASSIGN_OR_RETURN(const Cells other_after, measure(bench, other));
  SEDMA_RETURN_IF_ERROR(check_unchanged(bench, other_before, other_after, nullptr, "programming array 0"));
  SEDMA_ASSIGN_OR_RETURN(const Cells rewritten, measure(bench, first));
  SEDMA_RETURN_IF_ERROR(write(bench, other, pattern(bench.board, other, 61)).status());
  SEDMA_ASSIGN_OR_RETURN(const Cells first_after, measure(bench, first));
  SEDMA_RETURN_IF_ERROR(check_unchanged(bench, rewritten, first_after, nullptr, fmt::format("programming array {}", last)));
  SEDMA_RETURN_IF_ERROR(check_works(bench, first, "array 0"));
  return check_works(bench, other, fmt::format("array {}", last));
}

Status concurrent_callers(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  // Callers beyond the rows of a small board share rows and only read; the others program rows of their own, at the same time.
  const std::uint32_t writers = std::min(callers, bench.board.rows);
  for (const bool one_array : {false, true}) {
    const Status wrote = together([&](std::uint32_t caller) -> Status {
      if (caller >= writers) return {};
      const Window at = caller_window(bench.board, caller, one_array);
      return write(bench, at, pattern(bench.board, at, 70 + caller)).status();
    });
    SEDMA_RETURN_IF_ERROR(wrote.with_context("callers that program rows of their own"));
    const Status multiplied = together([&](std::uint32_t caller) -> Status {
      SEDMA_ASSIGN_OR_RETURN(const Cells cells, measure(bench, caller_window(bench.board, caller, one_array)));
      return multiply_often(bench, cells, caller);
    });
    SEDMA_RETURN_IF_ERROR(multiplied.with_context(one_array ? "callers on one array" : "callers on several arrays"));
  }
  return {};
}

}  // namespace sedma::hal::conformance

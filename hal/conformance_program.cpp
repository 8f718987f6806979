// Conformance of writing: windows, masks, erase, raw pulses, write-verify on the host.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <numeric>

#include "hal/conformance_internal.h"
#include "hal/verify.h"

namespace sedma::hal::conformance {
namespace {

std::string_view name(Outcome outcome) {
  switch (outcome) {
    case Outcome::converged: return "converged";
    case Outcome::too_low: return "too_low";
    case Outcome::too_high: return "too_high";
    case Outcome::masked: return "masked";
    case Outcome::out_of_budget: return "out_of_budget";
  }
  return "unknown";
}

std::uint64_t sum(const std::vector<std::uint32_t>& pulses) { return std::accumulate(pulses.begin(), pulses.end(), std::uint64_t{0}); }

/// One cell's outcome against its target and read-back.
Status check_cell(const Written& written, std::size_t i, const Window& at, std::uint32_t limit) {
  const double target = static_cast<double>(written.target[i]), read = static_cast<double>(written.readback[i]);
  const double tolerance = static_cast<double>(written.tolerance_siemens) * (1 + 1e-5);
  const Outcome outcome = written.outcome[i];
  const bool consistent = outcome == Outcome::converged  ? std::abs(read - target) <= tolerance
                          : outcome == Outcome::too_low  ? read < target
                          : outcome == Outcome::too_high ? read > target
                                                         : outcome == Outcome::out_of_budget;
  if (!consistent)
    return found("cell ({}, {}): outcome {}, read back {} S, target {} S, tolerance {} S", at.row + i / at.cols, at.col + i % at.cols,
                 name(outcome), read, target, written.tolerance_siemens);
  if (written.pulses[i] > limit) return found("cell {} took {} pulses; at most {} were allowed", i, written.pulses[i], limit);
  return {};
}

/// Outcomes, counts and read-backs agree with each other.
Status check_written(const Written& written, const Window& at, std::uint32_t limit, const std::uint8_t* mask) {
  std::uint64_t unconverged = 0;
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (mask != nullptr && mask[i] != 0) {
      if (written.outcome[i] != Outcome::masked || written.pulses[i] != 0)
        return found("masked cell {} has outcome {} and {} pulses", i, name(written.outcome[i]), written.pulses[i]);
      continue;
    }
    SEDMA_RETURN_IF_ERROR(check_cell(written, i, at, limit));
    unconverged += written.outcome[i] != Outcome::converged ? 1 : 0;
  }
  if (written.completion.unconverged != unconverged)
    return found("completion counts {} unconverged cells, the outcomes {}", written.completion.unconverged, unconverged);
  if (written.completion.stats.pulses != sum(written.pulses))
    return found("stats count {} pulses, the cells {}", written.completion.stats.pulses, sum(written.pulses));
  return {};
}

/// Measured cells are where the programming says they are; at least one must have converged, or nothing was seen.
Status check_cells(const Bench& bench, const Written& written, const Cells& cells) {
  std::size_t converged = 0;
  for (std::size_t i = 0; i < cells.siemens.size(); ++i) {
    if (written.outcome[i] == Outcome::masked) continue;
    const double read = cells.siemens[i], back = static_cast<double>(written.readback[i]), target = static_cast<double>(written.target[i]);
    // The read-back is one read, the measurement an average: the difference of two single reads bounds theirs.
    const double noise = bench.tolerances.same_cell(std::max(read, back)) +
                         bench.tolerances.deviations * bench.tolerances.read_sigma * std::max(read, back) * std::sqrt(2.0);
    if (std::abs(read - back) > noise)
      return found("cell {} reads {} S after a read-back of {} S; read noise allows {} S", i, read, back, noise);
    if (written.outcome[i] != Outcome::converged) continue;
    ++converged;
    if (std::abs(read - target) > static_cast<double>(written.tolerance_siemens) + noise)
      return found("cell {} reads {} S; its target was {} +- {} S, noise {} S", i, read, target, written.tolerance_siemens, noise);
  }
  if (converged == 0) return found("not one of {} cells converged", cells.siemens.size());
  return {};
}

/// Of the four fifths of the cells with the smallest errors: one stuck cell would outweigh all others.
double root_mean_square(const Written& written, const Cells& cells) {
  std::vector<double> squares;
  for (std::size_t i = 0; i < cells.siemens.size(); ++i) {
    const double error = cells.siemens[i] - static_cast<double>(written.target[i]);
    squares.push_back(error * error);
  }
  std::sort(squares.begin(), squares.end());
  squares.resize(std::max<std::size_t>(squares.size() * 4 / 5, 1));
  return std::sqrt(std::accumulate(squares.begin(), squares.end(), 0.0) / static_cast<double>(squares.size()));
}

double mean_fraction(const Bench& bench, const Cells& cells) {
  const double total = std::accumulate(cells.siemens.begin(), cells.siemens.end(), 0.0);
  return (total / static_cast<double>(cells.siemens.size()) - bench.board.g_min_siemens) / bench.board.g_range_siemens();
}

/// Gives `count` pulses to every cell of `at` and checks what the command says it cost.
Status pulse_all(Bench& bench, const Window& at, std::int32_t count) {
  const std::vector<std::int32_t> counts(at.size(), count);
  const Pulse pulse{at.array, {counts.data(), at.rows, at.cols}, at.row, at.col, bench.up(), bench.down()};
  SEDMA_ASSIGN_OR_RETURN(const Completion done, bench.device().run(pulse, patience));
  const std::uint64_t asked = at.size() * static_cast<std::uint64_t>(std::abs(count));
  if (done.stats.pulses != asked) return found("{} raw pulses were asked for, stats count {}", asked, done.stats.pulses);
  return {};
}

Result<double> fraction_after(Bench& bench, const Window& at, std::int32_t count) {
  SEDMA_RETURN_IF_ERROR(pulse_all(bench, at, count));
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, measure(bench, at));
  return mean_fraction(bench, cells);
}

}  // namespace

Status program_and_read_back(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = window(bench.board, 32, 20);
  SEDMA_ASSIGN_OR_RETURN(const Written written, write(bench, at, pattern(bench.board, at, 3), {.fine = true}));
  SEDMA_RETURN_IF_ERROR(check_written(written, at, most_pulses(bench.board), nullptr));
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, measure(bench, at));
  return check_cells(bench, written, cells);
}

std::vector<Window> corner_windows(const Capabilities& board) {
  const std::uint32_t far = 0xFFFFFFFF;  // window() moves it inside
  std::vector<Window> corners;
  for (const auto& [row, col] : {std::pair{0u, 0u}, {0u, far}, {far, 0u}, {far, far}, {1u, 3u}, {board.rows / 2, board.cols / 3}})
    corners.push_back(window(board, 3, 2, 0, row, col));
  return corners;
}

Status windows_at_corners(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  double fraction = 0.9;
  for (const Window& at : corner_windows(bench.board)) {
    const Window around = grown(bench.board, at, 3);
    SEDMA_ASSIGN_OR_RETURN(const Cells before, measure(bench, around));
    SEDMA_ASSIGN_OR_RETURN(const Written written, write(bench, at, flat(bench.board, at, fraction)));
    SEDMA_ASSIGN_OR_RETURN(const Cells after, measure(bench, around));
    const std::string what = fmt::format("programming a {} x {} window at ({}, {})", at.rows, at.cols, at.row, at.col);
    SEDMA_RETURN_IF_ERROR(check_unchanged(bench, before, after, &at, what));
    SEDMA_ASSIGN_OR_RETURN(const Cells inside, measure(bench, at));
    SEDMA_RETURN_IF_ERROR(check_cells(bench, written, inside).with_context(what));
    SEDMA_RETURN_IF_ERROR(check_written(written, at, most_pulses(bench.board), nullptr).with_context(what));
    fraction = 1.5 - fraction;  // 0.9, 0.6: overlapping windows must move
  }
  return {};
}

Status mask_is_honoured(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = window(bench.board, 6, 5);
  SEDMA_ASSIGN_OR_RETURN(const Written first, write(bench, at, flat(bench.board, at, 0.3)));
  SEDMA_RETURN_IF_ERROR(check_written(first, at, most_pulses(bench.board), nullptr));
  SEDMA_ASSIGN_OR_RETURN(const Cells before, measure(bench, at));
  std::vector<std::uint8_t> mask(at.size());
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = (i / at.cols + i % at.cols) % 2 == 0 ? 0 : static_cast<std::uint8_t>(1 + i);
  for (const bool erase : {false, true}) {
    const std::vector<float> target = flat(bench.board, at, erase ? 0.5 : 0.9);
    SEDMA_ASSIGN_OR_RETURN(const Written written, write(bench, at, target, {.erase = erase, .mask = mask.data()}));
    const std::uint32_t limit = most_pulses(bench.board) + (erase ? 2 * ramp_pulses(bench.board) : 0);
    SEDMA_RETURN_IF_ERROR(check_written(written, at, limit, mask.data()));
    SEDMA_ASSIGN_OR_RETURN(Cells after, measure(bench, at));
    SEDMA_RETURN_IF_ERROR(check_cells(bench, written, after));
    for (std::size_t i = 0; i < mask.size(); ++i)
      if (mask[i] == 0) after.siemens[i] = before.siemens[i];
    SEDMA_RETURN_IF_ERROR(check_unchanged(bench, before, after, nullptr, erase ? "masked cells under erase" : "masked cells"));
  }
  return {};
}

Status erase_brings_cells_down(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = window(bench.board, 6, 5);
  SEDMA_RETURN_IF_ERROR(write(bench, at, flat(bench.board, at, 0.9)).status());
  SEDMA_ASSIGN_OR_RETURN(const Cells high, measure(bench, at));
  // One pulse a cell cannot bring it down: what does is the erase, which this limit does not bind.
  SEDMA_ASSIGN_OR_RETURN(const Written written, write(bench, at, flat(bench.board, at, 0), {.erase = true, .most_pulses = 1, .passes = 1}));
  SEDMA_ASSIGN_OR_RETURN(const Cells low, measure(bench, at));
  if (written.completion.stats.pulses != sum(written.pulses))
    return found("stats count {} pulses, the cells {}", written.completion.stats.pulses, sum(written.pulses));
  const double before = mean_fraction(bench, high), after = mean_fraction(bench, low);
  if (!(before > 0.6 && after < 0.25))
    return found("erase took the cells from {:.3f} to {:.3f} of the range; 0 was asked for", before, after);
  return {};
}

std::uint64_t raw_pulses_cost(const Capabilities& board) {
  const std::uint64_t ramp = ramp_pulses(board);
  return window(board, 5, 4).size() * (ramp + 2 * ((ramp + 1) / 2));
}

Status raw_pulses_move_cells(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = window(bench.board, 5, 4), around = grown(bench.board, at, 2);
  const auto ramp = static_cast<std::int32_t>(ramp_pulses(bench.board));
  SEDMA_ASSIGN_OR_RETURN(const Cells outside, measure(bench, around));
  SEDMA_ASSIGN_OR_RETURN(const double bottom, fraction_after(bench, at, -ramp));
  SEDMA_ASSIGN_OR_RETURN(const double middle, fraction_after(bench, at, (ramp + 1) / 2));
  SEDMA_ASSIGN_OR_RETURN(const double again, fraction_after(bench, at, 0));
  SEDMA_ASSIGN_OR_RETURN(const double low, fraction_after(bench, at, -(ramp + 1) / 2));
  SEDMA_ASSIGN_OR_RETURN(const Cells after, measure(bench, around));
  SEDMA_RETURN_IF_ERROR(check_unchanged(bench, outside, after, &at, "raw pulses"));
  if (std::abs(again - middle) > bench.tolerances.same_cell(bench.board.g_max_siemens) / bench.board.g_range_siemens())
    return found("0 pulses took the mean from {:.4f} to {:.4f} of the range", middle, again);
  // Half a ramp is half the range for a linear cell; a strongly bent response still covers a tenth of it.
  if (!(middle - bottom > 0.1 && again - low > 0.1))
    return found("mean of the range: {:.3f} after {} down, {:.3f} after {} up, {:.3f} after as many down", bottom, ramp, middle,
                 (ramp + 1) / 2, low);
  return {};
}

Status host_write_verify(Bench& bench) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  const Window at = window(bench.board, 8, 5);
  Written host;
  host.target = pattern(bench.board, at, 5);
  const Program program = make_program(bench, at, host, {.fine = true});
  const auto count = [&](float from, float to) { return linear_pulses(bench.board, from, to); };
  auto done = write_verify(bench.device(), program, bench.up(), bench.down(), bench.read_volts(), count, patience);
  if (!done.ok()) return done.status().with_context("write-verify on the host");
  host.completion = *done;
  SEDMA_RETURN_IF_ERROR(check_written(host, at, most_pulses(bench.board), nullptr));
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, measure(bench, at));
  SEDMA_RETURN_IF_ERROR(check_cells(bench, host, cells));
  if (!bench.board.has(Feature::verify_on_board)) return {};
  SEDMA_RETURN_IF_ERROR(bench.open());
  SEDMA_ASSIGN_OR_RETURN(const Written board, write(bench, at, host.target, {.fine = true}));
  SEDMA_ASSIGN_OR_RETURN(const Cells board_cells, measure(bench, at));
  const double by_host = root_mean_square(host, cells), by_board = root_mean_square(board, board_cells);
  // Two loops of 32 cells each: their rms scatter by sqrt(1/64) each; a factor of two is far outside of it.
  if (by_host > 2 * by_board + bench.tolerances.program_siemens)
    return found("write-verify on the host leaves {} S rms, the board {} S, tolerance {} S", by_host, by_board,
                 bench.tolerances.program_siemens);
  return {};
}

}  // namespace sedma::hal::conformance

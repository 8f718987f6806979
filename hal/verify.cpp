#include "hal/verify.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace sedma::hal {
namespace {

constexpr double most_counts = 2147483647;  // of one Pulse

/// One cell on its way to its target.
struct Cell {
  std::uint32_t adjusting = 0, erasing = 0;  ///< pulses given
  float read = 0;                            ///< the last read that decided
  bool active = true;
  Outcome outcome = Outcome::masked;
};

class Loop {
 public:
  Loop(Device& device, const Program& program, const Drive& up, const Drive& down, double read_volts, const PulseCount& count,
       Clock::time_point until)
      : device_(device), program_(program), up_(up), down_(down), read_volts_(read_volts), count_(count), until_(until) {
    const std::size_t cells = program.siemens.size();
    cells_.resize(cells);
    read_.resize(cells);
    counts_.resize(cells);
    for (std::size_t i = 0; i < cells; ++i) cells_[i].active = program.mask.empty() || program.mask(row(i), col(i)) == 0;
  }

  Result<Completion> run() {
    Status status = read();
    if (status.ok()) keep_masked_reads();
    if (status.ok() && program_.erase) status = erase();
    for (std::uint32_t pass = 0; status.ok(); ++pass) {
      if (!decide(pass == program_.passes)) break;
      status = step();
      if (status.ok()) status = read();
    }
    report();
    if (!status.ok()) return status;
    total_.unconverged = static_cast<std::uint64_t>(std::count_if(cells_.begin(), cells_.end(), [](const Cell& cell) {
      return cell.outcome != Outcome::converged && cell.outcome != Outcome::masked;
    }));
    return total_;
  }

 private:
  std::size_t row(std::size_t i) const { return i / program_.siemens.cols; }
  std::size_t col(std::size_t i) const { return i % program_.siemens.cols; }
  float target(std::size_t i) const { return program_.siemens(row(i), col(i)); }

  /// Adds what the command cost; of reads all energy is that of verifying.
  Status submit(const Command& command) {
    const auto left = until_ - Clock::now();
    if (left <= Clock::duration::zero())
      return fail(Code::deadline_exceeded, "write-verify: no time is left for another {}", name(command));
    auto done = device_.run(command, left);
    if (!done.ok()) return done.status().with_context(fmt::format("write-verify: {} in round {}", name(command), rounds_));
    if (std::holds_alternative<Read>(command)) {
      Joules verify;
      verify.verify = done->stats.joules.total();
      done->stats.joules = verify;
    }
    total_.stats += done->stats;
    total_.temperature_kelvin = done->temperature_kelvin;
    return {};
  }

  /// Reads the window; each round draws read noise of its own.
  Status read() {
    Read command;
    command.array = program_.array;
    command.siemens = {read_.data(), program_.siemens.rows, program_.siemens.cols};
    command.row = program_.row;
    command.col = program_.col;
    command.rows = static_cast<std::uint32_t>(program_.siemens.rows);
    command.cols = static_cast<std::uint32_t>(program_.siemens.cols);
    command.volts = read_volts_;
    command.stream = program_.stream + (++rounds_) * 0x9E3779B97F4A7C15u;
    SEDMA_RETURN_IF_ERROR(submit(command));
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (cells_[i].active) cells_[i].read = read_[i];
    return {};
  }

  void keep_masked_reads() {
    for (std::size_t i = 0; i < cells_.size(); ++i)
      if (!cells_[i].active) cells_[i].read = read_[i];
  }

  /// A full ramp at most, by the cell's own read; then everything is read again.
  Status erase() {
    const Capabilities& board = device_.capabilities();
    const auto bottom = static_cast<float>(board.g_min_siemens);
    const double ramp = board.ramp_down() != 0 ? board.ramp_down() : program_.max_pulses_per_cell;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      counts_[i] = 0;
      if (!cells_[i].active || !(cells_[i].read > bottom)) continue;
      const double pulses = std::clamp(std::ceil(std::abs(count_(cells_[i].read, bottom))), 0.0, ramp);
      counts_[i] = -static_cast<std::int32_t>(std::min(pulses, most_counts));
    }
    SEDMA_RETURN_IF_ERROR(pulse(&Cell::erasing));
    return read();
  }

  bool within(std::size_t i) const { return std::abs(cells_[i].read - target(i)) <= program_.tolerance_siemens; }

  /// Settles the cells that are done, all of them after the last read; false if none is left to pulse.
  bool decide(bool last) {
    bool any = false;
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      Cell& cell = cells_[i];
      if (!cell.active) continue;
      const bool spent = cell.adjusting >= program_.max_pulses_per_cell;
      cell.outcome = within(i)               ? Outcome::converged
                     : spent                 ? Outcome::out_of_budget
                     : cell.read < target(i) ? Outcome::too_low
                                             : Outcome::too_high;
      cell.active = !within(i) && !spent && !last;
      any = any || cell.active;
    }
    return any;
  }

  /// The damped step of every active cell.
  Status step() {
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      counts_[i] = 0;
      Cell& cell = cells_[i];
      if (!cell.active) continue;
      const double left = std::min(static_cast<double>(program_.max_pulses_per_cell - cell.adjusting), most_counts);
      const double asked = std::abs(count_(cell.read, target(i))) * static_cast<double>(program_.schedule.step_fraction);
      const double pulses = std::clamp(std::nearbyint(std::isfinite(asked) ? asked : left), 1.0, left);
      counts_[i] = static_cast<std::int32_t>(target(i) > cell.read ? pulses : -pulses);
    }
    return pulse(&Cell::adjusting);
  }

  Status pulse(std::uint32_t Cell::*account) {
    if (std::all_of(counts_.begin(), counts_.end(), [](std::int32_t n) { return n == 0; })) return {};
    const View<const std::int32_t> counts(counts_.data(), program_.siemens.rows, program_.siemens.cols);
    SEDMA_RETURN_IF_ERROR(submit(Pulse{program_.array, counts, program_.row, program_.col, up_, down_}));
    for (std::size_t i = 0; i < cells_.size(); ++i) cells_[i].*account += static_cast<std::uint32_t>(std::abs(counts_[i]));
    return {};
  }

  /// Fills the optional outputs, also after a failure: what was given is given.
  void report() const {
    for (std::size_t i = 0; i < cells_.size(); ++i) {
      const Cell& cell = cells_[i];
      if (!program_.readback_siemens.empty()) program_.readback_siemens(row(i), col(i)) = cell.read;
      if (!program_.pulses.empty()) program_.pulses(row(i), col(i)) = cell.adjusting + cell.erasing;
      if (!program_.outcome.empty()) program_.outcome(row(i), col(i)) = cell.outcome;
    }
  }

  Device& device_;
  const Program& program_;
  const Drive up_, down_;
  const double read_volts_;
  const PulseCount& count_;
  const Clock::time_point until_;
  std::vector<Cell> cells_;
  std::vector<float> read_;
  std::vector<std::int32_t> counts_;
  std::uint64_t rounds_ = 0;
  Completion total_;
};

}  // namespace

Result<Completion> write_verify(Device& device, const Program& program, const Drive& up, const Drive& down, double read_volts,
                                const PulseCount& count, std::chrono::nanoseconds deadline) {
  if (!count) return fail(Code::invalid_argument, "write-verify: a pulse response is needed");
  if (deadline <= std::chrono::nanoseconds::zero())
    return fail(Code::invalid_argument, "write-verify: deadline = {} ns; a time > 0 is needed", deadline.count());
  if (!device.capabilities().has(Feature::raw_pulses))
    return fail(Code::unsupported, "write-verify: board '{}' has no raw_pulses", device.capabilities().board_id);
  Capabilities able = device.capabilities();  // the same checks as of a board that verifies by itself
  able.features |= static_cast<std::uint32_t>(Feature::verify_on_board);
  SEDMA_RETURN_IF_ERROR(validate(program, able));
  const auto now = Clock::now();
  const auto until = deadline > Clock::time_point::max() - now ? Clock::time_point::max() : now + deadline;
  return Loop(device, program, up, down, read_volts, count, until).run();
}

}  // namespace sedma::hal

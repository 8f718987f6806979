#pragma once
// A device model's energy and time, as bounds and as exact figures.

#include <cstdint>

#include "runtime/board_time.h"
#include "runtime/cost_forecast.h"

namespace sedma::runtime {

/// What a board can spend at most on each command, and what a product spends whatever is in the cells.
class CostModel {
 public:
  /// `device` must outlive it.
  CostModel(const DeviceModel& device, const hal::Capabilities& board, const Choice& choice);

  /// Pulses of one write of one cell at most, with or without the erase before it.
  std::uint64_t cell_pulses(bool erase) const noexcept;
  /// Program of `cells` cells on `word_lines` lines.
  StageForecast program(std::uint64_t cells, std::uint32_t word_lines, std::uint32_t bit_lines, bool erase) const;
  /// Read of a whole window, `choice.read_repeats` times.
  StageForecast read(std::uint32_t rows, std::uint32_t cols) const;
  /// Mvm of `vectors` vectors of which each drives `driven` lines of the window with up to the full voltage.
  StageForecast product(const WindowWork& window, std::uint64_t vectors, std::uint64_t driven) const;
  /// The part of it that is the same for all values: converters and time.
  StageForecast product_overhead(const WindowWork& window, std::uint64_t vectors) const;
  bool line_drop() const noexcept { return line_drop_; }

 private:
  double word_joules(double volts) const noexcept { return word_farads_ * volts * volts; }

  const DeviceModel& device_;
  const kernels::Material& material_;
  std::uint32_t board_cols_, repeats_, passes_;
  std::uint64_t budget_ = 0, ramp_ = 0, longest_step_ = 0;
  double word_farads_, bit_farads_;
  kernels::Encoding encoding_;
  bool line_drop_;
};

StageForecast& operator+=(StageForecast& a, const StageForecast& b);
/// `times` of it, one after the other.
StageForecast repeated(StageForecast one, std::uint64_t times);

/// Adds up a workload from what one window costs: writing, and one vector's product.
template <class Write, class Multiply>
RunForecast add_windows(const Workload& work, const hal::Capabilities& board, const Write& write, const Multiply& multiply) {
  RunForecast run;
  BoardTime programming(board), multiplying(board);
  for (std::size_t k = 0; k < work.windows.size(); ++k) {
    const WindowWork& window = work.windows[k];
    StageForecast written = write(window), multiplied = multiply(window);
    programming.add(window.array, written.seconds);
    multiplying.add(window.array, multiplied.seconds);
    written.seconds = multiplied.seconds = 0;
    run.programming += written;
    run.multiplying += multiplied;
    const WindowWork* next = k + 1 < work.windows.size() ? &work.windows[k + 1] : nullptr;
    if (next == nullptr || next->turn != window.turn || next->slice != window.slice) run.programming.seconds += programming.finish();
    if (next == nullptr || next->turn != window.turn) run.multiplying.seconds += multiplying.finish();
  }
  run.programming = repeated(run.programming, work.programmings);
  run.multiplying = repeated(run.multiplying, work.vectors);
  return run;
}

}  // namespace sedma::runtime

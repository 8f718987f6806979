#include "runtime/cost_model.h"

#include <algorithm>
#include <cmath>

namespace sedma::runtime {
namespace {

// A board may add a cell's energies up as floats.
constexpr double rounding = 1.001;

double number(std::uint64_t count) noexcept { return static_cast<double>(count); }
double squared(double value) noexcept { return value * value; }

}  // namespace

StageForecast& operator+=(StageForecast& a, const StageForecast& b) {
  a.pulses += b.pulses;
  a.joules += b.joules;
  a.seconds += b.seconds;
  return a;
}

StageForecast repeated(StageForecast one, std::uint64_t times) {
  const double factor = number(times);
  one.pulses *= times;
  one.seconds *= factor;
  for (double hal::Joules::*part : {&hal::Joules::cells, &hal::Joules::lines, &hal::Joules::dac, &hal::Joules::adc, &hal::Joules::verify})
    one.joules.*part *= factor;
  return one;
}

CostModel::CostModel(const DeviceModel& device, const hal::Capabilities& board, const Choice& choice)
    : device_(device),
      material_(device.cell.material),
      board_cols_(board.cols),
      repeats_(choice.read_repeats),
      passes_(choice.passes),
      word_farads_(device_.wire_farads * board.cols),
      bit_farads_(device_.wire_farads * board.rows),
      encoding_(choice.encoding),
      line_drop_(board.has(hal::Feature::line_drop)) {
  if (device_.ideal_writing) return;
  budget_ = choice.max_pulses_per_cell != 0 ? choice.max_pulses_per_cell : 8 * std::uint64_t{board.levels};
  ramp_ = material_.levels_down;
  // A step asks for its fraction of the way between two conductances, of a full ramp at most, and is rounded.
  const double asked =
      std::ceil(static_cast<double>(choice.step_fraction) * number(std::max(material_.levels_up, material_.levels_down))) + 1;
  longest_step_ = std::min(budget_, static_cast<std::uint64_t>(asked));
}

std::uint64_t CostModel::cell_pulses(bool erase) const noexcept { return budget_ + (erase ? ramp_ : 0); }

// In every pass a line's cells are read one after the other, then those that must rise get their pulses and those that must fall.
StageForecast CostModel::program(std::uint64_t cells, std::uint32_t word_lines, std::uint32_t bit_lines, bool erase) const {
  StageForecast most;
  if (device_.ideal_writing || cells == 0) return most;
  const double up = squared(material_.write_up_volts), down = squared(material_.write_down_volts), loudest = std::max(up, down);
  const double budget = number(cells) * number(budget_), erased = erase ? number(cells) * number(ramp_) : 0;
  const double lines = word_lines, reads = number(passes_) + 1, width = material_.write_width_seconds;
  most.pulses = cells * cell_pulses(erase);
  most.joules.cells = (budget * loudest + erased * down) * device_.most_siemens * width * rounding;
  const double selects = lines * (2.0 * passes_ + (erase ? 1 : 0));
  most.joules.lines = bit_farads_ * (budget * loudest + erased * down) + word_joules(std::sqrt(loudest)) * selects;
  most.joules.verify = number(cells) * reads *
                           (squared(material_.read_volts) * device_.most_siemens * material_.read_seconds * rounding + device_.adc_joules) +
                       lines * reads * (device_.dac_joules + word_joules(material_.read_volts));
  const double steps = std::min(2.0 * passes_ * number(longest_step_), number(bit_lines) * number(budget_));
  const double train = steps + (erase ? number(ramp_) : 0);
  most.seconds = lines *
                 (train * width + reads * (material_.read_seconds + std::min(bit_lines, device_.columns_per_adc) * device_.adc_seconds)) *
                 rounding;
  return most;
}

StageForecast CostModel::read(std::uint32_t rows, std::uint32_t cols) const {
  StageForecast most;
  const double lines = number(repeats_) * rows, cells = lines * cols;
  most.joules.cells = cells * squared(material_.read_volts) * device_.most_siemens * material_.read_seconds * rounding;
  most.joules.lines = lines * word_joules(material_.read_volts);
  most.joules.dac = lines * device_.dac_joules;
  most.joules.adc = cells * device_.adc_joules;
  most.seconds = lines * (material_.read_seconds + std::min(cols, device_.columns_per_adc) * device_.adc_seconds) * rounding;
  return most;
}

StageForecast CostModel::product_overhead(const WindowWork& window, std::uint64_t vectors) const {
  const bool pair = encoding_ == kernels::Encoding::pair;
  const std::uint32_t outputs = pair ? window.cols / 2 : window.cols - 1;
  std::uint32_t share = std::min(pair ? window.cols : outputs, device_.columns_per_adc);
  if (pair) share = (share + 1) / 2;
  StageForecast cost;
  cost.joules.dac = number(vectors) * window.rows * device_.dac_joules;
  cost.joules.adc = number(vectors) * outputs * device_.adc_joules;
  cost.seconds = number(vectors) * (material_.read_seconds + share * device_.adc_seconds);
  return cost;
}

// Where lines have resistance a driven line never gives more than its cells would without it; but all of them, inside the window and out.
StageForecast CostModel::product(const WindowWork& window, std::uint64_t vectors, std::uint64_t driven) const {
  StageForecast most = product_overhead(window, vectors);
  const double lines = number(vectors) * number(driven), volts = squared(material_.read_volts);
  const double bent = 1 + device_.cubic_per_square_volt * volts;
  most.joules.cells =
      lines * (line_drop_ ? board_cols_ : window.cols) * volts * bent * device_.most_siemens * material_.read_seconds * rounding;
  most.joules.lines = lines * word_joules(material_.read_volts) * rounding;
  most.seconds *= rounding;
  return most;
}

}  // namespace sedma::runtime

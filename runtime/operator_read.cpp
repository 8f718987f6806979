#include "runtime/operator_read.h"

#include <algorithm>

namespace sedma::runtime {
namespace {

// Converter range over what one cell gives: room for read noise, spread and the converter's own error.
constexpr double room = 1.1;

std::size_t outputs_on(const Placement& placement, kernels::Encoding encoding) {
  return kernels::outputs_of(encoding, static_cast<std::uint32_t>(placement.bit_lines.size()));
}

}  // namespace

OperatorRead::OperatorRead(hal::Device& device, const Placement& placement, kernels::Encoding encoding, std::uint32_t repeats)
    : encoding_(encoding),
      inputs_(placement.word_lines.size()),
      outputs_(outputs_on(placement, encoding)),
      repeats_(repeats),
      volts_(device.capabilities().read_volts.max),
      product_(device, placement, encoding, inputs_ * repeats) {
  const hal::Capabilities& board = device.capabilities();
  // Lines that the board subtracts leave the difference of two cells; others carry a whole cell.
  const bool subtracts = board.has(hal::Feature::analog_subtract);
  const double largest = subtracts ? board.g_range_siemens() : board.g_max_siemens;
  full_scale_.assign(subtracts ? outputs_ : placement.bit_lines.size(), static_cast<float>(largest * volts_ * room));
  std::vector<float> volts(inputs_, 0.0f);
  for (std::size_t k = 0; k < inputs_ * repeats; ++k) {
    std::fill(volts.begin(), volts.end(), 0.0f);
    volts[k % inputs_] = static_cast<float>(volts_);
    product_.set_volts(k, volts);
  }
}

Status OperatorRead::submit(std::uint64_t stream, std::chrono::nanoseconds deadline) {
  return product_.submit(full_scale_, stream, 0, deadline);
}

Status OperatorRead::finish(StageCost& cost, double& seconds, const Poll& poll) { return product_.finish(cost, seconds, poll); }

std::vector<double> OperatorRead::values(const kernels::Window& window, std::span<const double> unit) const {
  const double per_unit = kernels::amps_per_unit(encoding_, window, volts_) * repeats_;
  std::vector<double> values(outputs_ * inputs_, 0.0);
  for (std::size_t k = 0; k < inputs_ * repeats_; ++k)
    for (std::size_t i = 0; i < outputs_; ++i) values[i * inputs_ + k % inputs_] += product_.amps(k, i) / per_unit * unit[i];
  return values;
}

std::vector<double> output_gains(std::span<const double> wanted, std::span<const double> found, std::size_t outputs) {
  const std::size_t inputs = wanted.size() / outputs;
  std::vector<double> gains(outputs, 1.0);
  for (std::size_t i = 0; i < outputs; ++i) {
    double across = 0, squares = 0;
    for (std::size_t j = i * inputs; j < (i + 1) * inputs; ++j) {
      across += wanted[j] * found[j];
      squares += found[j] * found[j];
    }
    if (across > 0) gains[i] = across / squares;
  }
  return gains;
}

}  // namespace sedma::runtime

#include <algorithm>

#include "runtime/conversion.h"
#include "runtime/window.h"

namespace sedma::runtime {
namespace {

using kernels::Encoding;

// Lines that are not subtracted carry the currents of all their cells, whatever these hold: they have a range in any case.
double smallest_full_scale(const hal::Capabilities& board, Encoding encoding) {
  if (!board.has(hal::Feature::analog_subtract)) return 0;
  return kernels::least_full_scale(encoding, {board.g_min_siemens, board.g_max_siemens}, board.read_volts.max);
}

std::vector<double> scales_of(const Conversion& conversion) {
  std::vector<double> scales;
  for (std::uint32_t k = 0; k < conversion.repeats; ++k) scales.push_back(repeat_scale(conversion, k));
  return scales;
}

}  // namespace

WindowProduct::WindowProduct(hal::Device& device, const Placement& placement, Encoding encoding, std::size_t batch,
                             const Conversion& conversion)
    : device_(&device),
      map_(placement),
      encoding_(encoding),
      analog_subtract_(device.capabilities().has(hal::Feature::analog_subtract)),
      headroom_(conversion.headroom),
      least_full_scale_(smallest_full_scale(device.capabilities(), encoding)),
      scales_(scales_of(conversion)),
      products_(batch * scales_.size()),
      outputs_(!analog_subtract_            ? map_.cols
               : encoding == Encoding::pair ? map_.cols / 2
                                            : map_.cols - 1),
      volts_(products_ * map_.rows, 0.0f),
      amps_(products_ * outputs_, 0.0f) {}

void WindowProduct::set_volts(std::size_t b, std::span<const float> volts) {
  float* row = volts_.data() + b * scales_.size() * map_.rows;
  for (const double scale : scales_) {
    const auto factor = static_cast<float>(scale);
    for (std::size_t j = 0; j < volts.size(); ++j) row[map_.word_offsets[j]] = volts[j] * factor;
    row += map_.rows;
  }
}

std::size_t WindowProduct::converted(std::size_t line) const {
  const std::size_t offset = map_.bit_offsets[line];
  return analog_subtract_ && encoding_ == Encoding::pair ? offset / 2 : offset;
}

Status WindowProduct::submit(std::span<const float> full_scale_amps, std::uint64_t stream, std::uint64_t vector,
                             std::chrono::nanoseconds deadline) {
  const auto range = [&](float amps) { return static_cast<float>(std::max(static_cast<double>(amps) * headroom_, least_full_scale_)); };
  full_scale_.assign(outputs_, range(full_scale_amps.front()));  // holes get any range: their outputs are ignored
  const std::size_t lines_each = analog_subtract_ && encoding_ == Encoding::pair ? 2 : 1;
  for (std::size_t i = 0; i < full_scale_amps.size(); ++i) full_scale_[converted(i * lines_each)] = range(full_scale_amps[i]);
  hal::Mvm mvm;
  mvm.array = {map_.array};
  mvm.row = map_.row;
  mvm.col = map_.col;
  mvm.rows = map_.rows;
  mvm.cols = map_.cols;
  mvm.volts = {volts_.data(), products_, map_.rows};
  mvm.amps = {amps_.data(), products_, outputs_};
  mvm.full_scale_amps = full_scale_;
  mvm.sense = analog_subtract_ ? kernels::sense(encoding_) : hal::Sense::single;
  mvm.stream = stream;
  mvm.vector = vector;
  auto pending = device_->submit(mvm, deadline);
  if (!pending.ok()) return pending.status().with_context(fmt::format("product on array {}", map_.array));
  pending_ = std::move(pending).value();
  return {};
}

Status WindowProduct::finish(StageCost& cost, double& seconds, const Poll& poll) {
  auto completion = wait_polled(pending_, poll);
  if (!completion.ok()) return completion.status().with_context(fmt::format("product on array {}", map_.array));
  add_stats(completion->stats, cost, seconds);
  cost.products += products_;
  return {};
}

double WindowProduct::amps_of(std::size_t row, std::size_t i) const {
  const float* amps = amps_.data() + row * outputs_;
  const std::size_t line = encoding_ == Encoding::pair ? 2 * i : i;
  const double current = static_cast<double>(amps[converted(line)]);
  if (analog_subtract_) return current;
  return current - static_cast<double>(amps[encoding_ == Encoding::pair ? map_.bit_offsets[line + 1] : map_.bit_offsets.back()]);
}

double WindowProduct::amps(std::size_t b, std::size_t i) const {
  double sum = 0;
  for (std::size_t k = 0; k < scales_.size(); ++k) sum += amps_of(b * scales_.size() + k, i) / scales_[k];
  return sum / static_cast<double>(scales_.size());
}

void WindowProduct::amps(std::size_t b, std::span<double> out) const {
  const bool side_by_side = analog_subtract_ && !map_.has_holes() && scales_.size() == 1;
  const float* row = amps_.data() + b * outputs_;
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = side_by_side ? static_cast<double>(row[i]) : amps(b, i);
}

std::vector<float> full_scales(const kernels::EncodedTile& tile, Encoding encoding, const hal::Capabilities& capabilities) {
  const double volts_max = capabilities.read_volts.max;
  std::vector<float> amps;
  if (capabilities.has(hal::Feature::analog_subtract)) {
    amps.resize(tile.outputs);
    kernels::full_scale(tile, encoding, {capabilities.g_min_siemens, capabilities.g_max_siemens}, volts_max, amps);
    return amps;
  }
  const std::size_t lines = kernels::bit_lines(encoding, tile.outputs);
  std::vector<double> sums(lines, 0.0);
  for (std::size_t k = 0; k < tile.siemens.size(); ++k) sums[k % lines] += static_cast<double>(tile.siemens[k]);
  for (const double sum : sums) amps.push_back(static_cast<float>(sum * volts_max));
  return amps;
}

}  // namespace sedma::runtime

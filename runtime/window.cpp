#include "runtime/window.h"

#include <algorithm>
#include <cmath>

#include "kernels/random.h"
#include "runtime/session.h"

namespace sedma::runtime {

WindowMap::WindowMap(const Placement& placement)
    : array(placement.array),
      row(placement.word_lines.front()),
      col(placement.bit_lines.front()),
      rows(placement.word_lines.back() - row + 1),
      cols(placement.bit_lines.back() - col + 1),
      word_offsets(placement.word_lines),
      bit_offsets(placement.bit_lines) {
  for (std::uint32_t& line : word_offsets) line -= row;
  for (std::uint32_t& line : bit_offsets) line -= col;
}

WindowWrite::WindowWrite(hal::Device& device, const Placement& placement, const Mask& mask) : device_(&device), map_(placement) {
  const std::size_t cells = static_cast<std::size_t>(map_.rows) * map_.cols;
  target_.assign(cells, static_cast<float>(device.capabilities().g_min_siemens));
  if (!map_.has_holes() && placement.bad_cells == 0) return;
  mask_.assign(cells, 1);
  if (placement.bad_cells > 0) bad_.assign(map_.word_offsets.size() * map_.bit_offsets.size(), 0);
  std::size_t k = 0;
  for (const std::uint32_t r : map_.word_offsets)
    for (const std::uint32_t c : map_.bit_offsets) {
      const bool bad = !bad_.empty() && mask.cells.contains({map_.array, map_.row + r, map_.col + c});
      if (bad) bad_[k] = 1;
      mask_[static_cast<std::size_t>(r) * map_.cols + c] = bad ? 1 : 0;
      ++k;
    }
}

Status WindowWrite::submit(std::span<const float> siemens, const WritePolicy& policy, std::uint64_t stream) {
  policy_ = policy;
  stream_ = stream;
  if (!bad_.empty()) siemens_.assign(siemens.begin(), siemens.end());
  std::size_t k = 0;
  for (const std::uint32_t r : map_.word_offsets)
    for (const std::uint32_t c : map_.bit_offsets) target_[static_cast<std::size_t>(r) * map_.cols + c] = siemens[k++];
  read_.resize(static_cast<std::size_t>(policy.read_repeats) * map_.rows * map_.cols);
  SEDMA_RETURN_IF_ERROR(submit_program());
  return policy.read_cells || !bad_.empty() ? submit_read() : Status();
}

Status WindowWrite::submit_program() {
  hal::Program program;
  program.array = {map_.array};
  program.siemens = {target_.data(), map_.rows, map_.cols};
  program.row = map_.row;
  program.col = map_.col;
  program.tolerance_siemens = policy_.tolerance_siemens;
  program.passes = policy_.passes;
  program.max_pulses_per_cell = policy_.max_pulses_per_cell;
  program.schedule.step_fraction = policy_.step_fraction;
  program.erase = erase_;
  program.stream = stream_;
  if (!mask_.empty()) program.mask = {mask_.data(), map_.rows, map_.cols};
  SEDMA_ASSIGN_OR_RETURN(program_, device_->submit(program, policy_.deadline));
  return {};
}

Status WindowWrite::submit_read() {
  hal::Read read;
  read.array = {map_.array};
  read.siemens = {read_.data(), static_cast<std::size_t>(policy_.read_repeats) * map_.rows, map_.cols};
  read.row = map_.row;
  read.col = map_.col;
  read.rows = map_.rows;
  read.cols = map_.cols;
  read.volts = policy_.read_volts;
  read.repeats = policy_.read_repeats;
  read.stream = stream_;
  SEDMA_ASSIGN_OR_RETURN(reading_, device_->submit(read, policy_.deadline));
  return {};
}

Status WindowWrite::wait(hal::Pending& pending, StageCost& cost, double& seconds, bool writes) {
  SEDMA_ASSIGN_OR_RETURN(const hal::Completion completion, pending.wait(policy_.deadline));
  cost.joules += completion.stats.joules;
  cost.pulses += completion.stats.pulses;
  cost.conversions += completion.stats.conversions;
  ++cost.commands;
  seconds += completion.stats.seconds;
  if (!writes) return {};
  cost.unconverged += completion.unconverged;
  cost.cells += mask_.empty() ? target_.size() : static_cast<std::uint64_t>(std::count(mask_.begin(), mask_.end(), 0));
  return {};
}

Status WindowWrite::finish(kernels::Encoding encoding, StageCost& cost, double& seconds) {
  SEDMA_RETURN_IF_ERROR(wait(program_, cost, seconds, true));
  if (policy_.read_cells || !bad_.empty()) SEDMA_RETURN_IF_ERROR(wait(reading_, cost, seconds, false));
  if (bad_.empty()) return {};
  if (encoding == kernels::Encoding::offset) {
    cost.uncompensated += static_cast<std::uint64_t>(std::count(bad_.begin(), bad_.end(), 1));
    return {};
  }
  if (!aim_partners(read_back(), cost)) return {};
  erase_ = false;
  stream_ = kernels::derive(kernels::Key{stream_}, 1).value;  // a second writing of its own
  SEDMA_RETURN_IF_ERROR(submit_program());
  SEDMA_RETURN_IF_ERROR(submit_read());
  SEDMA_RETURN_IF_ERROR(wait(program_, cost, seconds, true));
  return wait(reading_, cost, seconds, false);
}

bool WindowWrite::aim_partners(const std::vector<float>& read, StageCost& cost) {
  const auto& c = device_->capabilities();
  const std::size_t width = map_.bit_offsets.size();
  std::fill(mask_.begin(), mask_.end(), std::uint8_t{1});
  bool any = false;
  for (std::size_t k = 0; k < bad_.size(); ++k) {
    if (bad_[k] == 0) continue;
    const std::size_t partner = k ^ 1u;  // bit lines 2j and 2j + 1; rows of the window have an even number of lines
    const double wanted = static_cast<double>(read[k]) - (static_cast<double>(siemens_[k]) - static_cast<double>(siemens_[partner]));
    const double aimed = std::clamp(wanted, c.g_min_siemens, c.g_max_siemens);
    if (bad_[partner] != 0 || std::abs(aimed - wanted) > static_cast<double>(policy_.tolerance_siemens))
      ++cost.uncompensated;
    else
      ++cost.compensated;
    if (bad_[partner] != 0) continue;
    const std::size_t at = static_cast<std::size_t>(map_.word_offsets[partner / width]) * map_.cols + map_.bit_offsets[partner % width];
    target_[at] = static_cast<float>(aimed);
    mask_[at] = 0;
    any = true;
  }
  return any;
}

std::vector<float> WindowWrite::read_back() const {
  std::vector<float> mean(map_.word_offsets.size() * map_.bit_offsets.size());
  std::size_t k = 0;
  for (const std::uint32_t r : map_.word_offsets)
    for (const std::uint32_t c : map_.bit_offsets) {
      double sum = 0;
      for (std::size_t repeat = 0; repeat < policy_.read_repeats; ++repeat)
        sum += static_cast<double>(read_[(repeat * map_.rows + r) * map_.cols + c]);
      mean[k++] = static_cast<float>(sum / policy_.read_repeats);
    }
  return mean;
}

}  // namespace sedma::runtime

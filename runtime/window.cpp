#include "runtime/window.h"

#include <algorithm>
#include <cmath>

#include "kernels/random.h"

namespace sedma::runtime {

Result<hal::Completion> wait_polled(hal::Pending& pending, const Poll& poll) {
  constexpr std::chrono::milliseconds interval(50);
  for (;;) {
    Result<hal::Completion> result = pending.wait(interval);
    if (result.ok() || result.status().code() != Code::deadline_exceeded) return result;
    if (pending.done()) {  // it ended just now, or at its deadline and is waited for already
      Result<hal::Completion> last = pending.wait(std::chrono::nanoseconds::zero());
      return last.status().code() == Code::invalid_argument ? result : last;
    }
    if (poll) SEDMA_RETURN_IF_ERROR(poll());
  }
}

WritePolicy write_policy(const Choice& choice, const hal::Capabilities& capabilities, std::chrono::nanoseconds deadline) {
  const std::uint32_t levels = capabilities.levels != 0 ? capabilities.levels : 256;
  WritePolicy policy;
  policy.tolerance_siemens = static_cast<float>(choice.tolerance_levels * capabilities.g_range_siemens() / static_cast<double>(levels));
  policy.step_fraction = choice.step_fraction;
  policy.passes = choice.passes;
  policy.max_pulses_per_cell = choice.max_pulses_per_cell != 0 ? choice.max_pulses_per_cell : 8 * levels;
  policy.read_volts = capabilities.read_volts.max;
  policy.deadline = deadline;
  return policy;
}

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

void add_stats(const hal::Stats& stats, StageCost& cost, double& seconds) {
  cost.joules += stats.joules;
  cost.pulses += stats.pulses;
  cost.conversions += stats.conversions;
  ++cost.commands;
  seconds += stats.seconds;
}

WindowRead::WindowRead(hal::Device& device, const Placement& placement, std::uint32_t repeats)
    : device_(&device), map_(placement), repeats_(repeats) {
  siemens_.resize(static_cast<std::size_t>(repeats) * map_.rows * map_.cols);
}

Status WindowRead::submit(double volts, std::uint64_t stream, std::chrono::nanoseconds deadline) {
  hal::Read read;
  read.array = {map_.array};
  read.siemens = {siemens_.data(), static_cast<std::size_t>(repeats_) * map_.rows, map_.cols};
  read.row = map_.row;
  read.col = map_.col;
  read.rows = map_.rows;
  read.cols = map_.cols;
  read.volts = volts;
  read.repeats = repeats_;
  read.stream = stream;
  SEDMA_ASSIGN_OR_RETURN(pending_, device_->submit(read, deadline));
  return {};
}

Status WindowRead::finish(StageCost& cost, double& seconds, const Poll& poll) {
  SEDMA_ASSIGN_OR_RETURN(const hal::Completion completion, wait_polled(pending_, poll));
  add_stats(completion.stats, cost, seconds);
  return {};
}

std::vector<float> WindowRead::mean() const {
  std::vector<float> mean(map_.word_offsets.size() * map_.bit_offsets.size());
  std::size_t k = 0;
  for (const std::uint32_t r : map_.word_offsets)
    for (const std::uint32_t c : map_.bit_offsets) {
      double sum = 0;
      for (std::size_t repeat = 0; repeat < repeats_; ++repeat)
        sum += static_cast<double>(siemens_[(repeat * map_.rows + r) * map_.cols + c]);
      mean[k++] = static_cast<float>(sum / repeats_);
    }
  return mean;
}

WindowWrite::WindowWrite(hal::Device& device, const Placement& placement, const Mask& mask, std::uint32_t read_repeats)
    : device_(&device), map_(placement), reading_(device, placement, read_repeats) {
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

Status WindowWrite::submit_read() { return reading_.submit(policy_.read_volts, stream_, policy_.deadline); }

Status WindowWrite::finish_program(StageCost& cost, double& seconds, const Poll& poll) {
  SEDMA_ASSIGN_OR_RETURN(const hal::Completion completion, wait_polled(program_, poll));
  add_stats(completion.stats, cost, seconds);
  cost.unconverged += completion.unconverged;
  cost.cells += mask_.empty() ? target_.size() : static_cast<std::uint64_t>(std::count(mask_.begin(), mask_.end(), 0));
  return {};
}

Status WindowWrite::finish(kernels::Encoding encoding, StageCost& cost, double& seconds, const Poll& poll) {
  SEDMA_RETURN_IF_ERROR(finish_program(cost, seconds, poll));
  if (policy_.read_cells || !bad_.empty()) SEDMA_RETURN_IF_ERROR(reading_.finish(cost, seconds, poll));
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
  SEDMA_RETURN_IF_ERROR(finish_program(cost, seconds, poll));
  return reading_.finish(cost, seconds, poll);
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

}  // namespace sedma::runtime

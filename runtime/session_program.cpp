// Writing the tiles of one turn, slice after slice, and finding out what was written.

#include <deque>

#include "runtime/operator_read.h"
#include "runtime/session_impl.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t most_in_flight = 32;  // windows whose buffers are held at once: at 256 x 256 about 1 MB each

struct Job {
  std::size_t index;  // of the placement
  SliceTarget target;
  WindowWrite write;
};

struct OperatorJob {
  std::size_t index;  // of the placement
  SliceTarget target;
  OperatorRead read;
};

Status named(const Status& status, const Placement& placement, const Tile& tile) {
  return status.with_context(
      fmt::format("slice {} of the tile at block ({}, {}) on array {}", placement.slice, tile.block_row, tile.block_col, placement.array));
}

// The numbers that the cells hold, from their read-back.
std::vector<double> found_values(const Job& job, kernels::Encoding encoding, const kernels::Window& window) {
  const kernels::EncodedTile& encoded = job.target.encoded;
  std::vector<double> found(job.target.wanted.size());
  const std::vector<float> siemens = job.write.read_back();
  kernels::decode_tile({siemens.data(), encoded.inputs, kernels::bit_lines(encoding, encoded.outputs)}, encoding, window, encoded.unit,
                       {found.data(), encoded.outputs, encoded.inputs});
  return found;
}

}  // namespace

WritePolicy Session::Impl::write_policy() const {
  const auto& c = device.capabilities();
  const Choice& choice = plan.choice;
  const std::uint32_t ramps = 8 * (c.levels != 0 ? c.levels : 256);
  return {static_cast<float>(tolerance_siemens),
          choice.step_fraction,
          choice.passes,
          choice.max_pulses_per_cell != 0 ? choice.max_pulses_per_cell : ramps,
          choice.read_repeats,
          volts_max,
          options.deadline};
}

Result<SliceTarget> Session::Impl::slice_target(const Placement& placement) const {
  const Tile& tile = plan.tiles[placement.tile];
  SliceTarget target;
  SEDMA_ASSIGN_OR_RETURN(target.wanted, wanted_values(placement));
  kernels::encode_tile({target.wanted.data(), tile.rows.size(), tile.cols.size()}, plan.choice.encoding, plan.choice.scale, window,
                       target.encoded);
  // Where nothing is left to correct, whatever the cells do counts nothing.
  for (std::size_t i = 0; i < target.encoded.outputs; ++i)
    if (target.encoded.row_sum[i] == 0) target.encoded.unit[i] = 0;
  return target;
}

void Session::Impl::remember(const Placement& placement, const SliceTarget& target, const std::vector<double>& found, SliceState& state) {
  const kernels::EncodedTile& encoded = target.encoded;
  const std::vector<double>& wanted = target.wanted;
  const std::size_t outputs = encoded.outputs, inputs = encoded.inputs;
  state.full_scale = full_scales(encoded, plan.choice.encoding, device.capabilities(), plan.choice.headroom);
  state.write_variance.assign(outputs, 0.0);
  state.sum_of_squares.assign(outputs, 0.0);
  auto& residual = residuals[placement.tile];
  const bool keep = placement.slice < plan.choice.slices;
  residual.assign(keep ? wanted.size() : 0, 0.0f);
  if (!keep) residual.shrink_to_fit();
  for (std::size_t k = 0; k < wanted.size(); ++k) {
    const double error = wanted[k] - found[k];
    state.write_variance[k / inputs] += error * error;
    state.sum_of_squares[k / inputs] += wanted[k] * wanted[k];
    if (keep) residual[k] = static_cast<float>(error);
  }
}

Status Session::Impl::write_slice(std::size_t begin, std::size_t end, TurnClock& clock) {
  const kernels::Encoding encoding = plan.choice.encoding;
  WritePolicy policy = write_policy();
  policy.read_cells = !line_drop;
  std::deque<Job> jobs;

  const auto finish_oldest = [&]() -> Status {
    Job& job = jobs.front();
    const Placement& placement = plan.placements[job.index];
    double seconds = 0;
    const Status status = job.write.finish(encoding, programming, seconds);
    if (!status.ok()) return named(status, placement, plan.tiles[placement.tile]);
    clock.add(placement.array, seconds);
    if (!line_drop) {
      states[job.index].unit = job.target.encoded.unit;
      remember(placement, job.target, found_values(job, encoding, window), states[job.index]);
    }
    const std::uint64_t done = job.index + 1;
    jobs.pop_front();
    return report("program", done, plan.placements.size());
  };

  for (std::size_t k = begin; k < end; ++k) {
    if (jobs.size() >= most_in_flight) SEDMA_RETURN_IF_ERROR(finish_oldest());
    const Placement& placement = plan.placements[k];
    auto target = slice_target(placement);
    if (!target.ok()) return named(target.status(), placement, plan.tiles[placement.tile]);
    jobs.push_back({k, std::move(target).value(), WindowWrite(device, placement, options.mask)});
    Job& job = jobs.back();
    const Status status = job.write.submit(job.target.encoded.siemens, policy, stream(placement));
    if (!status.ok()) return named(status, placement, plan.tiles[placement.tile]);
  }
  while (!jobs.empty()) SEDMA_RETURN_IF_ERROR(finish_oldest());
  return {};
}

// Tiles that share an array share its lines, so the slice is read once all of it is written.
Status Session::Impl::read_slice(std::size_t begin, std::size_t end, TurnClock& clock) {
  std::deque<OperatorJob> jobs;

  const auto finish_oldest = [&]() -> Status {
    OperatorJob& job = jobs.front();
    const Placement& placement = plan.placements[job.index];
    double seconds = 0;
    SEDMA_RETURN_IF_ERROR(job.read.finish(programming, seconds));
    clock.add(placement.array, seconds);
    const kernels::EncodedTile& encoded = job.target.encoded;
    SliceState& state = states[job.index];
    std::vector<double> found = job.read.values(window, encoded.unit);
    state.unit = encoded.unit;
    if (plan.choice.slices > 0) {
      const std::vector<double> gains = output_gains(job.target.wanted, found, encoded.outputs);
      for (std::size_t i = 0; i < encoded.outputs; ++i) state.unit[i] *= gains[i];
      for (std::size_t k = 0; k < found.size(); ++k) found[k] *= gains[k / encoded.inputs];
    }
    remember(placement, job.target, found, state);
    const std::uint64_t done = job.index + 1;
    jobs.pop_front();
    return report("read", done, plan.placements.size());
  };

  for (std::size_t k = begin; k < end; ++k) {
    if (jobs.size() >= most_in_flight) SEDMA_RETURN_IF_ERROR(finish_oldest());
    const Placement& placement = plan.placements[k];
    SEDMA_ASSIGN_OR_RETURN(SliceTarget target, slice_target(placement));
    jobs.push_back({k, std::move(target), OperatorRead(device, placement, plan.choice.encoding, plan.choice.read_repeats)});
    SEDMA_RETURN_IF_ERROR(jobs.back().read.submit(stream(placement), options.deadline));
  }
  while (!jobs.empty()) SEDMA_RETURN_IF_ERROR(finish_oldest());
  return {};
}

// A slice needs what was found of the one before: they cannot overlap.
Status Session::Impl::program_turn(std::uint32_t turn) {
  TurnClock clock(device.capabilities().arrays, device.capabilities().has(hal::Feature::parallel_arrays));
  const std::size_t last = turn_begin[turn + 1];
  for (std::size_t begin = turn_begin[turn], end = begin; begin < last; begin = end) {
    while (end < last && plan.placements[end].slice == plan.placements[begin].slice) ++end;
    SEDMA_RETURN_IF_ERROR(write_slice(begin, end, clock));
    if (line_drop) SEDMA_RETURN_IF_ERROR(read_slice(begin, end, clock));
    programming.seconds += clock.finish();
  }
  return let_time_pass();
}

// A board waits, an emulator moves its clock; the deadline of the command comes on top.
Status Session::Impl::let_time_pass() {
  if (options.wait_seconds == 0) return {};
  const auto wait =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(std::min(options.wait_seconds, 1e9)));
  return device.run(hal::Idle{options.wait_seconds}, wait + options.deadline).status();
}

}  // namespace sedma::runtime

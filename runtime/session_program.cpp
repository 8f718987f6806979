// Writing the tiles of one turn, slice after slice.

#include <deque>

#include "runtime/session_impl.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t most_in_flight = 32;  // windows whose buffers are held at once: at 256 x 256 about 1 MB each

struct Job {
  std::size_t index;  // of the placement
  kernels::EncodedTile encoded;
  std::vector<double> wanted;
  WindowWrite write;
};

Status named(const Status& status, const Placement& placement, const Tile& tile) {
  return status.with_context(
      fmt::format("slice {} of the tile at block ({}, {}) on array {}", placement.slice, tile.block_row, tile.block_col, placement.array));
}

// The numbers that the cells hold, from their read-back.
std::vector<double> found_values(const Job& job, kernels::Encoding encoding, const kernels::Window& window) {
  std::vector<double> found(job.wanted.size());
  const std::vector<float> siemens = job.write.read_back();
  kernels::decode_tile({siemens.data(), job.encoded.inputs, kernels::bit_lines(encoding, job.encoded.outputs)}, encoding, window,
                       job.encoded.unit, {found.data(), job.encoded.outputs, job.encoded.inputs});
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

void Session::Impl::remember(const Placement& placement, const kernels::EncodedTile& encoded, const std::vector<double>& wanted,
                             const std::vector<double>& found, SliceState& state) {
  const std::size_t outputs = encoded.outputs, inputs = encoded.inputs;
  state.unit = encoded.unit;
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

Status Session::Impl::program_turn(std::uint32_t turn) {
  TurnClock clock(device.capabilities().arrays, device.capabilities().has(hal::Feature::parallel_arrays));
  const kernels::Encoding encoding = plan.choice.encoding;
  std::deque<Job> jobs;

  const auto finish_oldest = [&]() -> Status {
    Job& job = jobs.front();
    const Placement& placement = plan.placements[job.index];
    double seconds = 0;
    const Status status = job.write.finish(encoding, programming, seconds);
    if (!status.ok()) return named(status, placement, plan.tiles[placement.tile]);
    clock.add(placement.array, seconds);
    remember(placement, job.encoded, job.wanted, found_values(job, encoding, window), states[job.index]);
    const std::uint64_t done = job.index + 1;
    jobs.pop_front();
    return report("program", done, plan.placements.size());
  };

  for (std::size_t k = turn_begin[turn]; k < turn_begin[turn + 1]; ++k) {
    const Placement& placement = plan.placements[k];
    const bool next_slice = k > turn_begin[turn] && plan.placements[k - 1].slice != placement.slice;
    while (!jobs.empty() && (next_slice || jobs.size() >= most_in_flight)) SEDMA_RETURN_IF_ERROR(finish_oldest());
    if (next_slice) programming.seconds += clock.finish();  // a slice needs the read-back of the one before: they cannot overlap
    const Tile& tile = plan.tiles[placement.tile];
    Job job{k, {}, wanted_values(placement), WindowWrite(device, placement, options.mask)};
    kernels::encode_tile({job.wanted.data(), tile.rows.size(), tile.cols.size()}, encoding, plan.choice.scale, window, job.encoded);
    const Status status = job.write.submit(job.encoded.siemens, write_policy(), stream(placement));
    jobs.push_back(std::move(job));
    if (!status.ok()) return named(status, placement, tile);
  }
  while (!jobs.empty()) SEDMA_RETURN_IF_ERROR(finish_oldest());
  programming.seconds += clock.finish();
  return {};
}

}  // namespace sedma::runtime

// Products of one turn: every tile multiplies its part of x, contributions add up in any order.

#include <deque>

#include "runtime/session_impl.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t most_in_flight = 64;

struct Job {
  std::size_t index;                // of the placement
  std::vector<double> input_units;  // [batch]: max|x| of the tile's part of each vector
  WindowProduct product;
};

Job prepare(hal::Device& device, const MatrixSource& matrix, const Plan& plan, std::size_t index, double volts_max,
            std::span<const double> x, std::size_t batch) {
  const Placement& placement = plan.placements[index];
  const Tile& tile = plan.tiles[placement.tile];
  Job job{index, std::vector<double>(batch), WindowProduct(device, placement, plan.choice.encoding, batch)};
  std::vector<double> segment(tile.cols.size());
  std::vector<float> volts(tile.cols.size());
  for (std::size_t b = 0; b < batch; ++b) {
    for (std::size_t j = 0; j < segment.size(); ++j) segment[j] = x[b * matrix.cols() + tile.cols[j]];
    job.input_units[b] = kernels::encode_input(segment, volts_max, volts);
    job.product.set_volts(b, volts);
  }
  return job;
}

}  // namespace

Status Session::Impl::multiply_turn(std::uint32_t turn, std::span<const double> x, std::size_t batch, Accumulator& y) {
  TurnClock clock(device.capabilities().arrays, device.capabilities().has(hal::Feature::parallel_arrays));
  const double per_unit = kernels::amps_per_unit(plan.choice.encoding, window, volts_max);
  std::deque<Job> jobs;

  const auto finish_oldest = [&]() -> Status {
    Job& job = jobs.front();
    const Placement& placement = plan.placements[job.index];
    const Tile& tile = plan.tiles[placement.tile];
    double seconds = 0;
    SEDMA_RETURN_IF_ERROR(job.product.finish(multiplying, seconds));
    clock.add(placement.array, seconds);
    for (std::size_t b = 0; b < batch; ++b)
      for (std::size_t i = 0; i < tile.rows.size(); ++i)
        y.add(b, tile.rows[i], job.product.amps(b, i) / per_unit * states[job.index].unit[i] * job.input_units[b]);
    jobs.pop_front();
    return {};
  };

  for (std::size_t k = turn_begin[turn]; k < turn_begin[turn + 1]; ++k) {
    if (jobs.size() >= most_in_flight) SEDMA_RETURN_IF_ERROR(finish_oldest());
    jobs.push_back(prepare(device, matrix, plan, k, volts_max, x, batch));
    SEDMA_RETURN_IF_ERROR(jobs.back().product.submit(states[k].full_scale, stream(plan.placements[k]), vectors, options.deadline));
    SEDMA_RETURN_IF_ERROR(report("multiply", k + 1, plan.placements.size()));
  }
  while (!jobs.empty()) SEDMA_RETURN_IF_ERROR(finish_oldest());
  multiplying.seconds += clock.finish();
  return {};
}

}  // namespace sedma::runtime

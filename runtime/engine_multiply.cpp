// Products of one turn: every tile multiplies its part of x, contributions add up in any order.

#include <deque>

#include "runtime/engine_impl.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t most_in_flight = 64;

struct Job {
  const Piece* piece;
  std::vector<double> input_units;  // [batch]: max|x| of the tile's part of each vector
  WindowProduct product;
};

}  // namespace

Status Engine::Impl::multiply_turn(const ProductTask& task, Pieces turn, Accumulator& y, StageCost& cost) {
  TurnClock clock(device.capabilities());
  const double per_unit = kernels::amps_per_unit(plan.choice.encoding, window, volts_max);
  const std::size_t batch = task.batch, cols = task.x.size() / batch;
  std::deque<Job> jobs;
  std::vector<double> segment, parts;
  std::vector<float> volts;

  const auto prepare = [&](const Piece& piece) {
    const Tile& tile = tile_of(piece);
    Job job{&piece, std::vector<double>(batch), WindowProduct(device, *piece.placement, plan.choice.encoding, batch)};
    segment.resize(tile.cols.size());
    volts.resize(tile.cols.size());
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t j = 0; j < segment.size(); ++j) segment[j] = task.x[b * cols + tile.cols[j]];
      job.input_units[b] = kernels::encode_input(segment, volts_max, volts);
      job.product.set_volts(b, volts);
    }
    return job;
  };
  const auto finish_oldest = [&]() -> Status {
    Job& job = jobs.front();
    const Tile& tile = tile_of(*job.piece);
    const SliceState& state = *job.piece->state;
    double seconds = 0;
    SEDMA_RETURN_IF_ERROR(job.product.finish(cost, seconds, poll));
    clock.add(job.piece->placement->array, seconds);
    parts.resize(tile.rows.size());
    for (std::size_t b = 0; b < batch; ++b) {
      job.product.amps(b, parts);
      for (std::size_t i = 0; i < parts.size(); ++i) parts[i] = parts[i] / per_unit * state.unit[i] * job.input_units[b];
      y.add(b, tile.rows, parts);
    }
    jobs.pop_front();
    return {};
  };

  for (const std::size_t k : turn) {
    if (jobs.size() >= most_in_flight) SEDMA_RETURN_IF_ERROR(finish_oldest());
    const Piece& piece = pieces[k];
    jobs.push_back(prepare(piece));
    SEDMA_RETURN_IF_ERROR(jobs.back().product.submit(piece.state->full_scale, stream(piece), task.vector, options.deadline));
    stop_again();
    ++stage.done;
    SEDMA_RETURN_IF_ERROR(go_on());
  }
  while (!jobs.empty()) SEDMA_RETURN_IF_ERROR(finish_oldest());
  cost.seconds += clock.finish();
  return {};
}

}  // namespace sedma::runtime

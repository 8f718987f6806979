// Products of one turn: every tile multiplies its part of x, contributions add up in any order.

#include <algorithm>
#include <deque>
#include <map>

#include "runtime/engine_impl.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t most_in_flight = 64;

// The part of every vector that a tile multiplies.
struct Input {
  std::vector<double> units;  // [batch]: max|x| of the part
  std::vector<float> volts;   // [batch, columns]
};

// Tiles of one block column, and slices of one tile, take the same columns: they are encoded once. What is kept is at most half as large as
// x itself.
class Inputs {
 public:
  Inputs(const ProductTask& task, double volts_max) : task_(task), volts_max_(volts_max) {}

  /// Holds until the next call.
  const Input& of(const std::vector<std::uint32_t>& columns) {
    const auto known = known_.find(columns);
    if (known != known_.end()) return known->second;
    const std::size_t size = task_.batch * columns.size();
    Input& input = kept_ + size <= task_.x.size() ? known_[columns] : passing_;
    if (&input != &passing_) kept_ += size;
    encode(columns, input);
    return input;
  }

 private:
  struct Less {
    bool operator()(std::span<const std::uint32_t> a, std::span<const std::uint32_t> b) const {
      return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end());
    }
  };

  void encode(const std::vector<std::uint32_t>& columns, Input& input) {
    const std::size_t batch = task_.batch, cols = task_.x.size() / batch;
    input.units.resize(batch);
    input.volts.resize(batch * columns.size());
    segment_.resize(columns.size());
    for (std::size_t b = 0; b < batch; ++b) {
      for (std::size_t j = 0; j < segment_.size(); ++j) segment_[j] = task_.x[b * cols + columns[j]];
      input.units[b] = kernels::encode_input(segment_, volts_max_, std::span(input.volts).subspan(b * columns.size(), columns.size()));
    }
  }

  const ProductTask& task_;
  double volts_max_;
  std::map<std::span<const std::uint32_t>, Input, Less> known_;  // by the columns of a tile of the plan
  std::size_t kept_ = 0;
  Input passing_;
  std::vector<double> segment_;
};

struct Job {
  const Piece* piece;
  std::vector<double> input_units;  // [batch]: max|x| of the tile's part of each vector
  WindowProduct product;
};

}  // namespace

Status Engine::Impl::multiply_turn(const ProductTask& task, Pieces turn, Accumulator& y, StageCost& cost) {
  BoardTime clock(device.capabilities());
  const double per_unit = kernels::amps_per_unit(plan.choice.encoding, window, volts_max);
  const std::size_t batch = task.batch;
  std::deque<Job> jobs;
  Inputs inputs(task, volts_max);
  std::vector<double> parts;

  const auto prepare = [&](const Piece& piece) {
    const Tile& tile = tile_of(piece);
    const Input& input = inputs.of(tile.cols);
    Job job{&piece, input.units, WindowProduct(device, *piece.placement, plan.choice.encoding, batch, task.conversion)};
    for (std::size_t b = 0; b < batch; ++b)
      job.product.set_volts(b, std::span(input.volts).subspan(b * tile.cols.size(), tile.cols.size()));
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

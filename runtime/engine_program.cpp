// Writing the tiles of one turn, slice after slice, and finding out what was written.

#include <deque>

#include "runtime/engine_impl.h"
#include "runtime/operator_read.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t most_in_flight = 32;  // windows whose buffers are held at once: at 256 x 256 about 1 MB each

struct Job {
  const Piece* piece;
  SliceTarget target;
  WindowWrite write;
};

struct OperatorJob {
  const Piece* piece;
  SliceTarget target;
  OperatorRead read;
};

Status named(const Status& status, const Placement& placement, const Tile& tile) {
  return status.with_context(
      fmt::format("slice {} of the tile at block ({}, {}) on array {}", placement.slice, tile.block_row, tile.block_col, placement.array));
}

// The numbers that cells hold, from their read-back.
std::vector<double> values_of(const std::vector<float>& siemens, const kernels::EncodedTile& encoded, kernels::Encoding encoding,
                              const kernels::Window& window) {
  std::vector<double> found(std::size_t{encoded.outputs} * encoded.inputs);
  kernels::decode_tile({siemens.data(), encoded.inputs, kernels::bit_lines(encoding, encoded.outputs)}, encoding, window, encoded.unit,
                       {found.data(), encoded.outputs, encoded.inputs});
  return found;
}

}  // namespace

Result<std::vector<double>> Engine::Impl::wanted_values(const Piece& piece) const {
  const std::vector<float>& residual = piece.tile->residual;
  if (piece.placement->slice > 0) return std::vector<double>(residual.begin(), residual.end());
  const Tile& tile = tile_of(piece);
  std::vector<double> wanted(tile.rows.size() * tile.cols.size());
  SEDMA_RETURN_IF_ERROR(values.gather(piece.placement->tile, wanted.data()));
  piece.tile->hash = tile_hash(wanted, tile.rows.size(), tile.cols.size(), plan.choice);
  return wanted;
}

Result<SliceTarget> Engine::Impl::slice_target(const Piece& piece) const {
  const Tile& tile = tile_of(piece);
  SliceTarget target;
  SEDMA_ASSIGN_OR_RETURN(target.wanted, wanted_values(piece));
  kernels::encode_tile({target.wanted.data(), tile.rows.size(), tile.cols.size()}, plan.choice.encoding, plan.choice.scale, window,
                       target.encoded);
  // Where nothing is left to correct, whatever the cells do counts nothing.
  for (std::size_t i = 0; i < target.encoded.outputs; ++i)
    if (target.encoded.row_sum[i] == 0) target.encoded.unit[i] = 0;
  return target;
}

void Engine::Impl::remember(const Piece& piece, const SliceTarget& target, const std::vector<double>& found) const {
  const kernels::EncodedTile& encoded = target.encoded;
  const std::vector<double>& wanted = target.wanted;
  SliceState& state = *piece.state;
  state.full_scale = full_scales(encoded, plan.choice.encoding, device.capabilities());
  remember_errors(target, found, state);
  remember_noise(encoded.siemens, state);
  if (options.keep_cells) state.target = encoded.siemens;
  std::vector<float>& residual = piece.tile->residual;
  const bool keep = piece.placement->slice < plan.choice.slices;
  residual.assign(keep ? wanted.size() : 0, 0.0f);
  if (!keep) residual.shrink_to_fit();
  for (std::size_t k = 0; k < residual.size(); ++k) residual[k] = static_cast<float>(wanted[k] - found[k]);
}

Status Engine::Impl::write_slice(Pieces slice, BoardTime& clock, StageCost& cost) {
  const kernels::Encoding encoding = plan.choice.encoding;
  WritePolicy policy = write_policy(plan.choice, device.capabilities(), options.deadline);
  policy.read_cells = !line_drop;
  std::deque<Job> jobs;

  const auto finish_oldest = [&]() -> Status {
    Job& job = jobs.front();
    const Piece& piece = *job.piece;
    double seconds = 0;
    const Status status = job.write.finish(encoding, cost, seconds, poll);
    if (!status.ok()) return named(status, *piece.placement, tile_of(piece));
    clock.add(piece.placement->array, seconds);
    if (!line_drop) {
      std::vector<float> siemens = job.write.read_back();
      piece.state->unit = job.target.encoded.unit;
      remember(piece, job.target, values_of(siemens, job.target.encoded, encoding, window));
      if (options.keep_cells) piece.state->found = std::move(siemens);
    }
    jobs.pop_front();
    ++stage.done;
    return go_on();
  };

  for (const std::size_t k : slice) {
    if (jobs.size() >= most_in_flight) SEDMA_RETURN_IF_ERROR(finish_oldest());
    const Piece& piece = pieces[k];
    auto target = slice_target(piece);
    if (!target.ok()) return named(target.status(), *piece.placement, tile_of(piece));
    jobs.push_back({&piece, std::move(target).value(), WindowWrite(device, *piece.placement, options.mask, plan.choice.read_repeats)});
    Job& job = jobs.back();
    const Status status = job.write.submit(job.target.encoded.siemens, policy, stream(piece));
    if (!status.ok()) return named(status, *piece.placement, tile_of(piece));
    stop_again();
  }
  while (!jobs.empty()) SEDMA_RETURN_IF_ERROR(finish_oldest());
  return {};
}

// Tiles that share an array share its lines, so the slice is read once all of it is written.
Status Engine::Impl::read_slice(Pieces slice, BoardTime& clock, StageCost& cost) {
  std::deque<OperatorJob> jobs;

  const auto finish_oldest = [&]() -> Status {
    OperatorJob& job = jobs.front();
    const Piece& piece = *job.piece;
    double seconds = 0;
    SEDMA_RETURN_IF_ERROR(job.read.finish(cost, seconds, poll));
    clock.add(piece.placement->array, seconds);
    const kernels::EncodedTile& encoded = job.target.encoded;
    std::vector<double> found = job.read.values(window, encoded.unit);
    std::vector<double>& unit = piece.state->unit;
    unit = encoded.unit;
    if (plan.choice.slices > 0) {
      const std::vector<double> gains = output_gains(job.target.wanted, found, encoded.outputs);
      for (std::size_t i = 0; i < encoded.outputs; ++i) unit[i] *= gains[i];
      for (std::size_t k = 0; k < found.size(); ++k) found[k] *= gains[k / encoded.inputs];
    }
    remember(piece, job.target, found);
    jobs.pop_front();
    ++stage.done;
    return go_on();
  };

  for (const std::size_t k : slice) {
    if (jobs.size() >= most_in_flight) SEDMA_RETURN_IF_ERROR(finish_oldest());
    const Piece& piece = pieces[k];
    SEDMA_ASSIGN_OR_RETURN(SliceTarget target, slice_target(piece));
    jobs.push_back({&piece, std::move(target), OperatorRead(device, *piece.placement, plan.choice.encoding, plan.choice.read_repeats)});
    SEDMA_RETURN_IF_ERROR(jobs.back().read.submit(stream(piece), options.deadline));
    stop_again();
  }
  while (!jobs.empty()) SEDMA_RETURN_IF_ERROR(finish_oldest());
  return {};
}

// A slice needs what was found of the one before: they cannot overlap.
Status Engine::Impl::write(Pieces turn, StageCost& cost) {
  if (turn.empty()) return {};
  SEDMA_RETURN_IF_ERROR(not_stopped());
  BoardTime clock(device.capabilities());
  for (std::size_t begin = 0, end = 0; begin < turn.size(); begin = end) {
    while (end < turn.size() && pieces[turn[end]].placement->slice == pieces[turn[begin]].placement->slice) ++end;
    const Pieces slice = turn.subspan(begin, end - begin);
    SEDMA_RETURN_IF_ERROR(write_slice(slice, clock, cost));
    if (line_drop) {
      stage.name = "read";
      stage.done -= slice.size();
      SEDMA_RETURN_IF_ERROR(read_slice(slice, clock, cost));
      stage.name = "program";
    }
    cost.seconds += clock.finish();
  }
  for (const std::size_t k : turn) pieces[k].group->written = true;
  return let_time_pass();
}

// A board waits, an emulator moves its clock; the deadline of the command comes on top.
Status Engine::Impl::let_time_pass() const {
  if (options.wait_seconds == 0) return {};
  const auto wait =
      std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(std::min(options.wait_seconds, 1e9)));
  SEDMA_ASSIGN_OR_RETURN(hal::Pending pending, device.submit(hal::Idle{options.wait_seconds}, wait + options.deadline));
  stop_again();
  return wait_polled(pending, poll).status();
}

}  // namespace sedma::runtime

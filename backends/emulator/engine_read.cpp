// Read and Mvm.
#include <algorithm>
#include <vector>

#include "backends/emulator/engine.h"
#include "kernels/crossbar.h"

namespace sedma::backends::emulator {
namespace {

// Reads and products of one stream draw from keys of their own.
constexpr std::uint64_t read_tag = 0x72656164, mvm_tag = 0x6d766d;  // "read", "mvm"

// Buffers of a thread that reads or multiplies, reused from command to command.
struct Scratch {
  kernels::ProductScratch product;
  std::vector<float> untouched, normals;
};

Scratch& scratch() {
  thread_local Scratch mine;
  return mine;
}

template <class Command>
Rect rect_of(const Command& command) noexcept {
  return {command.row, command.col, command.rows, command.cols};
}

// identity=tile: the command's stream names the numbers; identity=board: the physical array does.
kernels::Key noise_key(const Options& options, hal::ArrayId array, std::uint64_t stream, std::uint64_t tag) noexcept {
  const std::uint64_t owner = options.identity == Identity::tile ? stream : array.value;
  return kernels::derive(kernels::derive(options.seed(), owner), tag);
}

double sum(hal::View<const float> cells) noexcept {
  double total = 0;
  for (std::size_t r = 0; r < cells.rows; ++r) {
    for (std::size_t c = 0; c < cells.cols; ++c) total += static_cast<double>(cells(r, c));
  }
  return total;
}

}  // namespace

Status Engine::accepts(const hal::Read& read) const {
  const double shortest = costs_.repeat_seconds(read.rows, read.cols);
  if (read.interval_seconds == 0 || read.interval_seconds >= shortest || read.repeats + std::uint64_t{read.discard} == 1) return {};
  return fail(Code::out_of_range, "read: interval_seconds = {} s; reading {} x {} cells takes {} s (0: one after the other)",
              read.interval_seconds, read.rows, read.cols, shortest);
}

// G (1 + F normal): repeat k of the command draws normals of event first_event + k, cells numbered within its window. Discarded repeats
// use up their events.
Status Engine::read_repeats(const hal::Read& read, hal::View<const float> cells, kernels::Key key, std::uint64_t first_event,
                            const hal::StopToken& stop) const {
  const auto noise = static_cast<float>(options_.model.read_noise);
  std::vector<float>& normals = scratch().normals;
  normals.resize(read.cols);
  for (std::uint32_t k = 0; k < read.repeats; ++k) {
    for (std::uint32_t r = 0; r < read.rows; ++r) {
      SEDMA_RETURN_IF_ERROR(stop.check());
      float* const out = read.siemens.row(std::size_t{k} * read.rows + r);
      std::copy_n(cells.row(r), read.cols, out);
      if (noise == 0) continue;
      kernels::fill_normals(key, kernels::Use::read_noise, first_event + read.discard + k, r * read.cols, normals);
      for (std::uint32_t c = 0; c < read.cols; ++c) out[c] *= 1.0f + noise * normals[c];
    }
  }
  return {};
}

Result<hal::Completion> Engine::run(const hal::Read& read, double idled, const hal::StopToken& stop) {
  const std::int64_t begin = now_utc_ns();
  Array& state = array(read.array);
  const hal::View<const float> cells = state.terminal(rect_of(read), scratch().untouched);
  const std::uint64_t repeats = read.repeats + std::uint64_t{read.discard};
  const std::uint64_t first_event = options_.identity == Identity::board ? state.reads : 0;
  const kernels::Key key = noise_key(options_, read.array, read.stream, read_tag);
  SEDMA_RETURN_IF_ERROR(read_repeats(read, cells, key, first_event, stop));
  state.reads += repeats;
  const Costs::Reads reads{repeats, read.rows, read.cols, read.volts, sum(cells), read.interval_seconds};
  return finish(read.array, costs_.read(reads), idled, begin);
}

// Block by block, so that a long batch can be stopped; the blocks are those of crossbar_product, which changes no bit.
Result<hal::Completion> Engine::run(const hal::Mvm& mvm, double idled, const hal::StopToken& stop) {
  const std::int64_t begin = now_utc_ns();
  const bool board = options_.identity == Identity::board;
  const Rect rect = rect_of(mvm);
  Array& state = array(mvm.array);
  kernels::ProductJob job;
  job.siemens = state.terminal(rect, scratch().untouched);
  job.full_scale_amps = mvm.full_scale_amps;
  job.sense = mvm.sense;
  job.transpose = mvm.transpose;
  job.converters = options_.converters();
  job.read_noise = options_.model.read_noise;
  job.key = noise_key(options_, mvm.array, mvm.stream, mvm_tag);
  job.driven_siemens = state.driven_siemens(rect, mvm.transpose);
  kernels::ProductTotals totals;
  for (std::size_t first = 0; first < mvm.volts.rows; first += kernels::product_block) {
    SEDMA_RETURN_IF_ERROR(stop.check());
    const std::size_t count = std::min(kernels::product_block, mvm.volts.rows - first);
    job.volts = {mvm.volts.row(first), count, mvm.volts.cols, mvm.volts.stride};
    job.amps = {mvm.amps.row(first), count, mvm.amps.cols, mvm.amps.stride};
    job.vector = (board ? state.products : mvm.vector) + first;
    totals += kernels::crossbar_product(job, scratch().product);
  }
  state.products += mvm.volts.rows;
  return finish(mvm.array, costs_.product(mvm, totals), idled, begin);
}

}  // namespace sedma::backends::emulator

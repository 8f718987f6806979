// Read and Mvm.
#include <algorithm>
#include <cmath>
#include <vector>

#include "backends/emulator/engine.h"
#include "kernels/crossbar.h"

namespace sedma::backends::emulator {
namespace {

// Reads and products of one stream draw from keys of their own; so do the converters.
constexpr std::uint64_t read_tag = 0x72656164, mvm_tag = 0x6d766d, adc_tag = 0x616463;  // "read", "mvm", "adc"

// Buffers of a thread that reads or multiplies, reused from command to command.
struct Scratch {
  kernels::ProductScratch product;
  std::vector<float> cells, normals, adc_gain, adc_offset;
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

// Errors of the window's converters, one normal per bit line each; a pair's or a reference's converter is that of its first line.
// identity=tile: lines are counted within the window and belong to the stream; identity=board: they are the array's.
void converter_errors(const Options& options, const hal::Mvm& mvm, kernels::ProductJob& job) {
  Scratch& mine = scratch();
  const bool tile = options.identity == Identity::tile;
  const kernels::Key key = noise_key(options, mvm.array, mvm.stream, adc_tag);
  const std::uint32_t lines = mvm.transpose ? mvm.rows : mvm.cols, first = tile ? 0 : mvm.transpose ? mvm.row : mvm.col;
  const std::size_t step = mvm.sense == hal::Sense::pair ? 2 : 1;
  mine.normals.resize(lines);
  const auto draw = [&](double spread, std::uint64_t event, std::vector<float>& errors) {
    kernels::fill_normals(key, kernels::Use::spread, event + (mvm.transpose ? 2 : 0), first, mine.normals);
    errors.resize(mvm.amps.cols);
    for (std::size_t j = 0; j < errors.size(); ++j) errors[j] = static_cast<float>(spread) * mine.normals[j * step];
    return std::span<const float>(errors);
  };
  if (options.adc_gain_spread > 0) job.adc_gain_error = draw(options.adc_gain_spread, 0, mine.adc_gain);
  if (options.adc_offset_spread > 0) job.adc_offset = draw(options.adc_offset_spread, 1, mine.adc_offset);
}

}  // namespace

Status Engine::accepts(const hal::Read& read) const {
  const double shortest = costs_.repeat_seconds(read.rows, read.cols);
  if (read.interval_seconds == 0 || read.interval_seconds >= shortest || read.repeats + std::uint64_t{read.discard} == 1) return {};
  return fail(Code::out_of_range, "read: interval_seconds = {} s; reading {} x {} cells takes {} s (0: one after the other)",
              read.interval_seconds, read.rows, read.cols, shortest);
}

// The moment `seconds` after the start of a command. With age= given nothing follows the clock: slow noise runs by the ordinal of what is
// asked (identity=tile), so that the answer does not depend on what else the board did.
Moment Engine::moment(hal::ArrayId id, double idled, double seconds, std::uint64_t ordinal, double period) const {
  const double now = clock_.now(id.value, idled) + seconds;
  const bool by_ordinal = options_.age_seconds && options_.identity == Identity::tile;
  return {now, by_ordinal ? *options_.age_seconds + static_cast<double>(ordinal) * period : now};
}

// G + sigma(G) normal: repeat k of the command draws normals of event first_event + k, cells numbered within its window. Discarded repeats
// use up their events. Cells that change by themselves are looked at anew for every repeat.
Status Engine::read_repeats(const hal::Read& read, const Repeats& repeats, const hal::StopToken& stop, double& siemens) {
  const Array& state = array(read.array);
  const kernels::ReadNoise noise = options_.noise();
  const auto floor = static_cast<float>(noise.floor_siemens), relative = static_cast<float>(noise.relative);
  std::vector<float>&normals = scratch().normals, &cells = scratch().cells;
  normals.resize(read.cols);
  cells.resize(std::size_t{read.rows} * read.cols);
  const hal::View<float> now(cells.data(), read.rows, read.cols);
  for (std::uint32_t k = 0; k < read.repeats; ++k) {
    SEDMA_RETURN_IF_ERROR(stop.check());
    const std::uint64_t ordinal = repeats.first_event + read.discard + k;
    if (k == 0 || options_.ages()) {
      const double after = (read.discard + static_cast<double>(k)) * repeats.period;
      state.look(rect_of(read), moment(read.array, repeats.idled, after, ordinal, repeats.period), now);
      if (k == 0) siemens = sum(now);
    }
    for (std::uint32_t r = 0; r < read.rows; ++r) {
      float* const out = read.siemens.row(std::size_t{k} * read.rows + r);
      std::copy_n(now.row(r), read.cols, out);
      if (!noise.on()) continue;
      kernels::fill_normals(repeats.key, kernels::Use::read_noise, ordinal, r * read.cols, normals);
      for (std::uint32_t c = 0; c < read.cols; ++c) {
        const float part = relative * out[c];
        out[c] += std::sqrt(floor * floor + part * part) * normals[c];
      }
    }
  }
  return {};
}

Result<hal::Completion> Engine::run(const hal::Read& read, double idled, const hal::StopToken& stop) {
  const std::int64_t begin = now_utc_ns();
  Array& state = array(read.array);
  const std::uint64_t count = read.repeats + std::uint64_t{read.discard};
  Repeats repeats;
  repeats.key = noise_key(options_, read.array, read.stream, read_tag);
  repeats.first_event = options_.identity == Identity::board ? state.reads : 0;
  repeats.period = std::max(read.interval_seconds, costs_.repeat_seconds(read.rows, read.cols));
  repeats.idled = idled;
  double siemens = 0;
  SEDMA_RETURN_IF_ERROR(read_repeats(read, repeats, stop, siemens));
  state.reads += count;
  const Costs::Reads reads{count, read.rows, read.cols, read.volts, siemens, read.interval_seconds};
  return finish(read.array, costs_.read(reads), idled, begin);
}

// Block by block, so that a long batch can be stopped and cells that change are looked at again; the blocks are those of crossbar_product,
// which changes no bit.
Result<hal::Completion> Engine::run(const hal::Mvm& mvm, double idled, const hal::StopToken& stop) {
  const std::int64_t begin = now_utc_ns();
  const bool board = options_.identity == Identity::board;
  const Rect rect = rect_of(mvm);
  const double period = costs_.vector_seconds(mvm);
  Array& state = array(mvm.array);
  state.materialise();
  kernels::ProductJob job;
  job.row = mvm.row;
  job.col = mvm.col;
  job.rows = mvm.rows;
  job.cols = mvm.cols;
  job.full_scale_amps = mvm.full_scale_amps;
  job.sense = mvm.sense;
  job.transpose = mvm.transpose;
  job.converters = options_.converters();
  job.noise = options_.noise();
  job.key = noise_key(options_, mvm.array, mvm.stream, mvm_tag);
  job.cubic_per_square_volt = options_.cubic_per_square_volt;
  converter_errors(options_, mvm, job);
  kernels::ProductTotals totals;
  for (std::size_t first = 0; first < mvm.volts.rows; first += kernels::product_block) {
    SEDMA_RETURN_IF_ERROR(stop.check());
    const std::size_t count = std::min(kernels::product_block, mvm.volts.rows - first);
    const Moment now = moment(mvm.array, idled, static_cast<double>(first) * period, mvm.vector + first, period);
    job.matrix = &state.matrix(now);
    job.driven_siemens = state.driven_siemens(rect, mvm.transpose);
    job.volts = {mvm.volts.row(first), count, mvm.volts.cols, mvm.volts.stride};
    job.amps = {mvm.amps.row(first), count, mvm.amps.cols, mvm.amps.stride};
    job.vector = (board ? state.products : mvm.vector) + first;
    totals += kernels::crossbar_product(job, scratch().product);
  }
  state.products += mvm.volts.rows;
  return finish(mvm.array, costs_.product(mvm, totals), idled, begin);
}

}  // namespace sedma::backends::emulator

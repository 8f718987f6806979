#pragma once
// What the two paths of the crossbar product share. Internal to kernels.

#include <algorithm>
#include <cstddef>

#include "kernels/crossbar.h"
#include "kernels/sense_lines.h"
#include "kernels/threads.h"

namespace sedma::kernels {

/// `driven` lines carry volts, `sensed` lines carry amps to `outputs` converters.
struct ProductShape {
  std::size_t driven, sensed, outputs;
};
ProductShape shape_of(const ProductJob& job) noexcept;

/// Vectors [first, first + count) of a product, count <= product_block.
struct ProductBlock {
  const ProductJob& job;
  const ProductShape& shape;
  const double* siemens;  ///< of every driven line
  std::size_t first, count;
  ProductScratch& scratch;
};

ProductTotals integer_product(const ProductBlock& block);
/// What a vector's whole-number sums stand for; means and variances are not set. `squares`, `square_unit`: of Driven.
SenseJob<double, double> integer_lines(const ProductJob& job, double squares, double square_unit) noexcept;

/// Once a product, before its blocks: what they have in common.
void prepare_float_product(const ProductJob& job, const ProductShape& shape, ProductScratch& scratch);
ProductTotals float_product(const ProductBlock& block);

/// Threads for a window: one below 512 x 512 cells.
inline int product_threads(const ProductShape& shape) noexcept {
  constexpr std::size_t enough = 512;
  return shape.driven >= enough && shape.sensed >= enough ? threads() : 1;
}

/// Outputs that one call of the converters takes.
inline constexpr std::size_t sense_chunk = 256;

/// Converts outputs [begin, end), at most sense_chunk, of vector v of a block. `sense`: what is on the lines; the rest is filled in here.
template <class Sense>
void convert_chunk(const ProductBlock& block, std::size_t v, std::size_t begin, std::size_t end, Sense sense) {
  const ProductJob& job = block.job;
  const std::size_t outputs = block.shape.outputs;
  alignas(cache_line) float normals[sense_chunk];
  sense.sense = job.sense;
  sense.outputs = outputs;
  if (job.noise.on()) {
    const std::uint64_t event = job.vector + block.first + v;
    fill_normals(job.key, Use::read_noise, event, static_cast<std::uint32_t>(begin), {normals, end - begin});
    sense.normals = normals;
    if (job.sense == hal::Sense::reference)
      sense.shared_normal = normals4(job.key, Use::read_noise, static_cast<std::uint32_t>(outputs / 4), event)[outputs % 4];
  }
  if (!job.adc_gain_error.empty()) sense.gain_error = job.adc_gain_error.data();
  if (!job.adc_offset.empty()) sense.offset = job.adc_offset.data();
  if (!job.full_scale_amps.empty()) sense.full_scale = job.full_scale_amps.data();
  sense.one_full_scale = job.full_scale_amps.size() == 1;
  sense.adc_bits = job.converters.adc_bits;
  sense.amps = job.amps.row(block.first + v);
  sense_outputs(sense, begin, end);
}

/// Converts this share of a block's outputs. `lines_of(v)`: a SenseJob with what is on the lines of vector v.
template <class LinesOf>
void convert_share(const ProductBlock& block, const Share& mine, LinesOf lines_of) {
  const std::size_t outputs = block.shape.outputs, chunks = (outputs + sense_chunk - 1) / sense_chunk;
  for (std::size_t task = mine.begin(block.count * chunks); task < mine.end(block.count * chunks); ++task) {
    const std::size_t v = task / chunks, begin = task % chunks * sense_chunk;
    convert_chunk(block, v, begin, std::min(begin + sense_chunk, outputs), lines_of(v));
  }
}

/// Converts the outputs of a block's only vector that stand on lines [begin, end).
template <class LinesOf>
void convert_lines(const ProductBlock& block, std::size_t begin, std::size_t end, LinesOf lines_of) {
  const std::size_t per_output = block.job.sense == hal::Sense::pair ? 2 : 1;
  for (std::size_t j = begin / per_output; j < end / per_output; j += sense_chunk)
    convert_chunk(block, 0, j, std::min(j + sense_chunk, end / per_output), lines_of(0));
}

/// What the threads of a block wait for. One vector is too quick for waiting: every thread drives the rows for itself, and if it can it
/// converts what stands on the lines that it summed up.
struct Waits {
  bool after_drive = true, after_sums = true;
};

/// Runs `drive`, `sum` and `convert` one after the other, each split over the threads.
template <class Drive, class Sum, class Convert>
void in_steps(int threads, const Waits& waits, Drive drive, Sum sum, Convert convert) {
  if (threads <= 1) {
    drive(Share{});
    sum(Share{});
    convert(Share{});
    return;
  }
#pragma omp parallel num_threads(threads)
  {
    const Share mine = share();
    drive(mine);
    if (waits.after_drive) {
#pragma omp barrier
    }
    sum(mine);
    if (waits.after_sums) {
#pragma omp barrier
    }
    convert(mine);
  }
}

}  // namespace sedma::kernels

// Path::integer of the crossbar product.
#include <algorithm>
#include <cmath>

#include "kernels/convert.h"
#include "kernels/drive.h"
#include "kernels/integer_product.h"
#include "kernels/product_block.h"

namespace sedma::kernels {
namespace {

// Where the window lies in the packed cells.
struct Packed {
  std::size_t lead, first_pair, pairs, first_panel, skipped_cols, panels, stride;
};
Packed packed_of(const ProductJob& job) {
  Packed at{};
  at.lead = job.row % 2;
  at.first_pair = job.row / 2;
  at.pairs = layout::pairs(at.lead + job.rows);
  at.first_panel = job.col / layout::panel_cols;
  at.skipped_cols = job.col % layout::panel_cols;
  at.panels = layout::panels(at.skipped_cols + job.cols);
  at.stride = at.panels * layout::panel_cols;
  return at;
}

bool needs_levels(const ProductJob& job) { return job.noise.on() && (job.matrix->has_sd() || job.noise.relative > 0); }

// `drives`: as many copies of the drive.
IntegerSums sums_of(const ProductBlock& block, const Packed& at, std::size_t drives) {
  const ProductMatrix& matrix = *block.job.matrix;
  IntegerSums sums;
  sums.entries = matrix.codes();
  if (matrix.has_sd()) sums.sds = matrix.sd_codes();
  sums.panel_pairs = layout::pairs(matrix.rows());
  sums.first_pair = at.first_pair;
  sums.pairs = at.pairs;
  sums.first_panel = at.first_panel;
  sums.drive = at_least(block.scratch.drive, drives * drive_blocks(at.lead, block.job.rows) * block.count * drive_cells);
  sums.vectors = block.count;
  sums.mean = at_least(block.scratch.mean, block.count * at.stride);
  if (needs_levels(block.job)) sums.levels = at_least(block.scratch.levels, block.count * at.stride);
  sums.stride = at.stride;
  return sums;
}

}  // namespace

SenseJob<double, double> integer_lines(const ProductJob& job, double squares, double square_unit) noexcept {
  const ProductMatrix& matrix = *job.matrix;
  constexpr double top = 32767, top_sd = 255;
  const double code_volts = static_cast<double>(job.converters.volts_max) / static_cast<double>(half_codes(job.converters.dac_bits));
  const double full = matrix.full_siemens();
  SenseJob<double, double> lines;
  lines.mean_amps = code_volts * full / top;
  lines.noise_amps = static_cast<float>(code_volts * full);
  if (matrix.has_sd()) {
    const double part = matrix.full_sd() / full;
    lines.variance_factor = part * part * square_unit * sd_powers_per_level / (top_sd * top_sd * top_sd * top_sd);
  } else {
    const double floor = job.noise.floor_siemens / full;
    lines.variance_factor = job.noise.relative * job.noise.relative * square_unit * code_squares_per_level / (top * top);
    lines.variance_floor = floor * floor * squares;
  }
  return lines;
}

ProductTotals integer_product(const ProductBlock& block) {
  const ProductJob& job = block.job;
  ProductScratch& scratch = block.scratch;
  const Packed at = packed_of(job);
  const int threads = product_threads(block.shape);
  const auto team = static_cast<std::size_t>(threads);
  const bool alone = block.count == 1;  // a vector that every thread drives for itself
  const bool cuts_pairs = job.sense == hal::Sense::pair && at.skipped_cols % 2 != 0;
  const Waits waits{!alone, !alone || cuts_pairs || job.sense == hal::Sense::reference};

  const IntegerSums sums = sums_of(block, at, alone ? team : 1);
  const std::size_t row_cells = drive_row_cells(job.rows), own_drive = alone ? drive_blocks(at.lead, job.rows) * drive_cells : 0;
  std::int16_t* const rows = at_least(scratch.drive_rows, row_cells * team);
  Driven* const driven = at_least(scratch.driven, std::max(block.count, team));
  const auto slot = [&](const Share& mine, std::size_t v) { return alone ? mine.member : v; };

  const auto drive = [&](const Share& mine) {
    const std::size_t begin = alone ? 0 : mine.begin(block.count), end = alone ? 1 : mine.end(block.count);
    for (std::size_t v = begin; v < end; ++v) {
      const DriveTarget to{scratch.drive.data() + mine.member * own_drive, block.count, v, at.lead, rows + mine.member * row_cells};
      driven[slot(mine, v)] =
          drive_codes(job.volts.row(block.first + v), job.rows, job.converters.volts_max, job.converters.dac_bits, block.siemens, to);
    }
  };
  const auto sum = [&](const Share& mine) {
    IntegerSums own = sums;
    own.drive += mine.member * own_drive;
    sum_panels(own, mine.begin(at.panels), mine.end(at.panels));
  };
  const auto convert = [&](const Share& mine) {
    const auto lines_of = [&](std::size_t v) {
      SenseJob<double, double> lines = integer_lines(job, driven[slot(mine, v)].squares, driven[slot(mine, v)].square_unit);
      lines.mean = sums.mean + v * at.stride + at.skipped_cols;
      if (sums.levels != nullptr) lines.variance = sums.levels + v * at.stride + at.skipped_cols;
      return lines;
    };
    if (waits.after_sums) return convert_share(block, mine, lines_of);
    const auto line = [&](std::size_t panel) {
      return std::clamp<std::size_t>(panel * layout::panel_cols, at.skipped_cols, at.skipped_cols + job.cols) - at.skipped_cols;
    };
    convert_lines(block, line(mine.begin(at.panels)), line(mine.end(at.panels)), lines_of);
  };
  in_steps(threads, waits, drive, sum, convert);

  ProductTotals totals;
  const double code_volts = static_cast<double>(job.converters.volts_max) / static_cast<double>(half_codes(job.converters.dac_bits));
  for (std::size_t v = 0; v < block.count; ++v) {
    totals.volts_squared += driven[v].squares;
    totals.volts_squared_conductance += driven[v].conductance;
  }
  totals.volts_squared *= code_volts * code_volts;
  totals.volts_squared_conductance *= code_volts * code_volts;
  return totals;
}

}  // namespace sedma::kernels

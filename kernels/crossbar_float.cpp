// Path::floating of the crossbar product, and transposed products of both paths.
#include "kernels/drive.h"
#include "kernels/float_product.h"
#include "kernels/integer_product.h"
#include "kernels/product_block.h"

namespace sedma::kernels {
namespace {

// How the variances of the lines come about.
enum class Variance {
  none,     // no noise, or the same on every line
  fused,    // with the means, in one pass over the entries
  levels,   // whole-number sums of 15-bit levels, of the entries or of their standard deviations
  squares,  // of a transposed product: a second product with the squares
};

Variance variance_of(const ProductJob& job, std::size_t vectors) {
  const bool sd = job.matrix->has_sd();
  if (!job.noise.on() || (!sd && job.noise.relative == 0)) return Variance::none;
  if (!sd && vectors == 1) return Variance::fused;
  return job.transpose ? Variance::squares : Variance::levels;
}

hal::View<const float> entries_of(const ProductJob& job, const ProductScratch& scratch) {
  if (job.matrix->path() == Path::integer) return {scratch.window.data(), job.rows, job.cols};
  return {job.matrix->floats() + std::size_t{job.row} * job.matrix->cols() + job.col, job.rows, job.cols, job.matrix->cols()};
}

// Squares of the window's standard deviations, or else of its entries.
void fill_squares(const ProductJob& job, ProductScratch& scratch) {
  const std::size_t cells = std::size_t{job.rows} * job.cols;
  float* const squares = at_least(scratch.squares, cells);
  const hal::View<float> window(squares, job.rows, job.cols);
  if (job.matrix->has_sd()) {
    job.matrix->get_sd(job.row, job.col, window);
  } else {
    job.matrix->get(job.row, job.col, window);
  }
  for (std::size_t i = 0; i < cells; ++i) squares[i] *= squares[i];
}

float largest_of(const hal::View<const float>& window) {
  float largest = 0;
  for (std::size_t r = 0; r < window.rows; ++r) largest = std::max(largest, largest_magnitude(window.row(r), window.cols));
  return largest;
}

// The sums of levels of a block, with as many copies of the drive; `unit`: square siemens that a level stands for.
struct Levels {
  IntegerSums sums;
  std::size_t panels = 0, skipped_cols = 0, lead = 0;
  double unit = 0;
};
Levels levels_of(const ProductBlock& block, std::size_t drives) {
  const ProductJob& job = block.job;
  const ProductMatrix& matrix = *job.matrix;
  Levels levels;
  IntegerSums& sums = levels.sums;
  if (matrix.has_sd()) {
    levels.lead = job.row % 2;
    levels.skipped_cols = job.col % layout::panel_cols;
    levels.unit = matrix.full_sd() * matrix.full_sd() * sd_powers_per_level / (255.0 * 255.0 * 255.0 * 255.0);
    sums.sds = matrix.sd_codes();
    sums.panel_pairs = layout::pairs(matrix.rows());
    sums.first_pair = job.row / 2;
    sums.first_panel = job.col / layout::panel_cols;
  } else {
    const float largest = block.scratch.largest;
    levels.unit = static_cast<double>(largest) * static_cast<double>(largest) * code_squares_per_level / (32767.0 * 32767.0);
    sums.floats = entries_of(job, block.scratch);
    sums.codes_per_float = largest > 0 ? 32767.0f / largest : 0.0f;
  }
  levels.panels = layout::panels(levels.skipped_cols + job.cols);
  sums.pairs = layout::pairs(levels.lead + job.rows);
  sums.drive = at_least(block.scratch.drive, drives * drive_blocks(levels.lead, job.rows) * block.count * drive_cells);
  sums.vectors = block.count;
  sums.stride = levels.panels * layout::panel_cols;
  sums.levels = at_least(block.scratch.levels, block.count * sums.stride);
  return levels;
}

// One block while it is computed: three steps, each of a share of the work.
class FloatBlock {
 public:
  explicit FloatBlock(const ProductBlock& block)
      : block_(block),
        job_(block.job),
        scratch_(block.scratch),
        variance_(variance_of(block.job, block.count)),
        entries_(entries_of(block.job, block.scratch)),
        threads_(product_threads(block.shape)),
        alone_(block.count == 1) {
    const std::size_t driven = block.shape.driven, sensed = block.shape.sensed;
    const auto team = static_cast<std::size_t>(threads_);
    waits_ = {!alone_, !alone_ || variance_ == Variance::levels || variance_ == Variance::squares || job_.sense == hal::Sense::reference};
    const std::size_t drives = alone_ ? team : block.count;  // a vector alone is driven by every thread for itself
    at_least(scratch_.volts, drives * driven);
    at_least(scratch_.lines, block.count * sensed);
    at_least(scratch_.driven, drives);
    if (variance_ != Variance::none) at_least(scratch_.variance, block.count * sensed);
    if (variance_ == Variance::squares) at_least(scratch_.squared_volts, drives * driven);
    if (variance_ != Variance::levels) return;
    levels_ = levels_of(block, alone_ ? team : 1);
    at_least(scratch_.drive_rows, drive_row_cells(driven) * team);
  }

  ProductTotals run() {
    in_steps(
        threads_, waits_, [this](const Share& mine) { drive(mine); }, [this](const Share& mine) { multiply(mine); },
        [this](const Share& mine) { convert(mine); });
    ProductTotals totals;
    for (std::size_t v = 0; v < block_.count; ++v) {
      totals.volts_squared += scratch_.driven[v].squares;
      totals.volts_squared_conductance += scratch_.driven[v].conductance;
    }
    return totals;
  }

 private:
  std::size_t slot(const Share& mine, std::size_t v) const { return alone_ ? mine.member : v; }

  void drive(const Share& mine) {
    const std::size_t begin = alone_ ? 0 : mine.begin(block_.count), end = alone_ ? 1 : mine.end(block_.count);
    for (std::size_t v = begin; v < end; ++v) drive_vector(mine, v);
  }

  void drive_vector(const Share& mine, std::size_t v) {
    const std::size_t rows = block_.shape.driven, at = slot(mine, v);
    float* const volts = scratch_.volts.data() + at * rows;
    Driven& driven = scratch_.driven[at];
    convert_volts(job_.volts.row(block_.first + v), rows, job_.converters.volts_max, job_.converters.dac_bits, volts);
    driven = drive_energy(volts, rows, job_.cubic_per_square_volt, block_.siemens);
    bend_volts(volts, rows, job_.cubic_per_square_volt);
    if (variance_ == Variance::squares) {
      float* const squares = scratch_.squared_volts.data() + at * rows;
      for (std::size_t i = 0; i < rows; ++i) squares[i] = volts[i] * volts[i];
    }
    if (variance_ != Variance::levels) return;
    std::int16_t* const row = scratch_.drive_rows.data() + mine.member * drive_row_cells(rows);
    const DriveTarget to{scratch_.drive.data() + own_drive(mine), block_.count, v, levels_.lead, row};
    driven.square_unit = drive_squares(volts, rows, to).square_unit;
  }

  // Where this thread's own copy of a lone vector's drive starts.
  std::size_t own_drive(const Share& mine) const {
    return alone_ ? mine.member * drive_blocks(levels_.lead, block_.shape.driven) * drive_cells : 0;
  }

  // The lines that a thread sums up, in steps of 64.
  std::size_t line(std::size_t step) const { return std::min(step * line_step, block_.shape.sensed); }
  std::size_t steps() const { return (block_.shape.sensed + line_step - 1) / line_step; }

  void multiply(const Share& mine) {
    const std::size_t slabs = (block_.shape.sensed + slab_cols - 1) / slab_cols;
    float *const lines = scratch_.lines.data(), *const volts = scratch_.volts.data() + (alone_ ? mine.member * block_.shape.driven : 0);
    if (alone_) {
      float* const fused = variance_ == Variance::fused ? scratch_.variance.data() : nullptr;
      const auto sum = job_.transpose ? sum_rows : sum_columns;
      sum(entries_, volts, lines, fused, line(mine.begin(steps())), line(mine.end(steps())));
    } else {
      for (std::size_t s = mine.begin(slabs); s < mine.end(slabs); ++s) multiply_block(entries_, volts, lines, s);
    }
    if (variance_ == Variance::squares) {
      const hal::View<const float> squares(scratch_.squares.data(), job_.rows, job_.cols);
      const float* const squared_volts = scratch_.squared_volts.data() + (alone_ ? mine.member * block_.shape.driven : 0);
      for (std::size_t s = mine.begin(slabs); s < mine.end(slabs); ++s) multiply_block(squares, squared_volts, scratch_.variance.data(), s);
    }
    if (variance_ == Variance::levels) {
      IntegerSums sums = levels_.sums;
      sums.drive += own_drive(mine);
      sum_panels(sums, mine.begin(levels_.panels), mine.end(levels_.panels));
    }
  }

  void multiply_block(const hal::View<const float>& matrix, const float* volts, float* out, std::size_t slab) const {
    if (job_.transpose) {
      multiply_transposed_slab(matrix, block_.count, volts, out, slab);
    } else {
      multiply_slab(matrix, block_.count, volts, out, slab);
    }
  }

  void convert(const Share& mine) {
    if (variance_ == Variance::levels) {
      convert_with(mine, [&](std::size_t v) {
        SenseJob<float, double> lines = lines_of<double>(mine, v);
        lines.variance = levels_.sums.levels + v * levels_.sums.stride + levels_.skipped_cols;
        lines.variance_factor = levels_.unit * scratch_.driven[slot(mine, v)].square_unit;
        if (!job_.matrix->has_sd()) lines.variance_factor *= job_.noise.relative * job_.noise.relative;
        return lines;
      });
      return;
    }
    convert_with(mine, [&](std::size_t v) {
      SenseJob<float, float> lines = lines_of<float>(mine, v);
      if (variance_ == Variance::none) return lines;
      lines.variance = scratch_.variance.data() + v * block_.shape.sensed;
      lines.variance_factor = job_.matrix->has_sd() ? 1.0f : static_cast<float>(job_.noise.relative * job_.noise.relative);
      return lines;
    });
  }

  template <class LinesOf>
  void convert_with(const Share& mine, LinesOf lines) const {
    if (waits_.after_sums) {
      convert_share(block_, mine, lines);
    } else {
      convert_lines(block_, line(mine.begin(steps())), line(mine.end(steps())), lines);
    }
  }

  // Amps and square amps as they are, and the floor.
  template <class V>
  SenseJob<float, V> lines_of(const Share& mine, std::size_t v) const {
    SenseJob<float, V> lines;
    lines.mean = scratch_.lines.data() + v * block_.shape.sensed;
    lines.mean_amps = 1;
    lines.noise_amps = 1;
    const double floor = job_.noise.floor_siemens;
    if (!job_.matrix->has_sd()) lines.variance_floor = static_cast<V>(floor * floor * scratch_.driven[slot(mine, v)].bent_squares);
    return lines;
  }

  static constexpr std::size_t line_step = 64;

  const ProductBlock& block_;
  const ProductJob& job_;
  ProductScratch& scratch_;
  Variance variance_;
  hal::View<const float> entries_;
  int threads_;
  bool alone_;
  Waits waits_;
  Levels levels_;
};

}  // namespace

void prepare_float_product(const ProductJob& job, const ProductShape& shape, ProductScratch& scratch) {
  use_single_threaded_blas();
  if (job.matrix->path() == Path::integer) {
    float* const window = at_least(scratch.window, shape.driven * shape.sensed);
    job.matrix->get(job.row, job.col, {window, job.rows, job.cols});
  }
  const Variance variance = variance_of(job, job.volts.rows);
  if (variance == Variance::squares) fill_squares(job, scratch);
  if (variance == Variance::levels && !job.matrix->has_sd()) scratch.largest = largest_of(entries_of(job, scratch));
}

ProductTotals float_product(const ProductBlock& block) { return FloatBlock(block).run(); }

}  // namespace sedma::kernels

// What an array shows at a moment: cells that relaxed and fluctuate, and the matrix that products see.
#include <algorithm>
#include <limits>

#include "backends/emulator/array.h"
#include "kernels/crossbar.h"

namespace sedma::backends::emulator {
namespace {

// Windows whose line sums are kept between products.
constexpr std::size_t most_sums = 64;
// Rows that are brought up to date at once: their floats stay in a cache.
constexpr std::uint32_t rows_at_once = 32;

}  // namespace

double Array::age(const Writing& writing, const Moment& moment) const noexcept {
  return options_.age_seconds ? *options_.age_seconds : std::max(0.0, moment.seconds - writing.seconds);
}

void Array::relax(const Rect& rect, const Moment& moment, hal::View<float> bare) const {
  writings_.for_each(rect, [&](const Rect& part, const Writing& writing) {
    if (!writing.written) return;
    const hal::View<float> cells(bare.row(part.row - rect.row) + (part.col - rect.col), part.rows, part.cols, bare.stride);
    const double decades = kernels::relaxation_decades(options_.relaxation, age(writing, moment), options_.kelvin);
    kernels::relax(options_.relaxation, options_.model, writing.ids(part.row, part.col), decades, cells, cells);
  });
}

void Array::look(const Rect& rect, const Moment& moment, hal::View<float> terminal) const {
  if (bare_.empty()) {
    fill_untouched(rect, terminal);
  } else {
    for (std::uint32_t r = 0; r < rect.rows; ++r)
      std::copy_n(bare_.data() + std::size_t{rect.row + r} * options_.cols + rect.col, rect.cols, terminal.row(r));
  }
  if (options_.relaxation.on() && !bare_.empty()) relax(rect, moment, terminal);
  kernels::terminal_window(options_.model, terminal, terminal);
  if (options_.fluctuation.on()) fluctuate(rect, moment, terminal);
}

void Array::fluctuate(const Rect& rect, const Moment& moment, hal::View<float> terminal) const {
  const std::uint64_t epoch = kernels::fluctuation_epoch(options_.fluctuation, moment.noise_seconds);
  if (writings_.empty()) {
    kernels::fluctuate(options_.fluctuation, board_ids(rect), epoch, terminal);
    return;
  }
  writings_.for_each(rect, [&](const Rect& part, const Writing& writing) {
    const hal::View<float> cells(terminal.row(part.row - rect.row) + (part.col - rect.col), part.rows, part.cols, terminal.stride);
    kernels::fluctuate(options_.fluctuation, writing.ids(part.row, part.col), epoch, cells);
  });
}

// Cells that age by the clock are looked at again when the first of them takes its next step.
double Array::holds_until(const Moment& moment) const {
  double until = std::numeric_limits<double>::infinity();
  if (!options_.relaxation.on() || options_.age_seconds) return until;
  for (const Writing& writing : writings_.known()) {
    if (!writing.written) continue;
    const double next = kernels::relaxation_holds_until(options_.relaxation, age(writing, moment), options_.kelvin);
    until = std::min(until, writing.seconds + next);
  }
  return until;
}

bool Array::holds(const Moment& moment) const noexcept {
  if (!matrix_known_ || moment.seconds >= matrix_until_) return false;
  return !options_.fluctuation.on() || kernels::fluctuation_epoch(options_.fluctuation, moment.noise_seconds) == matrix_epoch_;
}

const kernels::ProductMatrix& Array::matrix(const Moment& moment) {
  if (holds(moment)) return matrix_;
  line_sums_.clear();
  if (matrix_.rows() == 0) {
    const kernels::ReadNoise noise = options_.noise();
    const double full = options_.full_siemens(), relative = noise.relative * full;
    const double full_sd = options_.wired() ? std::sqrt(noise.floor_siemens * noise.floor_siemens + relative * relative) : 0;
    matrix_ = kernels::ProductMatrix(options_.path, options_.rows, options_.cols, full, full_sd);
  }
  if (options_.wired()) {
    multiply_by_network(moment);
  } else {
    multiply_by_cells(moment);
  }
  matrix_until_ = holds_until(moment);
  if (options_.fluctuation.on()) matrix_epoch_ = kernels::fluctuation_epoch(options_.fluctuation, moment.noise_seconds);
  matrix_known_ = true;
  return matrix_;
}

void Array::multiply_by_cells(const Moment& moment) {
  const std::uint32_t at_once = std::min(options_.rows, rows_at_once);
  std::vector<float> some(std::size_t{at_once} * options_.cols);
  for (std::uint32_t row = 0; row < options_.rows; row += at_once) {
    const Rect rect{row, 0, std::min(at_once, options_.rows - row), options_.cols};
    const hal::View<float> cells(some.data(), rect.rows, rect.cols);
    look(rect, moment, cells);
    matrix_.set(row, 0, cells);
  }
}

// Buffers are given back: the network's take many times the memory of the cells.
void Array::multiply_by_network(const Moment& moment) {
  std::vector<float> cells(options_.cells());
  std::vector<double> transfer(options_.cells());
  const hal::View<float> siemens(cells.data(), options_.rows, options_.cols);
  const hal::View<double> result(transfer.data(), options_.rows, options_.cols);
  look(all(), moment, siemens);
  if (options_.wire_model == WireModel::exact) {
    kernels::WireScratch scratch;
    kernels::effective_matrix(siemens, options_.wires, result, scratch);
  } else {
    kernels::series_matrix(siemens, options_.wires, result);
  }
  if (matrix_.has_sd()) {
    const kernels::ReadNoise noise = options_.noise();
    std::vector<float> sd(options_.cells());
    const hal::View<float> deviations(sd.data(), options_.rows, options_.cols);
    kernels::transfer_noise(siemens, result, noise.relative, noise.floor_siemens, deviations);
    matrix_.set_sd(0, 0, deviations);
  }
  std::copy(transfer.begin(), transfer.end(), cells.begin());
  matrix_.set(0, 0, siemens);
}

std::span<const double> Array::driven_siemens(const Rect& rect, bool transpose) {
  for (const LineSums& known : line_sums_) {
    if (known.rect == rect && known.transpose == transpose) return known.sums;
  }
  if (line_sums_.size() == most_sums) line_sums_.clear();
  LineSums& made = line_sums_.emplace_back(LineSums{rect, transpose, std::vector<double>(transpose ? rect.cols : rect.rows)});
  kernels::driven_line_siemens(matrix_, rect.row, rect.col, rect.rows, rect.cols, transpose, made.sums);
  return made.sums;
}

void Array::settle(const Rect& rect, hal::View<const std::uint8_t> left_alone, const Moment& moment) {
  if (!options_.relaxation.on()) return;
  const hal::View<float> cells = bare(rect);
  std::vector<float> now(rect.size());
  const hal::View<float> relaxed(now.data(), rect.rows, rect.cols);
  for (std::uint32_t r = 0; r < rect.rows; ++r) std::copy_n(cells.row(r), rect.cols, relaxed.row(r));
  relax(rect, moment, relaxed);
  for (std::uint32_t r = 0; r < rect.rows; ++r)
    for (std::uint32_t c = 0; c < rect.cols; ++c)
      if (left_alone.empty() || left_alone(r, c) == 0) cells(r, c) = relaxed(r, c);
}

Status Array::begin_aging(const Rect& rect, hal::View<const std::uint8_t> left_alone, const kernels::CellIds& ids, double seconds) {
  if (writings_.empty()) return {};
  const std::uint32_t base = ids.first - rect.row * ids.row_stride - rect.col;
  return writings_.add(rect, left_alone, {ids.key, base, ids.row_stride, ids.event, seconds, true});
}

}  // namespace sedma::backends::emulator

// Reads, products and their comparison in the conformance suite.

#include <algorithm>
#include <cmath>

#include "hal/conformance_internal.h"

namespace sedma::hal::conformance {
namespace {

constexpr double float_step = 0x1p-23;

/// Currents of one vector on every line, with variance and rounding, before lines are subtracted.
struct Lines {
  std::vector<double> amps, variance, rounding;
};

Lines lines_of(const Tolerances& allowed, const Cells& cells, const Drives& drives, std::size_t vector) {
  const Window& w = cells.window;
  const std::size_t count = drives.transpose ? w.rows : w.cols;
  Lines lines{std::vector<double>(count), std::vector<double>(count), std::vector<double>(count)};
  const double reads = 1 + 1.0 / allowed.repeats;
  const double additions = static_cast<double>(drives.inputs() + 8) * float_step;
  for (std::uint32_t r = 0; r < w.rows; ++r)
    for (std::uint32_t c = 0; c < w.cols; ++c) {
      const std::size_t input = drives.transpose ? c : r, line = drives.transpose ? r : c;
      const double g = cells.at(r, c), v = static_cast<double>(drives.volts[vector * drives.inputs() + input]);
      lines.amps[line] += g * v;
      lines.variance[line] += reads * allowed.read_variance(g) * v * v;
      lines.rounding[line] +=
          std::abs(g) * (allowed.dac_error(v) + (additions + allowed.line_error) * std::abs(v)) + allowed.cell_error * std::abs(v);
    }
  return lines;
}

}  // namespace

std::size_t Drives::outputs() const noexcept {
  if (transpose) return window.rows;
  switch (sense) {
    case Sense::single: return window.cols;
    case Sense::pair: return window.cols / 2;
    case Sense::reference: return window.cols - 1;
  }
  return 0;
}

Read make_read(const Bench& bench, const Window& at, std::vector<float>& siemens, std::uint32_t repeats) {
  siemens.assign(at.size() * repeats, -1.0f);
  Read read;
  read.array = at.array;
  read.siemens = {siemens.data(), static_cast<std::size_t>(at.rows) * repeats, at.cols};
  read.row = at.row;
  read.col = at.col;
  read.rows = at.rows;
  read.cols = at.cols;
  read.volts = bench.read_volts();
  read.repeats = repeats;
  read.stream = test_stream;
  return read;
}

Cells average(const Window& at, const std::vector<float>& siemens) {
  Cells cells{at, std::vector<double>(at.size())};
  const std::size_t repeats = siemens.size() / at.size();
  for (std::size_t i = 0; i < siemens.size(); ++i)
    cells.siemens[i % at.size()] += static_cast<double>(siemens[i]) / static_cast<double>(repeats);
  return cells;
}

Result<Cells> measure(Bench& bench, const Window& at) {
  std::vector<float> siemens;
  const Read read = make_read(bench, at, siemens, bench.tolerances.repeats);
  const auto done = bench.device().run(read, patience);
  if (!done.ok()) return done.status().with_context(fmt::format("reading a {} x {} window at ({}, {})", at.rows, at.cols, at.row, at.col));
  const double most =
      bench.board.g_max_siemens * 6;  // cells spread around the nominal window; another unit or a stray value is further off
  for (std::size_t i = 0; i < siemens.size(); ++i)
    if (!(siemens[i] >= 0 && static_cast<double>(siemens[i]) <= most))
      return found("read of cell ({}, {}) gives {} S; the device holds [{}, {}] S", at.row + (i / at.cols) % at.rows, at.col + i % at.cols,
                   siemens[i], bench.board.g_min_siemens, bench.board.g_max_siemens);
  return average(at, siemens);
}

Result<Cells> prepare(Bench& bench, const Window& at, std::uint64_t salt) {
  SEDMA_RETURN_IF_ERROR(bench.open());
  SEDMA_RETURN_IF_ERROR(write(bench, at, pattern(bench.board, at, salt)).status());
  return measure(bench, at);
}

Status check_unchanged(const Bench& bench, const Cells& before, const Cells& after, const Window* hole, const std::string& what) {
  const Window& w = before.window;
  for (std::uint32_t r = 0; r < w.rows; ++r)
    for (std::uint32_t c = 0; c < w.cols; ++c) {
      const std::uint32_t row = w.row + r, col = w.col + c;
      if (hole != nullptr && row - hole->row < hole->rows && col - hole->col < hole->cols) continue;  // unsigned: below wraps to far above
      const double a = before.at(r, c), b = after.at(r, c), most = bench.tolerances.same_cell(std::max(a, b));
      if (!(std::abs(a - b) <= most))
        return found("{}: cell ({}, {}) of array {} went from {} to {} S; at most {} S may differ", what, row, col, w.array.value, a, b,
                     most);
    }
  return {};
}

Drives random_drives(const Bench& bench, const Window& at, std::size_t batch, std::uint64_t salt, bool transpose) {
  Drives drives;
  drives.window = at;
  drives.batch = batch;
  drives.transpose = transpose;
  const unsigned bits = bench.board.dac_bits;
  const double codes = bits == 0 ? 127 : std::max(std::exp2(bits - 1) - 1, 1.0);
  const double step = bench.board.read_volts.max / codes;
  const double top = std::max(std::floor(bench.drive_volts() / step * (1 + 1e-9)), 0.0);
  const double bottom =
      std::max(-top, std::ceil(std::min(bench.board.read_volts.min, 0.0) / step));  // a unipolar board takes no negative volts
  drives.volts.resize(batch * drives.inputs());
  for (std::size_t i = 0; i < drives.volts.size(); ++i) {
    const std::uint64_t bits64 = mix(salt * 0x20003 + i);
    const double code = std::round(bottom + (top - bottom) * (static_cast<double>(bits64 >> 11) * 0x1p-53));
    auto volts = static_cast<float>(bits64 % 4 == 0 ? 0 : code * step);
    if (std::abs(static_cast<double>(volts)) > bench.board.read_volts.max) volts = std::nextafterf(volts, 0);
    drives.volts[i] = volts;
  }
  return drives;
}

Expected expect(const Bench& bench, const Cells& cells, const Drives& drives) {
  Expected expected;
  expected.batch = drives.batch;
  expected.outputs = drives.outputs();
  for (std::size_t v = 0; v < drives.batch; ++v) {
    const Lines lines = lines_of(bench.tolerances, cells, drives, v);
    const std::size_t last = lines.amps.size() - 1;
    for (std::size_t j = 0; j < expected.outputs; ++j) {
      const std::size_t plus = drives.sense == Sense::pair ? 2 * j : j, minus = drives.sense == Sense::pair ? 2 * j + 1 : last;
      const double sign = drives.sense == Sense::single ? 0 : 1;  // single: nothing is subtracted
      expected.amps.push_back(lines.amps[plus] - sign * lines.amps[minus]);
      expected.sigma.push_back(std::sqrt(lines.variance[plus] + sign * lines.variance[minus]));
      expected.rounding.push_back(lines.rounding[plus] + sign * lines.rounding[minus]);
    }
  }
  return expected;
}

std::vector<float> fitted(const Bench& bench, const Expected& expected) {
  // A converter needs a full scale above 0 even where nothing flows: that of one cell at G_min.
  const double least = std::max(bench.board.g_min_siemens, 1e-3 * bench.board.g_range_siemens()) * bench.board.read_volts.max;
  std::vector<float> scale(expected.outputs, static_cast<float>(least));
  for (std::size_t i = 0; i < expected.amps.size(); ++i) {
    const double largest = std::abs(expected.amps[i]) + bench.tolerances.deviations * expected.sigma[i] + expected.rounding[i];
    float& s = scale[i % expected.outputs];
    s = std::max(s, static_cast<float>(largest * (1 + 1e-6)));
  }
  return scale;
}

Mvm make_mvm(const Drives& drives, std::span<const float> full_scale, std::vector<float>& amps) {
  amps.assign(drives.batch * drives.outputs(), -1.0f);
  Mvm mvm;
  mvm.array = drives.window.array;
  mvm.row = drives.window.row;
  mvm.col = drives.window.col;
  mvm.rows = drives.window.rows;
  mvm.cols = drives.window.cols;
  mvm.volts = {drives.volts.data(), drives.batch, drives.inputs()};
  mvm.amps = {amps.data(), drives.batch, drives.outputs()};
  mvm.full_scale_amps = full_scale;
  mvm.sense = drives.sense;
  mvm.transpose = drives.transpose;
  mvm.stream = test_stream;
  mvm.vector = drives.vector;
  return mvm;
}

Result<std::vector<float>> multiply(Bench& bench, const Drives& drives, std::span<const float> full_scale) {
  std::vector<float> amps;
  const Mvm mvm = make_mvm(drives, full_scale, amps);
  const auto done = bench.device().run(mvm, patience);
  if (!done.ok())
    return done.status().with_context(fmt::format("a product of {} vectors on {} x {} cells", drives.batch, mvm.rows, mvm.cols));
  return amps;
}

Status check_product(const Bench& bench, const Expected& expected, std::span<const float> full_scale, std::span<const float> amps,
                     const std::string& what) {
  const Tolerances& allowed = bench.tolerances;
  for (std::size_t v = 0; v < expected.batch; ++v)
    for (std::size_t j = 0; j < expected.outputs; ++j) {
      const std::size_t i = v * expected.outputs + j;
      const double scale = static_cast<double>(full_scale.size() == 1 ? full_scale[0] : full_scale[j]);
      const double want = allowed.adc_bits == 0 ? expected.amps[i] : std::clamp(expected.amps[i], -scale, scale);
      const double most = allowed.adc_half_step(scale) + allowed.deviations * expected.sigma[i] + expected.rounding[i] +
                          float_step * (allowed.adc_bits == 0 ? std::abs(want) : scale);
      if (!(std::abs(static_cast<double>(amps[i]) - want) <= most))
        return found("{}: output {} of vector {} is {} A; the cells as read give {} +- {} A (full scale {} A)", what, j, v, amps[i], want,
                     most, scale);
    }
  return {};
}

Status check_works(Bench& bench, const Window& at, const std::string& what) {
  SEDMA_ASSIGN_OR_RETURN(const Cells cells, measure(bench, at));
  const Drives drives = random_drives(bench, at, 2, 77);
  const Expected expected = expect(bench, cells, drives);
  const std::vector<float> scale = fitted(bench, expected);
  SEDMA_ASSIGN_OR_RETURN(const std::vector<float> amps, multiply(bench, drives, scale));
  return check_product(bench, expected, scale, amps, what);
}

}  // namespace sedma::hal::conformance

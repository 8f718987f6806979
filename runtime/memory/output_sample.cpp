// Which outputs are looked at, how a plan cuts them, and how they are written.

#include "runtime/memory/output_sample.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "runtime/session.h"

namespace sedma::runtime {
namespace {

constexpr double most_products = 2.5e6;  // of values of a slice with vectors
constexpr std::size_t row_cells = 1024;  // cells that are written together: their order counts nothing

// What a row can add: as its outputs are large, as its cells' errors are, and a little whatever it is.
std::vector<double> importances(const std::vector<double>& squares, const std::vector<double>& peaks) {
  double all_squares = 0, all_peaks = 0;
  for (std::size_t i = 0; i < squares.size(); ++i) {
    all_squares += squares[i];
    all_peaks += peaks[i];
  }
  std::vector<double> q(squares.size());
  for (std::size_t i = 0; i < q.size(); ++i)
    q[i] = 0.4 * (all_squares > 0 ? squares[i] / all_squares : 0) + 0.4 * (all_peaks > 0 ? peaks[i] / all_peaks : 0) +
           0.2 / static_cast<double>(q.size());
  return q;
}

// Systematic sampling: row i is taken with probability p = min(1, c q), c such that `count` are expected; it then stands for 1 / p.
void draw(const std::vector<double>& q, double count, double start, OutputSample& sample) {
  double low = 0, high = 1e18;
  for (int k = 0; k < 200; ++k) {
    const double c = std::sqrt(std::max(low, 1e-12) * high);
    double expected = 0;
    for (const double v : q) expected += std::min(1.0, c * v);
    (expected < count ? low : high) = c;
  }
  double passed = start;
  for (std::uint32_t i = 0; i < q.size(); ++i) {
    const double p = std::min(1.0, high * q[i]);
    passed += p;
    if (passed < 1 && p < 1) continue;
    passed -= p < 1 ? 1 : p;
    sample.rows.push_back(i);
    sample.weights.push_back(1 / p);
  }
}

}  // namespace

Result<OutputSample> sample_outputs(const MatrixSource& matrix, std::uint32_t outputs, std::uint32_t vectors, std::uint64_t seed) {
  OutputSample sample;
  const std::size_t rows = matrix.rows(), cols = matrix.cols();
  std::vector<double> squares(rows, 0.0), peaks(rows, 0.0);
  SEDMA_RETURN_IF_ERROR(matrix.for_each_row([&](std::uint32_t row, const RowEntries& entries) -> Status {
    for (const double a : entries.values) {
      squares[row] += a * a;
      peaks[row] = std::max(peaks[row], a * a);
    }
    return {};
  }));
  const double width = std::min(static_cast<double>(cols), 32 * static_cast<double>(matrix.nonzeros()) / static_cast<double>(rows));
  const double count = std::clamp(5e4 / std::max(width, 1.0), 12.0, std::max(12.0, static_cast<double>(outputs)));
  if (static_cast<double>(rows) <= 1.5 * count) {
    for (std::uint32_t i = 0; i < rows; ++i) sample.rows.push_back(i);
    sample.weights.assign(rows, 1.0);
  } else {
    draw(importances(squares, peaks), count, kernels::uniform(kernels::philox({seed}, kernels::Use::test, 0, 0)[0]), sample);
  }
  std::vector<std::uint32_t> all(cols);
  for (std::uint32_t j = 0; j < cols; ++j) all[j] = j;
  sample.values.resize(sample.rows.size() * cols);
  SEDMA_RETURN_IF_ERROR(matrix.gather(sample.rows, all, sample.values.data()));

  const double products = static_cast<double>(sample.rows.size()) * std::max(width, 1.0);
  sample.vectors = static_cast<std::size_t>(std::clamp(most_products / products, static_cast<double>(vectors), 96.0));
  sample.programmings = static_cast<std::uint32_t>(std::clamp(5e4 / products, 1.0, 4.0));
  sample.x = random_inputs(seed, sample.vectors, cols);
  std::vector<double> y(sample.vectors * rows);
  SEDMA_RETURN_IF_ERROR(matrix.multiply(sample.x, y, sample.vectors));
  for (std::size_t v = 0; v < sample.vectors; ++v) {
    const double* const row = y.data() + v * rows;
    for (const std::uint32_t k : sample.rows) sample.y.push_back(row[k]);
    sample.squares.push_back(std::inner_product(row, row + rows, row, 0.0));
  }
  return sample;
}

namespace {

// The tile's largest magnitude, as an output of its own: with one scale for the tile it sets that of all.
Status add_largest(const MatrixSource& matrix, const Tile& tile, SampledTile& part) {
  std::vector<double> all(tile.rows.size() * tile.cols.size());
  SEDMA_RETURN_IF_ERROR(matrix.gather(tile.rows, tile.cols, all.data()));
  const auto larger = [](double a, double b) { return std::abs(a) < std::abs(b); };
  const auto at = static_cast<std::size_t>(std::max_element(all.begin(), all.end(), larger) - all.begin()) / tile.cols.size();
  const auto row = all.begin() + static_cast<std::ptrdiff_t>(at * tile.cols.size());
  part.values.insert(part.values.end(), row, row + static_cast<std::ptrdiff_t>(tile.cols.size()));
  ++part.rows;
  return {};
}

}  // namespace

Result<SampledPlan> cut_sample(const MatrixSource& matrix, const OutputSample& sample, const Plan& plan) {
  SampledPlan cut;
  std::map<std::vector<std::uint32_t>, std::uint32_t> numbers;
  const std::size_t cols = matrix.cols();
  for (std::uint32_t t = 0; t < plan.tiles.size(); ++t) {
    const Tile& tile = plan.tiles[t];
    SampledTile part;
    part.tile = t;
    for (std::uint32_t k = 0; k < sample.rows.size(); ++k) {
      if (!std::binary_search(tile.rows.begin(), tile.rows.end(), sample.rows[k])) continue;
      part.outputs.push_back(k);
      for (const std::uint32_t col : tile.cols) part.values.push_back(sample.values[k * cols + col]);
    }
    if (part.outputs.empty()) continue;
    part.rows = static_cast<std::uint32_t>(part.outputs.size());
    if (plan.choice.scale == kernels::Scale::tile) SEDMA_RETURN_IF_ERROR(add_largest(matrix, tile, part));
    const auto [number, fresh] = numbers.try_emplace(tile.cols, static_cast<std::uint32_t>(cut.inputs.size()));
    if (fresh) cut.inputs.push_back(tile.cols);
    part.inputs = number->second;
    cut.tiles.push_back(std::move(part));
  }
  return cut;
}

namespace {

/// Cells of all tiles behind one another.
std::vector<float> joined(const std::vector<kernels::EncodedTile>& tiles, float filling) {
  std::size_t cells = 0;
  for (const auto& tile : tiles) cells += tile.siemens.size();
  std::vector<float> all;
  all.reserve(cells + row_cells);
  for (const auto& tile : tiles) all.insert(all.end(), tile.siemens.begin(), tile.siemens.end());
  all.resize((cells + row_cells - 1) / row_cells * row_cells, filling);
  return all;
}

WrittenSlice slice_of(const TrialBoard& trial, const Choice& choice, const kernels::EncodedTile& encoded, const float* siemens) {
  const bool pair = choice.encoding == kernels::Encoding::pair;
  const std::size_t lines = kernels::bit_lines(choice.encoding, encoded.outputs), inputs = encoded.inputs;
  const auto swing = static_cast<float>(trial.board.g_range_siemens() / (pair ? 1 : 2));
  const kernels::CellModel& cell = trial.device.cell;
  const bool noisy = cell.read_noise > 0 || cell.read_floor_siemens > 0;
  const auto variance = [&](float g) {
    const double sd = std::hypot(cell.read_floor_siemens, cell.read_noise * static_cast<double>(g)) / static_cast<double>(swing);
    return static_cast<float>(sd * sd);
  };
  WrittenSlice slice;
  slice.unit = encoded.unit;
  for (const double sum : encoded.row_sum) slice.full_scale.push_back(std::max(sum, 1.0 / 127));
  slice.weight.resize(encoded.outputs * inputs);
  if (noisy) slice.variance.resize(slice.weight.size());
  for (std::size_t i = 0; i < encoded.outputs; ++i)
    for (std::size_t j = 0; j < inputs; ++j) {
      const float* line = siemens + j * lines;
      const float plus = line[pair ? 2 * i : i], minus = line[pair ? 2 * i + 1 : lines - 1];
      slice.weight[i * inputs + j] = (plus - minus) / swing;
      if (noisy) slice.variance[i * inputs + j] = variance(plus) + (pair ? variance(minus) : 0.0f);
    }
  if (noisy && !pair)
    for (std::size_t j = 0; j < inputs; ++j) slice.reference.push_back(variance(siemens[j * lines + lines - 1]));
  return slice;
}

}  // namespace

WrittenSample write_sample(const TrialBoard& trial, const Choice& choice, const SampledPlan& plan, kernels::Key key) {
  WrittenSample written;
  std::vector<std::vector<double>> wanted;
  for (const SampledTile& tile : plan.tiles) wanted.push_back(tile.values);
  for (std::uint32_t s = 0; s <= choice.slices; ++s) {
    std::vector<kernels::EncodedTile> encoded(plan.tiles.size());
    for (std::size_t t = 0; t < encoded.size(); ++t) {
      const std::size_t inputs = plan.inputs[plan.tiles[t].inputs].size();
      kernels::encode_tile({wanted[t].data(), plan.tiles[t].rows, inputs}, choice.encoding, choice.scale, trial.window(), encoded[t]);
      for (std::size_t i = 0; i < encoded[t].outputs; ++i)
        if (encoded[t].row_sum[i] == 0) encoded[t].unit[i] = 0;
    }
    const std::vector<float> targets = joined(encoded, static_cast<float>(trial.board.g_min_siemens));
    const TrialCells cells = write_cells(trial, choice, {targets.data(), targets.size() / row_cells, row_cells}, kernels::derive(key, s));
    std::vector<WrittenSlice> slices;
    std::size_t first = 0;
    for (std::size_t t = 0; t < encoded.size(); ++t) {
      slices.push_back(slice_of(trial, choice, encoded[t], cells.written.data() + first));
      const std::size_t lines = kernels::bit_lines(choice.encoding, encoded[t].outputs), inputs = encoded[t].inputs;
      std::vector<double> found(wanted[t].size());
      kernels::decode_tile({cells.read.data() + first, inputs, lines}, choice.encoding, trial.window(), encoded[t].unit,
                           {found.data(), encoded[t].outputs, inputs});
      for (std::size_t k = 0; k < found.size(); ++k) wanted[t][k] -= found[k];
      first += encoded[t].siemens.size();
    }
    written.slices.push_back(std::move(slices));
  }
  return written;
}

}  // namespace sedma::runtime

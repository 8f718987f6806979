// Products of the sampled outputs, and what their errors say of those of all.

#include <algorithm>
#include <cmath>

#include "kernels/crossbar.h"
#include "runtime/conversion.h"
#include "runtime/memory/output_sample.h"

namespace sedma::runtime {
namespace {

/// The inputs of tiles with the same columns.
struct Drive {
  std::vector<double> units;                // [vectors]: max |x|
  std::vector<std::vector<float>> volts;    // [repeat][columns, vectors], of +-1, after the DAC
  std::vector<std::vector<float>> squares;  // of them; only where there is noise
};

Drive drive_of(const TrialBoard& trial, const Choice& choice, const OutputSample& sample, const std::vector<std::uint32_t>& columns,
               bool noisy) {
  const std::size_t cols = sample.x.size() / sample.vectors, vectors = sample.vectors;
  Drive drive;
  std::vector<float> whole(columns.size() * vectors), volts(columns.size());
  std::vector<double> segment(columns.size());
  for (std::size_t v = 0; v < vectors; ++v) {
    for (std::size_t j = 0; j < columns.size(); ++j) segment[j] = sample.x[v * cols + columns[j]];
    drive.units.push_back(kernels::encode_input(segment, 1.0, volts));
    for (std::size_t j = 0; j < columns.size(); ++j) whole[j * vectors + v] = volts[j];
  }
  for (std::uint32_t r = 0; r < choice.conversion.repeats; ++r) {
    const auto scale = static_cast<float>(repeat_scale(choice.conversion, r));
    std::vector<float> driven(whole.size());
    for (std::size_t k = 0; k < whole.size(); ++k) driven[k] = kernels::quantize(whole[k] * scale, 1.0f, trial.board.dac_bits);
    if (noisy) {
      drive.squares.emplace_back(driven.size());
      for (std::size_t k = 0; k < driven.size(); ++k) drive.squares.back()[k] = driven[k] * driven[k];
    }
    drive.volts.push_back(std::move(driven));
  }
  return drive;
}

// sums [vectors] = row [columns] times values [columns, vectors].
void row_product(const float* row, std::size_t columns, const std::vector<float>& values, std::vector<float>& sums) {
  std::fill(sums.begin(), sums.end(), 0.0f);
  const std::size_t vectors = sums.size();
  for (std::size_t j = 0; j < columns; ++j) {
    const float w = row[j];
    const float* v = values.data() + j * vectors;
    float* s = sums.data();
    for (std::size_t b = 0; b < vectors; ++b) s[b] += w * v[b];
  }
}

/// Draws normals one block after the other.
class Normals {
 public:
  Normals(kernels::Key key, std::size_t count) : key_(key), values_(count) {}
  const std::vector<float>& next() {
    kernels::fill_normals(key_, kernels::Use::test, event_++, 0, values_);
    return values_;
  }

 private:
  kernels::Key key_;
  std::uint64_t event_ = 0;
  std::vector<float> values_;
};

/// Adds the products of one tile slice to y [outputs, vectors].
class TileProduct {
 public:
  TileProduct(const TrialBoard& trial, const Choice& choice, std::size_t vectors, kernels::Key key)
      : trial_(trial), choice_(choice), normals_(key, vectors), sums_(vectors), variance_(vectors), reference_(vectors) {}

  void add(const SampledTile& tile, const WrittenSlice& slice, const Drive& drive, std::vector<double>& y) {
    const std::size_t vectors = sums_.size(), columns = drive.volts.front().size() / vectors;
    for (std::size_t r = 0; r < drive.volts.size(); ++r) {
      const double share = 1 / (repeat_scale(choice_.conversion, static_cast<std::uint32_t>(r)) * static_cast<double>(drive.volts.size()));
      if (!slice.reference.empty()) draw_reference(slice, drive, r, columns);
      for (std::size_t i = 0; i < tile.outputs.size(); ++i) {
        if (slice.unit[i] == 0) continue;
        row_product(slice.weight.data() + i * columns, columns, drive.volts[r], sums_);
        if (!slice.variance.empty()) add_noise(slice, drive, r, i, columns);
        const auto full = static_cast<float>(std::max(slice.full_scale[i] * choice_.conversion.headroom, 1.0 / 127));
        for (std::size_t v = 0; v < vectors; ++v) {
          const float read = kernels::quantize(sums_[v], full, trial_.board.adc_bits);
          y[tile.outputs[i] * vectors + v] += static_cast<double>(read) * share * slice.unit[i] * drive.units[v];
        }
      }
    }
  }

 private:
  void draw_reference(const WrittenSlice& slice, const Drive& drive, std::size_t r, std::size_t columns) {
    row_product(slice.reference.data(), columns, drive.squares[r], reference_);
    const std::vector<float>& z = normals_.next();
    for (std::size_t v = 0; v < z.size(); ++v) reference_[v] = std::sqrt(reference_[v]) * z[v];
  }
  void add_noise(const WrittenSlice& slice, const Drive& drive, std::size_t r, std::size_t i, std::size_t columns) {
    row_product(slice.variance.data() + i * columns, columns, drive.squares[r], variance_);
    const std::vector<float>& z = normals_.next();
    for (std::size_t v = 0; v < z.size(); ++v)
      sums_[v] += std::sqrt(variance_[v]) * z[v] - (slice.reference.empty() ? 0.0f : reference_[v]);
  }

  const TrialBoard& trial_;
  const Choice& choice_;
  Normals normals_;
  std::vector<float> sums_, variance_, reference_;
};

double mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double v : values) sum += v;
  return sum / static_cast<double>(values.size());
}

// Squared errors of all outputs, of every vector. Those of a few sampled outputs scatter from vector to vector by their number; by as much
// as the outputs are more, all together scatter less. What is common to them stays.
std::vector<double> error_squares(const OutputSample& sample, const std::vector<double>& y) {
  const std::size_t vectors = sample.vectors, outputs = sample.rows.size();
  std::vector<double> all(vectors, 0.0);
  const auto count = static_cast<double>(vectors);
  double own = 0, own_of_all = 0;
  for (std::size_t k = 0; k < outputs; ++k) {
    double squares = 0, fourths = 0;
    for (std::size_t v = 0; v < vectors; ++v) {
      const double error = y[k * vectors + v] - sample.y[v * outputs + k];
      all[v] += sample.weights[k] * error * error;
      squares += error * error;
      fourths += std::pow(error, 4);
    }
    const double scatter = (fourths - squares * squares / count) / (count - 1);
    own += sample.weights[k] * sample.weights[k] * scatter;
    own_of_all += sample.weights[k] * scatter;
  }
  const double level = mean(all);
  double seen = 0;
  for (const double v : all) seen += (v - level) * (v - level) / (count - 1);
  if (seen == 0) return all;
  const double ratio = std::sqrt(std::min(1.0, (std::max(seen - own, 0.0) + own_of_all) / seen));
  for (double& v : all) v = level + (v - level) * ratio;
  return all;
}

double nearest_rank(std::vector<double>& values, double share) {
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(values.size())));
  const auto at = values.begin() + static_cast<std::ptrdiff_t>(std::max<std::size_t>(rank, 1) - 1);
  std::nth_element(values.begin(), at, values.end());
  return *at;
}

ErrorQuantiles quantiles(const OutputSample& sample, const std::vector<double>& errors) {
  std::vector<double> relative;
  for (std::size_t v = 0; v < errors.size(); ++v)
    if (sample.squares[v] > 0) relative.push_back(std::sqrt(errors[v] / sample.squares[v]));
  if (relative.empty()) return {};
  return {nearest_rank(relative, 0.95), nearest_rank(relative, 0.5)};
}

}  // namespace

ErrorQuantiles multiply_sample(const TrialBoard& trial, const Choice& choice, const OutputSample& sample, const SampledPlan& plan,
                               std::span<const WrittenSample> programmings, kernels::Key key) {
  const kernels::CellModel& cell = trial.device.cell;
  const bool noisy = cell.read_noise > 0 || cell.read_floor_siemens > 0;
  std::vector<Drive> drives;
  for (const auto& columns : plan.inputs) drives.push_back(drive_of(trial, choice, sample, columns, noisy));
  TileProduct product(trial, choice, sample.vectors, key);
  std::vector<double> errors(sample.vectors, 0.0);
  for (const WrittenSample& written : programmings) {
    std::vector<double> y(sample.rows.size() * sample.vectors, 0.0);
    for (const auto& slices : written.slices)
      for (std::size_t t = 0; t < slices.size(); ++t) product.add(plan.tiles[t], slices[t], drives[plan.tiles[t].inputs], y);
    const std::vector<double> found = error_squares(sample, y);
    for (std::size_t v = 0; v < found.size(); ++v) errors[v] += found[v] / static_cast<double>(programmings.size());
  }
  return quantiles(sample, errors);
}

}  // namespace sedma::runtime

// How wrong outputs are expected to be, from what is known of the cells, the converters and the noise.

#include <algorithm>
#include <cmath>

#include "runtime/conversion.h"
#include "runtime/engine_impl.h"

namespace sedma::runtime {
namespace {

double square(double v) noexcept { return v * v; }

// Variances of one read of every line, in siemens squared: the sum over the line's cells.
std::vector<double> line_variances(std::span<const float> siemens, std::size_t lines, const kernels::ReadNoise& noise) {
  std::vector<double> sums(lines, 0.0);
  for (std::size_t k = 0; k < siemens.size(); ++k)
    sums[k % lines] += square(noise.floor_siemens) + square(noise.relative * static_cast<double>(siemens[k]));
  return sums;
}

}  // namespace

// What all outputs of a tile have in common (the errors of a reference line, a bias) is the mean over them for every input, in units of
// their scale; what is in proportion to an output's own values (a gain) is taken out by least squares.
void Engine::Impl::remember_errors(const SliceTarget& target, const std::vector<double>& found, SliceState& state) const {
  const kernels::EncodedTile& encoded = target.encoded;
  const std::size_t outputs = encoded.outputs, inputs = encoded.inputs;
  state.write_variance.assign(outputs, 0.0);
  state.own_write_variance.assign(outputs, 0.0);
  state.sum_of_squares.assign(outputs, 0.0);
  std::vector<double> common(inputs, 0.0);
  std::size_t counted = 0;
  for (std::size_t i = 0; i < outputs; ++i) {
    if (encoded.unit[i] == 0) continue;
    ++counted;
    for (std::size_t j = 0; j < inputs; ++j) common[j] += (target.wanted[i * inputs + j] - found[i * inputs + j]) / encoded.unit[i];
  }
  // A mean over few outputs is mostly their own errors: then it stays with them.
  const double share = counted > 1 ? 1.0 / static_cast<double>(counted) : 0, apart = 1 / (1 - share);
  for (std::size_t i = 0; i < outputs; ++i) {
    double own = 0, along = 0;
    for (std::size_t j = 0; j < inputs; ++j) {
      const double wanted = target.wanted[i * inputs + j], error = wanted - found[i * inputs + j];
      const double rest = error - encoded.unit[i] * share * common[j];
      state.write_variance[i] += error * error;
      state.sum_of_squares[i] += wanted * wanted;
      own += rest * rest;
      along += rest * wanted;
    }
    if (state.sum_of_squares[i] > 0) own -= along * along / state.sum_of_squares[i];
    // Drops along the lines that no slice makes up for are systematic: what is noise beside them is not known.
    state.own_write_variance[i] = line_drop && plan.choice.slices == 0 ? 0 : std::max(own, 0.0) * apart;
  }
}

void Engine::Impl::remember_noise(std::span<const float> target_siemens, SliceState& state) const {
  const kernels::Encoding encoding = plan.choice.encoding;
  const std::size_t outputs = state.unit.size(), lines = kernels::bit_lines(encoding, static_cast<std::uint32_t>(outputs));
  const std::vector<double> siemens = line_variances(target_siemens, lines, options.read_noise);
  const double volts = volts_max / kernels::amps_per_unit(encoding, window, volts_max);
  state.read_variance.assign(outputs, 0.0);
  state.shared_read_variance.assign(outputs, 0.0);
  for (std::size_t i = 0; i < outputs; ++i) {
    const double scale = square(volts * state.unit[i]);
    const bool pair = encoding == kernels::Encoding::pair;
    state.read_variance[i] = scale * (pair ? siemens[2 * i] + siemens[2 * i + 1] : siemens[i]);
    state.shared_read_variance[i] = pair ? 0 : scale * siemens.back();
  }
}

void Engine::add_expected_variance(std::span<const double> x, std::size_t batch, const Conversion& conversion, NoiseSources sources,
                                   std::span<double> variance) const {
  constexpr double float_rounding = 1.2e-7;  // conductances, volts and sums are floats: one rounding each of 2^-24, added in quadrature
  Impl& e = *impl_;
  e.settle();
  const auto& c = e.device.capabilities();
  const Choice& choice = e.plan.choice;
  const bool all = sources == NoiseSources::all;
  const auto step = [](std::uint8_t bits) { return bits == 0 ? 0.0 : 1.0 / static_cast<double>((1u << (bits - 1u)) - 1u); };
  const double rounding = std::sqrt(repeat_variance(conversion));
  const double adc = step(c.adc_bits) * conversion.headroom * rounding, dac = step(c.dac_bits) * rounding;
  const double amps_per_unit = kernels::amps_per_unit(choice.encoding, e.window, e.volts_max);
  const std::size_t rows = variance.size() / batch, cols = x.size() / batch;
  const std::size_t lines = c.has(hal::Feature::analog_subtract) ? 1 : 2;  // both of a pair are converted where the board cannot subtract
  for (const Piece& piece : e.pieces) {
    const Tile& tile = e.tile_of(piece);
    const SliceState& state = *piece.state;
    if (state.unit.empty()) continue;
    const bool last = piece.placement->slice == choice.slices, first = piece.placement->slice == 0;
    for (std::size_t b = 0; b < batch; ++b) {
      double largest = 0, squares = 0;
      for (const std::uint32_t col : tile.cols) {
        const double v = x[b * cols + col];
        largest = std::max(largest, std::abs(v));
        squares += v * v;
      }
      const double mean_square = squares / static_cast<double>(tile.cols.size());
      for (std::size_t i = 0; i < tile.rows.size(); ++i) {
        double full = 0;
        for (std::size_t l = 0; l < lines; ++l) full += square(state.full_scale[i * lines + l]);
        double v = full * square(adc / amps_per_unit * state.unit[i] * largest) / 12;
        // Read-back saw the errors of the last slice with its noise on top, and slices before were corrected with theirs.
        const double read = state.read_variance[i] + (all ? state.shared_read_variance[i] : 0), read_back = read / choice.read_repeats;
        const double written = all ? state.write_variance[i] : state.own_write_variance[i];
        v += mean_square * (read / conversion.repeats + (last ? std::max(written - read_back, 0.0) : read_back));
        if (first) v += state.sum_of_squares[i] * mean_square * square(float_rounding);
        if (first && all) v += state.sum_of_squares[i] * square(dac * largest) / 12;
        variance[b * rows + tile.rows[i]] += v;
      }
    }
  }
}

}  // namespace sedma::runtime

#include "runtime/session.h"

#include <algorithm>
#include <cmath>

#include "kernels/correct.h"
#include "runtime/products.h"
#include "runtime/session_impl.h"

namespace sedma::runtime {
namespace {

Status check_input(std::span<const double> x, std::size_t batch, std::size_t cols) {
  if (batch == 0 || x.size() != batch * cols)
    return fail(Code::invalid_argument, "x has {} numbers; a batch of {} vectors of {} takes {}", x.size(), batch, cols, batch * cols);
  const auto bad = std::find_if_not(x.begin(), x.end(), [](double v) { return std::isfinite(v); });
  if (bad == x.end()) return {};
  const auto k = static_cast<std::size_t>(bad - x.begin());
  return fail(Code::invalid_argument, "x({}, {}) is {}; inputs must be finite", k / cols, k % cols, *bad);
}

}  // namespace

double TurnClock::finish() {
  double total = 0;
  for (double& seconds : seconds_) {
    total = parallel_ ? std::max(total, seconds) : total + seconds;
    seconds = 0;
  }
  return total;
}

Session::Impl::Impl(hal::Device& d, const MatrixSource& m, SessionOptions o, Plan p)
    : device(d), matrix(m), options(std::move(o)), plan(std::move(p)), content{m.content()} {
  const auto& c = device.capabilities();
  window = {c.g_min_siemens, c.g_max_siemens};
  volts_max = c.read_volts.max;
  const double levels = c.levels != 0 ? c.levels : 256;
  tolerance_siemens = plan.choice.tolerance_levels * c.g_range_siemens() / levels;
  analog_subtract = c.has(hal::Feature::analog_subtract);
  line_drop = c.has(hal::Feature::line_drop);
  // The first ordinals of every stream are those of the operator's read.
  if (line_drop) vectors = std::uint64_t{c.rows} * plan.choice.read_repeats;
  states.resize(plan.placements.size());
  residuals.resize(plan.tiles.size());
  turn_begin.assign(plan.turns + 1, plan.placements.size());
  for (std::size_t k = plan.placements.size(); k-- > 0;) turn_begin[plan.placements[k].turn] = k;
}

std::uint64_t Session::Impl::stream(const Placement& placement) const {
  const Tile& tile = plan.tiles[placement.tile];
  const kernels::Key block = kernels::derive(content, (static_cast<std::uint64_t>(tile.block_row) << 32) | tile.block_col);
  return kernels::derive(kernels::derive(block, placement.slice), programmings).value;
}

Result<std::vector<double>> Session::Impl::wanted_values(const Placement& placement) const {
  const Tile& tile = plan.tiles[placement.tile];
  const auto& residual = residuals[placement.tile];
  if (placement.slice > 0) return std::vector<double>(residual.begin(), residual.end());
  std::vector<double> values(tile.rows.size() * tile.cols.size());
  SEDMA_RETURN_IF_ERROR(matrix.gather(tile.rows, tile.cols, values.data()));
  return values;
}

Status Session::Impl::report(const char* stage, std::uint64_t done, std::uint64_t total) const {
  if (!options.progress || options.progress(stage, done, total)) return {};
  return fail(Code::aborted, "stopped at {} {} of {}", stage, done, total);
}

Accumulator Session::Impl::accumulator(std::span<const double> x, std::size_t batch) const {
  Accumulator y(batch, matrix.rows());
  for (std::size_t b = 0; b < batch; ++b) {
    double largest = 0;
    for (const double v : x.subspan(b * matrix.cols(), matrix.cols())) largest = std::max(largest, std::abs(v));
    for (std::uint32_t i = 0; i < matrix.rows(); ++i) y.set_bound(b, i, matrix.row_bounds()[i] * largest);
  }
  return y;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::open(hal::Device& device, const MatrixSource& matrix, const SessionOptions& options) {
  if (!(options.wait_seconds >= 0) || !std::isfinite(options.wait_seconds))
    return fail(Code::invalid_argument, "wait is {} s; it must be finite and >= 0", options.wait_seconds);
  if (!(options.lambda >= 0) || !std::isfinite(options.lambda))
    return fail(Code::invalid_argument, "lambda is {}; it must be finite and >= 0", options.lambda);
  SEDMA_ASSIGN_OR_RETURN(Plan plan, make_plan(matrix, device.capabilities(), options.choice, options.mask));
  if (options.products) SEDMA_RETURN_IF_ERROR(check_products(plan, matrix, device.capabilities(), options));
  return Session(std::make_unique<Impl>(device, matrix, options, std::move(plan)));
}

const Plan& Session::plan() const noexcept { return impl_->plan; }
const StageCost& Session::programming() const noexcept { return impl_->programming; }
const StageCost& Session::multiplying() const noexcept { return impl_->multiplying; }

Status Session::program() {
  if (impl_->plan.turns > 1) return {};
  if (impl_->programmed) ++impl_->programmings;
  impl_->programmed = false;
  if (impl_->plan.turns == 1) SEDMA_RETURN_IF_ERROR(impl_->program_turn(0));
  impl_->programmed = true;
  return {};
}

Status Session::Impl::multiply_all(std::span<const double> x, std::size_t batch, Accumulator& y) {
  for (std::uint32_t turn = 0; turn < plan.turns; ++turn) {
    if (plan.turns > 1) SEDMA_RETURN_IF_ERROR(program_turn(turn));
    SEDMA_RETURN_IF_ERROR(multiply_turn(turn, x, batch, y));
  }
  return {};
}

Result<Product> Session::multiply(std::span<const double> x, std::size_t batch) {
  Impl& s = *impl_;
  SEDMA_RETURN_IF_ERROR(check_input(x, batch, s.matrix.cols()));
  if (!s.programmed) SEDMA_RETURN_IF_ERROR(program());
  Accumulator sums = s.accumulator(x, batch);
  SEDMA_RETURN_IF_ERROR(s.multiply_all(x, batch, sums));
  if (s.options.products) SEDMA_RETURN_IF_ERROR(s.add_products_correction(x, batch, sums));
  s.vectors += batch;
  Product product{batch, s.matrix.rows(), std::vector<double>(batch * s.matrix.rows())};
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t i = 0; i < product.rows; ++i) product.y[b * product.rows + i] = sums.value(b, i);
  if (s.options.lambda > 0) {
    std::vector<double> scratch(product.rows);
    for (std::size_t b = 0; b < batch; ++b)
      kernels::denoise(std::span(product.y).subspan(b * product.rows, product.rows), s.options.lambda, scratch);
  }
  return product;
}

std::vector<double> Session::expected_error(std::span<const double> x, std::size_t batch) const {
  constexpr double float_rounding = 1.2e-7;  // conductances, volts and sums are floats: one rounding each of 2^-24, added in quadrature
  const Impl& s = *impl_;
  const auto& c = s.device.capabilities();
  const auto step = [](std::uint8_t bits) { return bits == 0 ? 0.0 : 1.0 / static_cast<double>((1u << (bits - 1u)) - 1u); };
  const double adc = step(c.adc_bits), dac = step(c.dac_bits);
  const double amps_per_unit = kernels::amps_per_unit(s.plan.choice.encoding, s.window, s.volts_max);
  std::vector<double> variance(batch * s.matrix.rows(), 0.0);
  for (std::size_t k = 0; k < s.plan.placements.size(); ++k) {
    const Placement& placement = s.plan.placements[k];
    const Tile& tile = s.plan.tiles[placement.tile];
    const SliceState& state = s.states[k];
    const bool last = placement.slice == s.plan.choice.slices;
    for (std::size_t b = 0; b < batch; ++b) {
      double largest = 0, squares = 0;
      for (const std::uint32_t col : tile.cols) {
        const double v = x[b * s.matrix.cols() + col];
        largest = std::max(largest, std::abs(v));
        squares += v * v;
      }
      const double mean_square = squares / static_cast<double>(tile.cols.size());
      const std::size_t lines = s.analog_subtract ? 1 : 2;
      for (std::size_t i = 0; i < tile.rows.size(); ++i) {
        double full = 0;  // both lines of a pair are converted where the board cannot subtract
        for (std::size_t l = 0; l < lines; ++l) full += std::pow(state.full_scale[i * lines + l], 2);
        double v = full * std::pow(adc / amps_per_unit * state.unit[i] * largest, 2) / 12;
        if (last) v += state.write_variance[i] * mean_square;
        if (placement.slice == 0)
          v += state.sum_of_squares[i] * (std::pow(dac * largest, 2) / 12 + mean_square * std::pow(float_rounding, 2));
        variance[b * s.matrix.rows() + tile.rows[i]] += v;
      }
    }
  }
  for (double& v : variance) v = std::sqrt(v);
  return variance;
}

std::vector<double> random_inputs(std::uint64_t seed, std::size_t batch, std::size_t cols) {
  std::vector<double> x(batch * cols);
  std::vector<float> row(cols);
  for (std::size_t b = 0; b < batch; ++b) {
    kernels::fill_normals(kernels::Key{seed}, kernels::Use::input, b, 0, row);
    std::copy(row.begin(), row.end(), x.begin() + static_cast<std::ptrdiff_t>(b * cols));
  }
  return x;
}

ProductError compare(std::span<const double> y, std::span<const double> reference) {
  double difference = 0, norm = 0, largest_difference = 0, largest = 0, scale = 0;
  for (const double r : reference) scale = std::max(scale, std::abs(r));
  if (scale == 0) scale = 1;  // squares of 1e19 or 1e-300 must not overflow or vanish
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double d = (y[i] - reference[i]) / scale, r = reference[i] / scale;
    difference += d * d;
    norm += r * r;
    largest_difference = std::max(largest_difference, std::abs(d));
    largest = std::max(largest, std::abs(r));
  }
  if (norm == 0) return {difference == 0 ? 0.0 : INFINITY, largest_difference == 0 ? 0.0 : INFINITY};
  return {std::sqrt(difference / norm), largest_difference / largest};
}

}  // namespace sedma::runtime

#include "runtime/session.h"

#include <algorithm>
#include <cmath>
#include <deque>

#include "kernels/correct.h"
#include "kernels/random.h"
#include "runtime/conversion.h"
#include "runtime/session_impl.h"
#include "runtime/session_local.h"

namespace sedma::runtime {

Status check_input(std::span<const double> x, std::size_t batch, std::size_t cols) {
  if (batch == 0 || x.size() != batch * cols)
    return fail(Code::invalid_argument, "x has {} numbers; a batch of {} vectors of {} takes {}", x.size(), batch, cols, batch * cols);
  const auto bad = std::find_if_not(x.begin(), x.end(), [](double v) { return std::isfinite(v); });
  if (bad == x.end()) return {};
  const auto k = static_cast<std::size_t>(bad - x.begin());
  return fail(Code::invalid_argument, "x({}, {}) is {}; inputs must be finite", k / cols, k % cols, *bad);
}

Status check_session_options(const SessionOptions& options) {
  if (!(options.wait_seconds >= 0) || !std::isfinite(options.wait_seconds))
    return fail(Code::invalid_argument, "wait is {} s; it must be finite and >= 0", options.wait_seconds);
  const auto bad = [](double v) { return !(v >= 0) || !std::isfinite(v); };
  if (bad(options.read_noise.relative) || bad(options.read_noise.floor_siemens))
    return fail(Code::invalid_argument, "read noise is {} of a conductance and {} S; both must be finite and >= 0",
                options.read_noise.relative, options.read_noise.floor_siemens);
  return {};
}

Status check_lambda(const LambdaRule& lambda, bool noise_known) {
  const auto bad = [](double v) { return !(v >= 0) || !std::isfinite(v); };
  if (bad(lambda.value)) return fail(Code::invalid_argument, "lambda is {}; it must be finite and >= 0", lambda.value);
  if (bad(lambda.evidence))
    return fail(Code::invalid_argument, "evidence of lambda is {} products; it must be finite and >= 0", lambda.evidence);
  if (!lambda.adaptive || noise_known) return {};
  return Status(Code::unsupported, "adaptive lambda: it needs every output's noise, which a session of several ranks does not know");
}

Session::Impl::Impl(const MatrixSource& m, const SessionOptions& o, std::unique_ptr<SessionCore> c)
    : matrix(m),
      products(o.products),
      lambda(o.lambda),
      core(std::move(c)),
      vectors(first_vector(core->plan().geometry, o.choice)),
      conversion(o.choice.conversion) {}

Accumulator Session::Impl::accumulator(std::span<const double> x, std::size_t batch) const {
  Accumulator y(batch, matrix.rows());
  for (std::size_t b = 0; b < batch; ++b) {
    double largest = 0;
    for (const double v : x.subspan(b * matrix.cols(), matrix.cols())) largest = std::max(largest, std::abs(v));
    for (std::uint32_t i = 0; i < matrix.rows(); ++i) y.set_bound(b, i, matrix.row_bounds()[i] * largest);
  }
  return y;
}

void Session::Impl::denoise(std::span<const double> x, const Part& part, Product& product) {
  const std::size_t rows = product.rows;
  std::vector<double> sd, scratch(rows);
  if (lambda.adaptive) {
    sd.assign(product.batch * matrix.rows(), 0.0);
    core->add_expected_variance(x, product.batch, conversion, NoiseSources::own, sd);
    for (double& v : sd) v = std::sqrt(v);
  }
  product.lambdas.reserve(product.batch);
  for (std::size_t b = 0; b < product.batch; ++b) {
    const std::span<double> y = std::span(product.y).subspan(b * rows, rows);
    const std::span<const double> noise =
        lambda.adaptive ? std::span<const double>(sd).subspan(b * matrix.rows() + part.row, rows) : std::span<const double>();
    product.lambdas.push_back(lambda_chooser.choose(y, noise, lambda).lambda);
    kernels::denoise(y, product.lambdas.back(), scratch);
  }
}

Result<Product> Session::Impl::finish(std::span<const double> x, std::size_t batch, const Part& part) {
  Accumulator sums = accumulator(x, batch);
  SEDMA_RETURN_IF_ERROR(core->finish(sums));
  Product product{batch, part.rows, std::vector<double>(batch * part.rows), {}};
  for (std::size_t b = 0; b < batch; ++b)
    for (std::size_t i = 0; i < product.rows; ++i) product.y[b * product.rows + i] = sums.value(b, part.row + i);
  denoise(x, part, product);
  return product;
}

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

Result<Session> Session::open(hal::Device& device, const MatrixSource& matrix, const SessionOptions& options) {
  SEDMA_RETURN_IF_ERROR(check_session_options(options));
  SEDMA_RETURN_IF_ERROR(check_lambda(options.lambda, true));
  SEDMA_ASSIGN_OR_RETURN(std::unique_ptr<SessionCore> core, open_local_core(device, matrix, options));
  return Session(std::make_unique<Impl>(matrix, options, std::move(core)));
}

const Plan& Session::plan() const noexcept { return impl_->core->plan(); }
const StageCost& Session::programming() const noexcept { return impl_->core->programming(); }
const StageCost& Session::multiplying() const noexcept { return impl_->core->multiplying(); }
std::vector<RankReport> Session::ranks() const { return impl_->core->ranks(); }
const std::vector<Loss>& Session::losses() const noexcept { return impl_->core->losses(); }
std::vector<Layout> Session::layouts() const { return impl_->core->layouts(); }
std::vector<TileHash> Session::tile_hashes() const { return impl_->core->tile_hashes(); }
Status Session::save(const std::string& path) { return impl_->core->save(path); }
Status Session::restore(const std::string& path) { return impl_->core->restore(path); }

Status Session::set_lambda(const LambdaRule& lambda) {
  SEDMA_RETURN_IF_ERROR(check_lambda(lambda, impl_->core->knows_expected_variance()));
  impl_->lambda = lambda;
  return {};
}

Status Session::set_conversion(const Conversion& conversion) {
  SEDMA_RETURN_IF_ERROR(check_conversion(conversion));
  impl_->conversion = conversion;
  return {};
}

Status Session::program() {
  if (impl_->programmed) ++impl_->programmings;
  impl_->programmed = false;
  SEDMA_RETURN_IF_ERROR(impl_->core->program(impl_->programmings));
  impl_->programmed = true;
  return {};
}

void Session::continue_from(std::uint64_t vectors, std::uint64_t programmings) {
  impl_->vectors = first_vector(plan().geometry, plan().choice) + impl_->ordinals(vectors);
  impl_->programmings = programmings == 0 ? 0 : programmings - 1;  // the last one is repeated
  impl_->programmed = false;
}

Result<Product> Session::multiply(std::span<const double> x, std::size_t batch) {
  Product product;
  SEDMA_RETURN_IF_ERROR(multiply_each(x, batch, std::max<std::size_t>(batch, 1), [&](std::size_t, Product&& whole) {
    product = std::move(whole);
    return Status();
  }));
  return product;
}

Status Session::multiply_each(std::span<const double> x, std::size_t batch, std::size_t each,
                              const std::function<Status(std::size_t, Product&&)>& take) {
  struct Run {
    std::size_t first, count;
    std::uint64_t ordinals;
  };
  Impl& s = *impl_;
  const std::size_t cols = s.matrix.cols();
  SEDMA_RETURN_IF_ERROR(check_input(x, batch, cols));
  if (each == 0) return fail(Code::invalid_argument, "products of 0 vectors each are asked for; 1 is the least");
  if (!s.programmed) SEDMA_RETURN_IF_ERROR(program());
  std::deque<Run> started;
  std::size_t next = 0;
  std::uint64_t ordinal = s.vectors;
  const auto x_of = [&](const Run& run) { return x.subspan(run.first * cols, run.count * cols); };
  const auto start_next = [&]() -> Status {
    const std::size_t count = std::min(each, batch - next);
    const Run run{next, count, s.ordinals(count)};
    SEDMA_RETURN_IF_ERROR(s.core->start({x_of(run), run.count, ordinal, s.conversion, {}}));
    started.push_back(run);
    next += run.count;
    ordinal += run.ordinals;
    return {};
  };
  const auto finish_oldest = [&]() -> Status {
    const Run run = started.front();
    started.pop_front();
    SEDMA_ASSIGN_OR_RETURN(Product product, s.finish(x_of(run), run.count, s.whole()));
    s.vectors += run.ordinals;
    return take(run.first, std::move(product));
  };
  const std::size_t depth = std::max<std::size_t>(s.core->depth(), 1);
  Status status;
  while (status.ok() && (next < batch || !started.empty()))
    status = next < batch && started.size() < depth ? start_next() : finish_oldest();
  // After a failure what is under way is waited for and counts as never asked for.
  for (const Run& run : started) {
    Accumulator nobodys = s.accumulator(x_of(run), run.count);
    static_cast<void>(s.core->finish(nobodys));
  }
  return status;
}

std::vector<double> Session::expected_error(std::span<const double> x, std::size_t batch) const {
  std::vector<double> variance(batch * impl_->matrix.rows(), 0.0);
  if (!impl_->core->add_expected_variance(x, batch, impl_->conversion, NoiseSources::all, variance)) return {};
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

#include "runtime/budget.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

namespace sedma::runtime {
namespace {

constexpr std::uint32_t most_streams = 10000;

// The boards that are compared, and what they did. variants[0]: all sources on.
struct Variant {
  std::vector<std::size_t> off;
  std::vector<double> squares;    // [streams], E^2
  std::vector<double> error_sum;  // [batch, rows], errors / |A x| summed over streams
};

// E^2 of a variant split by what repeats, as documented in budget.h.
struct Split {
  double bias = 0, variance = 0;
};

// A part as a sum of variants, each with its weight: E^2 - E^2_without is {+1, -1}.
using Weights = std::vector<double>;

std::vector<Variant> make_variants(std::size_t sources) {
  std::vector<Variant> variants(1);
  for (std::size_t k = 0; k < sources; ++k) variants.push_back({{k}, {}, {}});
  if (sources > 1) {
    variants.emplace_back();
    variants.back().off.resize(sources);
    std::iota(variants.back().off.begin(), variants.back().off.end(), 0u);
  }
  return variants;  // without any source the first is also the last, with one the second is
}

// |A x|, and A x for the differences.
struct Exact {
  std::vector<double> y;
  double norm = 0;
};

Result<Exact> exact_product(const MatrixSource& matrix, std::span<const double> x, std::size_t batch) {
  if (batch == 0 || x.size() != batch * matrix.cols())
    return fail(Code::invalid_argument, "x has {} numbers; a batch of {} vectors of {} takes {}", x.size(), batch, matrix.cols(),
                batch * matrix.cols());
  Exact exact{std::vector<double>(batch * matrix.rows()), 0};
  SEDMA_RETURN_IF_ERROR(matrix.multiply(x, exact.y, batch));
  double largest = 0, squares = 0;
  for (const double v : exact.y) largest = std::max(largest, std::abs(v));
  if (!(largest > 0) || !std::isfinite(largest))
    return fail(Code::invalid_argument, "A x is {}; an error budget takes parts of a relative error", largest > 0 ? "not finite" : "zero");
  for (const double v : exact.y) squares += (v / largest) * (v / largest);  // squares of 1e-300 must not vanish
  exact.norm = largest * std::sqrt(squares);
  return exact;
}

Result<std::vector<double>> multiply_once(const OpenBoard& open, std::uint32_t stream, const Variant& variant, const MatrixSource& matrix,
                                          const SessionOptions& options, std::span<const double> x, std::size_t batch) {
  SEDMA_ASSIGN_OR_RETURN(const std::shared_ptr<hal::Device> device, open(stream, variant.off));
  SEDMA_ASSIGN_OR_RETURN(Session session, Session::open(*device, matrix, options));
  SEDMA_ASSIGN_OR_RETURN(Product product, session.multiply(x, batch));
  return std::move(product.y);
}

void add_errors(Variant& variant, const std::vector<double>& y, const Exact& exact) {
  variant.error_sum.resize(y.size());
  double square = 0;
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double error = (y[i] - exact.y[i]) / exact.norm;
    square += error * error;
    variant.error_sum[i] += error;
  }
  variant.squares.push_back(square);
}

std::string describe(const Variant& variant, const std::vector<std::string>& sources, std::uint32_t stream) {
  std::vector<std::string> names;
  for (const std::size_t k : variant.off) names.push_back(sources[k]);
  return names.empty() ? fmt::format("error budget, stream {}", stream)
                       : fmt::format("error budget, stream {}, without {}", stream, fmt::join(names, ", "));
}

Split split(const Variant& variant) {
  const auto n = static_cast<double>(variant.squares.size());
  double mean_error = 0;  // |m|^2
  for (const double sum : variant.error_sum) mean_error += (sum / n) * (sum / n);
  const double squares = std::accumulate(variant.squares.begin(), variant.squares.end(), 0.0);
  const double variance = (squares - n * mean_error) / (n - 1);
  return {mean_error - variance / n, variance};
}

BudgetPart make_part(std::string name, const std::vector<Variant>& variants, const std::vector<Split>& splits, const Weights& weights) {
  const std::size_t streams = variants[0].squares.size();
  const auto n = static_cast<double>(streams);
  std::vector<double> values(streams, 0.0);
  BudgetPart part;
  part.name = std::move(name);
  for (std::size_t v = 0; v < variants.size(); ++v) {
    for (std::size_t s = 0; s < streams; ++s) values[s] += weights[v] * variants[v].squares[s];
    part.bias += weights[v] * splits[v].bias;
    part.variance += weights[v] * splits[v].variance;
  }
  part.squared = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double scatter = 0;
  for (const double value : values) scatter += (value - part.squared) * (value - part.squared);
  const double half = student_quantile(0.95, static_cast<std::uint32_t>(streams - 1)) * std::sqrt(scatter / (n - 1) / n);
  part.low = part.squared - half;
  part.high = part.squared + half;
  return part;
}

Budget evaluate(const std::vector<Variant>& variants, const std::vector<std::string>& sources) {
  std::vector<Split> splits;
  for (const Variant& variant : variants) splits.push_back(split(variant));
  const Weights nothing(variants.size(), 0.0);
  Weights total = nothing, encoding = nothing, rest = nothing;
  total.front() = 1;
  encoding.back() = 1;
  rest.front() = 1;
  rest.back() -= 1;
  Budget budget;
  for (std::size_t k = 0; k < sources.size(); ++k) {
    Weights part = nothing;
    part[0] = 1;
    part[k + 1] = -1;
    for (std::size_t v = 0; v < part.size(); ++v) rest[v] -= part[v];
    budget.sources.push_back(make_part(sources[k], variants, splits, part));
  }
  budget.total = make_part("total", variants, splits, total);
  budget.encoding = make_part("encoding", variants, splits, encoding);
  budget.interaction = make_part("interaction", variants, splits, rest);
  const auto set_share = [&](BudgetPart& part) { part.share = budget.total.squared > 0 ? part.squared / budget.total.squared : 0; };
  for (BudgetPart& part : budget.sources) set_share(part);
  for (BudgetPart* part : {&budget.total, &budget.encoding, &budget.interaction}) set_share(*part);
  return budget;
}

}  // namespace

double student_quantile(double probability, std::uint32_t degrees) {
  SEDMA_CHECK(degrees >= 1 && probability > 0 && probability < 1, degrees, probability);
  constexpr double pi = 3.14159265358979323846;
  const bool odd = degrees % 2 == 1;
  // P(|T| <= t) with t = sqrt(degrees) tan(angle); rises with the angle from 0 to 1.
  const auto within = [&](double angle) {
    const double cosine = std::cos(angle);
    double term = odd ? cosine : 1, sum = degrees == 1 ? 0 : term;
    for (std::uint32_t k = odd ? 3 : 2; k < degrees; k += 2) sum += term *= cosine * cosine * (k - 1) / k;
    return odd ? 2 / pi * (angle + std::sin(angle) * sum) : std::sin(angle) * sum;
  };
  double low = 0, high = pi / 2;
  for (int step = 0; step < 60; ++step) {
    const double middle = (low + high) / 2;
    (within(middle) < probability ? low : high) = middle;
  }
  return std::sqrt(static_cast<double>(degrees)) * std::tan(low);
}

Result<Budget> error_budget(const OpenBoard& open, const std::vector<std::string>& sources, const MatrixSource& matrix,
                            const SessionOptions& session, std::span<const double> x, std::size_t batch, const BudgetOptions& options) {
  if (options.streams < 2 || options.streams > most_streams)
    return fail(Code::invalid_argument, "an error budget over {} streams; 2 to {} are possible", options.streams, most_streams);
  SEDMA_ASSIGN_OR_RETURN(const Exact exact, exact_product(matrix, x, batch));
  std::vector<Variant> variants = make_variants(sources.size());
  const std::uint64_t all = variants.size() * std::uint64_t{options.streams};
  std::uint64_t done = 0;
  for (std::uint32_t stream = 0; stream < options.streams; ++stream) {
    for (Variant& variant : variants) {
      const auto y = multiply_once(open, stream, variant, matrix, session, x, batch);
      if (!y.ok()) return y.status().with_context(describe(variant, sources, stream));
      add_errors(variant, *y, exact);
      ++done;
      if (options.progress && !options.progress(done, all)) return fail(Code::aborted, "stopped at product {} of {}", done, all);
    }
  }
  Budget budget = evaluate(variants, sources);
  budget.streams = options.streams;
  budget.products = all;
  return budget;
}

}  // namespace sedma::runtime

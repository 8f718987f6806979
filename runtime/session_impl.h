#pragma once
// The inside of Session, shared by its source files; not installed.

#include <cstdint>
#include <memory>
#include <span>

#include "runtime/memory/lambda.h"
#include "runtime/session_core.h"

namespace sedma::runtime {

/// Errors: invalid_argument (not batch * cols numbers, or not finite: says where).
Status check_input(std::span<const double> x, std::size_t batch, std::size_t cols);
/// Errors: invalid_argument (wait, lambda, read noise).
Status check_session_options(const SessionOptions& options);
/// Errors: invalid_argument (numbers out of their range), unsupported (adaptive where outputs' noise is not known).
Status check_lambda(const LambdaRule& lambda, bool noise_known);

struct Session::Impl {
  const MatrixSource& matrix;
  bool products = false;
  LambdaRule lambda;
  LambdaChooser lambda_chooser;
  std::unique_ptr<SessionCore> core;
  std::uint64_t programmings = 0;  ///< the ordinal of the last programming asked for, in streams
  std::uint64_t vectors = 0;       ///< ordinal of the next vector
  bool programmed = false;
  Conversion conversion;

  Impl(const MatrixSource& m, const SessionOptions& o, std::unique_ptr<SessionCore> c);

  /// Vector ordinals that so many vectors take: one for every repeat; with correction `products` each passes A~ twice.
  std::uint64_t ordinals(std::uint64_t count) const noexcept { return (products ? 2 : 1) * count * conversion.repeats; }
  Accumulator accumulator(std::span<const double> x, std::size_t batch) const;
  Part whole() const { return {0, matrix.rows(), 0, matrix.cols(), matrix.content()}; }
  /// Smooths every vector of the product, the outputs of `part`, as `lambda` says and notes what with.
  void denoise(std::span<const double> x, const Part& part, Product& product);
  /// Of the oldest product started, whose vectors are x: the outputs of `part`.
  Result<Product> finish(std::span<const double> x, std::size_t batch, const Part& part);
};

}  // namespace sedma::runtime

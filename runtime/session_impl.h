#pragma once
// The inside of Session, shared by its source files; not installed.

#include <cstdint>
#include <memory>
#include <span>

#include "runtime/session_core.h"

namespace sedma::runtime {

/// Errors: invalid_argument (wait, lambda).
Status check_session_options(const SessionOptions& options);

struct Session::Impl {
  const MatrixSource& matrix;
  bool products = false;
  double lambda = 0;
  std::unique_ptr<SessionCore> core;
  std::uint64_t programmings = 0;  ///< the ordinal of the last programming asked for, in streams
  std::uint64_t vectors = 0;       ///< ordinal of the next vector
  bool programmed = false;

  Impl(const MatrixSource& m, const SessionOptions& o, std::unique_ptr<SessionCore> c);

  /// Vector ordinals that so many vectors take: with correction `products` each passes A~ twice.
  std::uint64_t ordinals(std::uint64_t count) const noexcept { return products ? 2 * count : count; }
  Accumulator accumulator(std::span<const double> x, std::size_t batch) const;
  /// Of the oldest product started, whose vectors are x.
  Result<Product> finish(std::span<const double> x, std::size_t batch);
};

}  // namespace sedma::runtime

#pragma once
// Which source of error costs how much: the error budget of a product.

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "runtime/session.h"

namespace sedma::runtime {

/// Opens the board of random stream `stream` with some sources of error switched off, `off` their places in the list of names. A stream is
/// one seed: it must be the same in every variant, so that their errors can be compared pair by pair. The pointer may own more than the
/// device.
using OpenBoard = std::function<Result<std::shared_ptr<hal::Device>>(std::uint32_t stream, std::span<const std::size_t> off)>;

struct BudgetOptions {
  std::uint32_t streams = 32;  ///< 2 to 10,000
  /// Told after every product, from the calling thread. Returning false ends the work with `aborted`.
  std::function<bool(std::uint64_t done, std::uint64_t total)> progress;
};

/// A part of E^2 = |y - A x|^2 / |A x|^2, taken over the whole batch. A part may be negative: errors can cancel.
struct BudgetPart {
  std::string name;
  double squared = 0;        ///< mean over the streams
  double low = 0, high = 0;  ///< its interval of 95 %
  double bias = 0;           ///< what of it every stream repeats: the squared mean error, less what its own variance adds to it
  double variance = 0;       ///< what of it changes from stream to stream; bias + variance = squared
  double share = 0;          ///< of the total; 0 where the total is 0
};

struct Budget {
  std::uint32_t streams = 0;
  std::uint64_t products = 0;       ///< boards opened, written and multiplied
  BudgetPart total;                 ///< E^2 of the board as it is
  std::vector<BudgetPart> sources;  ///< E^2 - E^2 without that source
  BudgetPart encoding;              ///< E^2 with every source off: float rounding, and what smoothing (lambda) takes away
  BudgetPart interaction;           ///< total - sources - encoding: what sources do only together. Below 0 where an error hangs on two
                                    ///< sources and counts under both (read noise that misleads write-verify), above 0 where they cancel
};

/// Multiplies A x on boards with all sources, without each of them and without any, `streams` times each, in a session of its own each
/// time.
///
/// Differences are taken within a stream, and their means over streams. Intervals: mean +- t sd / sqrt(streams), t Student's two-sided 95 %
/// quantile for streams - 1. They say how well the mean over seeds is known for this A and this x, not what another x would give. A source
/// that is the same in every stream has an interval of no width.
/// bias: with e the error vector / |A x|, m its mean and S^2 the sum of its variances over streams, bias = |m|^2 - S^2 / streams (unbiased;
/// may fall below 0 by chance), variance = S^2. A source that turns the bias of another into variance, as noise does to a converter's
/// rounding, has a bias below 0.
///
/// `x` as Session::multiply. Errors: invalid_argument (streams, sizes of x, A x = 0), those of `open` and of Session, with the stream and
/// what was off named; aborted.
/// Cost: (sources + 2) * streams programmings and products (one variant less where there is one source or none);
/// (sources + 2) * batch * rows numbers in memory.
Result<Budget> error_budget(const OpenBoard& open, const std::vector<std::string>& sources, const MatrixSource& matrix,
                            const SessionOptions& session, std::span<const double> x, std::size_t batch, const BudgetOptions& options = {});

/// Student's two-sided quantile: t with P(|T| <= t) = probability for `degrees` of freedom, from the closed form for whole degrees
/// (Abramowitz and Stegun 26.7.3, 26.7.4). @pre degrees >= 1, 0 < probability < 1. Cost: 30 * degrees.
double student_quantile(double probability, std::uint32_t degrees);

}  // namespace sedma::runtime

#pragma once
// One matrix on one board: plan, program, multiply batches, account.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hal/device.h"
#include "runtime/mask.h"
#include "runtime/matrix.h"
#include "runtime/plan.h"

namespace sedma::runtime {

enum class Correction : std::uint8_t { none, products, residual };

struct SessionOptions {
  Choice choice;            ///< choice.slices > 0 is the correction `residual`
  bool products = false;    ///< first-order correction p = A~ x + A x~ - A~ x~, x~ written for every vector
  double lambda = 0;        ///< second-order denoising (5); 0: off
  double wait_seconds = 0;  ///< time that passes between the writing of a turn and its products (hal::Idle); not counted as device time
  Mask mask;
  std::chrono::nanoseconds deadline = std::chrono::minutes(10);  ///< of one device command
  /// Told what is done of what, from the calling thread, e.g. ("program", 12, 400). Returning false ends the work with `aborted`.
  std::function<bool(const char* stage, std::uint64_t done, std::uint64_t total)> progress;
};

/// What a stage cost on the device. `seconds` is the time of the board: arrays work at the same time if it can (Feature::parallel_arrays).
struct StageCost {
  hal::Joules joules;
  double seconds = 0;
  std::uint64_t pulses = 0, conversions = 0;
  std::uint64_t products = 0;  ///< array products (one vector through one window)
  std::uint64_t cells = 0;     ///< cells written (Program targets, masked ones not counted)
  std::uint64_t unconverged = 0;
  std::uint64_t compensated = 0;    ///< bad cells whose partner took their error over
  std::uint64_t uncompensated = 0;  ///< bad cells that leave an error
  std::uint64_t commands = 0;
};

/// The product y of a batch and what is known about it.
struct Product {
  std::size_t batch = 0, rows = 0;
  std::vector<double> y;  ///< [batch, rows]
};

/// A matrix on a board. Not thread-safe; the device may be shared by sessions only if they use different arrays.
class Session {
 public:
  /// Plans; touches no cell. The device and the matrix must outlive the session.
  /// Errors: those of make_plan; unsupported (correction products with residual slices, with several turns, or without free arrays: says
  /// how many).
  static Result<Session> open(hal::Device& device, const MatrixSource& matrix, const SessionOptions& options);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  const Plan& plan() const noexcept;
  /// Writes every tile and its residual slices. On a board with Feature::line_drop what was written is found by multiplying unit vectors
  /// (counted here), and with slices each output gets the digital gain that takes out what all its cells lose alike. With more than one
  /// turn the arrays cannot hold all: then multiply() programs, turn by turn, for every batch, and this does nothing. Errors: what the
  /// device reports, with tile and array named; data_corrupt (a streamed matrix is not what it was: names its rows); aborted. Calling it
  /// again programs anew.
  Status program();
  /// y = A x for x [batch, cols] row-major. Programs first what is not programmed. Errors: invalid_argument (sizes, NaN or infinite x with
  /// its index), and as program().
  Result<Product> multiply(std::span<const double> x, std::size_t batch);

  const StageCost& programming() const noexcept;  ///< writing and reading back, so far
  const StageCost& multiplying() const noexcept;  ///< products, so far; with correction `products` the writing of x~ is under programming
  /// Standard deviation of every output's error for vectors like `x`, from first principles: the write errors found by read-back, DAC and
  /// ADC steps, float rounding; read noise is not included. [batch, rows]. Needs programmed tiles (any number of turns). Wires, drift: not
  /// included.
  std::vector<double> expected_error(std::span<const double> x, std::size_t batch) const;

  struct Impl;

 private:
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Input vectors [batch, cols], standard normal, from (seed, Use::input): vector b is the same for any batch size.
std::vector<double> random_inputs(std::uint64_t seed, std::size_t batch, std::size_t cols);

struct ProductError {
  double relative_l2 = 0, relative_linf = 0;
};
/// |y - reference| / |reference| in the 2-norm and the largest entry over the largest reference, over the whole batch, in the original
/// domain.
ProductError compare(std::span<const double> y, std::span<const double> reference);

}  // namespace sedma::runtime

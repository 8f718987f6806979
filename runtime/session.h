#pragma once
// One matrix on one board, or on those of a whole job: plan, program, multiply batches, account.

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "hal/device.h"
#include "runtime/comm/job.h"
#include "runtime/engine.h"
#include "runtime/layout.h"
#include "runtime/mask.h"
#include "runtime/matrix.h"
#include "runtime/plan.h"
#include "runtime/stage_cost.h"

namespace sedma::runtime {

enum class Correction : std::uint8_t { none, products, residual };

/// Second-order denoising (5), (6) of a product's outputs.
struct LambdaRule {
  bool adaptive = false;
  double value = 0;     ///< fixed: lambda, 0: off. adaptive: the long-term lambda of (6)
  double evidence = 0;  ///< adaptive: products behind the long-term lambda (n_long)
};

struct SessionOptions {
  Choice choice;          ///< choice.slices > 0 is the correction `residual`
  bool products = false;  ///< first-order correction p = A~ x + A x~ - A~ x~, x~ written for every vector
  LambdaRule lambda;
  kernels::ReadNoise read_noise;  ///< of the device's cells (DeviceModel::cell), for expected errors and adaptive lambda
  double wait_seconds = 0;  ///< time that passes between the writing of a turn and its products (hal::Idle); not counted as device time
  Mask mask;
  std::chrono::nanoseconds deadline = std::chrono::minutes(10);  ///< of one device command
  bool keep_cells = false;                                       ///< keeps what save() needs: 8 bytes a cell
  StageWatch progress;                                           ///< polled at least every 50 ms, from the calling thread
};

/// The product y of a batch and what is known about it.
struct Product {
  std::size_t batch = 0, rows = 0;
  std::vector<double> y;        ///< [batch, rows]
  std::vector<double> lambdas;  ///< [batch]: what each vector was denoised with
};

/// What one rank did. A session of one process has one.
struct RankReport {
  int rank = 0;
  std::string host;
  std::uint64_t tiles = 0;                    ///< held at the end
  double busy_seconds = 0, wait_seconds = 0;  ///< on the host, between the first product asked for and the last: at work for it, and not
  Traffic traffic;                            ///< with rank 0; rank 0's own: with all others
  std::uint64_t peak_bytes = 0;               ///< most memory of the process so far
  bool lost = false;
};

/// A rank or board that failed while the session worked.
struct Loss {
  int rank = 0;
  std::string host, why;
  std::uint64_t tiles = 0;      ///< that moved elsewhere
  double recovery_seconds = 0;  ///< from noticing until all of them were programmed again
  bool returned = false;        ///< it came back, and so did its tiles
};

/// A matrix on one board, or on those of all ranks. Not thread-safe; the device may be shared by sessions only if they use different
/// arrays.
class Session {
 public:
  /// Plans; touches no cell. The device and the matrix must outlive the session.
  /// Errors: those of make_plan; unsupported (correction products with residual slices, with several turns, or without free arrays: says
  /// how many).
  static Result<Session> open(hal::Device& device, const MatrixSource& matrix, const SessionOptions& options);
  /// The same on the boards of all ranks, called by rank 0 while the others serve(). The same y, bit for bit, for any number of ranks, any
  /// placement and after any loss, if boards are equal and their randomness follows the tile (identity=tile). Errors: as above;
  /// unsupported (correction products); unavailable (no rank has a usable board). options.mask is not used: every rank has its own.
  static Result<Session> open(const Job& job, const MatrixSource& matrix, const SessionOptions& options);
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  /// Several matrices on one board: the parts of `matrix` (runtime/diagonal_source.h). y = A_part x for x [batch, cols of the part]; only
  /// tiles of that part work. Where randomness follows the tile (identity=tile) and arrays have no resistance, y is that of a session of
  /// its own which has multiplied as many vectors as this one, of all parts. Errors: out_of_range (no such part), unsupported (correction
  /// products), and as multiply(). Cost: that of the part's tiles, and O(batch (rows + cols)) of the whole matrix on the host.
  Result<Product> multiply_part(std::size_t part, std::span<const double> x, std::size_t batch);
  /// For products from now on; no cell is written. Errors: invalid_argument (numbers out of their range).
  Status set_conversion(const Conversion& conversion);
  /// Errors: also unsupported (adaptive, of a session of several ranks: what was written is known to the others).
  Status set_lambda(const LambdaRule& lambda);

  const Plan& plan() const noexcept;
  /// Writes every tile and its residual slices. On a board with Feature::line_drop what was written is found by multiplying unit vectors
  /// (counted here), and with slices each output gets the digital gain that takes out what all its cells lose alike. With more than one
  /// turn the arrays cannot hold all: then multiply() programs, turn by turn, for every batch, and this writes nothing. Errors: what the
  /// device reports, with tile and array named; data_corrupt (a streamed matrix is not what it was: names its rows); aborted. Calling it
  /// again programs anew.
  Status program();
  /// y = A x for x [batch, cols] row-major. Programs first what is not programmed. Errors: invalid_argument (sizes, NaN or infinite x with
  /// its index), and as program().
  Result<Product> multiply(std::span<const double> x, std::size_t batch);
  /// Products of `each` vectors after one another (the last may be smaller), handed to `take` in order; a later one may already be under
  /// way. A failure of `take` ends it. Errors: as multiply(), and of `take`.
  Status multiply_each(std::span<const double> x, std::size_t batch, std::size_t each,
                       const std::function<Status(std::size_t first_vector, Product&&)>& take);
  /// Goes on where another session ended after so many vectors multiplied and programmings (calls of program(), or the one of multiply()):
  /// same streams, same bits. The vectors count as repeated as often as the conversion in force says. The last of the programmings is what
  /// program() then writes again. Before program().
  void continue_from(std::uint64_t vectors, std::uint64_t programmings);

  const StageCost& programming() const noexcept;  ///< writing and reading back, so far
  const StageCost& multiplying() const noexcept;  ///< products, so far; with correction `products` the writing of x~ is under programming
  /// Standard deviation of every output's error for vectors like `x`, from first principles: the write errors found by read-back, DAC and
  /// ADC steps, float rounding, and SessionOptions::read_noise. [batch, rows]. Needs programmed tiles (any number of turns). Wires, drift:
  /// not included. Of a session of one process; empty where the tiles lie in others.
  std::vector<double> expected_error(std::span<const double> x, std::size_t batch) const;

  std::vector<RankReport> ranks() const;
  const std::vector<Loss>& losses() const noexcept;
  /// Where every rank's tiles lie now, [ranks].
  std::vector<Layout> layouts() const;
  /// tile_hash() of every tile programmed so far, as plan().tiles.
  std::vector<TileHash> tile_hashes() const;
  /// Writes the programmed state of every rank to `path` with ".RANK" added. Errors: unavailable, invalid_argument (options.keep_cells was
  /// not set).
  Status save(const std::string& path);
  /// Takes over what save() left on physical boards that still hold it (checked by reading); before program(), which then writes only the
  /// rest. Files for boards that are not there any more are ignored. Errors: of read_saved_cells().
  Status restore(const std::string& path);

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

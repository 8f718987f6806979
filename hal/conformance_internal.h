#pragma once
// Inside of the conformance suite: what a test has to work with. Not for users of the library.

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "hal/conformance.h"
#include "hal/device.h"

namespace sedma::hal::conformance {

/// The deadline of every command that is not about deadlines: long for a board, short enough that a dead one ends the suite.
inline constexpr std::chrono::seconds patience{60};
/// Names the programming of every test; reads and products of it say the same.
inline constexpr std::uint64_t test_stream = 11;

using OpenDevice = std::function<Result<std::unique_ptr<Device>>()>;

/// A rectangle of cells of one array.
struct Window {
  ArrayId array;
  std::uint32_t row = 0, col = 0, rows = 0, cols = 0;
  std::size_t size() const noexcept { return static_cast<std::size_t>(rows) * cols; }
};

/// rows x cols cells from (row, col) on, made smaller where the board is and moved inside it; rows != cols where the board allows it, so
/// that a transposed answer cannot pass.
Window window(const Capabilities& board, std::uint32_t rows, std::uint32_t cols, std::uint32_t array = 0, std::uint32_t row = 0,
              std::uint32_t col = 0);
/// The window of the product tests: 12 x 7, off the corner.
Window product_window(const Capabilities& board);
/// `inner` with up to `margin` more cells on each side.
Window grown(const Capabilities& board, const Window& inner, std::uint32_t margin);

/// Pulses of a full ramp; 256 is assumed of an analog board.
std::uint32_t ramp_pulses(const Capabilities& board);
/// The limit per cell that the suite gives to each of its programmings: four ramps.
std::uint32_t most_pulses(const Capabilities& board);
/// Worst case of one programming of `cells` cells; of erasing them before it.
std::uint64_t write_cost(const Capabilities& board, std::uint64_t cells);
std::uint64_t erase_cost(const Capabilities& board, std::uint64_t cells);
bool can_write(const Capabilities& board);

/// What may differ, from Capabilities and ConformanceOptions alone.
///
/// A product y_j = sum_i g_ij v_i predicted from R averaged reads of each cell differs from the measured one by at most
///   adc_half_step(full scale)                         converter of the output
/// + sum_i g_ij dac_error(v_i)                         converter of the inputs; 0 for volts on a code
/// + sum_i (cell_error + g_ij line_error) |v_i|        what lies between a cell and the converter, as the caller knows it
/// + z sqrt(sum_i sigma(g_ij)^2 v_i^2 (1 + 1/R))       read noise of the product and of the averaged reads, z = 6 standard deviations
/// + (n + 8) 2^-23 sum_i g_ij |v_i| + 2^-23 full scale  n additions and the conversions in float
/// and clipping at full scale, applied to both, cannot enlarge a difference.
struct Tolerances {
  Tolerances(const Capabilities& board, const ConformanceOptions& options);
  double deviations = 6;                  ///< standard deviations allowed: 2e-9 a comparison, some 1e5 comparisons a run
  double read_sigma = 0, read_floor = 0;  ///< of one read of a cell, relative and in siemens
  double cell_error = 0, line_error = 0, converter_error = 0;  ///< see ConformanceOptions
  std::uint32_t repeats = 1;                                   ///< reads averaged for one measurement of a cell
  double write_siemens = 0;                                    ///< sd of a converged cell
  double program_siemens = 0;  ///< tolerance given to Program: sqrt(3) sd, the half-width of a uniform spread with that sd
  std::uint8_t dac_bits = 0, adc_bits = 0;
  double dac_volts = 0;  ///< range of the input converter, +-

  /// Two measurements of one cell that nobody touched, in siemens: read noise of both plus what a written cell may relax.
  double same_cell(double siemens) const;
  double read_variance(double siemens) const noexcept { return read_floor * read_floor + read_sigma * read_sigma * siemens * siemens; }
  double adc_half_step(double full_scale_amps) const;
  double adc_step(double full_scale_amps) const { return 2 * adc_half_step(full_scale_amps); }
  /// Largest difference between the volts asked for and those applied.
  double dac_error(double volts) const;
};

/// Measured terminal conductances of a window, row-major.
struct Cells {
  Window window;
  std::vector<double> siemens;
  double at(std::uint32_t r, std::uint32_t c) const { return siemens[static_cast<std::size_t>(r) * window.cols + c]; }
};

/// The inputs of a product.
struct Drives {
  Window window;
  std::size_t batch = 1;
  std::vector<float> volts;  ///< [batch, inputs]
  Sense sense = Sense::single;
  bool transpose = false;
  std::uint64_t vector = 0;
  std::size_t inputs() const noexcept { return transpose ? window.cols : window.rows; }
  std::size_t outputs() const noexcept;
};

/// What a product must be, before clipping; each [batch, outputs].
struct Expected {
  std::size_t batch = 0, outputs = 0;
  std::vector<double> amps;
  std::vector<double> sigma;     ///< of the read noise, product and measured cells together
  std::vector<double> rounding;  ///< float rounding and input converter
  double at(std::size_t v, std::size_t j) const { return amps[v * outputs + j]; }
};

/// One test's devices and budget. At most one device is open at a time: a board may be exclusive.
class Bench {
 public:
  Bench(const OpenDevice& opener, const ConformanceOptions& options, const Capabilities& capabilities)
      : board(capabilities), tolerances(capabilities, options), open_(opener) {}
  ~Bench() { close(); }
  Bench(const Bench&) = delete;
  Bench& operator=(const Bench&) = delete;

  /// Closes what is open and opens a fresh device.
  Status open();
  void close();
  Device& device() { return *device_; }
  /// Pulses charged by every device of this test.
  std::uint64_t pulses() const { return spent_ + (device_ ? device_->charged_pulses() : 0); }

  double read_volts() const;   ///< within capability and limit
  double drive_volts() const;  ///< largest |volts| of a product of up to 32 lines within capability and limits
  Drive up() const;            ///< strongest SET within capability and limits
  Drive down() const;          ///< strongest RESET

  const Capabilities board;
  const Tolerances tolerances;

 private:
  const OpenDevice& open_;
  std::unique_ptr<Device> device_;
  std::uint64_t spent_ = 0;
};

/// What a programming reported.
struct Written {
  Completion completion;
  std::vector<float> target, readback;
  std::vector<std::uint32_t> pulses;
  std::vector<Outcome> outcome;
  float tolerance_siemens = 0;
};

/// How a test programs.
struct Effort {
  bool fine = false;  ///< to Tolerances::program_siemens in up to 100 passes; otherwise 2 % of the range in 20: product tests need a
                      ///< pattern, not a precise one
  bool erase = false;
  std::uint32_t most_pulses = 0;  ///< per cell; 0: conformance::most_pulses
  std::uint32_t passes = 0;       ///< 0: by `fine`
  const std::uint8_t* mask = nullptr;
};

/// 64 well mixed bits: the suite's own repeatable patterns.
std::uint64_t mix(std::uint64_t value);
/// A pattern of targets over the whole range, on the board's levels.
std::vector<float> pattern(const Capabilities& board, const Window& at, std::uint64_t salt);
std::vector<float> flat(const Capabilities& board, const Window& at, double fraction_of_range);
/// A Program of `target` into the buffers of `written`, which must outlive it.
Program make_program(const Bench& bench, const Window& at, Written& written, const Effort& effort);
/// Programs by the board, or by hal/verify over Pulse and Read where it cannot.
Result<Written> write(Bench& bench, const Window& at, std::vector<float> target, const Effort& effort = {});
/// A linear pulse response: all that Capabilities tell.
double linear_pulses(const Capabilities& board, float from_siemens, float to_siemens);

Read make_read(const Bench& bench, const Window& at, std::vector<float>& siemens, std::uint32_t repeats);
Result<Cells> measure(Bench& bench, const Window& at);
/// The mean of repeats already read by make_read.
Cells average(const Window& at, const std::vector<float>& siemens);
/// Opens a device, programs a pattern into `at` and measures it.
Result<Cells> prepare(Bench& bench, const Window& at, std::uint64_t salt = 1);
/// ok if every cell of `after` is that of `before`, except those inside `hole` (may be null).
Status check_unchanged(const Bench& bench, const Cells& before, const Cells& after, const Window* hole, const std::string& what);

/// Random volts on the codes of the input converter; one in four is 0.
Drives random_drives(const Bench& bench, const Window& at, std::size_t batch, std::uint64_t salt, bool transpose = false);
Expected expect(const Bench& bench, const Cells& cells, const Drives& drives);
/// Per output the smallest full scale that clips nothing in `expected`.
std::vector<float> fitted(const Bench& bench, const Expected& expected);
Mvm make_mvm(const Drives& drives, std::span<const float> full_scale, std::vector<float>& amps);
Result<std::vector<float>> multiply(Bench& bench, const Drives& drives, std::span<const float> full_scale);
/// ok if `amps` is `expected` clipped at `full_scale` ([outputs] or [1]).
Status check_product(const Bench& bench, const Expected& expected, std::span<const float> full_scale, std::span<const float> amps,
                     const std::string& what);
/// Measures `at`, multiplies and compares: the device works.
Status check_works(Bench& bench, const Window& at, const std::string& what);

/// A finding of the suite.
template <class... Args>
Status found(fmt::format_string<Args...> format, Args&&... args) {
  return Status(Code::internal, fmt::format(format, std::forward<Args>(args)...));
}

// The bodies, by file.
Status capabilities_are_sane(Bench&);
Status self_test(Bench&);
Status idle_advances_the_clock(Bench&);
Status stats_of_products(Bench&);
Status stats_of_pulses(Bench&);
Status reopen_many_times(Bench&);
Status deterministic_by_seed(Bench&);

Status program_and_read_back(Bench&);
Status windows_at_corners(Bench&);
Status mask_is_honoured(Bench&);
Status erase_brings_cells_down(Bench&);
Status raw_pulses_move_cells(Bench&);
Status host_write_verify(Bench&);

Status product_as_found(Bench&);
Status product_is_ohms_law(Bench&);
Status sense_pair(Bench&);
Status sense_reference(Bench&);
Status linear(Bench&);
Status rows_superpose(Bench&);
Status batch_equals_singles(Bench&);
Status full_scale_per_output(Bench&);
Status full_scale_shared(Bench&);
Status saturation_clips(Bench&);
Status input_converter(Bench&);
Status transposed_product(Bench&);

Status order_in_one_array(Bench&);
Status arrays_are_independent(Bench&);
Status concurrent_callers(Bench&);
Status deadline_of_products(Bench&);
Status deadline_of_programs(Bench&);
Status cancel_products(Bench&);
Status cancel_programs(Bench&);

Status refused_reads(Bench&);
Status refused_writes(Bench&);

// Where a worst case belongs to a body: cells written, counted with most_pulses() each, or pulses.
std::vector<Window> corner_windows(const Capabilities& board);
std::uint64_t raw_pulses_cost(const Capabilities& board);
std::uint64_t order_cost(const Capabilities& board);
std::uint64_t refused_writes_cost(const Capabilities& board);
std::uint64_t stats_of_pulses_cost(const Capabilities& board);

}  // namespace sedma::hal::conformance

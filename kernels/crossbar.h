#pragma once
// The crossbar product of an array: DAC, Ohm's and Kirchhoff's laws, read noise, ADC.

#include <cstdint>
#include <span>

#include "hal/commands.h"
#include "kernels/aligned.h"
#include "kernels/product_matrix.h"
#include "kernels/random.h"

namespace sedma::kernels {

struct Converters {
  std::uint8_t dac_bits = 0, adc_bits = 0;  ///< 0: ideal
  float volts_max = 0;                      ///< DAC range +-volts_max
};

/// Nearest of the 2^bits - 1 codes over +-full_scale (step full_scale / (2^(bits-1) - 1)), ties to even, clipped; bits 0: unchanged; bits 1
/// is refused upstream. A 2-bit converter has codes -1, 0, 1.
float quantize(float value, float full_scale, unsigned bits) noexcept;

/// White noise of one read of a cell: sigma(G) = sqrt(floor_siemens^2 + (relative G)^2).
struct ReadNoise {
  double relative = 0, floor_siemens = 0;
  bool on() const noexcept { return relative > 0 || floor_siemens > 0; }
};

/// y of a window of a matrix. Rows are driven and columns sensed (transposed: the other way); the current of a line is sum v G, eq. (1).
///
/// Read noise is one normal z per output. A line's variance is sum v^2 sigma(G)^2: a sum of independent Gaussian cells has the same
/// distribution. single: amps = line + sd z. pair: lines 2j - 2j+1, and the variance is the sum of theirs. reference: the last line of the
/// window is subtracted from the others, and its noise, one draw (number `outputs`), is shared by all outputs of a vector.
struct ProductJob {
  const ProductMatrix* matrix = nullptr;
  std::uint32_t row = 0, col = 0, rows = 0, cols = 0;  ///< the window of it
  hal::View<const float> volts;                        ///< [batch, rows]; transposed: [batch, cols]
  hal::View<float> amps;                               ///< [batch, outputs]
  std::span<const float> full_scale_amps;              ///< [outputs] or [1]; > 0; needed by an ADC and by adc_offset
  hal::Sense sense = hal::Sense::single;
  bool transpose = false;  ///< sense single; Path::integer: unpacks the window every time and computes in floats, so it is slow
  Converters converters;   ///< Path::integer: a DAC of 2 to 8 bits
  ReadNoise noise;         ///< a matrix with sd has its noise in them; then only whether on() counts
  Key key;                 ///< noise of output j of vector v: normal j of (key, Use::read_noise, vector + v)
  std::uint64_t vector = 0;
  double cubic_per_square_volt = 0;        ///< k of I = G V (1 + k V^2): volts after the DAC become V (1 + k V^2). Path::floating only
  std::span<const float> adc_gain_error;   ///< [outputs] or empty: a converter reads (1 + gain_error) amps + offset full_scale
  std::span<const float> adc_offset;       ///< [outputs] or empty: fraction of full scale
  std::span<const double> driven_siemens;  ///< optional: driven_line_siemens() of this window, for callers that keep it between products
};

/// What is known of a vector once it drives the rows.
struct Driven {
  double squares = 0;       ///< sum of the squared codes (exact) or volts
  double bent_squares = 0;  ///< the same of V (1 + cubic V^2)
  double conductance = 0;   ///< sum of V^2 (1 + cubic V^2) times the siemens of the line
  double square_unit = 1;   ///< squared codes or volts that a whole-number square stands for
};

/// Buffers that a product needs; keep one per thread and reuse it: no allocation once it has seen the largest shape. Contents are the
/// implementation's.
struct ProductScratch {
  AlignedVector<std::int16_t> drive, drive_rows;               // codes and squares; a row of them for each vector
  AlignedVector<double> mean, levels;                          // whole-number sums of every line
  AlignedVector<float> volts, squared_volts, lines, variance;  // the float path
  AlignedVector<float> window, squares;                        // of a transposed product
  AlignedVector<double> driven_siemens;
  AlignedVector<Driven> driven;
  float largest = 0;  // entry of the window
};

struct ProductTotals {
  double volts_squared_conductance = 0;  ///< sum over batch, cells of v I(v): times t_read gives the cells' joules
  double volts_squared = 0;              ///< sum over batch, driven lines of v^2: times a line's capacitance gives the lines' joules
  std::uint64_t driven_rows = 0;         ///< lines that a DAC drove, 0 V included: batch x rows (transposed: batch x cols)
  std::uint64_t conversions = 0;
  ProductTotals& operator+=(const ProductTotals& other) noexcept;
};

/// Vectors that are computed together; a batch is cut into blocks of this many.
inline constexpr std::size_t product_block = 64;

/// Sum of the entries on each driven line of a window: of each row (transposed: of each column). `sums` holds as many. 1 to 1.5 ns a cell.
void driven_line_siemens(const ProductMatrix& matrix, std::uint32_t row, std::uint32_t col, std::uint32_t rows, std::uint32_t cols,
                         bool transpose, std::span<double> sums) noexcept;

/// The product of a batch, product_block vectors at a time.
///
/// Path::integer: a line's current is an exact whole number times one factor, and what follows are + - * / sqrt in a fixed order, so amps
/// are the same bits at any instruction set, for any number of threads, however the batch is cut, and wherever the window lies. The
/// variance takes G^2 in 15 bits of full_siemens^2 and v^2 in 10 to 14 bits of volts_max^2: within 0.2 % of it on columns of mixed cells.
/// Worst: all driven cells of a line at one low conductance g: within (full / g)^2 / 65534 of it (4 % at g = 0.02 full).
///
/// Path::floating: float sums (one vector) or OpenBLAS's (more), whose bits depend on the shape, the processor and whether the batch is one
/// vector; any number of threads gives the same. The variance of a batch is within 0.2 % as above, relative to the largest entry of the
/// window.
///
/// Threads: OpenMP from 512 x 512 cells on. Cost on one core with 8-bit converters and read noise, as a multiple of single-threaded
/// OpenBLAS (AVX2 kernels) on the same shape, 512 to 4096 cells a side: integer 0.5 of an sgemv (standard deviations stored: 0.7) and 0.7
/// of an sgemm with 64 vectors, with AVX2 0.5 to 1.0 and 1.4; floating 1.0 to 1.2 and 1.5, with AVX2 1.1 to 1.3 and 1.9. Without
/// driven_siemens 1 to 1.5 ns a cell more. Shapes that do not fit, a window without rows, or an integer matrix with another DAC or a cubic
/// term, are a defect.
ProductTotals crossbar_product(const ProductJob& job, ProductScratch& scratch);
/// The plain version: loops; whole numbers (Path::integer: the same amps bit for bit) or double accumulation; the same noise numbers.
ProductTotals crossbar_product_reference(const ProductJob& job);

/// Makes OpenBLAS single-threaded for the whole process (its bits depend on its thread count). Called by every BLAS user here; idempotent.
void use_single_threaded_blas() noexcept;

}  // namespace sedma::kernels

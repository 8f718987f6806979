#pragma once
// The crossbar product of an array: DAC, Ohm's and Kirchhoff's laws, read noise, ADC.

#include <cstdint>
#include <span>
#include <vector>

#include "hal/commands.h"
#include "kernels/random.h"

namespace sedma::kernels {

struct Converters {
  std::uint8_t dac_bits = 0, adc_bits = 0;  ///< 0: ideal
  float volts_max = 0;                      ///< DAC range +-volts_max
};

/// Nearest of the 2^bits - 1 codes over +-full_scale (step full_scale / (2^(bits-1) - 1)), ties to even, clipped; bits 0: unchanged; bits 1
/// is refused upstream. A 2-bit converter has codes -1, 0, 1.
float quantize(float value, float full_scale, unsigned bits) noexcept;

struct ProductJob {
  hal::View<const float> siemens;          ///< terminal conductances [rows, cols] of the driven window
  hal::View<const float> volts;            ///< [batch, rows]; transposed: [batch, cols]
  hal::View<float> amps;                   ///< [batch, outputs]
  std::span<const float> full_scale_amps;  ///< [outputs] or [1]
  hal::Sense sense = hal::Sense::single;
  bool transpose = false;
  Converters converters;
  double read_noise = 0;  ///< sd of a cell's conductance / conductance, white: variance sum (F G_i v_i)^2, drawn once per output
  Key key;                ///< noise of output j of vector v: normal j of (key, Use::read_noise, vector + v)
  std::uint64_t vector = 0;
  std::span<const double> driven_siemens;  ///< optional: driven_line_siemens() of this window, for callers that keep it between products
};

/// Buffers that a product needs; keep one per thread and reuse it: no allocation once it has seen the largest shape.
class ProductScratch {
 public:
  std::vector<float> volts, lines, variance, squares, squared_volts, normals;
  std::vector<double> driven_siemens, driven_squares;
};

struct ProductTotals {
  double volts_squared_conductance = 0;  ///< sum over batch, cells of v^2 G: times t_read gives the cells' joules
  double volts_squared = 0;              ///< sum over batch, driven lines of v^2: times a line's capacitance gives the lines' joules
  std::uint64_t driven_rows = 0;         ///< lines that a DAC drove, 0 V included: batch x rows (transposed: batch x cols)
  std::uint64_t conversions = 0;
  ProductTotals& operator+=(const ProductTotals& other) noexcept;
};

/// Vectors that are computed together; a batch is cut into blocks of this many, a last block of one is a matrix-vector product.
inline constexpr std::size_t product_block = 64;

/// Sum of the conductances on each driven line of a window: of each row (transposed: of each column). `sums` holds as many.
void driven_line_siemens(hal::View<const float> siemens, bool transpose, std::span<double> sums) noexcept;

/// The whole product for a batch: volts through the DAC, amps = volts * siemens (transposed: volts * siemens^T), the lines of `sense`
/// subtracted, read noise added, then the ADC. Noise is white: one draw per output whose variance is the sum over the cells of the output's
/// lines, a pair's two lines included. Sense::reference: the reference line reaches every output of a vector at the same instant, so its
/// noise is one draw (normal number `outputs`) that all of them share; averaging outputs does not remove it.
/// A block of one vector is a matrix-vector product, a larger one a matrix product, both OpenBLAS on one thread in blocks that depend on
/// the shape only; the result does not depend on any thread count. How a batch is split changes rounding only: within one ADC step.
ProductTotals crossbar_product(const ProductJob& job, ProductScratch& scratch);
/// The plain version: loops, double accumulation; the same noise numbers.
ProductTotals crossbar_product_reference(const ProductJob& job);

/// Makes OpenBLAS single-threaded for the whole process (its bits depend on its thread count). Called by every BLAS user here; idempotent.
void use_single_threaded_blas() noexcept;

}  // namespace sedma::kernels

#pragma once
// What the memories keep: in which situation which choice led to what.

#include <array>
#include <cstdint>
#include <limits>
#include <string>

#include "runtime/plan.h"

namespace sedma::runtime {

/// What is known of a matrix without regard to tiles. Dimensionless but for the sizes.
struct MatrixFeatures {
  std::uint64_t content = 0;  ///< MatrixSource::content(): which matrix it is
  double rows = 0, cols = 0, nonzeros = 0;
  double density = 0;        ///< nonzeros / (rows cols)
  double bandwidth = 0;      ///< mean |j / cols - i / rows| of the entries
  double dynamic_range = 0;  ///< log10(largest |a| / median |a|)
  double row_spread = 0;     ///< log10(largest row 2-norm / median row 2-norm)
  double row_peak = 0;       ///< mean over rows of largest |a| / 2-norm: 1 where one entry is all
  double row_crowding = 0;   ///< mean over rows of 1-norm / 2-norm
  double output_lag1 = 0;    ///< lag-1 autocorrelation of the exact y for white x: 1 smooth, 0 rough
};

/// What a choice is made for.
struct Context {
  MatrixFeatures matrix;
  std::string material;  ///< Capabilities::material
  std::string profile;   ///< what the prior takes the device for: "published", or the id of a calibration profile
  std::string board;     ///< Capabilities::board_id
  std::uint32_t arrays = 0, array_rows = 0, array_cols = 0;
  std::uint8_t dac_bits = 0, adc_bits = 0;
  double temperature_kelvin = std::numeric_limits<double>::quiet_NaN();  ///< NaN: unknown
  double age_seconds = 0;                                                ///< since programming, when products are made
  double bad_cells = 0;                                                  ///< share of masked cells
};

/// What a choice costs and how wrong it is: predicted, or found. Costs are the device's.
struct Outcome {
  std::uint64_t vectors = 0;               ///< multiplied
  std::uint64_t runs = 0;                  ///< that began with it
  std::uint64_t checked = 0;               ///< of them, compared with a product in double precision; 0: the error is not known
  double error_p95 = 0, error_median = 0;  ///< relative l2 error of a vector: 95th percentile (nearest rank), median
  double programming_joules = 0, programming_seconds = 0, pulses = 0;  ///< of one programming
  double vector_joules = 0, vector_seconds = 0;                        ///< of one vector
  double unconverged = 0;                                              ///< share of the cells written
  double arrays = 0;                                                   ///< physical arrays in use
  double memory_efficiency = 0;
  double lambda = 0;  ///< median of what was used
};

/// A choice with everything that the tuner decides.
struct TunedChoice {
  Choice choice;
  bool adaptive_lambda = false;  ///< LambdaRule::adaptive; otherwise no denoising
};
bool operator==(const TunedChoice& a, const TunedChoice& b) noexcept;

/// Evidence: how often this choice was made in this context. `found` is the mean of all times (error_p95: see merge()).
struct Pattern {
  Context context;
  TunedChoice choice;
  Outcome predicted;  ///< by the prior alone, for corrections learnt from it
  std::uint32_t prior_version = 0;
  Outcome found;
  std::uint64_t evidence = 1;
  double usefulness = 0;  ///< recalls that the tuner profited by, decaying; low ones are evicted first
  std::int64_t used_utc_seconds = 0;
};

/// Which pattern it is: xxh3-128 over context (features included) and choice but for temperature, age and bad cells.
struct PatternKey {
  std::uint64_t low = 0, high = 0;
  bool operator==(const PatternKey&) const = default;
  bool operator<(const PatternKey& other) const noexcept { return low != other.low ? low < other.low : high < other.high; }
  std::string hex() const;
};
PatternKey key_of(const Context& context, const TunedChoice& choice);

/// Adds another time to `into`: means weighted by evidence, errors weighted by the vectors checked; vectors and checked add up. Temperature
/// (where known), age and bad cells are means too; predictions of an older prior give way. In any order the same but for rounding.
void merge(Pattern& into, const Pattern& other);

/// A context as a point: numbers on comparable scales (about one unit is "another kind of"), for finding near patterns. At least 12 differ
/// between kinds of matrices and boards; material, profile, converters and age are among them; another
/// board of a profile is near. Temperature and bad cells are not: they are in the pattern.
using FeatureVector = std::array<float, 16>;
FeatureVector feature_vector(const Context& context);

}  // namespace sedma::runtime

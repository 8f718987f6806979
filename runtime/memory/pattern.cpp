#include "runtime/memory/pattern.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>
#include <type_traits>
#include <vector>

#include "runtime/memory/pattern_visit.h"
#include "runtime/memory/usefulness.h"

namespace sedma::runtime {
namespace {

// Numbers as 8 bytes each, the lowest first: the same on every machine. Texts are led by their length, so that no two run together.
class KeyBytes {
 public:
  void operator()(const std::string&, const char*, const std::string& text, detail::Bounds) { add(text); }
  template <class T>
  void operator()(const std::string&, const char*, detail::Name64<T> name, detail::Bounds) {
    add(name.value);
  }
  template <class T>
  void operator()(const std::string&, const char*, const T& member, detail::Bounds) {
    if constexpr (std::is_floating_point_v<T>)
      add(std::bit_cast<std::uint64_t>(static_cast<double>(member) + 0.0));  // + 0: there is one zero
    else
      add(static_cast<std::uint64_t>(member));
  }
  PatternKey key() const {
    const XXH128_hash_t hash = XXH3_128bits(bytes_.data(), bytes_.size());
    return {hash.low64, hash.high64};
  }

 private:
  void add(std::uint64_t number) {
    for (unsigned shift = 0; shift < 64; shift += 8) bytes_.push_back(static_cast<unsigned char>(number >> shift));
  }
  void add(std::string_view text) {
    add(std::uint64_t{text.size()});
    bytes_.insert(bytes_.end(), text.begin(), text.end());
  }
  std::vector<unsigned char> bytes_;
};

// A mean of two; of a value that is not known (NaN) nothing enters.
double mean(double a, double weight_a, double b, double weight_b) {
  if (weight_b <= 0 || std::isnan(b)) return a;
  if (weight_a <= 0 || std::isnan(a)) return b;
  return a + (b - a) * (weight_b / (weight_a + weight_b));
}

void merge(Outcome& into, double evidence, const Outcome& other, double other_evidence) {
  const auto checked = static_cast<double>(into.checked), other_checked = static_cast<double>(other.checked);
  into.error_p95 = mean(into.error_p95, checked, other.error_p95, other_checked);
  into.error_median = mean(into.error_median, checked, other.error_median, other_checked);
  for (const auto member :
       {&Outcome::programming_joules, &Outcome::programming_seconds, &Outcome::pulses, &Outcome::vector_joules, &Outcome::vector_seconds,
        &Outcome::unconverged, &Outcome::arrays, &Outcome::memory_efficiency, &Outcome::lambda})
    into.*member = mean(into.*member, evidence, other.*member, other_evidence);
  into.vectors += other.vectors;
  into.checked += other.checked;
  into.runs += other.runs;
}

// A name as a number in [0, 1), the same everywhere.
float place_of(const std::string& name) { return static_cast<float>(XXH3_64bits(name.data(), name.size()) >> 40) * 0x1p-24f; }

float decades(double value) { return static_cast<float>(std::log10(std::max(value, 1e-12))); }
float saturating(double value) { return static_cast<float>(std::log2(1 + std::max(value, 0.0))); }

}  // namespace

bool operator==(const TunedChoice& a, const TunedChoice& b) noexcept {
  const Choice &p = a.choice, &q = b.choice;
  return a.adaptive_lambda == b.adaptive_lambda && p.partition == q.partition && p.sharing == q.sharing && p.tile_rows == q.tile_rows &&
         p.tile_cols == q.tile_cols && p.encoding == q.encoding && p.scale == q.scale && p.slices == q.slices && p.passes == q.passes &&
         p.tolerance_levels == q.tolerance_levels && p.step_fraction == q.step_fraction && p.max_pulses_per_cell == q.max_pulses_per_cell &&
         p.read_repeats == q.read_repeats && p.conversion.headroom == q.conversion.headroom && p.conversion.repeats == q.conversion.repeats;
}

std::string PatternKey::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

PatternKey key_of(const Context& context, const TunedChoice& choice) {
  KeyBytes bytes;
  const auto visit = [&](const std::string& name, const char* unit, const auto& member, detail::Bounds bounds) {
    bytes(name, unit, member, bounds);
  };
  detail::visit_identity(context, visit);
  detail::visit_choice(choice, visit);
  return bytes.key();
}

void merge(Pattern& into, const Pattern& other) {
  const auto evidence = static_cast<double>(into.evidence), other_evidence = static_cast<double>(other.evidence);
  Context& context = into.context;
  context.temperature_kelvin = mean(context.temperature_kelvin, evidence, other.context.temperature_kelvin, other_evidence);
  context.age_seconds = mean(context.age_seconds, evidence, other.context.age_seconds, other_evidence);
  context.bad_cells = mean(context.bad_cells, evidence, other.context.bad_cells, other_evidence);
  if (other_evidence > 0 && (other.prior_version > into.prior_version || into.evidence == 0)) {
    into.predicted = other.predicted;  // older predictions say nothing of the prior as it is now
    into.prior_version = other.prior_version;
  } else if (other.prior_version == into.prior_version) {
    merge(into.predicted, evidence, other.predicted, other_evidence);
  }
  merge(into.found, evidence, other.found, other_evidence);
  into.usefulness = usefulness_at(into, std::max(into.used_utc_seconds, other.used_utc_seconds)) +
                    usefulness_at(other, std::max(into.used_utc_seconds, other.used_utc_seconds));
  into.used_utc_seconds = std::max(into.used_utc_seconds, other.used_utc_seconds);
  into.evidence += other.evidence;
}

FeatureVector feature_vector(const Context& context) {
  constexpr float full_turn = 6.2831853f;
  const MatrixFeatures& matrix = context.matrix;
  const float material = full_turn * place_of(context.material);
  const auto bits = [](std::uint8_t count) { return static_cast<float>(count == 0 ? 16 : count) / 2; };  // 0: ideal
  FeatureVector point = {
      decades(matrix.rows),
      decades(matrix.cols),
      decades(matrix.density),
      decades(matrix.bandwidth + 1e-3),
      saturating(matrix.dynamic_range),
      saturating(matrix.row_spread),
      2 * static_cast<float>(matrix.row_peak),
      2 * decades(matrix.row_crowding),
      static_cast<float>(matrix.output_lag1),
      2 * std::cos(material),
      2 * std::sin(material),
      2 * place_of(context.profile) + 0.25f * place_of(context.board),  // another board of a profile is near
      bits(context.dac_bits),
      bits(context.adc_bits),
      decades(static_cast<double>(context.array_rows) * context.array_cols),
      decades(1 + context.age_seconds) / 2,
  };
  for (float& value : point)
    if (!std::isfinite(value)) value = 0;
  return point;
}

}  // namespace sedma::runtime

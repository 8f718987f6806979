#include "kernels/fluctuation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "kernels/named.h"
#include "kernels/polynomials.h"
#include "kernels/random.h"

namespace sedma::kernels {
namespace {

// A fork costs 1 to 3 us: smaller windows are not worth one.
constexpr std::size_t threads_from_cells = 256 * 256;
constexpr std::uint32_t group = 64;  // cells that switch together: their normals are made side by side
constexpr std::size_t slopes = 16;
constexpr std::uint64_t slope_event = 62, offset_event = 63, trap_event = ~std::uint64_t{0};
constexpr double epochs_per_mean_time = 8;

// Technology A: amplitudes are sd / mean of its five records at their levels, slope and spread those of the five spectra.
constexpr std::array<Fluctuation, 2> fluctuations = {{
    {.name = "none"},
    {.name = "techA",
     .flicker = {.relative = 1,
                 .slope = 1.12,
                 .slope_spread = 0.3,
                 .shortest_seconds = 2.5e-3,
                 .octaves = 17,
                 .amplitude = {{0.04, 0.355, 0.56, 0.77, 1.0}, {0.0906, 0.1194, 0.0168, 0.0136, 0.0021}},
                 .g_max_siemens = 240e-6}},
}};

// The octaves of one slope: weight first * ratio^k, the squares add up to relative^2.
struct Octaves {
  float first = 0, ratio = 1;
};

std::array<Octaves, slopes> octaves_of(const Flicker& flicker) noexcept {
  std::array<Octaves, slopes> all;
  for (std::size_t i = 0; i < slopes; ++i) {
    const double slope = flicker.slope + flicker.slope_spread * ((static_cast<double>(i) + 0.5) * (2.0 / slopes) - 1);
    const double ratio = std::exp2(0.5 * (slope - 1));
    double power = 0;
    for (std::uint32_t k = flicker.octaves; k-- > 0;) power = 1 + power * ratio * ratio;
    all[i] = {static_cast<float>(flicker.relative / std::sqrt(power)), static_cast<float>(ratio)};
  }
  return all;
}

// What a call needs, in the types in which cells are computed.
struct Law {
  Key key;
  std::uint64_t epoch = 0;  // of the flicker: in shortest_seconds
  bool flicker = false, telegraph = false, slopes_differ = false;
  std::uint32_t octaves = 0;
  std::array<Octaves, slopes> by_slope{};
  LevelLine amplitude;
  float inverse_g_max = 0;
  std::uint32_t last_trap_word = 0;
  float half_step = 0;
  double mean_times = 0;  // that have passed
};

Law make_law(const Fluctuation& noise, Key key, std::uint64_t epoch) noexcept {
  Law law{.key = key, .amplitude = LevelLine(noise.flicker.amplitude)};
  const double seconds = fluctuation_epoch_seconds(noise);
  law.flicker = noise.flicker.on();
  law.telegraph = noise.telegraph.on();
  if (law.flicker) {
    const double shortest = noise.flicker.shortest_seconds;
    law.epoch = shortest > seconds ? static_cast<std::uint64_t>(static_cast<double>(epoch) * (seconds / shortest)) : epoch;
    law.octaves = noise.flicker.octaves;
    law.by_slope = octaves_of(noise.flicker);
    law.slopes_differ = noise.flicker.slope_spread > 0;
    law.inverse_g_max = noise.flicker.g_max_siemens > 0 ? static_cast<float>(1 / noise.flicker.g_max_siemens) : 0.0f;
  }
  if (law.telegraph) {
    law.last_trap_word = static_cast<std::uint32_t>(std::min(noise.telegraph.fraction, 1.0) * 0xffffffff);
    law.half_step = static_cast<float>(noise.telegraph.amplitude / 2);
    law.mean_times = static_cast<double>(epoch) * (seconds / noise.telegraph.mean_seconds);
  }
  return law;
}

// The epoch on the clock of a group of cells.
std::uint64_t group_epoch(const Law& law, std::uint32_t cell) noexcept {
  const auto words = philox(law.key, Use::flicker, cell / group, offset_event);
  const std::uint64_t offset = words[0] | (static_cast<std::uint64_t>(words[1]) << 32);
  return law.epoch + (offset & ((std::uint64_t{1} << (law.octaves - 1)) - 1));
}

std::uint64_t octave_event(std::uint64_t epoch, std::uint32_t k) noexcept { return (epoch >> k) * 64 + k; }

// One word a cell of a use and event; four neighbours share a philox.
class CellWords {
 public:
  CellWords(Key key, Use use, std::uint64_t event) : key_(key), use_(use), event_(event) {}
  std::uint32_t of(std::uint32_t cell) noexcept {
    if (!filled_ || cell / 4 != four_) {
      four_ = cell / 4;
      words_ = philox(key_, use_, four_, event_);
      filled_ = true;
    }
    return words_[cell % 4];
  }

 private:
  Key key_;
  Use use_;
  std::uint64_t event_;
  bool filled_ = false;
  std::uint32_t four_ = 0;
  std::array<std::uint32_t, 4> words_{};
};
CellWords slope_words(const Law& law) noexcept { return {law.key, Use::flicker, slope_event}; }
CellWords trap_words(const Law& law) noexcept { return {law.key, Use::telegraph, trap_event}; }

float amplitude_at(const Law& law, float g) noexcept { return law.amplitude(law.inverse_g_max > 0 ? g * law.inverse_g_max : 1.0f); }

// ln of (upper 31 bits of the word + 1/2) / 2^31.
float log_of(std::uint32_t word) noexcept {
  const auto [k, m] = poly::split(static_cast<float>(static_cast<std::int32_t>(word >> 1)) + 0.5f);
  return poly::log_sum(static_cast<float>(k - 31), m - 1.0f);
}

// Whether the trap is full: the coin (lowest bit) of the last redraw before now. Redraws are met backwards from the end of each block, at
// exponential distances of mean 1/2; every block has its own words, so that no other time need be known.
bool trap_full(const Law& law, std::uint32_t cell) noexcept {
  auto block = static_cast<std::uint64_t>(law.mean_times);
  auto latest = static_cast<float>(law.mean_times - static_cast<double>(block));
  for (;; --block, latest = 1.0f) {
    float at = 1.0f;
    for (std::uint64_t i = 0; at >= 0; ++i) {
      for (const std::uint32_t word : philox(law.key, Use::telegraph, cell, (block + 1) * 256 + i)) {
        at = at + 0.5f * log_of(word);
        if (at < 0) break;
        if (at <= latest) return (word & 1u) != 0;
      }
    }
    if (block == 0) return (philox(law.key, Use::telegraph, cell, 0)[0] & 1u) != 0;
  }
}

float telegraph(const Law& law, std::uint32_t cell, std::uint32_t trap_word) noexcept {
  if (trap_word > law.last_trap_word) return 0;
  return trap_full(law, cell) ? law.half_step : -law.half_step;
}

float fluctuated(float g, float change) noexcept {
  const float factor = 1.0f + change;
  return g * (factor < 0 ? 0.0f : factor);
}

float flicker_of_cell(const Law& law, std::uint32_t cell) noexcept {
  const Octaves own = law.by_slope[slope_words(law).of(cell) % slopes];
  const std::uint64_t epoch = group_epoch(law, cell);
  float sum = 0, weight = own.first;
  for (std::uint32_t k = 0; k < law.octaves; ++k) {
    sum = sum + weight * normals4(law.key, Use::flicker, cell / 4, octave_event(epoch, k))[cell % 4];
    weight = weight * own.ratio;
  }
  return sum;
}

// The cells of one group side by side, at their place in the group; those outside [begin, begin + count) are computed along, not used.
struct Piece {
  std::array<float, group> sum{}, weight{}, ratio{}, normal{};

  void flicker(const Law& law, std::uint32_t first, std::size_t begin, std::size_t count) noexcept {
    CellWords words = slope_words(law);
    for (std::size_t i = begin; i < begin + count; ++i) {
      const Octaves own = law.by_slope[law.slopes_differ ? words.of(first + static_cast<std::uint32_t>(i)) % slopes : 0];
      weight[i] = own.first, ratio[i] = own.ratio;
    }
    sum.fill(0);
    const std::uint64_t epoch = group_epoch(law, first);
    for (std::uint32_t k = 0; k < law.octaves; ++k) {
      fill_normals(law.key, Use::flicker, octave_event(epoch, k), first, normal);
      for (std::size_t i = 0; i < group; ++i) {
        sum[i] = sum[i] + weight[i] * normal[i];
        weight[i] = weight[i] * ratio[i];
      }
    }
  }
};

// `count` cells from number `cell` on, all of one group.
void fluctuate_piece(const Law& law, std::uint32_t cell, std::size_t count, float* siemens, Piece& piece) noexcept {
  const std::size_t begin = cell % group;
  if (law.flicker) piece.flicker(law, cell - cell % group, begin, count);
  CellWords words = trap_words(law);
  for (std::size_t i = 0; i < count; ++i) {
    float change = law.flicker ? amplitude_at(law, siemens[i]) * piece.sum[begin + i] : 0.0f;
    const std::uint32_t own = cell + static_cast<std::uint32_t>(i);
    if (law.telegraph) change = change + telegraph(law, own, words.of(own));
    siemens[i] = fluctuated(siemens[i], change);
  }
}

std::uint32_t first_of_row(const CellIds& ids, std::size_t r) noexcept {
  return ids.first + static_cast<std::uint32_t>(r) * ids.row_stride;
}

}  // namespace

Result<Fluctuation> find_fluctuation(std::string_view name) {
  return find_named(std::span<const Fluctuation>(fluctuations), "fluctuation", name);
}

double fluctuation_epoch_seconds(const Fluctuation& noise) noexcept {
  const double flicker = noise.flicker.shortest_seconds, telegraph = noise.telegraph.mean_seconds / epochs_per_mean_time;
  if (noise.flicker.on() && noise.telegraph.on()) return std::min(flicker, telegraph);
  if (noise.flicker.on()) return flicker;
  return noise.telegraph.on() ? telegraph : 0;
}

std::uint64_t fluctuation_epoch(const Fluctuation& noise, double seconds) noexcept {
  return noise.on() ? static_cast<std::uint64_t>(seconds / fluctuation_epoch_seconds(noise)) : 0;
}

void fluctuate(const Fluctuation& noise, const CellIds& ids, std::uint64_t epoch, hal::View<float> siemens) {
  if (!noise.on()) return;
  const Law law = make_law(noise, ids.key, epoch);
  const auto rows = static_cast<std::ptrdiff_t>(siemens.rows);
#pragma omp parallel for if (siemens.size() >= threads_from_cells)
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    const auto r = static_cast<std::size_t>(i);
    const std::uint32_t first = first_of_row(ids, r);
    Piece piece;
    for (std::size_t c = 0; c < siemens.cols;) {
      const std::uint32_t cell = first + static_cast<std::uint32_t>(c);
      const std::size_t count = std::min<std::size_t>(siemens.cols - c, group - cell % group);
      fluctuate_piece(law, cell, count, siemens.row(r) + c, piece);
      c += count;
    }
  }
}

void fluctuate_reference(const Fluctuation& noise, const CellIds& ids, std::uint64_t epoch, hal::View<float> siemens) {
  if (!noise.on()) return;
  const Law law = make_law(noise, ids.key, epoch);
  for (std::size_t r = 0; r < siemens.rows; ++r) {
    for (std::size_t c = 0; c < siemens.cols; ++c) {
      const std::uint32_t cell = first_of_row(ids, r) + static_cast<std::uint32_t>(c);
      float& g = siemens(r, c);
      float change = law.flicker ? amplitude_at(law, g) * flicker_of_cell(law, cell) : 0.0f;
      if (law.telegraph) change = change + telegraph(law, cell, trap_words(law).of(cell));
      g = fluctuated(g, change);
    }
  }
}

}  // namespace sedma::kernels

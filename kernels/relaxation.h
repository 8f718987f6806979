#pragma once
// What time does to a written cell: relaxation and drift.

#include <cstdint>
#include <span>
#include <string_view>

#include "hal/status.h"
#include "hal/view.h"
#include "kernels/level_curve.h"
#include "kernels/pulses.h"

namespace sedma::kernels {

/// G(t) = G0 + range (mean(level) u + sd(level) X(u)), u = log10(1 + t / t0), level = (G0 - G_min) / range. X has mean 0, variance u and
/// excess kurtosis excess_kurtosis / u: at every u it is variance-gamma (Madan and Seneta 1990).
///
/// X = K(c u) + P(u), c = kept_share. K, what a cell keeps, has independent increments. P, what passes, is within one memory time (as long
/// as memory_decades in u, starting at the cell's own random point) another such process of (1 - c) u, and starts anew in the next one. So
///   cov(X(u1), X(u2)) / var X(u1) = c + (1 - c) max(0, 1 - (u2 - u1) / memory_decades),  u1 <= u2.
/// Independent increments alone (c = 1) do not fit technology C: there this ratio is 0.76 after one decade, 0.65 after two and 0.56 to 0.63
/// after four to seven. That is what many traps with times spread over decades do: a change persists in part, and in part is redrawn.
struct Relaxation {
  std::string_view name;
  double t0_seconds = 0;       ///< > 0; 0: off
  LevelCurve sd{};             ///< at u = 1, fraction of the range; >= 0
  LevelCurve mean{};           ///< per decade, fraction of the range
  double excess_kurtosis = 0;  ///< of X at u = 1; > 0
  double kept_share = 1;       ///< c, > 0 to 1
  double memory_decades = 2;   ///< 1/32 to 60
  double activation_ev = 0;    ///< Arrhenius: time runs exp(Ea / k (1 / T_ref - 1 / T)) times as fast at T
  double reference_kelvin = 300;
  bool on() const noexcept { return t0_seconds > 0; }
};

/// "none" or "techC": measured RRAM, technology C of Levy, RRAM-Relaxation-Master-Model, fitted on
/// t <= 1 s. Against the chip, all levels pooled: variance at 1e5 s 2 % low, kurtosis 24 % high at 10 ms and 23 % low at 1e5 s, correlation
/// of any two times within 0.06; but the mean, which moves faster in log t after 4 s than before, is -0.84 uS at 1e5 s and not -1.45. Its
/// temperature dependence was not measured: activation_ev is 0, and temperature changes nothing.
/// Errors: invalid_argument listing the names there are.
Result<Relaxation> find_relaxation(std::string_view name);
std::span<const Relaxation> known_relaxations() noexcept;

/// u of an age at a temperature; at most 60. age >= 0, kelvin > 0. Pure.
double relaxation_decades(const Relaxation& law, double age_seconds, double kelvin) noexcept;
/// u in 1/32 of a decade, to nearest: cells change only from one step to the next, so equal steps mean equal cells.
std::uint32_t relaxation_steps(const Relaxation& law, double decades) noexcept;

/// The age from which on relaxation_steps() is more than at `age_seconds`; infinite if it never is.
double relaxation_holds_until(const Relaxation& law, double age_seconds, double kelvin) noexcept;
/// No cell relaxes to more than this times G_max.
inline constexpr double relaxation_headroom = 1.25;

/// Cells of one programming: key and numbering as in the write itself (CellIds.event is the ordinal of the writing).
/// bare_now = bare, relaxed by `decades` and kept within [G_min / 2, G_max + range / 4] of the material (a cell that stood outside goes no
/// further out; level is clamped to [0, 1]); may alias bare. Cells that the model makes stuck keep their value. Zero steps copy.
///
/// A cell's value is a pure function of its number, key, event, steps and bare conductance. X is drawn in half decades, one word of philox
/// and one table look-up (VarianceGammaTable) for each of K and P; the boundaries lie at the cell's own random offset in 1/32 decade, so
/// that over cells the variance follows u in steps. Words: philox(key, Use::relaxation, cell, event * 2^20 + i): i = 0 offsets,
/// 256 + j / 4 word j % 4 is draw j of K, 512 + 256 b + j / 4 the same of P in memory time b.
/// Threads: OpenMP over rows from 256^2 cells on; the same bits for any number and any instruction set. Cost: 35 ns a cell at 7.4 decades
/// (1e5 s of techC), 16 ns at 2.4 (AVX-512; AVX2 55 and 26); the first call with a law makes its two tables, 4 KiB each, in 3 ms and keeps
/// them as long as the process lives. Different shapes are a defect.
void relax(const Relaxation& law, const CellModel& model, const CellIds& ids, double decades, hal::View<const float> bare,
           hal::View<float> bare_now);
/// The plain version that relax is compared with: the same bits.
void relax_reference(const Relaxation& law, const CellModel& model, const CellIds& ids, double decades, hal::View<const float> bare,
                     hal::View<float> bare_now);

}  // namespace sedma::kernels

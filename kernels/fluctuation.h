#pragma once
// Slow noise of cells: 1/f noise and random telegraph noise. States that consecutive reads share, as pure functions of time.

#include <cstdint>
#include <string_view>

#include "hal/status.h"
#include "hal/view.h"
#include "kernels/level_curve.h"
#include "kernels/pulses.h"

namespace sedma::kernels {

/// 1/f noise as a sum of octaves: octave k holds one normal for T = 2^k shortest_seconds. Its one-sided spectrum is 2 w^2 T sinc^2(f T), so
/// weights w in proportion to 2^(k (slope - 1) / 2) make the sum fall as f^-slope between 1 / T of the slowest and of the fastest octave.
/// Octaves switch at offsets of their own in every 64 cells (cell number / 64), so the noise is stationary: no instant is special to the
/// chip.
struct Flicker {
  double relative = 0;             ///< sd of G / G of all octaves together at level 1 of `amplitude`; 0: off
  double slope = 1;                ///< 0.5 to 1.5
  double slope_spread = 0;         ///< cells differ: theirs is one of 16 values evenly over slope +- slope_spread; slope + spread < 2
  double shortest_seconds = 1e-3;  ///< faster is white noise (ReadNoise)
  std::uint32_t octaves = 20;      ///< 1 to 40; the slowest lasts 2^(octaves - 1) shortest_seconds
  LevelCurve amplitude = LevelCurve::flat(1);  ///< of `relative`, by level = G / g_max_siemens; >= 0
  double g_max_siemens = 0;                    ///< terminal conductance of level 1; 0: every cell counts as level 1
  bool on() const noexcept { return relative > 0; }
};
/// Random telegraph noise: a cell with a trap switches between G (1 +- amplitude / 2). A Markov process in continuous time: times in both
/// states are exponential, the correlation is exp(-2 |t| / mean_seconds), the spectrum a Lorentzian with corner 1 / (pi mean_seconds).
struct Telegraph {
  double fraction = 0;      ///< of cells that have a trap; 0: off
  double amplitude = 0;     ///< (G_high - G_low) / G; 0 to 2
  double mean_seconds = 0;  ///< mean time in a state; > 0 where on
  bool on() const noexcept { return fraction > 0 && amplitude > 0; }
};
struct Fluctuation {
  std::string_view name;
  Flicker flicker{};
  Telegraph telegraph{};
  bool on() const noexcept { return flicker.on() || telegraph.on(); }
};

/// "none" or "techA": 1/f noise of technology A of Levy, RRAM-Relaxation-Master-Model (five cells of different levels read at 400 Hz for
/// 250 s, G_max 240 uS: for another device set g_max_siemens). Fitted by hand: sd / mean of every level within 12 %, slopes -0.87 to -1.43
/// where the five cells have -0.86 to -1.45. One cell a level was measured, so `amplitude` cannot tell levels from cells; their switching
/// between few values, of another time and size in each cell, is in the 1/f noise. Errors: invalid_argument listing the names there are.
Result<Fluctuation> find_fluctuation(std::string_view name);

/// The epoch of time t >= 0: equal epochs mean equal states. 0 while the noise is off.
std::uint64_t fluctuation_epoch(const Fluctuation& noise, double seconds) noexcept;
/// The shorter of shortest_seconds and an eighth of mean_seconds, of what is on; 0 while nothing is. Telegraph noise is sampled at epochs.
double fluctuation_epoch_seconds(const Fluctuation& noise) noexcept;

/// siemens (terminal) times (1 + the cell's fluctuation in that epoch), not below 0, in place. Cells are numbered as in ids (event is not
/// used). epoch < 2^50.
///
/// A value is a pure function of key, cell number, epoch and conductance: any order of epochs and any window give the same. Flicker: normal
/// number `cell` of fill_normals(key, Use::flicker, block * 64 + k) for octave k in its block (epoch + offset) >> k; 62 and 63 in place of
/// k are the words of slopes and offsets. Telegraph: a Poisson process of 2 / mean_seconds that redraws the state, generated backwards
/// within blocks of mean_seconds: philox(key, Use::telegraph, cell, (block + 1) * 256 + i).
///
/// Threads: OpenMP over rows from 256^2 cells on; the same bits for any number and any instruction set. Cost: 1.5 ns per cell and octave
/// (AVX-512; AVX2 2.3), in whole groups of 64 cells; telegraph noise 6 ns a cell, 40 ns with a trap.
void fluctuate(const Fluctuation& noise, const CellIds& ids, std::uint64_t epoch, hal::View<float> siemens);
/// The plain version, cell by cell: the same bits.
void fluctuate_reference(const Fluctuation& noise, const CellIds& ids, std::uint64_t epoch, hal::View<float> siemens);

}  // namespace sedma::kernels

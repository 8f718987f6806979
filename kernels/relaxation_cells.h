#pragma once
// The relaxation of single cells and of rows. Internal to kernels.

#include <cstddef>
#include <cstdint>

#include "kernels/level_curve.h"
#include "kernels/random.h"
#include "kernels/relaxation.h"
#include "kernels/variance_gamma.h"

namespace sedma::kernels {

inline constexpr std::uint32_t steps_per_decade = 32, steps_per_draw = 16;
inline constexpr double most_decades = 60;
/// Event offsets of the draws of K and, per memory time, of P.
inline constexpr std::uint32_t draw_events = 256;

/// A relaxation's constants, in the types in which a row is computed.
struct RelaxationLaw {
  Key key{};
  std::uint64_t first_event = 0;
  float g_min = 0, inverse_range = 0;
  LevelLine drift, spread;    ///< siemens at this u; siemens at u = 1
  float least = 0, most = 0;  ///< siemens
  const VarianceGammaTable *kept = nullptr, *passing = nullptr;
  float kept_sd = 0, passing_sd = 0;             ///< of one draw
  std::uint32_t draws = 0, more_draws_from = 0;  ///< a cell with an offset of at least more_draws_from has one draw more
  std::uint32_t memory_steps = 0;
  std::uint32_t memory = 0, later_memory_from = 0;  ///< the memory time, and the memory offset from which it is the next one
};
RelaxationLaw make_relaxation_law(const Relaxation& relaxation, const CellModel& model, const CellIds& ids, std::uint32_t steps);

/// Where the cell's own boundaries lie, from the first word of event 0.
inline std::uint32_t draw_offset(std::uint32_t word) noexcept { return word & (steps_per_draw - 1); }
inline std::uint32_t memory_offset(std::uint32_t word, std::uint32_t memory_steps) noexcept { return ((word >> 16) * memory_steps) >> 16; }

/// What X does to a level: the last operations, the same for a cell and a vector of them.
inline float moved(const RelaxationLaw& law, float g, float kept, float passing) noexcept {
  const float level = (g - law.g_min) * law.inverse_range;
  const float x = law.kept_sd * kept + law.passing_sd * passing;
  const float to = (g + law.drift(level)) + law.spread(level) * x;
  const float least = g < law.least ? g : law.least, most = g > law.most ? g : law.most;
  const float above = to < least ? least : to;
  return above > most ? most : above;
}

/// One cell.
float relaxed_cell(const RelaxationLaw& law, std::uint32_t cell, float g) noexcept;
/// `count` cells from number first_cell on; to may be from.
void relax_row(const RelaxationLaw& law, std::uint32_t first_cell, const float* from, float* to, std::size_t count);

}  // namespace sedma::kernels

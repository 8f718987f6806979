#include "kernels/relaxation.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/named.h"
#include "kernels/pulse_law.h"
#include "kernels/relaxation_cells.h"

namespace sedma::kernels {
namespace {

// A fork costs 1 to 3 us: smaller windows are not worth one.
constexpr std::size_t threads_from_cells = 256 * 256;
constexpr double boltzmann_ev_per_kelvin = 8.617333262e-5;

// Technology C, fitted by hand on its reads at 10 ms, 100 ms and 1 s: t0 from the line of the pooled variance in log t, sd and mean by
// level from the reads at 1 s, kurtosis from the pooled ones (19 is the middle of what the three times give), share and memory from the
// covariances one and two decades apart.
constexpr std::array<Relaxation, 2> relaxations = {{
    {.name = "none"},
    {.name = "techC",
     .t0_seconds = 4e-3,
     .sd = {{0, 0.2, 0.45, 0.7, 1}, {0.0215, 0.0385, 0.0390, 0.0312, 0.0238}},
     .mean = {{0, 0.2, 0.45, 0.7, 1}, {0.0020, 0, -0.0049, -0.0051, -0.0040}},
     .excess_kurtosis = 19,
     .kept_share = 0.65,
     .memory_decades = 1.5},
}};

LevelCurve scaled(LevelCurve curve, double factor) noexcept {
  for (double& value : curve.value) value *= factor;
  return curve;
}

// How many seconds of the law pass in a second.
double speed_at(const Relaxation& law, double kelvin) noexcept {
  return std::exp(law.activation_ev / boltzmann_ev_per_kelvin * (1 / law.reference_kelvin - 1 / kelvin));
}

using RowKernel = void (*)(const RelaxationLaw&, std::uint32_t, const float*, float*, std::size_t);

void plain_row(const RelaxationLaw& law, std::uint32_t first_cell, const float* from, float* to, std::size_t count) {
  for (std::size_t c = 0; c < count; ++c) to[c] = relaxed_cell(law, first_cell + static_cast<std::uint32_t>(c), from[c]);
}

// Cells that are stuck keep their value: the row is put back from `before` there.
void restore_stuck(const WriteLaw& law, std::uint32_t first_cell, const std::vector<float>& before, float* row) {
  for (std::size_t c = 0; c < before.size(); ++c) {
    if (own_cell(law, first_cell + static_cast<std::uint32_t>(c)).stuck) row[c] = before[c];
  }
}

void relax_rows(const RelaxationLaw& law, const CellModel& model, const CellIds& ids, hal::View<const float> bare,
                hal::View<float> bare_now, RowKernel kernel) {
  const WriteLaw write = make_law(model, ids.key, ids.event);
  const auto rows = static_cast<std::ptrdiff_t>(bare.rows);
#pragma omp parallel for if (bare.size() >= threads_from_cells)
  for (std::ptrdiff_t i = 0; i < rows; ++i) {
    const auto r = static_cast<std::size_t>(i);
    const std::uint32_t first_cell = ids.first + static_cast<std::uint32_t>(r) * ids.row_stride;
    std::vector<float> before;
    if (write.any_stuck) before.assign(bare.row(r), bare.row(r) + bare.cols);
    kernel(law, first_cell, bare.row(r), bare_now.row(r), bare.cols);
    if (write.any_stuck) restore_stuck(write, first_cell, before, bare_now.row(r));
  }
}

void relax_by(const Relaxation& law, const CellModel& model, const CellIds& ids, double decades, hal::View<const float> bare,
              hal::View<float> bare_now, RowKernel kernel) {
  SEDMA_CHECK(bare.rows == bare_now.rows && bare.cols == bare_now.cols, bare.rows, bare.cols, bare_now.rows, bare_now.cols);
  const std::uint32_t steps = relaxation_steps(law, decades);
  if (law.on() && steps > 0) {
    relax_rows(make_relaxation_law(law, model, ids, steps), model, ids, bare, bare_now, kernel);
  } else if (bare.data != bare_now.data) {
    for (std::size_t r = 0; r < bare.rows; ++r) std::copy_n(bare.row(r), bare.cols, bare_now.row(r));
  }
}

}  // namespace

Result<Relaxation> find_relaxation(std::string_view name) { return find_named(known_relaxations(), "relaxation", name); }

std::span<const Relaxation> known_relaxations() noexcept { return relaxations; }

double relaxation_decades(const Relaxation& law, double age_seconds, double kelvin) noexcept {
  if (!law.on()) return 0;
  return std::min(most_decades, std::log1p(speed_at(law, kelvin) * age_seconds / law.t0_seconds) / std::log(10.0));
}

double relaxation_holds_until(const Relaxation& law, double age_seconds, double kelvin) noexcept {
  if (!law.on()) return std::numeric_limits<double>::infinity();
  const std::uint32_t steps = relaxation_steps(law, relaxation_decades(law, age_seconds, kelvin));
  const double next = (steps + 0.5) / steps_per_decade;
  if (next > most_decades) return std::numeric_limits<double>::infinity();
  const double age = std::expm1(next * std::log(10.0)) * law.t0_seconds / speed_at(law, kelvin);
  return std::max(age, std::nextafter(age_seconds, std::numeric_limits<double>::infinity()));
}

std::uint32_t relaxation_steps(const Relaxation& law, double decades) noexcept {
  if (!law.on()) return 0;
  return static_cast<std::uint32_t>(std::lround(std::min(most_decades, decades) * steps_per_decade));
}

RelaxationLaw make_relaxation_law(const Relaxation& relaxation, const CellModel& model, const CellIds& ids, std::uint32_t steps) {
  const double g_min = model.material.g_min_siemens, g_max = model.material.g_max_siemens, range = g_max - g_min;
  const double u = static_cast<double>(steps) / steps_per_decade, draw = static_cast<double>(steps_per_draw) / steps_per_decade;
  const double share = relaxation.kept_share, shape = 3 / relaxation.excess_kurtosis * draw;
  const auto memory_steps = static_cast<std::uint32_t>(std::lround(relaxation.memory_decades * steps_per_decade));
  RelaxationLaw law{.drift = LevelLine(scaled(relaxation.mean, range * u)), .spread = LevelLine(scaled(relaxation.sd, range))};
  law.key = ids.key;
  law.first_event = ids.event << 20;
  law.g_min = static_cast<float>(g_min);
  law.inverse_range = static_cast<float>(1 / range);
  law.least = static_cast<float>(g_min / 2);
  law.most = static_cast<float>(g_max + range / 4);
  law.kept = &variance_gamma_table(shape * share);
  law.passing = share < 1 ? &variance_gamma_table(shape * (1 - share)) : law.kept;  // with weight 0
  law.kept_sd = static_cast<float>(std::sqrt(share * draw));
  law.passing_sd = static_cast<float>(std::sqrt((1 - share) * draw));
  law.draws = steps / steps_per_draw;
  law.more_draws_from = steps_per_draw - steps % steps_per_draw;
  law.memory_steps = memory_steps;
  law.memory = steps / memory_steps;
  law.later_memory_from = memory_steps - steps % memory_steps;
  return law;
}

void relax(const Relaxation& law, const CellModel& model, const CellIds& ids, double decades, hal::View<const float> bare,
           hal::View<float> bare_now) {
  relax_by(law, model, ids, decades, bare, bare_now, relax_row);
}

void relax_reference(const Relaxation& law, const CellModel& model, const CellIds& ids, double decades, hal::View<const float> bare,
                     hal::View<float> bare_now) {
  relax_by(law, model, ids, decades, bare, bare_now, plain_row);
}

}  // namespace sedma::kernels

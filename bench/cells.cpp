#include "bench/cells.h"

#include <algorithm>
#include <cmath>

#include "kernels/random.h"

namespace sedma::bench {

using kernels::Use;

namespace {
constexpr kernels::Key key{20};
constexpr double most_spread = 4;  // sigmas
}  // namespace

const kernels::Material& material() {
  static const kernels::Material found = kernels::find_material("TaOx-HfOx").value();
  return found;
}

double full_siemens() {
  return kernels::terminal_siemens(material().g_max_siemens * (1 + most_spread * device_to_device), kernels::access_transistor_ohms);
}

std::vector<float> make_cells(std::size_t rows, std::size_t cols) {
  const double low = material().g_min_siemens, high = material().g_max_siemens;
  std::vector<float> cells(rows * cols);
#pragma omp parallel for schedule(static)
  for (std::size_t r = 0; r < rows; ++r) {
    std::vector<float> spread(2 * cols);
    fill_normals(key, Use::spread, r, 0, spread);
    for (std::size_t c = 0; c < cols; ++c) {
      const auto factor = [&](std::size_t i) {
        return 1 + device_to_device * std::clamp(static_cast<double>(spread[2 * c + i]), -most_spread, most_spread);
      };
      const auto words = philox(key, Use::stuck, static_cast<std::uint32_t>(c), r);
      const bool stuck = kernels::uniform(words[0]) < stuck_fraction;
      const double position = stuck ? static_cast<double>(words[1] & 1u) : kernels::uniform(words[2]);
      const double bare = low * factor(0) + position * (high * factor(1) - low * factor(0));
      cells[r * cols + c] = static_cast<float>(kernels::terminal_siemens(bare, kernels::access_transistor_ohms));
    }
  }
  return cells;
}

std::vector<float> make_volts(std::size_t batch, std::size_t rows) {
  std::vector<float> volts(batch * rows);
  for (std::size_t i = 0; i < volts.size(); ++i) {
    const double uniform = kernels::uniform(philox(key, Use::input, static_cast<std::uint32_t>(i), 0)[0]);
    volts[i] = volts_max * static_cast<float>(2 * uniform - 1);
  }
  return volts;
}

std::vector<float> make_full_scale(std::size_t rows, std::size_t cols) {
  // Uniform volts have an rms of volts_max / sqrt(3), the cells one of about full_siemens / sqrt(3).
  const double typical = full_siemens() * static_cast<double>(volts_max) / 3 * std::sqrt(static_cast<double>(rows));
  std::vector<float> full_scale(cols);
  for (std::size_t j = 0; j < cols; ++j) full_scale[j] = static_cast<float>(5 * typical * (1 + 0.01 * static_cast<double>(j % 7)));
  return full_scale;
}

}  // namespace sedma::bench

#include "kernels/materials.h"

#include <algorithm>
#include <array>

#include "kernels/named.h"

namespace sedma::kernels {
namespace {

// Columns: name; G_max, G_min; levels up, down; A up, A down (A/N of the label times N); sigma; volts up, down, width; read volts, seconds.
// The A/N values are those of the published non-linearity labels 2.4/-4.88, 1.94/-0.61, 0.5/-0.5 and 0.04/-0.63.
constexpr std::array<Material, 4> materials = {{
    {"Ag-aSi", 3.846153846e-8, 3.076923077e-9, 97, 100, 0.499181 * 97, -0.200303 * 100, 0.035, 3.2, -2.8, 300e-6, 0.5, 5e-9},
    {"AlOx-HfO2", 5.9172e-5, 1.3357e-5, 40, 40, 0.629249 * 40, -2.063266 * 40, 0.05, 0.9, -1.0, 100e-6, 0.5, 5e-9},
    {"EpiRAM", 1.2345679012e-5, 2.4592986080e-7, 256, 256, 2.519877 * 256, -2.519877 * 256, 0.02, 5, -3, 5e-6, 0.5, 5e-9},
    {"TaOx-HfOx", 1.0e-5, 1.0e-6, 128, 128, 31.566827 * 128, -1.997332 * 128, 0.037, 1.6, -1.6, 50e-9, 0.5, 5e-9},
}};

constexpr char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool same_name(std::string_view a, std::string_view b) noexcept {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

std::span<const Material> published_materials() noexcept { return materials; }

Result<Material> find_material(std::string_view name) { return find_named(published_materials(), "material", name, same_name); }

}  // namespace sedma::kernels

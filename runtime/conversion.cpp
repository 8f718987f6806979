#include "runtime/conversion.h"

namespace sedma::runtime {
namespace {

constexpr double span = 0.3;  // of the scales of repeats

}  // namespace

Status check_conversion(const Conversion& conversion) {
  if (!(conversion.headroom >= 1e-3 && conversion.headroom <= 1e3))
    return fail(Code::invalid_argument, "headroom is {}; it must lie in [0.001, 1000]", conversion.headroom);
  if (conversion.repeats < 1 || conversion.repeats > 1000)
    return fail(Code::invalid_argument, "repeats of a product are {}; they must lie in [1, 1000]", conversion.repeats);
  return {};
}

double repeat_scale(const Conversion& conversion, std::uint32_t repeat) noexcept {
  const double size = 1 - span * repeat / conversion.repeats;
  return repeat % 2 == 0 ? size : -size;
}

double repeat_variance(const Conversion& conversion) noexcept {
  double sum = 0;
  for (std::uint32_t k = 0; k < conversion.repeats; ++k) {
    const double scale = repeat_scale(conversion, k);
    sum += 1 / (scale * scale);
  }
  return sum / conversion.repeats / conversion.repeats;
}

}  // namespace sedma::runtime

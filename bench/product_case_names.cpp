#include "bench/product_case.h"

namespace sedma::bench {

std::string_view name(Path path) noexcept { return path == Path::floating ? "float" : "integer"; }
std::string_view name(Wires wires) noexcept { return wires == Wires::none ? "none" : "exact"; }
std::string_view name(Noise noise) noexcept { return noise == Noise::level ? "level" : "constant"; }

std::size_t ProductCase::matrix_bytes() const {
  std::size_t bytes = 0;
  for (const Memory& each : matrix()) bytes += each.bytes;
  return bytes;
}

}  // namespace sedma::bench

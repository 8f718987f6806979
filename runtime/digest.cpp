#include "runtime/digest.h"

#include <fmt/format.h>
#include <xxhash.h>

namespace sedma::runtime {

std::string digest(std::span<const double> values) {
  const XXH128_hash_t hash = XXH3_128bits(values.data(), values.size_bytes());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

}  // namespace sedma::runtime

#include "runtime/tile_hash.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <bit>
#include <vector>

namespace sedma::runtime {
namespace {

// Numbers as 8 bytes each, the lowest first: the same on every machine.
void append(std::vector<unsigned char>& bytes, std::uint64_t number) {
  for (unsigned shift = 0; shift < 64; shift += 8) bytes.push_back(static_cast<unsigned char>(number >> shift));
}

void append(std::vector<unsigned char>& bytes, double number) { append(bytes, std::bit_cast<std::uint64_t>(number)); }

}  // namespace

std::string TileHash::hex() const { return fmt::format("{:016x}{:016x}", high, low); }

TileHash tile_hash(std::span<const double> values, std::size_t rows, std::size_t cols, const Choice& choice) {
  const XXH128_hash_t content = XXH3_128bits(values.data(), values.size_bytes());
  std::vector<unsigned char> bytes;
  bytes.reserve(120);
  for (const std::uint64_t number :
       {std::uint64_t{content.low64}, std::uint64_t{content.high64}, std::uint64_t{rows}, std::uint64_t{cols},
        static_cast<std::uint64_t>(choice.encoding), static_cast<std::uint64_t>(choice.scale), std::uint64_t{choice.slices},
        std::uint64_t{choice.passes}, std::uint64_t{choice.max_pulses_per_cell}, std::uint64_t{choice.read_repeats}})
    append(bytes, number);
  // Hashes go into files: a 1 stands where the headroom of converters was, which changes no cell.
  for (const double number : {choice.tolerance_levels, static_cast<double>(choice.step_fraction), 1.0}) append(bytes, number);
  const XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return {hash.low64, hash.high64};
}

}  // namespace sedma::runtime

#pragma once
// What a tile's programmed content is known by.

#include <compare>
#include <cstdint>
#include <span>
#include <string>

#include "runtime/plan.h"

namespace sedma::runtime {

/// xxh3-128.
struct TileHash {
  std::uint64_t low = 0, high = 0;
  auto operator<=>(const TileHash&) const = default;
  std::string hex() const;
};

/// Of the shape, the values (row-major [rows, cols], as doubles) and all programming options of the choice: equal tiles anywhere in any
/// matrix have equal hashes.
TileHash tile_hash(std::span<const double> values, std::size_t rows, std::size_t cols, const Choice& choice);

}  // namespace sedma::runtime

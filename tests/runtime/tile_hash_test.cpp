#include "runtime/tile_hash.h"

#include <gtest/gtest.h>

#include <functional>
#include <set>
#include <string>

namespace sedma::runtime {
namespace {

const std::vector<double> values = {1, -2, 0, 0.5, 1e-300, 7};

TEST(TileHash, EqualTilesAreEqual) {
  Choice choice;
  choice.tile_rows = 100;         // how the rest of a matrix is cut is not in it
  choice.conversion = {0.25, 4};  // nor what changes no cell
  EXPECT_EQ(tile_hash(values, 2, 3, {}), tile_hash(values, 2, 3, choice));
  EXPECT_EQ(tile_hash(values, 2, 3, {}).hex().size(), 32u);
}

// Hashes go into files: they must not change from one version to the next.
TEST(TileHash, IsTheSameForEver) { EXPECT_EQ(tile_hash(values, 2, 3, {}).hex(), "23ed22e0fb01ff905e57c3db81205ab4"); }

TEST(TileHash, KnowsShapeValuesAndEveryOption) {
  std::set<std::string> seen = {tile_hash(values, 2, 3, {}).hex(), tile_hash(values, 3, 2, {}).hex(), tile_hash(values, 6, 1, {}).hex()};
  std::vector<double> other = values;
  other[3] = 0.25;
  seen.insert(tile_hash(other, 2, 3, {}).hex());
  const std::vector<std::function<void(Choice&)>> changes = {[](Choice& c) { c.encoding = kernels::Encoding::offset; },
                                                             [](Choice& c) { c.scale = kernels::Scale::tile; },
                                                             [](Choice& c) { c.slices = 1; },
                                                             [](Choice& c) { c.passes = 99; },
                                                             [](Choice& c) { c.tolerance_levels = 0.4; },
                                                             [](Choice& c) { c.step_fraction = 0.4f; },
                                                             [](Choice& c) { c.max_pulses_per_cell = 1; },
                                                             [](Choice& c) { c.read_repeats = 2; }};
  for (const auto& change : changes) {
    Choice choice;
    change(choice);
    seen.insert(tile_hash(values, 2, 3, choice).hex());
  }
  EXPECT_EQ(seen.size(), 4 + changes.size());
}

}  // namespace
}  // namespace sedma::runtime

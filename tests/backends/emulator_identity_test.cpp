// What the random numbers of a cell follow: its tile, or the physical cell.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "tests/backends/emulator_bench.h"

namespace sedma::backends {
namespace {

using namespace emulator_bench;

// Everything random is on.
std::unique_ptr<hal::Device> board(const std::string& identity, unsigned seed = 1) {
  return open("emulator:AlOx-HfO2?arrays=4&rows=48&cols=40&d2d=0.1&stuck=0.05&read_noise=0.02&adc_bits=0&dac_bits=0&identity=" + identity +
              "&seed=" + std::to_string(seed));
}

const Effort fresh{0.02, 20, 10000, true, 5};  // erase: what was there before does not matter

// All that a programming shows of itself: cells, reads and products.
std::vector<float> seen(hal::Device& device, const At& at, const Effort& effort, std::uint64_t vector = 0) {
  const Written written = program(device, at, pattern(device, at.size()), effort);
  std::vector<float> all = written.siemens;
  const auto cells = read(device, at, 2, effort.stream);
  all.insert(all.end(), cells.begin(), cells.end());
  Product product;
  prepare(device, at, 3, product);
  product.command.stream = effort.stream;
  product.command.vector = vector;
  run(device, product.command);
  all.insert(all.end(), product.amps.begin(), product.amps.end());
  return all;
}

TEST(EmulatorIdentity, ATileIsTheSameEverywhere) {
  const auto device = board("tile"), again = board("tile");
  const auto expected = seen(*device, {0, 0, 0, 12, 9}, fresh);
  EXPECT_EQ(seen(*device, {0, 20, 30, 12, 9}, fresh), expected) << "another window";
  EXPECT_EQ(seen(*device, {3, 7, 1, 12, 9}, fresh), expected) << "another array";
  seen(*again, {2, 0, 0, 5, 5}, {0.02, 20, 10000, true, 99});
  EXPECT_EQ(seen(*again, {2, 3, 3, 12, 9}, fresh), expected) << "another order, over other cells";
  EXPECT_NE(seen(*device, {0, 0, 0, 12, 9}, {0.02, 20, 10000, true, 6}), expected) << "another stream";
  EXPECT_NE(seen(*board("tile", 2), {0, 0, 0, 12, 9}, fresh), expected) << "another seed";
}

TEST(EmulatorIdentity, AReloadReplaysWhateverWasThere) {
  const auto device = board("tile");
  const At at{1, 4, 4, 16, 16};
  const auto expected = seen(*device, at, fresh);
  pulse(*device, at, 13);
  seen(*device, {1, 0, 0, 30, 30}, {0.1, 5, 1000, false, 77});
  pulse(*device, {1, 2, 2, 9, 20}, -4);
  EXPECT_EQ(seen(*device, at, fresh), expected);
}

// Cells less than a thousandth of a pulse above G_min, where an erase has no whole pulse to give: they too must leave no trace. One noisy
// pulse from the bottom leaves one cell in ten thousand there.
TEST(EmulatorIdentity, AReloadReplaysOverCellsNearTheBottom) {
  const auto device = open("emulator:AlOx-HfO2?arrays=2&rows=256&cols=256");
  const hal::Capabilities& capabilities = device->capabilities();
  const At untouched{0, 0, 0, 256, 256}, pulsed{1, 0, 0, 256, 256};
  pulse(*device, pulsed, 1);
  std::size_t near = 0;
  for (const float siemens : read(*device, pulsed)) {
    const double position = (static_cast<double>(siemens) - capabilities.g_min_siemens) / capabilities.g_range_siemens();
    near += position > 1e-7 && position < 2e-5 ? 1 : 0;
  }
  EXPECT_GT(near, 2u);
  const auto target = pattern(*device, untouched.size());
  const Effort short_and_fresh{0.02, 3, 10000, true, 5};
  EXPECT_TRUE(program(*device, pulsed, target, short_and_fresh).siemens == program(*device, untouched, target, short_and_fresh).siemens);
}

TEST(EmulatorIdentity, AVectorKeepsItsOrdinalNotItsPlaceInTheBatch) {
  const auto device = board("tile");
  const At at{0, 0, 0, 12, 9};
  program(*device, at, pattern(*device, at.size()), fresh);
  Product whole, part;
  prepare(*device, at, 8, whole);
  whole.command.vector = 100;
  run(*device, whole.command);
  prepare(*device, at, 8, part);
  part.command.volts = {part.volts.data() + 5 * 12, 3, 12};
  part.command.amps = {part.amps.data(), 3, 9};
  part.command.vector = 105;
  run(*device, part.command);
  for (std::size_t i = 0; i < 27; ++i) EXPECT_NEAR(part.amps[i], whole.amps[45 + i], 1e-6 * static_cast<double>(whole.full_scale[0]));
}

TEST(EmulatorIdentity, ABoardsCellsAreItsOwn) {
  const auto device = board("board"), twin = board("board"), other = board("board", 2);
  const At at{0, 3, 2, 12, 9};
  const auto expected = seen(*device, at, fresh);
  EXPECT_EQ(seen(*twin, at, fresh), expected) << "same seed, same board";
  EXPECT_NE(seen(*other, at, fresh), expected) << "another board";
  EXPECT_NE(seen(*device, {1, 3, 2, 12, 9}, fresh), expected) << "another array";
  EXPECT_NE(seen(*twin, at, fresh), expected) << "a second writing draws anew";
}

// Spread and stuck cells stay with the physical cell: the same cells fail whatever the window and the stream.
TEST(EmulatorIdentity, ABoardsStuckCellsStayWhereTheyAre) {
  const auto device = open("emulator:TaOx-HfOx?arrays=2&rows=30&cols=30&c2c=off&stuck=0.2&identity=board");
  const float middle = static_cast<float>((device->capabilities().g_min_siemens + device->capabilities().g_max_siemens) / 2);
  const auto stuck = [&](const At& at, std::uint64_t stream) {
    return program(*device, at, std::vector<float>(at.size(), middle), {0.02, 60, 5000, false, stream}).outcome;
  };
  const auto all = stuck({0, 0, 0, 30, 30}, 1);
  const auto part = stuck({0, 5, 7, 20, 11}, 2);
  for (std::size_t r = 0; r < 20; ++r) {
    for (std::size_t c = 0; c < 11; ++c) EXPECT_EQ(part[r * 11 + c], all[(r + 5) * 30 + c + 7]);
  }
  EXPECT_NE(stuck({1, 0, 0, 30, 30}, 1), all);
}

// A board's product noise goes on from product to product; a tile's is that of the ordinal.
TEST(EmulatorIdentity, ProductNoiseCountsOnABoard) {
  for (const bool tile : {true, false}) {
    const auto device = board(tile ? "tile" : "board");
    const At at{0, 0, 0, 12, 9};
    program(*device, at, pattern(*device, at.size()), fresh);
    Product first, second;
    prepare(*device, at, 2, first);
    prepare(*device, at, 2, second);
    run(*device, first.command);
    run(*device, second.command);
    EXPECT_EQ(first.amps == second.amps, tile);
    EXPECT_EQ(read(*device, at) == read(*device, at), tile);
  }
}

// Raw pulses keep drawing from the programming of each cell: a tile pulsed in one piece, or in two windows, or elsewhere.
TEST(EmulatorIdentity, PulsesFollowTheTileOfEachCell) {
  const auto device = board("tile");
  const auto cells_after = [&](const At& at, const std::vector<At>& windows) {
    program(*device, at, pattern(*device, at.size()), fresh);
    for (const At& window : windows) pulse(*device, window, 3);
    return read(*device, at);
  };
  const auto expected = cells_after({0, 10, 10, 8, 6}, {{0, 10, 10, 8, 6}});
  EXPECT_EQ(cells_after({2, 1, 3, 8, 6}, {{2, 1, 3, 8, 6}}), expected) << "elsewhere";
  EXPECT_EQ(cells_after({0, 10, 10, 8, 6}, {{0, 9, 9, 11, 9}}), expected) << "a window that sticks out over unprogrammed cells";
  program(*device, {3, 0, 0, 20, 5}, pattern(*device, 100), {0.02, 20, 10000, true, 8});
  EXPECT_EQ(cells_after({3, 10, 3, 8, 6}, {{3, 0, 0, 30, 30}}), expected) << "over an older programming";
  const auto twice = cells_after({0, 10, 10, 8, 6}, {{0, 10, 10, 8, 6}, {0, 10, 10, 8, 6}});
  EXPECT_NE(twice, expected);
  EXPECT_EQ(cells_after({1, 0, 0, 8, 6}, {{1, 0, 0, 8, 6}, {1, 0, 0, 8, 6}}), twice);
}

// Rows that several programmings share are selected once.
TEST(EmulatorIdentity, PulsesOverSeveralTilesAreCountedOnce) {
  const auto shared = board("tile"), alone = board("board");
  for (const std::uint32_t col : {0u, 4u, 8u}) program(*shared, {0, 0, col, 6, 4}, pattern(*shared, 24), {0.02, 20, 10000, true, col});
  const hal::Stats several = pulse(*shared, {0, 0, 0, 6, 12}, 7).stats, one = pulse(*alone, {0, 0, 0, 6, 12}, 7).stats;
  EXPECT_EQ(several.pulses, one.pulses);
  EXPECT_EQ(several.seconds, one.seconds);
  EXPECT_NEAR(several.joules.lines / one.joules.lines, 1, 1e-12);
}

// Independent noise: consecutive pulses of a programmed cell must not draw the same number again.
TEST(EmulatorIdentity, SuccessivePulsesDrawAnew) {
  const auto device = open("emulator:TaOx-HfOx?arrays=1&rows=40&cols=40&transistor=off");
  const At at{0, 0, 0, 40, 40};
  const hal::Capabilities& capabilities = device->capabilities();
  const std::vector<float> middle(at.size(), static_cast<float>((capabilities.g_min_siemens + capabilities.g_max_siemens) / 2));
  program(*device, at, middle, {0.03, 100, 5000, true, 4});
  std::vector<std::vector<float>> states = {read(*device, at)};
  for (int i = 0; i < 2; ++i) {
    pulse(*device, at, 1);
    states.push_back(read(*device, at));
  }
  std::vector<double> first, second, products;
  for (std::size_t i = 0; i < at.size(); ++i) {
    first.push_back(static_cast<double>(states[1][i] - states[0][i]));
    second.push_back(static_cast<double>(states[2][i] - states[1][i]));
  }
  const double mean_first = mean(first), mean_second = mean(second);
  for (std::size_t i = 0; i < at.size(); ++i) products.push_back((first[i] - mean_first) * (second[i] - mean_second));
  EXPECT_NEAR(mean(products) / std::sqrt(variance(first) * variance(second)), 0, 0.15);
  EXPECT_NEAR(std::sqrt(variance(first)) / (0.037 * capabilities.g_range_siemens()), 1, 0.1);
}

}  // namespace
}  // namespace sedma::backends

#include "kernels/encode.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "kernels/materials.h"

namespace sedma::kernels {
namespace {

constexpr Window window{1e-6, 9e-6};
constexpr Encoding encodings[] = {Encoding::pair, Encoding::offset};
constexpr Scale scales[] = {Scale::output, Scale::tile};

std::vector<double> random_tile(std::size_t count, unsigned seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<double> uniform(-3, 3);
  std::vector<double> tile(count);
  for (double& value : tile) value = uniform(generator);
  return tile;
}

EncodedTile encoded(const std::vector<double>& tile, std::size_t outputs, std::size_t inputs, Encoding encoding, Scale scale,
                    const Window& within = window) {
  EncodedTile out;
  encode_tile({tile.data(), outputs, inputs}, encoding, scale, within, out);
  return out;
}

TEST(Encode, LinesOfATile) {
  EXPECT_EQ(bit_lines(Encoding::pair, 5), 10u);
  EXPECT_EQ(bit_lines(Encoding::offset, 5), 6u);
  EXPECT_EQ(outputs_of(Encoding::pair, 11), 5u);
  EXPECT_EQ(outputs_of(Encoding::offset, 11), 10u);
  EXPECT_EQ(outputs_of(Encoding::pair, 0), 0u);
  EXPECT_EQ(outputs_of(Encoding::offset, 0), 0u);
  EXPECT_EQ(sense(Encoding::pair), hal::Sense::pair);
  EXPECT_EQ(sense(Encoding::offset), hal::Sense::reference);
}

// A 2 x 3 tile by hand: stored transposed, so 3 word lines. Range 8 uS.
TEST(Encode, PairByHand) {
  const auto out = encoded({1, -2, 0, 0.5, 0.25, -0.125}, 2, 3, Encoding::pair, Scale::output);
  EXPECT_EQ(out.outputs, 2u);
  EXPECT_EQ(out.inputs, 3u);
  EXPECT_EQ(out.unit, (std::vector<double>{2, 0.5}));
  EXPECT_EQ(out.row_sum, (std::vector<double>{1.5, 1.75}));
  const std::vector<float> expected = {5e-6f, 1e-6f, 9e-6f, 1e-6f,  //
                                       1e-6f, 9e-6f, 5e-6f, 1e-6f,  //
                                       1e-6f, 1e-6f, 1e-6f, 3e-6f};
  ASSERT_EQ(out.siemens.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(out.siemens[i], expected[i], 1e-12) << i;
}

TEST(Encode, OffsetByHand) {
  const auto out = encoded({1, -2, 0, 0.5, 0.25, -0.125}, 2, 3, Encoding::offset, Scale::tile);
  EXPECT_EQ(out.unit, (std::vector<double>{2, 2}));
  const std::vector<float> expected = {7e-6f, 6e-6f,    5e-6f,  //
                                       1e-6f, 5.5e-6f,  5e-6f,  //
                                       5e-6f, 4.75e-6f, 5e-6f};
  ASSERT_EQ(out.siemens.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(out.siemens[i], expected[i], 1e-12) << i;
}

TEST(Encode, ZeroIsEqualConductances) {
  const auto pair = encoded({0, 0, 0, 7}, 2, 2, Encoding::pair, Scale::tile);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(pair.siemens[4 * i], pair.siemens[4 * i + 1]);
  const auto offset = encoded({0, 0, 0, 7}, 2, 2, Encoding::offset, Scale::tile);
  for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(offset.siemens[3 * i], offset.siemens[3 * i + 2]);
  EXPECT_EQ(pair.unit, (std::vector<double>{7, 7}));
  EXPECT_EQ(encoded({0, 0, 0, 7}, 2, 2, Encoding::pair, Scale::output).unit, (std::vector<double>{1, 7}));
}

// Cells as float must lie in the window as double, else a device refuses them.
TEST(Encode, NeverLeavesTheWindow) {
  for (const Material& material : published_materials()) {
    for (const double ohms : {0.0, access_transistor_ohms}) {
      const Window within{terminal_siemens(material.g_min_siemens, ohms), terminal_siemens(material.g_max_siemens, ohms)};
      for (const Encoding encoding : encodings) {
        const auto out = encoded({1, -1, 0, 0.3, -0.7, 1e-300}, 2, 3, encoding, Scale::output, within);
        for (const float siemens : out.siemens) {
          EXPECT_GE(static_cast<double>(siemens), within.g_min_siemens) << material.name;
          EXPECT_LE(static_cast<double>(siemens), within.g_max_siemens) << material.name;
        }
      }
    }
  }
}

TEST(Encode, DecodeIsTheInverse) {
  for (const auto& [outputs, inputs] : {std::pair<std::size_t, std::size_t>{1, 1}, {5, 9}, {31, 2}, {1, 40}}) {
    const auto tile = random_tile(outputs * inputs, 7);
    for (const Encoding encoding : encodings) {
      for (const Scale scale : scales) {
        const auto out = encoded(tile, outputs, inputs, encoding, scale);
        const std::size_t lines = bit_lines(encoding, static_cast<std::uint32_t>(outputs));
        std::vector<double> back(tile.size());
        decode_tile({out.siemens.data(), inputs, lines}, encoding, window, out.unit, {back.data(), outputs, inputs});
        for (std::size_t i = 0; i < tile.size(); ++i) EXPECT_NEAR(back[i], tile[i], 3e-6) << i;
      }
    }
  }
}

TEST(Encode, ReadsAndWritesStridedViews) {
  const auto padded = random_tile(4 * 10, 8);
  std::vector<double> dense;
  for (std::size_t j = 0; j < 4; ++j)
    dense.insert(dense.end(), padded.begin() + static_cast<long>(10 * j), padded.begin() + static_cast<long>(10 * j + 6));
  EncodedTile strided;
  encode_tile({padded.data(), 4, 6, 10}, Encoding::pair, Scale::output, window, strided);
  EXPECT_EQ(strided.siemens, encoded(dense, 4, 6, Encoding::pair, Scale::output).siemens);
  std::vector<double> back(4 * 9, -99);
  decode_tile({strided.siemens.data(), 6, 8}, Encoding::pair, window, strided.unit, {back.data(), 4, 6, 9});
  for (std::size_t j = 0; j < 4; ++j) {
    for (std::size_t i = 0; i < 9; ++i) EXPECT_NEAR(back[9 * j + i], i < 6 ? dense[6 * j + i] : -99, 3e-6);
  }
}

TEST(Encode, ExtremeNumbersStayFinite) {
  for (const double size : {1e300, 1e-300, 5e-324}) {
    for (const Encoding encoding : encodings) {
      const auto out = encoded({size, -size, 0, size}, 2, 2, encoding, Scale::output);
      for (const float siemens : out.siemens) EXPECT_TRUE(std::isfinite(siemens));
      EXPECT_EQ(out.unit, (std::vector<double>{size, size}));
      EXPECT_EQ(out.row_sum, (std::vector<double>{2, 1}));
    }
  }
}

// The full scale holds the largest product there is: every x at +-1 with the sign of its weight.
TEST(Encode, FullScaleHoldsTheWorstVector) {
  const std::size_t outputs = 6, inputs = 11;
  const auto tile = random_tile(outputs * inputs, 9);
  for (const Encoding encoding : encodings) {
    for (const Scale scale : scales) {
      const auto out = encoded(tile, outputs, inputs, encoding, scale);
      std::vector<float> amps(outputs);
      full_scale(out, encoding, window, 0.5, amps);
      for (std::size_t j = 0; j < outputs; ++j) {
        double worst = 0;
        for (std::size_t i = 0; i < inputs; ++i) worst += std::abs(tile[j * inputs + i]) / out.unit[j];
        EXPECT_NEAR(amps[j] / (worst * amps_per_unit(encoding, window, 0.5)), 1, 1e-6);
      }
    }
  }
}

TEST(Encode, ZeroRowsHaveARange) {
  const auto out = encoded({0, 0, 1, 1}, 2, 2, Encoding::pair, Scale::output);
  std::vector<float> amps(2);
  full_scale(out, Encoding::pair, window, 0.5, amps);
  EXPECT_GT(amps[0], 0);
  EXPECT_EQ(amps[0], static_cast<float>(least_full_scale(Encoding::pair, window, 0.5)));
  EXPECT_NEAR(amps[0], 8e-6 * 0.5 / 127, 1e-12);
  EXPECT_NEAR(amps[1], 2 * 8e-6 * 0.5, 1e-11);
}

TEST(Encode, AmpsPerUnit) {
  EXPECT_DOUBLE_EQ(amps_per_unit(Encoding::pair, window, 0.5), 4e-6);
  EXPECT_DOUBLE_EQ(amps_per_unit(Encoding::offset, window, 0.5), 2e-6);
}

TEST(EncodeInput, ScalesByTheLargest) {
  std::vector<float> volts(4, 9.0f);
  EXPECT_EQ(encode_input(std::vector<double>{1, -4, 2}, 0.5, volts), 4);
  EXPECT_EQ(volts, (std::vector<float>{0.125f, -0.5f, 0.25f, 9.0f}));
}

TEST(EncodeInput, ZeroVectorIsZeroVolts) {
  std::vector<float> volts(2, 9.0f);
  EXPECT_EQ(encode_input(std::vector<double>{0, 0}, 0.5, volts), 1);
  EXPECT_EQ(volts, (std::vector<float>{0, 0}));
  EXPECT_EQ(encode_input({}, 0.5, {}), 1);
}

TEST(EncodeInput, NeverExceedsTheRange) {
  for (const double volts_max : {0.1, 0.3, 0.5, 1.0 / 3}) {
    std::vector<float> volts(3);
    encode_input(std::vector<double>{-7e-310, 3e-310, 7e-310}, volts_max, volts);
    for (const float volt : volts) EXPECT_LE(std::abs(static_cast<double>(volt)), volts_max);
    EXPECT_NEAR(volts[2], volts_max, 1e-7);
  }
}

}  // namespace
}  // namespace sedma::kernels

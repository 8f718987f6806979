// transfer_noise against what really happens when every cell fluctuates, by first-order differences of effective_matrix.

#include <gtest/gtest.h>

#include "tests/kernels/wires_case.h"

namespace sedma::kernels {
namespace {

using test::WireCase;

constexpr double relative = 0.05, floor_siemens = 3e-7;

double sigma(double g) { return std::hypot(floor_siemens, relative * g); }

std::vector<double> currents(const WireCase& array, const std::vector<double>& volts, WireScratch& scratch) {
  const std::vector<double> transfer = array.transfer(scratch);
  std::vector<double> amps(array.cols, 0.0);
  for (std::size_t i = 0; i < array.rows; ++i) {
    for (std::size_t j = 0; j < array.cols; ++j) amps[j] += transfer[i * array.cols + j] * volts[i];
  }
  return amps;
}

// Mean over the outputs of (sd of transfer_noise / sd by differences), and the largest departure of one of them from it.
struct Ratio {
  double mean = 0, spread = 0;
};
Ratio compare(WireCase array, const std::vector<double>& volts) {
  WireScratch scratch;
  const std::vector<double> transfer = array.transfer(scratch), amps = currents(array, volts, scratch);
  std::vector<float> sd(array.rows * array.cols);
  transfer_noise(array.view(), {transfer.data(), array.rows, array.cols}, relative, floor_siemens, {sd.data(), array.rows, array.cols});
  std::vector<double> exact(array.cols, 0.0), model(array.cols, 0.0);
  for (std::size_t i = 0; i < array.rows; ++i) {
    for (std::size_t j = 0; j < array.cols; ++j) {
      model[j] += std::pow(static_cast<double>(sd[i * array.cols + j]) * volts[i], 2);
      const float g = array.at(i, j);
      array.at(i, j) = g * 1.001f;
      const double step = static_cast<double>(array.at(i, j)) - static_cast<double>(g);
      const std::vector<double> moved = currents(array, volts, scratch);
      array.at(i, j) = g;
      for (std::size_t k = 0; k < array.cols; ++k) exact[k] += std::pow((moved[k] - amps[k]) / step * sigma(static_cast<double>(g)), 2);
    }
  }
  Ratio ratio;
  for (std::size_t j = 0; j < array.cols; ++j) ratio.mean += std::sqrt(model[j] / exact[j]) / static_cast<double>(array.cols);
  for (std::size_t j = 0; j < array.cols; ++j) ratio.spread = std::max(ratio.spread, std::abs(std::sqrt(model[j] / exact[j]) - ratio.mean));
  return ratio;
}

double mean_drop(const WireCase& array) {
  double in = 0, out = 0;
  for (const double t : array.transfer()) out += t;
  for (const float g : array.siemens) in += static_cast<double>(g);
  return 1 - out / in;
}

// With 8 ohms a cell a 32 x 32 array loses as much as a large one.
TEST(TransferNoise, IsThatOfTheNetworkForSignedVolts) {
  WireCase array(32, 32, 1);
  array.wires = {8, 8, 0, 0};
  EXPECT_NEAR(mean_drop(array), 0.07, 0.015);
  std::mt19937 generator(2);
  std::uniform_real_distribution<double> volt(-0.5, 0.5);
  std::vector<double> volts(32);
  for (double& v : volts) v = volt(generator);
  const Ratio ratio = compare(array, volts);
  EXPECT_NEAR(ratio.mean, 1, 0.01);
  EXPECT_LT(ratio.spread, 0.02);
}

// Cells that all carry current load each other's lines, which the formula leaves out: it says too much, never too little.
TEST(TransferNoise, SaysAFewPerCentTooMuchForEqualVolts) {
  WireCase array(32, 32, 3);
  array.wires = {8, 8, 0, 0};
  const Ratio ratio = compare(array, std::vector<double>(32, 0.5));
  EXPECT_GT(ratio.mean, 1.01);
  EXPECT_LT(ratio.mean, 1.06);
}

TEST(TransferNoise, WithoutWiresItIsTheCellsOwn) {
  WireCase array(4, 5, 4);
  array.at(2, 2) = 0;
  std::vector<double> transfer;
  for (const float g : array.siemens) transfer.push_back(static_cast<double>(g));
  std::vector<float> sd(20);
  transfer_noise(array.view(), {transfer.data(), 4, 5}, relative, floor_siemens, {sd.data(), 4, 5});
  for (std::size_t k = 0; k < sd.size(); ++k) EXPECT_FLOAT_EQ(sd[k], static_cast<float>(sigma(transfer[k])));
  EXPECT_FLOAT_EQ(sd[12], static_cast<float>(floor_siemens));
}

}  // namespace
}  // namespace sedma::kernels

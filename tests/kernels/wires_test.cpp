#include "kernels/wires.h"

#include <gtest/gtest.h>

#include <Eigen/Cholesky>
#include <cstring>
#include <string>

#include "kernels/random.h"
#include "tests/kernels/wires_case.h"

namespace sedma::kernels {
namespace {

using test::relative_difference;
using test::WireCase;

double sum_of(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += value;
  return sum;
}

TEST(Wires, EqualsTheNodalSolveOverShapesAndResistances) {
  std::mt19937 generator(3);
  std::uniform_real_distribution<double> uniform(0, 1);
  const auto side = [&] { return 1 + static_cast<std::size_t>(63.999 * std::pow(uniform(generator), 2)); };
  const auto end_ohms = [&] { return uniform(generator) < 0.4 ? 0.0 : std::pow(10.0, 8 * uniform(generator) - 1); };
  WireScratch scratch;
  for (unsigned round = 0; round < 150; ++round) {
    const std::size_t rows = side(), cols = side();
    WireCase array(rows, cols, round, round % 3 == 0 ? 0.3 : 0.0, round % 4);
    array.wires = {std::pow(10.0, 5 * uniform(generator) - 3), std::pow(10.0, 5 * uniform(generator) - 3), end_ohms(), end_ohms()};
    const std::vector<double> found = array.transfer(scratch);
    ASSERT_LE(relative_difference(found, array.reference()), 1e-11)
        << rows << " x " << cols << " word " << array.wires.word_ohms_per_cell << " bit " << array.wires.bit_ohms_per_cell << " source "
        << array.wires.source_ohms << " sense " << array.wires.sense_ohms;
    for (const double t : found) ASSERT_GE(t, 0);
  }
}

TEST(Wires, EqualsTheNodalSolveWhenLarger) {
  WireCase array(64, 64, 1);
  EXPECT_LE(relative_difference(array.transfer(), array.reference()), 1e-12);
  WireCase longer(64, 57, 2);
  longer.wires = {20, 30, 100, 50};  // most of the volts are lost
  EXPECT_LE(relative_difference(longer.transfer(), longer.reference()), 1e-12);
  const WireCase odd(104, 70, 3);
  EXPECT_LE(relative_difference(odd.transfer(), odd.reference()), 1e-12);
}

TEST(Wires, EqualsTheNodalSolveByEveryInstructionSet) {
  const std::string before = isa_name();
  WireCase array(19, 26, 4, 0.1);
  array.wires = {0.5, 0.7, 0, 1000};
  const std::vector<double> expected = array.reference();
  for (const char* isa : supported_isas()) {
    ASSERT_TRUE(use_isa(isa).ok());
    EXPECT_LE(relative_difference(array.transfer(), expected), 1e-12) << isa;
  }
  ASSERT_TRUE(use_isa(before).ok());
}

// Written down once more, as the matrix of a textbook, and solved by somebody else's routine.
TEST(Wires, ReferenceSolvesTheNodalEquations) {
  WireCase array(9, 12, 5, 0.2);
  array.wires = {3, 2, 7, 11};
  const auto nodes = static_cast<Eigen::Index>(2 * array.rows * array.cols), plane = nodes / 2;
  const auto node = [&](std::size_t i, std::size_t j) { return static_cast<Eigen::Index>(i * array.cols + j); };
  Eigen::MatrixXd m = Eigen::MatrixXd::Zero(nodes, nodes), drive = Eigen::MatrixXd::Zero(nodes, static_cast<Eigen::Index>(array.rows));
  const auto resistor = [&](Eigen::Index a, Eigen::Index b, double siemens) {
    m(a, a) += siemens, m(b, b) += siemens, m(a, b) -= siemens, m(b, a) -= siemens;
  };
  for (std::size_t i = 0; i < array.rows; ++i) {
    for (std::size_t j = 0; j < array.cols; ++j) {
      resistor(node(i, j), plane + node(i, j), static_cast<double>(array.at(i, j)));
      if (j > 0) resistor(node(i, j - 1), node(i, j), 1.0 / 3);
      if (i > 0) resistor(plane + node(i - 1, j), plane + node(i, j), 1.0 / 2);
    }
    m(node(i, 0), node(i, 0)) += 1.0 / 10;
    drive(node(i, 0), static_cast<Eigen::Index>(i)) = 1.0 / 10;
  }
  for (std::size_t j = 0; j < array.cols; ++j) m(plane + node(8, j), plane + node(8, j)) += 1.0 / 13;
  const Eigen::MatrixXd volts = m.ldlt().solve(drive);
  std::vector<double> expected;
  for (std::size_t i = 0; i < array.rows; ++i) {
    for (std::size_t j = 0; j < array.cols; ++j) expected.push_back(volts(plane + node(8, j), static_cast<Eigen::Index>(i)) / 13);
  }
  EXPECT_LE(relative_difference(array.reference(), expected), 1e-11);
  EXPECT_LE(relative_difference(array.transfer(), expected), 1e-11);
}

TEST(Wires, OneCellIsItsResistancesInSeries) {
  WireCase array(1, 1, 1);
  array.wires = {100, 200, 3000, 4000};
  const auto g = static_cast<double>(array.at(0, 0));
  const double expected = 1 / (1 / g + 7300);
  EXPECT_NEAR(array.transfer()[0], expected, 1e-14 * expected);
  array.at(0, 0) = 0;
  EXPECT_EQ(array.transfer()[0], 0);
}

// One word line is a ladder: its cells, each with the end of its bit line, between its segments.
TEST(Wires, OneWordLineIsALadder) {
  for (const std::size_t cols : {2u, 7u, 8u, 9u, 200u}) {
    WireCase array(1, cols, static_cast<unsigned>(cols));
    array.wires = {10, 20, 300, 400};
    std::vector<double> cell(cols), behind(cols);  // siemens of a cell with its bit line, and of it with all that follows
    for (std::size_t j = cols; j-- > 0;) {
      cell[j] = 1 / (1 / static_cast<double>(array.at(0, j)) + 420);
      behind[j] = cell[j] + (j + 1 < cols ? 1 / (10 + 1 / behind[j + 1]) : 0.0);
    }
    std::vector<double> expected(cols);
    double volts = 1 / (1 + 310 * behind[0]);
    for (std::size_t j = 0; j < cols; ++j) {
      if (j > 0) volts /= 1 + 10 * behind[j];
      expected[j] = cell[j] * volts;
    }
    EXPECT_LE(relative_difference(array.transfer(), expected), 1e-13) << cols;
  }
}

// Exchanging a voltage and an ammeter changes nothing (reciprocity): the array with its bit lines driven and its word lines sensed is an
// array of this kind, too, seen from the other side.
TEST(Wires, DrivenFromTheBitLinesItIsTheTransposed) {
  for (const auto& [rows, cols] : {std::pair<std::size_t, std::size_t>{5, 9}, {33, 17}, {1, 40}, {64, 3}}) {
    WireCase array(rows, cols, 4, 0.1), mirror(cols, rows, 4);
    array.wires = {5, 8, 100, 30};
    mirror.wires = {8, 5, 30, 100};
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < cols; ++j) mirror.at(cols - 1 - j, rows - 1 - i) = array.at(i, j);
    }
    const std::vector<double> found = array.transfer(), mirrored = mirror.transfer();
    std::vector<double> expected(rows * cols);
    for (std::size_t i = 0; i < rows; ++i) {
      for (std::size_t j = 0; j < cols; ++j) expected[i * cols + j] = mirrored[(cols - 1 - j) * rows + (rows - 1 - i)];
    }
    EXPECT_LE(relative_difference(found, expected), 1e-13) << rows << " x " << cols;
  }
}

// All lines at 1 V: nothing flows back into a source, so the amps out are amps in, at most what each line takes without the others' load.
TEST(Wires, GivesNoMoreThanItGets) {
  WireCase array(30, 41, 6);
  array.wires = {2, 3, 40, 50};
  const std::vector<double> found = array.transfer();
  for (std::size_t j = 0; j < array.cols; ++j) {
    double out = 0, cells = 0;
    for (std::size_t i = 0; i < array.rows; ++i) out += found[i * array.cols + j], cells += static_cast<double>(array.at(i, j));
    EXPECT_LT(out, cells);
    EXPECT_GT(out, 0.5 * cells / (1 + cells * 133));
  }
  for (std::size_t i = 0; i < array.rows; ++i) {
    double out = 0;
    for (std::size_t j = 0; j < array.cols; ++j) out += found[i * array.cols + j];
    EXPECT_LT(out, 1 / (array.wires.source_ohms + array.wires.word_ohms_per_cell));
  }
}

TEST(Wires, WithoutResistanceItIsTheArrayItself) {
  WireCase array(48, 35, 7, 0.1);
  array.wires = {1e-7, 1e-7, 0, 0};
  const std::vector<double> found = array.transfer();
  std::vector<double> cells;
  for (const float g : array.siemens) cells.push_back(static_cast<double>(g));
  EXPECT_LE(relative_difference(found, cells), 1e-7 * 48 * 35 * 2e-5);
  EXPECT_GT(relative_difference(found, cells), 1e-12);  // but not quite
}

TEST(Wires, TheFartherTheLessFlows) {
  WireCase array(23, 31, 8);
  std::fill(array.siemens.begin(), array.siemens.end(), 2e-5f);
  const std::vector<double> found = array.transfer();
  for (std::size_t i = 0; i < array.rows; ++i) {
    for (std::size_t j = 0; j < array.cols; ++j) {
      const double here = found[i * array.cols + j];
      EXPECT_LT(here, 2e-5);
      if (j > 0) {
        EXPECT_LT(here, found[i * array.cols + j - 1]);
      }
      if (i > 0) {
        EXPECT_GT(here, found[(i - 1) * array.cols + j]);
      }
    }
  }
}

TEST(Wires, OpenCellsAndOpenLines) {
  WireCase array(12, 20, 9);
  for (std::size_t i = 0; i < array.rows; ++i) array.at(i, 13) = 0;
  for (std::size_t j = 0; j < array.cols; ++j) array.at(4, j) = 0;
  const std::vector<double> found = array.transfer();
  for (std::size_t i = 0; i < array.rows; ++i) EXPECT_EQ(found[i * array.cols + 13], 0);
  for (std::size_t j = 0; j < array.cols; ++j) EXPECT_EQ(found[4 * array.cols + j], 0);
  EXPECT_LE(relative_difference(found, array.reference()), 1e-12);
  std::fill(array.siemens.begin(), array.siemens.end(), 0.0f);
  EXPECT_EQ(sum_of(array.transfer()), 0);
}

// Every operation on the way scales by a power of two.
TEST(Wires, AFourthOfTheResistanceFourTimesTheConductanceBitForBit) {
  WireCase array(37, 50, 10);
  array.wires = {0.3, 0.2, 11, 7};
  const std::vector<double> found = array.transfer();
  array.wires = {0.3 / 4, 0.2 / 4, 11.0 / 4, 7.0 / 4};
  for (float& g : array.siemens) g *= 4;
  const std::vector<double> scaled = array.transfer();
  for (std::size_t k = 0; k < found.size(); ++k) ASSERT_EQ(scaled[k], 4 * found[k]);
}

TEST(Wires, SameBitsAgainAndNoNewMemoryOnceWarm) {
  WireScratch scratch;
  const WireCase array(30, 45, 11), larger(70, 64, 12);
  const std::vector<double> first = array.transfer(scratch);
  const std::vector<double> before = larger.transfer(scratch);
  const std::size_t capacity = scratch.pool.capacity();
  const double* const data = scratch.pool.data();
  const std::vector<double> again = array.transfer(scratch);
  EXPECT_EQ(std::memcmp(first.data(), again.data(), first.size() * sizeof(double)), 0);
  EXPECT_EQ(larger.transfer(scratch), before);
  EXPECT_EQ(scratch.pool.capacity(), capacity);
  EXPECT_EQ(scratch.pool.data(), data);
}

TEST(Wires, WorksInFewBytesACell) {
  const WireCase array(256, 256, 13);
  WireScratch scratch;
  array.transfer(scratch);
  EXPECT_LE(scratch.pool.capacity() * sizeof(double), 130u * 256 * 256);
}

TEST(WiresDeathTest, RefusesWhatItCannotSolve) {
  WireCase array(2, 3, 1);
  std::vector<double> out(6);
  WireScratch scratch;
  EXPECT_DEATH(effective_matrix(array.view(), array.wires, {out.data(), 3, 2}, scratch), "check failed");
  array.wires.bit_ohms_per_cell = 0;
  EXPECT_DEATH(effective_matrix(array.view(), array.wires, {out.data(), 2, 3}, scratch), "check failed");
}

TEST(SeriesMatrix, IsEveryCellBehindItsOwnLine) {
  WireCase array(3, 4, 14);
  array.at(1, 1) = 0;
  array.wires = {100, 1000, 7, 11};
  std::vector<double> found(12);
  series_matrix(array.view(), array.wires, {found.data(), 3, 4});
  EXPECT_EQ(found[5], 0);
  EXPECT_NEAR(found[2], 1 / (1 / static_cast<double>(array.at(0, 2)) + 7 + 300 + 3000 + 11), 1e-19);
  EXPECT_NEAR(found[11], 1 / (1 / static_cast<double>(array.at(2, 3)) + 7 + 400 + 1000 + 11), 1e-19);
  WireCase one(1, 1, 15);
  double series = 0;
  series_matrix(one.view(), one.wires, {&series, 1, 1});
  EXPECT_NEAR(series, one.transfer()[0], 1e-14 * series);
}

}  // namespace
}  // namespace sedma::kernels

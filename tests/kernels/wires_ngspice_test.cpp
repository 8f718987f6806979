// The same arrays in a circuit simulator that shares no line with this project.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <sstream>
#include <string>

#include "tests/kernels/wires_case.h"
#include "tests/temporary_directory.h"

namespace sedma::kernels {
namespace {

using test::relative_difference;
using test::WireCase;

using Drives = std::vector<std::vector<double>>;  // [drive][word line], volts

// The array as resistors, its bit lines ended by voltage sources of 0 V, which measure amps; one operating point for every drive.
std::string netlist(WireCase& array, const Drives& drives) {
  std::string text = "crossbar\n";
  std::size_t resistors = 0;
  const auto resistor = [&](const std::string& a, const std::string& b, double ohms) {
    text += fmt::format("r{} {} {} {:.17g}\n", ++resistors, a, b, ohms);
  };
  const auto word = [](std::size_t i, std::size_t j) { return fmt::format("w{}_{}", i, j); };
  const auto bit = [](std::size_t i, std::size_t j) { return fmt::format("b{}_{}", i, j); };
  for (std::size_t i = 0; i < array.rows; ++i) {
    text += fmt::format("v{} drive{} 0 dc 0\n", i, i);
    resistor(fmt::format("drive{}", i), fmt::format("source{}", i), array.wires.source_ohms);
    resistor(fmt::format("source{}", i), word(i, 0), array.wires.word_ohms_per_cell);
    for (std::size_t j = 0; j < array.cols; ++j) {
      if (j > 0) resistor(word(i, j - 1), word(i, j), array.wires.word_ohms_per_cell);
      if (i > 0) resistor(bit(i - 1, j), bit(i, j), array.wires.bit_ohms_per_cell);
      if (array.at(i, j) > 0) resistor(word(i, j), bit(i, j), 1 / static_cast<double>(array.at(i, j)));
    }
  }
  for (std::size_t j = 0; j < array.cols; ++j) {
    resistor(bit(array.rows - 1, j), fmt::format("end{}", j), array.wires.bit_ohms_per_cell);
    resistor(fmt::format("end{}", j), fmt::format("ground{}", j), array.wires.sense_ohms);
    text += fmt::format("vsense{} ground{} 0 dc 0\n", j, j);
  }
  text += ".options reltol=1e-12 abstol=1e-20 vntol=1e-16 gmin=1e-20\n.control\nset numdgt=15\n";
  for (const std::vector<double>& volts : drives) {
    for (std::size_t i = 0; i < volts.size(); ++i) text += fmt::format("alter v{} = {:.17g}\n", i, volts[i]);
    text += "op\n";
    for (std::size_t j = 0; j < array.cols; ++j) text += fmt::format("print i(vsense{})\n", j);
  }
  return text + "quit\n.endc\n.end\n";
}

// The numbers of the lines "i(vsense3) = 1.2e-05", in order.
std::vector<double> simulate(const std::string& text) {
  const sedma::testing::TemporaryDirectory directory;
  const std::string input = directory.put("array.cir", text), output = directory / "out";
  EXPECT_EQ(std::system(fmt::format("ngspice -b '{}' >'{}' 2>&1", input, output).c_str()), 0) << sedma::testing::bytes_of(output);
  std::istringstream lines(sedma::testing::bytes_of(output));
  std::vector<double> amps;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("i(vsense")) amps.push_back(std::strtod(line.c_str() + line.find('=') + 1, nullptr));
  }
  return amps;
}

void expect_equal(WireCase array, const Drives& drives) {
  if (std::system("command -v ngspice >/dev/null 2>&1") != 0) GTEST_SKIP() << "the program ngspice is not installed";
  const std::vector<double> transfer = array.transfer();
  std::vector<double> expected(drives.size() * array.cols, 0.0);
  for (std::size_t d = 0; d < drives.size(); ++d) {
    for (std::size_t i = 0; i < array.rows; ++i) {
      for (std::size_t j = 0; j < array.cols; ++j) expected[d * array.cols + j] += transfer[i * array.cols + j] * drives[d][i];
    }
  }
  const std::vector<double> found = simulate(netlist(array, drives));
  ASSERT_EQ(found.size(), expected.size());
  EXPECT_LE(relative_difference(found, expected), 1e-11);
}

TEST(WiresNgspice, EightByEightOneWordLineAfterTheOther) {
  WireCase array(8, 8, 1, 0.1);
  array.wires = {25, 40, 300, 500};
  Drives drives(8, std::vector<double>(8, 0.0));
  for (std::size_t i = 0; i < 8; ++i) drives[i][i] = 0.5;
  expect_equal(array, drives);
}

TEST(WiresNgspice, ThirtyTwoByThirtyTwoAllWordLinesAtRandomVolts) {
  WireCase array(32, 32, 2);
  array.wires = {0.237, 0.237, 20, 5};
  std::mt19937 generator(3);
  std::uniform_real_distribution<double> volt(-0.5, 0.5);
  Drives drives(3, std::vector<double>(32));
  for (std::vector<double>& volts : drives) {
    for (double& v : volts) v = volt(generator);
  }
  expect_equal(array, drives);
}

}  // namespace
}  // namespace sedma::kernels

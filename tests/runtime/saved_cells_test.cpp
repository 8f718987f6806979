// The programmed state of a board on disk.

#include "runtime/saved_cells.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <bit>
#include <csignal>
#include <cstring>
#include <random>

#include "calibration/hdf5.h"
#include "tests/temporary_directory.h"

namespace sedma::runtime {
namespace {

using testing::bytes_of;
using testing::TemporaryDirectory;
namespace hdf5 = calibration::hdf5;

void expect_failure(const Status& status, Code code, const std::string& fragment) {
  EXPECT_EQ(status.code(), code) << status.to_string();
  EXPECT_NE(status.message().find(fragment), std::string::npos) << status.to_string();
}

/// Slices of different shapes, with values of any bit pattern.
SavedCells random_cells(std::size_t slices, unsigned most_lines, unsigned seed) {
  std::mt19937_64 random(seed);
  const auto floats = [&](std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) value = std::bit_cast<float>(static_cast<std::uint32_t>(random()));
    return values;
  };
  const auto doubles = [&](std::size_t count) {
    std::vector<double> values(count);
    for (double& value : values) value = std::bit_cast<double>(random());
    return values;
  };
  SavedCells cells;
  cells.board_id = "board \xff\n\"7\"";
  cells.material = "TaOx-HfOx";
  cells.physical = true;
  cells.content = random();
  for (std::size_t i = 0; i < slices; ++i) {
    SavedSlice slice;
    slice.block_row = static_cast<std::uint32_t>(i);
    slice.block_col = UINT32_MAX;
    slice.slice = static_cast<std::uint32_t>(i % 3);
    slice.ordinal = random();
    slice.hash = {random(), random()};
    slice.array = static_cast<std::uint32_t>(random());
    slice.turn = static_cast<std::uint32_t>(i / 7);
    for (auto line = static_cast<std::uint32_t>(random() % (most_lines + 1)); line > 0; --line) slice.word_lines.push_back(line);
    for (auto line = static_cast<std::uint32_t>(random() % (most_lines + 1)); line > 0; --line) slice.bit_lines.push_back(line);
    slice.target_siemens = floats(slice.word_lines.size() * slice.bit_lines.size());
    if (i % 2 == 0) slice.found_siemens = floats(slice.target_siemens.size());
    slice.unit = doubles(slice.bit_lines.size() / 2);
    slice.full_scale_amps = floats(slice.bit_lines.size());
    slice.write_variance = doubles(slice.unit.size());
    slice.own_write_variance = doubles(slice.unit.size());
    slice.sum_of_squares = doubles(slice.unit.size());
    cells.slices.push_back(std::move(slice));
  }
  return cells;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0);
}

bool same(const SavedSlice& a, const SavedSlice& b) {
  return a.block_row == b.block_row && a.block_col == b.block_col && a.slice == b.slice && a.ordinal == b.ordinal && a.hash == b.hash &&
         a.array == b.array && a.turn == b.turn && a.word_lines == b.word_lines && a.bit_lines == b.bit_lines &&
         same_bits(a.target_siemens, b.target_siemens) && same_bits(a.found_siemens, b.found_siemens) && same_bits(a.unit, b.unit) &&
         same_bits(a.full_scale_amps, b.full_scale_amps) && same_bits(a.write_variance, b.write_variance) &&
         same_bits(a.own_write_variance, b.own_write_variance) && same_bits(a.sum_of_squares, b.sum_of_squares);
}

bool same(const SavedCells& a, const SavedCells& b) {
  if (a.board_id != b.board_id || a.material != b.material || a.physical != b.physical || a.content != b.content) return false;
  return std::equal(a.slices.begin(), a.slices.end(), b.slices.begin(), b.slices.end(),
                    [](const SavedSlice& left, const SavedSlice& right) { return same(left, right); });
}

class SavedCellsFile : public ::testing::Test {
 protected:
  void write(const SavedCells& cells) const {
    const Status written = write_saved_cells(path_, cells);
    ASSERT_TRUE(written.ok()) << written.to_string();
  }
  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "cells.h5";
};

TEST_F(SavedCellsFile, ComeBackBitForBit) {
  for (const std::size_t slices : {0u, 1u, 2u, 50u}) {
    const SavedCells cells = random_cells(slices, 9, 3);
    write(cells);
    const auto again = read_saved_cells(path_);
    ASSERT_TRUE(again.ok()) << again.status().to_string();
    EXPECT_TRUE(same(cells, *again)) << slices;
  }
  EXPECT_EQ(directory_.names().size(), 1u);
}

TEST_F(SavedCellsFile, ManySlicesAreAFewDatasets) {
  write(random_cells(3000, 3, 4));
  const auto reader = hdf5::Reader::open(path_);
  ASSERT_TRUE(reader.ok());
  EXPECT_EQ(reader->datasets()->size(), 27u);
  EXPECT_TRUE(read_saved_cells(path_).ok());
}

TEST_F(SavedCellsFile, EqualCellsGiveEqualFiles) {
  write(random_cells(5, 5, 5));
  const std::string first = bytes_of(path_);
  write(random_cells(5, 5, 5));
  EXPECT_TRUE(first == bytes_of(path_));
}

TEST_F(SavedCellsFile, DamageAnywhereIsFound) {
  write(random_cells(4, 6, 6));
  const std::string whole = bytes_of(path_);
  std::mt19937 random(7);
  for (int i = 0; i < 300; ++i) {
    std::string mutant = whole;
    mutant[random() % mutant.size()] ^= static_cast<char>(1u << (random() % 8));
    expect_failure(read_saved_cells(directory_.put("mutant.h5", mutant)).status(), Code::data_corrupt, "mutant.h5");
  }
  for (const std::size_t length : {std::size_t{0}, std::size_t{3}, std::size_t{512}, whole.size() / 2, whole.size() - 1})
    expect_failure(read_saved_cells(directory_.put("torn.h5", whole.substr(0, length))).status(), Code::data_corrupt, "torn.h5");
}

TEST_F(SavedCellsFile, ForeignFilesAreNamed) {
  expect_failure(read_saved_cells(directory_ / "none").status(), Code::unavailable, "No such file");
  expect_failure(read_saved_cells(directory_.path()).status(), Code::unavailable, "directory");
  expect_failure(read_saved_cells(directory_.put("text", "hello")).status(), Code::data_corrupt, "carries no seal");
  auto writer = hdf5::Writer::create(path_, true);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->commit().ok());
  expect_failure(read_saved_cells(path_).status(), Code::data_corrupt, "has no attribute 'format'");
  writer = hdf5::Writer::create(path_, true);
  ASSERT_TRUE(writer->text_attribute("/", "format", "something else").ok());
  ASSERT_TRUE(writer->commit().ok());
  expect_failure(read_saved_cells(path_).status(), Code::data_corrupt, "its format is 'something else', expected 'SEDMA saved cells'");
}

/// A sealed file that claims to be of `version` and says of one slice that its lists end at `end`, where there is one word line.
void write_by_hand(const std::string& path, double version, std::uint64_t end) {
  auto writer = hdf5::Writer::create(path, true);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->text_attribute("/", "format", "SEDMA saved cells").ok());
  ASSERT_TRUE(writer->number_attribute("/", "version", version).ok());
  ASSERT_TRUE(writer->number_attribute("/", "physical", 0).ok());
  for (const char* name : {"board_id", "material"}) ASSERT_TRUE(writer->text_attribute("/", name, "x").ok());
  const std::vector<std::uint64_t> one{1}, ends{end};
  ASSERT_TRUE(writer->write("/content", std::span(one), {1}).ok());
  for (const char* name : {"block_row", "block_col", "slice", "ordinal", "hash_low", "hash_high", "array", "turn"})
    ASSERT_TRUE(writer->write(std::string("/slices/") + name, std::span(one), {1}).ok());
  ASSERT_TRUE(writer->write("/word_lines/ends", std::span(ends), {1}).ok());
  ASSERT_TRUE(writer->write("/word_lines/values", std::span(one), {1}).ok());
  ASSERT_TRUE(writer->commit().ok());
}

TEST_F(SavedCellsFile, VersionsAndContradictionsAreRefused) {
  write_by_hand(path_, 3, 1);
  expect_failure(read_saved_cells(path_).status(), Code::unsupported, "its version is 3, this SEDMA reads up to 2");
  write_by_hand(path_, 0.5, 1);
  expect_failure(read_saved_cells(path_).status(), Code::data_corrupt, "its version is 0.5, expected 2");
  write_by_hand(path_, 2, 2);
  expect_failure(read_saved_cells(path_).status(), Code::data_corrupt, "/word_lines of slice 0 is said to be [0, 2) of 1 values");
  write_by_hand(path_, 2, 0);
  expect_failure(read_saved_cells(path_).status(), Code::data_corrupt, "/word_lines has 1 values, its slices 0");
  write_by_hand(path_, 2, 1);
  expect_failure(read_saved_cells(path_).status(), Code::data_corrupt, "has no dataset '/bit_lines/ends'");
}

TEST_F(SavedCellsFile, WhatContradictsItselfIsNotWritten) {
  SavedCells cells = random_cells(2, 4, 8);
  cells.slices[1].target_siemens.push_back(1);
  expect_failure(write_saved_cells(path_, cells), Code::invalid_argument, "slice 1 has");
  cells = random_cells(1, 4, 8);
  cells.board_id = std::string("a\0b", 3);
  expect_failure(write_saved_cells(path_, cells), Code::invalid_argument, "the board identity 'a' holds a zero byte");
  EXPECT_TRUE(directory_.names().empty());
}

TEST_F(SavedCellsFile, AFailureLeavesThePreviousFile) {
  write(random_cells(3, 3, 9));
  const std::string before = bytes_of(path_);
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit full{8192, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  const Status status = write_saved_cells(path_, random_cells(100, 20, 10));
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, previous);
  EXPECT_EQ(status.code(), Code::unavailable) << status.to_string();
  EXPECT_TRUE(before == bytes_of(path_));
  EXPECT_EQ(directory_.names().size(), 1u);
  expect_failure(write_saved_cells(directory_ / "no/cells.h5", {}), Code::unavailable, "No such file or directory");
}

}  // namespace
}  // namespace sedma::runtime

// A matrix that several processes read in parts is the matrix that one reads alone. Here the processes are one after another.

#include "runtime/matrix_part.h"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>

#include "runtime/dense_file.h"
#include "tests/runtime/foreign_hdf5.h"
#include "tests/runtime/matrix_testing.h"
#include "tests/runtime/same_matrix.h"
#include "tests/runtime/support.h"
#include "tests/temporary_directory.h"

namespace sedma::runtime {
namespace {

using sedma::testing::TemporaryDirectory;

struct Parts {
  std::vector<MatrixPart> open;
  std::vector<std::string> packed;
};

Parts open_parts(const std::string& reference, int parts, const ReadLimits& limits = stream_all) {
  Parts all;
  for (int part = 0; part < parts; ++part) {
    auto opened = MatrixPart::open(reference, {part, parts}, limits);
    EXPECT_TRUE(succeeds(opened)) << part << " of " << parts;
    if (!opened.ok()) return {};
    all.packed.push_back(opened->packed());
    all.open.push_back(std::move(opened).value());
  }
  return all;
}

/// Every part must end up with the same matrix as a process alone.
void expect_all_parts_have_it(const std::string& reference, int parts, std::mt19937& random) {
  SCOPED_TRACE(fmt::format("{} in {} parts", reference, parts));
  const auto alone = open_matrix(reference, stream_all);
  ASSERT_TRUE(succeeds(alone));
  Parts all = open_parts(reference, parts);
  for (MatrixPart& part : all.open) {
    const auto source = std::move(part).finish(all.packed);
    ASSERT_TRUE(succeeds(source));
    ASSERT_NE(*source, nullptr);
    expect_same(**alone, **source, random);
  }
}

TEST(MatrixPart, ForeignFilesReadInPartsAreTheSameMatrix) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  std::mt19937 random(11);
  for (int round = 0; round < 6; ++round) {
    const std::uint32_t rows = round == 0 ? 2 : 1 + below(random, 90), cols = 1 + below(random, 150);  // 2: fewer rows than parts
    const auto values = random_values(random, rows, cols, false);
    const auto chunk = random_chunk(random, rows, cols);
    put(path, "m", H5T_IEEE_F64LE, {rows, cols}, H5T_NATIVE_DOUBLE, values.data(), chunk, !chunk.empty());
    for (const int parts : {1, 2, 3, 7}) expect_all_parts_have_it(path, parts, random);
  }
}

TEST(MatrixPart, SealedFilesToo) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  std::mt19937 random(12);
  ASSERT_TRUE(succeeds(write_matrix(path, test::random_matrix(61, 43, 0.3, 2))));
  for (const int parts : {1, 2, 3, 7, 100}) expect_all_parts_have_it(path + ":/matrix", parts, random);
}

TEST(MatrixPart, AGalleryMatrixIsMadeByEveryPart) {
  std::mt19937 random(13);
  expect_all_parts_have_it("gallery:fem9?n=7", 3, random);
  for (const std::string& packed : open_parts("gallery:fem9?n=7", 2).packed) EXPECT_TRUE(packed.empty());
}

// A NaN in a row of part 2 is no concern of the others.
TEST(MatrixPart, APartReadsItsRowsAndNoOthers) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  std::vector<double> values(40 * 30, 1.0);
  values[17 * 30 + 4] = NAN;
  for (const std::vector<hsize_t>& chunk : {std::vector<hsize_t>{}, std::vector<hsize_t>{5, 11}}) {
    put(path, "m", H5T_IEEE_F64LE, {40, 30}, H5T_NATIVE_DOUBLE, values.data(), chunk);
    for (int part = 0; part < 5; ++part) {  // of 8 rows: row 17 is in part 2
      std::uint64_t rows = 0, total = 0;
      const auto opened = MatrixPart::open(path, {part, 5}, stream_all, [&](std::uint64_t done, std::uint64_t all) {
        rows = done;
        total = all;
        return true;
      });
      if (part == 2) {
        EXPECT_TRUE(fails(opened, Code::data_corrupt, "a.h5:/m: the value at (17, 4), counted from 0, is nan"));
      } else {
        EXPECT_TRUE(succeeds(opened)) << part;
        EXPECT_EQ(rows, 8u) << part;
        EXPECT_EQ(total, 8u) << part;
      }
    }
  }
}

TEST(MatrixPart, StopsWhenItsWatchSaysSo) {
  const TemporaryDirectory directory;
  const std::string foreign = directory / "a.h5", sealed = directory / "b.h5";
  const std::vector<double> values(40 * 30, 1.0);
  put(foreign, "m", H5T_IEEE_F64LE, {40, 30}, H5T_NATIVE_DOUBLE, values.data());
  ASSERT_TRUE(succeeds(write_matrix(sealed, test::random_matrix(40, 30, 0.5, 2))));
  for (const std::string& path : {foreign, sealed}) {
    const auto opened = MatrixPart::open(path, {1, 2}, stream_all, [](std::uint64_t, std::uint64_t) { return false; });
    EXPECT_TRUE(fails(opened, Code::aborted, "")) << path;
  }
}

TEST(MatrixPart, OtherFormatsAreReadByTheFirstPartAlone) {
  const TemporaryDirectory directory;
  std::mt19937 random(14);
  const Matrix matrix = test::random_matrix(12, 9, 0.5, 2);
  for (const char* file : {"a.mtx", "a.npy", "a.rua", "a.h5"}) {
    const std::string path = directory / file;
    ASSERT_TRUE(succeeds(write_matrix(path, matrix)));
    Parts all = open_parts(path, 3, {});  // small enough to be held
    ASSERT_EQ(all.open.size(), 3u) << file;
    for (const std::string& packed : all.packed) EXPECT_TRUE(packed.empty()) << file;
    const auto alone = open_matrix(path), first = std::move(all.open[0]).finish(all.packed);
    ASSERT_TRUE(succeeds(first));
    ASSERT_TRUE(succeeds(alone));
    expect_same(**alone, **first, random);
    for (const std::size_t part : {1u, 2u}) {
      const auto other = std::move(all.open[part]).finish(all.packed);
      ASSERT_TRUE(succeeds(other)) << file;
      EXPECT_EQ(*other, nullptr) << file;
    }
  }
}

// As on a host that has no such file.
TEST(MatrixPart, OnlyAFileReadInPartsMustBeThereForAll) {
  const TemporaryDirectory directory;
  const std::string text = directory / "a.mtx", dense = directory / "a.h5";
  ASSERT_TRUE(succeeds(write_matrix(text, test::random_matrix(12, 9, 0.5, 2))));
  ASSERT_TRUE(succeeds(write_matrix(dense, test::random_matrix(12, 9, 0.5, 2))));
  EXPECT_TRUE(fails(MatrixPart::open(directory / "b.h5", {0, 2}), Code::unavailable, "b.h5"));
  for (const std::string& path : {text, dense}) {
    auto here = MatrixPart::open(path, {0, 2}, stream_all), there = MatrixPart::open(directory / "b.h5", {1, 2}, stream_all);
    ASSERT_TRUE(succeeds(here));
    ASSERT_TRUE(succeeds(there));
    const std::vector<std::string> packed = {here->packed(), there->packed()};
    const auto first = std::move(*here).finish(packed), second = std::move(*there).finish(packed);
    if (path == text) {
      EXPECT_TRUE(succeeds(first));
      ASSERT_TRUE(succeeds(second));
      EXPECT_EQ(*second, nullptr);
    } else {
      EXPECT_TRUE(fails(first, Code::unavailable, "a.h5, part 1 of 2: "));
      EXPECT_TRUE(fails(first, Code::unavailable, "b.h5"));
      EXPECT_TRUE(fails(second, Code::unavailable, "b.h5, part 1 of 2: "));
    }
  }
}

TEST(MatrixPart, PartsOfDifferentFilesAreRefused) {
  const TemporaryDirectory directory;
  const std::string a = directory / "a.h5", b = directory / "b.h5", text = directory / "c.mtx";
  ASSERT_TRUE(succeeds(write_matrix(a, test::random_matrix(12, 9, 0.5, 2))));
  ASSERT_TRUE(succeeds(write_matrix(b, test::random_matrix(14, 9, 0.5, 2))));
  ASSERT_TRUE(succeeds(write_matrix(text, test::random_matrix(12, 9, 0.5, 2))));
  const auto both = [](const std::string& first, const std::string& second) {
    auto here = MatrixPart::open(first, {0, 2}, stream_all), there = MatrixPart::open(second, {1, 2}, stream_all);
    const std::vector<std::string> packed = {here->packed(), there->packed()};
    return std::pair(std::move(*here).finish(packed), std::move(*there).finish(packed));
  };
  const auto [here, there] = both(a, b);
  EXPECT_TRUE(fails(here, Code::data_corrupt, "a.h5, part 1 of 2: there the dataset is 14 x 9, here 12 x 9"));
  EXPECT_TRUE(fails(there, Code::data_corrupt, "b.h5, part 0 of 2: there the dataset is 12 x 9, here 14 x 9"));
  const auto [held, parts] = both(text, b);
  EXPECT_TRUE(fails(held, Code::data_corrupt, "c.mtx, part 1 of 2: there it is read in parts, here not"));
  EXPECT_TRUE(fails(parts, Code::data_corrupt, "b.h5, part 0 of 2: there the file is another one"));
  const auto [streamed, nothing] = both(a, text);
  EXPECT_TRUE(fails(streamed, Code::data_corrupt, "a.h5, part 1 of 2: there the file is another one"));
  EXPECT_TRUE(fails(nothing, Code::data_corrupt, "c.mtx, part 0 of 2: there it is read in parts, here not"));
}

TEST(MatrixPart, WhatArrivesTornIsRefused) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  ASSERT_TRUE(succeeds(write_matrix(path, test::random_matrix(12, 9, 0.5, 2))));
  const std::string whole = open_parts(path, 2).packed.at(1);
  for (std::size_t bytes = 1; bytes < whole.size(); bytes += 7) {
    auto part = MatrixPart::open(path, {0, 2}, stream_all);
    ASSERT_TRUE(succeeds(part));
    const std::vector<std::string> packed = {"", whole.substr(0, bytes)};
    EXPECT_TRUE(fails(std::move(*part).finish(packed), Code::data_corrupt, "a.h5, part 1 of 2: ")) << bytes;
  }
  auto part = MatrixPart::open(path, {0, 2}, stream_all);
  const std::vector<std::string> one = {whole};
  EXPECT_TRUE(fails(std::move(*part).finish(one), Code::invalid_argument, "given 1 of 2 parts"));
}

TEST(MatrixPart, DamagedFilesAndPartsThatAreNoneAreSaid) {
  const TemporaryDirectory directory;
  const std::string sealed = directory / "a.h5", foreign = directory / "b.h5";
  ASSERT_TRUE(succeeds(write_matrix(sealed, test::random_matrix(60, 50, 0.5, 2))));
  const std::vector<double> values(60 * 50, 1.0);
  put(foreign, "m", H5T_IEEE_F64LE, {60, 50}, H5T_NATIVE_DOUBLE, values.data());
  EXPECT_TRUE(fails(MatrixPart::open(sealed, {2, 2}), Code::invalid_argument, "there is no part 2 of 2"));
  EXPECT_TRUE(fails(MatrixPart::open(sealed, {-1, 2}), Code::invalid_argument, "there is no part -1 of 2"));
  EXPECT_TRUE(fails(MatrixPart::open(sealed, {0, 0}), Code::invalid_argument, "there is no part 0 of 0"));
  for (const std::string& path : {sealed, foreign}) {
    std::filesystem::resize_file(path, std::filesystem::file_size(path) - 64);
    for (const int part : {0, 1}) EXPECT_TRUE(fails(MatrixPart::open(path, {part, 2}, stream_all), Code::data_corrupt, path));
  }
}

}  // namespace
}  // namespace sedma::runtime

// A matrix that is streamed from a file is the same matrix as one in memory, to the bit, until its file changes.

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>

#include "backends/backends.h"
#include "runtime/dense_file.h"
#include "runtime/matrix_file.h"
#include "runtime/session.h"
#include "tests/runtime/foreign_hdf5.h"
#include "tests/runtime/matrix_testing.h"
#include "tests/runtime/same_matrix.h"
#include "tests/runtime/support.h"
#include "tests/temporary_directory.h"

namespace sedma::runtime {
namespace {

using sedma::testing::TemporaryDirectory;

std::unique_ptr<MatrixSource> streamed(const std::string& path) {
  auto source = open_matrix(path, stream_all);
  EXPECT_TRUE(succeeds(source));
  if (!source.ok()) return nullptr;
  EXPECT_NE(dynamic_cast<const DenseFile*>(source->get()), nullptr);
  return std::move(source).value();
}

/// Random shapes, types and layouts; the bands of such small files hold few rows, so that tiles and bands never agree.
TEST(MatrixSource, StreamedOrHeldIsTheSameMatrix) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  std::mt19937 random(5);
  unsigned several_bands = 0;
  for (int round = 0; round < 40; ++round) {
    const std::uint32_t rows = 1 + below(random, 90), cols = 1 + below(random, 150);
    const bool narrow = random() % 2 == 0;
    const auto values = random_values(random, rows, cols, narrow);
    const auto chunk = random_chunk(random, rows, cols);
    SCOPED_TRACE(fmt::format("{} x {}, {}, chunk [{}]", rows, cols, narrow ? "float" : "double", fmt::join(chunk, ", ")));
    put(path, "m", narrow ? H5T_IEEE_F32LE : H5T_IEEE_F64LE, {rows, cols}, H5T_NATIVE_DOUBLE, values.data(), chunk,
        random() % 2 == 0 && !chunk.empty());
    const auto held = read_matrix(path);
    ASSERT_TRUE(succeeds(held));
    const auto source = streamed(path);
    ASSERT_NE(source, nullptr);
    expect_same(*held, *source, random);
    if (bands_of(rows, cols, chunk.empty() ? 1 : chunk[0]).rows < rows) ++several_bands;
  }
  EXPECT_GT(several_bands, 20u);
}

TEST(MatrixSource, ASealedFileOfOursStreamsToo) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  std::mt19937 random(7);
  const Matrix matrix = test::random_matrix(61, 43, 0.3, 2);
  ASSERT_TRUE(succeeds(write_matrix(path, matrix)));
  const auto held = read_matrix(path);
  ASSERT_TRUE(succeeds(held));
  EXPECT_EQ(held->content(), matrix.content());
  const auto source = streamed(path);
  ASSERT_NE(source, nullptr);
  expect_same(*held, *source, random);
}

TEST(MatrixSource, VectorsMayLieInTheSameFile) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  std::mt19937 random(9);
  const auto values = random_values(random, 40, 30, false), x = random_inputs(1, 2, 30);
  for (const bool sealed : {false, true}) {
    auto writer = calibration::hdf5::Writer::create(path, sealed);
    ASSERT_TRUE(succeeds(writer));
    ASSERT_TRUE(succeeds(writer->write<double>("/m", std::span(values), {40, 30})));
    ASSERT_TRUE(succeeds(writer->write<double>("/x", std::span(x), {2, 30})));
    ASSERT_TRUE(succeeds(writer->commit()));
    const auto source = streamed(path + ":/m");
    ASSERT_NE(source, nullptr);
    const auto block = read_block(path + ":/x", 30);
    ASSERT_TRUE(succeeds(block));
    EXPECT_EQ(bits(block->values), bits(x));
    const auto held = read_matrix(path + ":/m");
    ASSERT_TRUE(succeeds(held));
    expect_same(*held, *source, random);
  }
}

TEST(MatrixSource, ContentTellsShapePlacesAndValuesApart) {
  const auto content = [](std::uint32_t rows, std::uint32_t cols, const std::vector<double>& values) {
    return Matrix::from_dense("m", rows, cols, values).value().content();
  };
  const std::uint64_t base = content(2, 3, {1, 2, 0, 0, 3, 4});
  EXPECT_EQ(base, content(2, 3, {1, 2, 0, 0, 3, 4}));
  EXPECT_NE(base, content(3, 2, {1, 2, 0, 0, 3, 4}));
  EXPECT_NE(base, content(2, 3, {1, 0, 2, 0, 3, 4}));
  EXPECT_NE(base, content(2, 3, {1, 2, 0, 0, 3, 5}));
  EXPECT_NE(base, content(2, 3, {0, 3, 4, 1, 2, 0}));
  EXPECT_NE(content(2, 2, {0, 0, 0, 0}), content(4, 1, {0, 0, 0, 0}));
}

/// What a board computes does not tell where the matrix came from: all corrections, one and several turns.
TEST(MatrixSource, AProductHasTheSameBits) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  std::mt19937 random(11);
  const auto values = random_values(random, 70, 53, false);
  put(path, "m", H5T_IEEE_F64LE, {70, 53}, H5T_NATIVE_DOUBLE, values.data(), {9, 20});
  const auto held = read_matrix(path);
  ASSERT_TRUE(succeeds(held));
  const auto source = streamed(path);
  ASSERT_NE(source, nullptr);
  for (const char* how : {"arrays=64", "arrays=3", "arrays=64 slices", "arrays=64 products"}) {
    SCOPED_TRACE(how);
    const std::string text = how;
    SessionOptions options;
    options.choice.encoding = text.find("products") == std::string::npos ? kernels::Encoding::offset : kernels::Encoding::pair;
    options.choice.passes = 3;
    options.choice.slices = text.find("slices") != std::string::npos ? 1 : 0;
    options.products = text.find("products") != std::string::npos;
    const std::string uri = "emulator:EpiRAM?rows=16&cols=16&" + text.substr(0, text.find(' '));
    const auto x = random_inputs(1, 2, held->cols());
    std::vector<std::vector<std::uint64_t>> products;
    for (const MatrixSource* matrix : {static_cast<const MatrixSource*>(&*held), static_cast<const MatrixSource*>(source.get())}) {
      const auto device = test::open_device(uri);
      auto session = Session::open(*device, *matrix, options);
      ASSERT_TRUE(succeeds(session));
      const auto product = session->multiply(x, 2);
      ASSERT_TRUE(succeeds(product));
      products.push_back(bits(product->y));
    }
    EXPECT_EQ(products[0], products[1]);
  }
}

TEST(MatrixSource, TheRuleWhatIsHeld) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  const std::vector<double> values(12, 1.5);
  put(path, "m", H5T_IEEE_F64LE, {3, 4}, H5T_NATIVE_DOUBLE, values.data());
  const auto is_held = [](const Result<std::unique_ptr<MatrixSource>>& source) {
    EXPECT_TRUE(succeeds(source));
    return source.ok() && dynamic_cast<const Matrix*>(source->get()) != nullptr;
  };
  EXPECT_TRUE(is_held(open_matrix(path)));
  EXPECT_TRUE(is_held(open_matrix(path, {.held_values = 12})));
  EXPECT_FALSE(is_held(open_matrix(path, {.held_values = 11})));
  ASSERT_TRUE(succeeds(write_matrix(directory / "a.mtx", read_matrix(path).value())));
  EXPECT_TRUE(is_held(open_matrix(directory / "a.mtx", stream_all))) << "only HDF5 datasets can be read in pieces";

  auto dataset = open_hdf5_dataset(path, "", {}, false);
  ASSERT_TRUE(succeeds(dataset));
  const auto streams = [&](std::uint64_t rows, std::uint64_t cols, const std::vector<std::uint64_t>& chunk) {
    dataset->rows = rows;
    dataset->cols = cols;
    dataset->shape.chunk = chunk;
    return is_streamed(*dataset, {});
  };
  EXPECT_FALSE(streams(2048, 4096, {}));
  EXPECT_TRUE(streams(4096, 4096, {}));
  EXPECT_TRUE(streams(16384, 16384, {4096, 16}));
  EXPECT_FALSE(streams(16384, 16384, {16384, 16})) << "every chunk would be unpacked 32 times";
  EXPECT_TRUE(streams(10, 1u << 23, {}));
  EXPECT_FALSE(streams(10, (1u << 23) + 1, {})) << "one row alone would be too large";
}

/// Bands together stay within a quarter of the matrix and 128 MiB, or are two rows; they end where chunks end if two rows of chunks fit.
TEST(MatrixSource, BandsStayWithinTheirBounds) {
  std::mt19937_64 random(13);
  for (int round = 0; round < 5000; ++round) {
    const std::uint64_t rows = 1 + random() % (1u << (random() % 20)), cols = 1 + random() % (1u << (random() % 24));
    const std::uint64_t chunk_rows = 1 + random() % (1u << (random() % 12));
    SCOPED_TRACE(fmt::format("{} x {}, chunks of {} rows", rows, cols, chunk_rows));
    const Bands bands = bands_of(rows, cols, chunk_rows);
    const std::uint64_t row_bytes = 8 * cols, budget = std::min<std::uint64_t>(128u << 20, rows * row_bytes / 4);
    ASSERT_GE(bands.rows, 1u);
    ASSERT_GE(bands.kept, 2u);
    ASSERT_LE(bands.rows * bands.kept * row_bytes, std::max(budget, 2 * row_bytes));
    if (2 * chunk_rows * row_bytes <= budget) {
      ASSERT_TRUE(bands.rows % chunk_rows == 0 || bands.rows + chunk_rows > budget / 2 / row_bytes) << bands.rows;
    }
  }
  // The block rows of 255 that 16,384 float columns are cut into, offset on arrays of 256 x 256, fit between them.
  const Bands bands = bands_of(16384, 16384, 1);
  EXPECT_GE(bands.rows * (bands.kept - 2), 255u);
}

TEST(MatrixSource, WhatCannotBeStreamedIsSaid) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  std::vector<float> values(40 * 30, 1.0f);
  values[17 * 30 + 4] = NAN;
  for (const std::vector<hsize_t>& chunk : {std::vector<hsize_t>{}, std::vector<hsize_t>{7, 11}}) {
    put(path, "m", H5T_IEEE_F32LE, {40, 30}, H5T_NATIVE_FLOAT, values.data(), chunk);
    EXPECT_TRUE(fails(open_matrix(path, stream_all), Code::data_corrupt, "a.h5:/m: the value at (17, 4), counted from 0, is nan"));
  }
  EXPECT_TRUE(fails(open_matrix(path + ":/nope", stream_all), Code::invalid_argument, "no dataset '/nope'; it has /m [40, 30] float32"));
  EXPECT_TRUE(fails(open_matrix(directory / "b.h5", stream_all), Code::unavailable, "b.h5"));
  std::filesystem::resize_file(path, std::filesystem::file_size(path) / 2);
  EXPECT_TRUE(fails(open_matrix(path, stream_all), Code::data_corrupt, "a.h5"));
}

/// A file of doubles row + column / 1000, and what happens to it after it was opened.
class StreamedFile : public ::testing::Test {
 protected:
  static constexpr std::uint32_t rows = 60, cols = 50;
  static double value(std::uint32_t row, std::uint32_t col) { return 1 + row + col / 1000.0; }
  void SetUp() override {
    std::vector<double> values;
    for (std::uint32_t r = 0; r < rows; ++r)
      for (std::uint32_t c = 0; c < cols; ++c) values.push_back(value(r, c));
    source_.reset();  // HDF5 makes no file anew that is open
    put(path_, "m", H5T_IEEE_F64LE, {rows, cols}, H5T_NATIVE_DOUBLE, values.data());
    source_ = streamed(path_);
    ASSERT_NE(source_, nullptr);
  }
  void change(std::uint32_t row, std::uint32_t col, double to) const {
    const double from = value(row, col);
    const std::string bytes = sedma::testing::bytes_of(path_);
    const std::size_t at = bytes.find(std::string(reinterpret_cast<const char*>(&from), sizeof from));
    ASSERT_NE(at, std::string::npos);
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(static_cast<std::streamoff>(at)).write(reinterpret_cast<const char*>(&to), sizeof to);
  }
  Session open(hal::Device& device) const {
    SessionOptions options;
    options.choice.encoding = kernels::Encoding::offset;
    options.choice.passes = 1;
    return Session::open(device, *source_, options).value();
  }
  TemporaryDirectory directory_;
  std::string path_ = directory_ / "a.h5";
  std::unique_ptr<MatrixSource> source_;
  std::vector<double> x_ = std::vector<double>(cols, 1.0);
};

TEST_F(StreamedFile, ChangedBeforeItIsProgrammed) {
  for (const double to : {-1.0, 0.0, static_cast<double>(NAN)}) {
    SCOPED_TRACE(to);
    SetUp();
    const auto device = test::open_device("emulator:EpiRAM?rows=16&cols=16&arrays=64");
    Session session = open(*device);
    change(30, 20, to);
    const Status status = session.program();
    EXPECT_TRUE(fails(status, Code::data_corrupt, "a:/m, rows 30..31: row 30 is not what it was"));
    EXPECT_TRUE(fails(status, Code::data_corrupt, "tile at block (2, 0)"));
    EXPECT_EQ(session.multiply(x_, 1).status().code(), Code::data_corrupt);
    std::vector<double> y(rows);
    EXPECT_TRUE(fails(source_->multiply(x_, y, 1), Code::data_corrupt, "row 30"));
  }
}

TEST_F(StreamedFile, TruncatedBeforeItIsProgrammed) {
  const auto device = test::open_device("emulator:EpiRAM?rows=16&cols=16&arrays=64");
  Session session = open(*device);
  std::filesystem::resize_file(path_, std::filesystem::file_size(path_) / 2);
  EXPECT_TRUE(fails(session.program(), Code::data_corrupt, "a:/m, rows "));
  EXPECT_FALSE(session.multiply(x_, 1).ok());
}

TEST_F(StreamedFile, ChangedBetweenTwoBatchesOfSeveralTurns) {
  const auto device = test::open_device("emulator:EpiRAM?rows=16&cols=16&arrays=3");
  Session session = open(*device);
  ASSERT_GT(session.layouts().front().turns, 1u);
  ASSERT_TRUE(succeeds(session.multiply(x_, 1)));
  change(59, 49, 5);
  EXPECT_TRUE(fails(session.multiply(x_, 1), Code::data_corrupt, "row 59 is not what it was"));
}

TEST(MatrixSource, ReadingIsWatchedAndCanBeStopped) {
  const TemporaryDirectory directory;
  const std::vector<double> values(60 * 20, 2.0);
  put(directory / "foreign.h5", "m", H5T_IEEE_F64LE, {60, 20}, H5T_NATIVE_DOUBLE, values.data());
  ASSERT_TRUE(succeeds(write_matrix(directory / "ours.h5", read_matrix(directory / "foreign.h5").value())));
  for (const char* name : {"foreign.h5", "ours.h5"}) {
    SCOPED_TRACE(name);
    std::vector<std::uint64_t> seen;
    const auto watch = [&](std::uint64_t done, std::uint64_t total) {
      EXPECT_EQ(total, 60u);
      seen.push_back(done);
      return true;
    };
    ASSERT_TRUE(succeeds(open_matrix(directory / name, stream_all, watch)));
    EXPECT_GT(seen.size(), 1u);
    EXPECT_TRUE(std::is_sorted(seen.begin(), seen.end()));
    EXPECT_EQ(seen.back(), 60u);
    const auto stop = [](std::uint64_t, std::uint64_t) { return false; };
    EXPECT_TRUE(fails(open_matrix(directory / name, stream_all, stop), Code::aborted, name));
  }
  const auto matrix = read_matrix(directory / "ours.h5");
  const std::vector<double> x(20, 1.0);
  std::vector<double> y(60);
  const auto up_to_ten = [](std::uint64_t done, std::uint64_t) { return done < 10; };
  EXPECT_TRUE(fails(matrix->multiply(x, y, 1, up_to_ten), Code::aborted, "row 10 of 60"));
}

}  // namespace
}  // namespace sedma::runtime

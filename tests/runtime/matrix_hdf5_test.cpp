// HDF5 datasets made by others: every type and layout, what is refused, and damage.

#include <gtest/gtest.h>
#include <hdf5.h>

#include "calibration/hdf5.h"
#include "runtime/matrix_file.h"
#include "tests/runtime/foreign_hdf5.h"
#include "tests/runtime/matrix_testing.h"
#include "tests/sanitizer.h"
#include "tests/temporary_directory.h"

namespace sedma::runtime {
namespace {

using sedma::testing::bytes_of;
using sedma::testing::TemporaryDirectory;
namespace hdf5 = calibration::hdf5;

const std::vector<int> six{1, 0, 3, 0, 5, 6};

TEST(MatrixHdf5, EveryNumberTypeIsRead) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  for (const hid_t type : {H5T_IEEE_F64LE, H5T_IEEE_F64BE, H5T_IEEE_F32LE, H5T_IEEE_F32BE, H5T_STD_I8LE, H5T_STD_I16BE, H5T_STD_I32LE,
                           H5T_STD_I64BE, H5T_STD_U8LE, H5T_STD_U16LE, H5T_STD_U32BE, H5T_STD_U64LE}) {
    put(path, "m", type, {2, 3}, H5T_NATIVE_INT, six.data());
    const auto matrix = read_matrix(path + ":/m");
    ASSERT_TRUE(succeeds(matrix));
    EXPECT_EQ(matrix->name(), "a:/m");
    EXPECT_EQ(dense(*matrix), (std::vector<double>{1, 0, 3, 0, 5, 6}));
    EXPECT_EQ(matrix->nonzeros(), 4u);
  }
}

/// Larger than one window of 16 MiB, in chunks that do and do not fit a window.
TEST(MatrixHdf5, LargeDatasetsAreReadInWindows) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  struct Layout {
    hsize_t rows, cols;
    std::vector<hsize_t> chunk;
  };
  for (const Layout& layout :
       {Layout{2500, 1000, {}}, Layout{2500, 1000, {300, 70}}, Layout{3, 1000000, {}}, Layout{3, 1000000, {3, 900000}}}) {
    std::vector<float> values(layout.rows * layout.cols);
    for (std::size_t i = 0; i < values.size(); i += 37) values[i] = static_cast<float>(i % 1000 + 1);
    put(path, "m", H5T_IEEE_F32LE, {layout.rows, layout.cols}, H5T_NATIVE_FLOAT, values.data(), layout.chunk, !layout.chunk.empty());
    const auto matrix = read_matrix(path);
    ASSERT_TRUE(succeeds(matrix));
    ASSERT_EQ(matrix->nonzeros(), (values.size() + 36) / 37);
    const auto offsets = matrix->row_offsets();
    for (std::size_t row = 0; row < matrix->rows(); ++row) {
      for (std::size_t k = offsets[row]; k < offsets[row + 1]; ++k) {
        ASSERT_EQ(matrix->values()[k], values[row * layout.cols + matrix->columns()[k]]);
      }
    }
    const auto block = read_block(path, layout.cols);
    ASSERT_TRUE(succeeds(block));
    EXPECT_TRUE(std::equal(values.begin(), values.end(), block->values.begin(), block->values.end()));
  }
}

TEST(MatrixHdf5, WhichDatasetIsMeant) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  const std::vector<double> values{1, 2, 3, 4, 5, 6};
  auto writer = hdf5::Writer::create(path, false);
  ASSERT_TRUE(succeeds(writer));
  ASSERT_TRUE(succeeds(writer->write<double>("/vector", std::span(values), {6})));
  ASSERT_TRUE(succeeds(writer->write<double>("/cube", std::span(values), {1, 2, 3})));
  ASSERT_TRUE(succeeds(writer->write<double>("/group/matrix", std::span(values), {2, 3})));
  ASSERT_TRUE(succeeds(writer->commit()));

  EXPECT_TRUE(succeeds(read_matrix(path))) << "the only one of two dimensions";
  EXPECT_TRUE(fails(read_block(path, 3), Code::invalid_argument, "2 numeric datasets of 1 or 2 dimensions"));
  EXPECT_TRUE(fails(read_matrix(path + ":/nope"), Code::invalid_argument,
                    "no dataset '/nope'; it has /cube [1, 2, 3] float64, /group/matrix [2, 3] float64, /vector [6] float64"));
  EXPECT_TRUE(fails(read_matrix(path + ":/group"), Code::invalid_argument, "no dataset '/group'"));
  EXPECT_TRUE(fails(read_matrix(path + ":/vector"), Code::invalid_argument, "a.h5:/vector: the dataset has 1 dimensions [6], expected 2"));
  EXPECT_TRUE(fails(read_block(path + ":/cube", 3), Code::invalid_argument, "the dataset has 3 dimensions [1, 2, 3], expected 1 or 2"));
  EXPECT_TRUE(fails(read_block(path + ":/group/matrix", 6), Code::invalid_argument, "2 x 3, expected vectors of length 6"));
  const auto vector = read_block(path + ":/vector", 6);
  ASSERT_TRUE(succeeds(vector));
  EXPECT_EQ(vector->rows, 1u);
  EXPECT_EQ(vector->values, values);
}

TEST(MatrixHdf5, WhatIsNoMatrixIsRefusedByName) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  const hid_t text = H5Tcopy(H5T_C_S1);
  H5Tset_size(text, 4);
  put(path, "m", text, {2, 2}, text, "abcdefghijklmnop");
  EXPECT_TRUE(
      fails(read_matrix(path + ":/m"), Code::invalid_argument, "the dataset holds string, expected integers or floating-point numbers"));
  EXPECT_TRUE(fails(read_matrix(path), Code::invalid_argument, "0 numeric datasets of 2 dimensions, expected one or its name as"));
  H5Tclose(text);

  const hid_t complex = H5Tcreate(H5T_COMPOUND, 16);
  H5Tinsert(complex, "r", 0, H5T_NATIVE_DOUBLE);
  H5Tinsert(complex, "i", 8, H5T_NATIVE_DOUBLE);
  const double two[2] = {1, 2};
  put(path, "m", complex, {1, 1}, complex, two);
  EXPECT_TRUE(fails(read_matrix(path + ":/m"), Code::invalid_argument, "the dataset holds compound"));
  H5Tclose(complex);

  const double bad[4] = {1, 2, std::nan(""), 4};
  put(path, "m", H5T_IEEE_F64LE, {2, 2}, H5T_NATIVE_DOUBLE, bad);
  EXPECT_TRUE(fails(read_matrix(path), Code::data_corrupt, "a.h5:/m: the value at (1, 0), counted from 0, is nan"));
  EXPECT_TRUE(fails(read_block(path, 2), Code::data_corrupt, "is nan"));
  put(path, "m", H5T_IEEE_F32LE, {2, 2}, H5T_NATIVE_DOUBLE, bad);
  EXPECT_TRUE(fails(read_matrix(path), Code::data_corrupt, "is nan"));

  put(path, "m", H5T_IEEE_F64LE, {0, 2}, H5T_NATIVE_DOUBLE, nullptr);
  EXPECT_TRUE(fails(read_matrix(path), Code::invalid_argument, "found 0 x 2"));
}

TEST(MatrixHdf5, BombsAreRefusedBeforeTheyAreRead) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  put(path, "m", H5T_IEEE_F64LE, {1u << 20, 1u << 20}, H5T_NATIVE_DOUBLE, nullptr, {1, 1});
  EXPECT_TRUE(fails(read_matrix(path), Code::out_of_range, "1048576 x 1048576 values; the limit is 2147483648"));
  put(path, "m", H5T_IEEE_F64LE, {1ull << 40, 1}, H5T_NATIVE_DOUBLE, nullptr, {1, 1});
  EXPECT_TRUE(fails(read_matrix(path), Code::out_of_range, "1099511627776 rows"));
  put(path, "m", H5T_IEEE_F64LE, {8000, 8000}, H5T_NATIVE_DOUBLE, nullptr, {7000, 7000});
  EXPECT_TRUE(fails(read_matrix(path), Code::out_of_range, "chunks of [7000, 7000] float64; at most 256 MiB"));
  put(path, "m", H5T_IEEE_F64LE, {10000, 10000}, H5T_NATIVE_DOUBLE, nullptr, {1000, 1000});
  EXPECT_TRUE(
      fails(read_matrix(path), Code::out_of_range, "claims 10000 x 10000 values in 100 chunks, which is not believed of a file of"));
  put(path, "m", H5T_IEEE_F64LE, {1000, 1000}, H5T_NATIVE_DOUBLE, nullptr, {1, 1});
  EXPECT_TRUE(fails(read_matrix(path), Code::out_of_range, "claims 1000 x 1000 values in 1000000 chunks"));

  // Never written, so every value is the fill value: 25 million ones from a file of 2 KiB.
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t dims[2] = {25000, 1000}, chunk[2] = {100, 1000};
  const double one = 1;
  const hid_t space = H5Screate_simple(2, dims, nullptr), plist = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_chunk(plist, 2, chunk);
  H5Pset_fill_value(plist, H5T_NATIVE_DOUBLE, &one);
  H5Dclose(H5Dcreate2(file, "m", H5T_IEEE_F64LE, space, H5P_DEFAULT, plist, H5P_DEFAULT));
  H5Pclose(plist);
  H5Sclose(space);
  H5Fclose(file);
  EXPECT_TRUE(fails(read_matrix(path), Code::out_of_range, "entries != 0 are not believed"));
  EXPECT_TRUE(fails(read_block(path, 1000), Code::out_of_range, "25000 x 1000 values; at most")) << "as a dense block";
}

TEST(MatrixHdf5, DataInOtherFilesIsRefused) {
  const TemporaryDirectory directory;
  const std::string secret = directory.put("secret", std::string(64, 'x'));
  const std::string path = directory / "a.h5";
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t dims[2] = {2, 4};
  const hid_t space = H5Screate_simple(2, dims, nullptr), plist = H5Pcreate(H5P_DATASET_CREATE);
  H5Pset_external(plist, secret.c_str(), 0, 64);
  H5Dclose(H5Dcreate2(file, "m", H5T_IEEE_F64LE, space, H5P_DEFAULT, plist, H5P_DEFAULT));
  H5Pclose(plist);
  H5Sclose(space);
  H5Fclose(file);
  EXPECT_TRUE(fails(read_matrix(path), Code::unsupported, "keeps its values in other files"));
}

TEST(MatrixHdf5, OurOwnFilesProveThatTheyAreWhole) {
  const TemporaryDirectory directory;
  const auto matrix = Matrix::from_dense("m", 2, 2, std::vector<double>{1, 2, 3, 4});
  ASSERT_TRUE(succeeds(write_matrix(directory / "a.h5", *matrix)));
  EXPECT_TRUE(succeeds(hdf5::verify_seal(directory / "a.h5")));
  const std::string whole = bytes_of(directory / "a.h5");
  for (std::size_t at = 8; at < whole.size(); at += 97) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    EXPECT_TRUE(fails(read_matrix(directory.put("b.h5", damaged)), Code::data_corrupt, "do not match their checksum")) << at;
  }
  EXPECT_TRUE(
      fails(read_matrix(directory.put("b.h5", std::string_view(whole).substr(0, whole.size() - 1))), Code::data_corrupt, "checksum"));
}

/// A foreign file with one to eight bytes changed, most of them where the structure is.
TEST(MatrixHdf5, AThousandDamagedFilesGiveAStatusEach) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  std::vector<double> values(64 * 16);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<double>(i % 7);
  put(path, "m", H5T_IEEE_F64LE, {64, 16}, H5T_NATIVE_DOUBLE, values.data(), {16, 16}, true);
  const std::string whole = bytes_of(path);
  std::mt19937_64 random(1);
  int refused = 0, read = 0;
  const int mutants = sedma::testing::sanitized ? 250 : 1000;
  for (int mutant = 0; mutant < mutants; ++mutant) {
    std::string damaged = whole;
    for (std::uint64_t change = 1 + random() % 8; change > 0; --change) {
      const std::uint64_t at = random() % (random() % 4 == 0 ? damaged.size() : std::min<std::uint64_t>(damaged.size(), 2048));
      damaged[at] = static_cast<char>(random());
    }
    if (random() % 10 == 0) damaged.resize(random() % damaged.size());
    const auto matrix = read_matrix(directory.put("b.h5", damaged));
    if (matrix.ok()) {
      ++read;
      continue;
    }
    ++refused;
    const Code code = matrix.status().code();
    EXPECT_TRUE(code == Code::data_corrupt || code == Code::invalid_argument || code == Code::out_of_range || code == Code::unsupported)
        << mutant << ": " << matrix.status().to_string();
    EXPECT_NE(matrix.status().message().find("b.h5"), std::string::npos) << matrix.status().to_string();
  }
  EXPECT_GT(refused, mutants / 10);
  EXPECT_GT(read, mutants / 100) << "a mutant that changes nothing that matters is read";
}

}  // namespace
}  // namespace sedma::runtime

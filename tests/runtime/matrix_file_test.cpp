// Matrices and blocks through the file system: formats told apart, written, read back, and refused.

#include "runtime/matrix_file.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>

#include "calibration/hdf5.h"
#include "tests/runtime/matrix_testing.h"
#include "tests/temporary_directory.h"

namespace sedma::runtime {
namespace {

using sedma::testing::bytes_of;
using sedma::testing::TemporaryDirectory;

constexpr const char* small_mtx = "%%MatrixMarket matrix coordinate real general\n2 3 2\n1 1 1.5\n2 3 -2\n";

Matrix any_matrix(std::mt19937_64& random) {
  const auto rows = static_cast<std::uint32_t>(1 + random() % 30);
  const auto cols = static_cast<std::uint32_t>(1 + random() % 30);
  std::vector<double> values(std::size_t{rows} * cols);
  const std::uint64_t sparsity = 1 + random() % 5;
  for (double& value : values) value = random() % sparsity == 0 ? any_double(random) : 0;
  auto matrix = Matrix::from_dense("any", rows, cols, values);
  EXPECT_TRUE(succeeds(matrix));
  return std::move(matrix).value();
}

class RoundTrip : public ::testing::TestWithParam<int> {};

TEST_P(RoundTrip, OfAMatrixThroughEveryFormatGivesTheSameBits) {
  const TemporaryDirectory directory;
  std::mt19937_64 random(static_cast<unsigned>(GetParam()));
  const Matrix matrix = any_matrix(random);
  for (const char* file : {"a.mtx", "a.npy", "a.rua", "a.h5", "a.hdf5:/deep/er/matrix", "A.MTX"}) {
    const std::string reference = directory / file;
    ASSERT_TRUE(succeeds(write_matrix(reference, matrix))) << file;
    const auto again = read_matrix(reference);
    ASSERT_TRUE(succeeds(again)) << file;
    EXPECT_TRUE(same(matrix, *again)) << file;
  }
  EXPECT_EQ(directory.names().size(), 6u) << "and no temporary file is left";
}

TEST_P(RoundTrip, OfABlockThroughEveryFormatGivesTheSameBits) {
  const TemporaryDirectory directory;
  std::mt19937_64 random(static_cast<unsigned>(GetParam()));
  DenseBlock block{1 + random() % 20, 1 + random() % 20, {}};
  for (std::size_t i = 0; i < block.rows * block.cols; ++i) block.values.push_back(random() % 8 == 0 ? -0.0 : any_double(random));
  for (const char* file : {"y.mtx", "y.npy", "y.h5", "z.h5:/group/out"}) {
    const std::string reference = directory / file;
    ASSERT_TRUE(succeeds(write_block(reference, block))) << file;
    const auto again = read_block(reference, block.cols);
    ASSERT_TRUE(succeeds(again)) << file;
    EXPECT_EQ(again->rows, block.rows) << file;
    EXPECT_EQ(bits(again->values), bits(block.values)) << file;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RoundTrip, ::testing::Range(0, 25));

TEST(MatrixFile, TheContentTellsTheFormatWhateverTheName) {
  const TemporaryDirectory directory;
  const auto matrix = Matrix::from_dense("m", 2, 2, std::vector<double>{1, 0, 3, 4});
  ASSERT_TRUE(succeeds(matrix));
  for (const char* file : {"a.mtx", "a.npy", "a.rua", "a.h5"}) {
    ASSERT_TRUE(succeeds(write_matrix(directory / file, *matrix)));
    std::filesystem::rename(directory / file, directory / "nameless");
    const auto again = read_matrix(directory / "nameless");
    ASSERT_TRUE(succeeds(again)) << file;
    EXPECT_TRUE(same(*matrix, *again)) << file;
  }
}

TEST(MatrixFile, EachFileThatIsNoneHasItsOwnMessage) {
  const TemporaryDirectory directory;
  const std::string path = directory.path();
  EXPECT_TRUE(fails(read_matrix(directory / "none.mtx"), Code::unavailable, "none.mtx: No such file or directory"));
  EXPECT_TRUE(fails(read_matrix(directory / "none.h5:/a"), Code::unavailable, "none.h5: No such file or directory"));
  EXPECT_TRUE(fails(read_matrix(path), Code::unavailable, path + " is a directory, expected a regular file"));
  EXPECT_TRUE(fails(read_matrix("/dev/zero"), Code::unavailable, "/dev/zero is a device"));
  EXPECT_TRUE(fails(read_matrix(""), Code::unavailable, "No such file"));
  ASSERT_EQ(::mkfifo((directory / "fifo").c_str(), 0600), 0);
  EXPECT_TRUE(fails(read_matrix(directory / "fifo"), Code::unavailable, "is a fifo, expected a regular file"));
  EXPECT_TRUE(fails(read_matrix(directory.put("empty.mtx", "")), Code::data_corrupt, "empty.mtx is empty"));
  EXPECT_TRUE(fails(read_matrix(directory.put("text", "hello\nworld\n")), Code::unsupported,
                    "neither Matrix Market, Harwell-Boeing, NumPy .npy nor HDF5; it begins with 'hello\\x0aworld"));
  EXPECT_TRUE(fails(read_matrix(directory.put("text.mtx", "hello")), Code::data_corrupt, "text.mtx:1: expected the banner"));
  EXPECT_TRUE(fails(read_matrix(directory.put("text.npy", "hello")), Code::data_corrupt, "text.npy: byte 0: expected"));
  EXPECT_TRUE(fails(read_matrix(directory.put("text.h5", "hello")), Code::data_corrupt, "text.h5 is not an HDF5 file"));
  EXPECT_TRUE(fails(read_matrix(directory.put("text.rsa", "hello")), Code::data_corrupt, "text.rsa:1: expected the line counts (line 2)"));
  const std::string mtx = directory.put("a.mtx", small_mtx);
  EXPECT_TRUE(fails(read_matrix(mtx + ":/x"), Code::invalid_argument, "names dataset /x, but " + mtx + " is not HDF5"));
  EXPECT_TRUE(fails(read_block(directory / "none.npy", 3), Code::unavailable, "No such file"));
}

TEST(MatrixFile, AnUnreadableFileIsUnavailable) {
  const TemporaryDirectory directory;
  const std::string path = directory.put("secret.mtx", small_mtx);
  ASSERT_EQ(::chmod(path.c_str(), 0), 0);
  ASSERT_EQ(::chmod(directory.path().c_str(), 0755), 0);
  // root reads everything, so the child becomes somebody else first.
  const Status status = calibration::hdf5::in_child_process("read", 10, [&]() -> Status {
    if (::geteuid() == 0 && ::seteuid(65534) != 0) return fail(Code::internal, "cannot drop root");
    return read_matrix(path).status();
  });
  EXPECT_TRUE(fails(status, Code::unavailable, "Permission denied"));
}

TEST(MatrixFile, AColonInAFileNameIsNoDataset) {
  const TemporaryDirectory directory;
  std::filesystem::create_directory(directory / "odd:");
  const std::string path = directory.put("odd:/a.mtx", small_mtx);
  EXPECT_TRUE(succeeds(read_matrix(path)));
}

TEST(MatrixFile, AOneDimensionalArrayIsNoMatrix) {
  const TemporaryDirectory directory;
  std::string bytes("\x93NUMPY\x01\0\x38\0{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}   ", 10 + 56);
  bytes += std::string(8, '\0');
  const std::string path = directory.put("v.npy", bytes);
  EXPECT_TRUE(fails(read_matrix(path), Code::invalid_argument, "an array of 1 dimensions (1), expected 2"));
  const auto block = read_block(path, 1);
  ASSERT_TRUE(succeeds(block));
  EXPECT_EQ(block->values, std::vector<double>{0});
}

TEST(MatrixFile, LimitsHoldForEveryFormat) {
  const TemporaryDirectory directory;
  const auto matrix = Matrix::from_dense("m", 3, 2, std::vector<double>(6, 1.0));
  ASSERT_TRUE(succeeds(matrix));
  for (const char* file : {"a.mtx", "a.npy", "a.rua", "a.h5"}) {
    ASSERT_TRUE(succeeds(write_matrix(directory / file, *matrix)));
    EXPECT_TRUE(succeeds(read_matrix(directory / file, {3, 2, 6}))) << file;
    EXPECT_TRUE(fails(read_matrix(directory / file, {2, 2, 6}), Code::out_of_range, "3 rows; the limit is 2")) << file;
    EXPECT_TRUE(fails(read_matrix(directory / file, {3, 1, 6}), Code::out_of_range, "2 columns; the limit is 1")) << file;
    EXPECT_TRUE(fails(read_matrix(directory / file, {3, 2, 5}), Code::out_of_range, "limit is 5")) << file;
  }
}

TEST(Block, ColumnsOfMatrixMarketAreOneVectorWhereTheLengthSaysSo) {
  const TemporaryDirectory directory;
  const std::string column = directory.put("x.mtx", "%%MatrixMarket matrix array real general\n3 1\n1\n2\n3\n");
  auto block = read_block(column, 3);
  ASSERT_TRUE(succeeds(block));
  EXPECT_EQ(block->rows, 1u);
  EXPECT_EQ(block->cols, 3u);
  EXPECT_EQ(block->values, (std::vector<double>{1, 2, 3}));
  block = read_block(column, 1);
  ASSERT_TRUE(succeeds(block));
  EXPECT_EQ(block->rows, 3u);
  EXPECT_TRUE(fails(read_block(column, 2), Code::invalid_argument, "x.mtx holds 3 x 1, expected vectors of length 2 as rows"));

  const std::string rows = directory.put("r.mtx", "%%MatrixMarket matrix array real general\n2 3\n1\n4\n2\n5\n3\n6\n");
  block = read_block(rows, 3);
  ASSERT_TRUE(succeeds(block));
  EXPECT_EQ(block->values, (std::vector<double>{1, 2, 3, 4, 5, 6}));
  EXPECT_TRUE(fails(read_block(rows, 2), Code::invalid_argument, "2 x 3, expected vectors of length 2 as rows; transpose it"));
}

TEST(Block, SparseFilesAreFilledIn) {
  const TemporaryDirectory directory;
  const auto block = read_block(directory.put("a.mtx", small_mtx), 3);
  ASSERT_TRUE(succeeds(block));
  EXPECT_EQ(block->values, (std::vector<double>{1.5, 0, 0, 0, 0, -2}));
  const auto matrix = Matrix::from_dense("m", 2, 2, std::vector<double>{1, 0, 3, 4});
  ASSERT_TRUE(succeeds(write_matrix(directory / "a.rua", *matrix)));
  const auto columns = read_block(directory / "a.rua", 2);
  ASSERT_TRUE(succeeds(columns));
  EXPECT_EQ(columns->values, (std::vector<double>{1, 0, 3, 4}));
  const std::string huge = directory.put("h.mtx", "%%MatrixMarket matrix coordinate real general\n10000000 10000000 1\n1 1 1\n");
  EXPECT_TRUE(fails(read_block(huge, 10000000), Code::out_of_range, "a dense block of 10000000 x 10000000 values"));
  const std::string sum = directory.put("s.mtx", "%%MatrixMarket matrix coordinate real general\n1 1 2\n1 1 1e308\n1 1 1e308\n");
  EXPECT_TRUE(fails(read_block(sum, 1), Code::data_corrupt, "sum to inf"));
}

TEST(Write, RefusesWithoutTouchingAnything) {
  const TemporaryDirectory directory;
  const auto matrix = Matrix::from_dense("m", 1, 1, std::vector<double>{1});
  ASSERT_TRUE(succeeds(matrix));
  const DenseBlock block{1, 2, {1, 2}};
  EXPECT_TRUE(
      fails(write_matrix(directory / "a.csv", *matrix), Code::unsupported, "a name that ends in .mtx, .npy, .rua or .h5[:/dataset]"));
  EXPECT_TRUE(fails(write_block(directory / "a.rua", block), Code::unsupported, "a name that ends in .npy, .mtx or .h5[:/dataset]"));
  EXPECT_TRUE(fails(write_block(directory / "a.npy:/y", block), Code::unsupported, "a name that ends in"));
  EXPECT_TRUE(fails(write_block(directory / "a.npy", {2, 2, {1, 2}}), Code::invalid_argument, "a block of 2 x 2 given 2 values"));
  EXPECT_TRUE(fails(write_block(directory / "a.npy", {0, 2, {}}), Code::invalid_argument, "a block of 0 x 2"));
  EXPECT_TRUE(
      fails(write_block(directory / "a.h5", {1, 2, {1, std::nan("")}}), Code::invalid_argument, "value (0, 1), counted from 0, is nan"));
  EXPECT_TRUE(fails(write_matrix(directory / "a.mtx", Matrix()), Code::invalid_argument, "the matrix is empty"));
  const auto tall = Matrix::from_entries("t", 100000, 100000, {});
  ASSERT_TRUE(succeeds(tall));
  EXPECT_TRUE(fails(write_matrix(directory / "a.npy", *tall), Code::out_of_range, "10000000000 dense values"));
  EXPECT_TRUE(fails(write_matrix(directory / "a.h5", *tall), Code::out_of_range, "10000000000 dense values"));
  for (const char* file : {"no/a.mtx", "no/a.npy", "no/a.rua", "no/a.h5"}) {
    EXPECT_TRUE(fails(write_matrix(directory / file, *matrix), Code::unavailable, "No such file or directory")) << file;
  }
  EXPECT_TRUE(directory.names().empty());
}

TEST(Write, AFailureLeavesTheOldFileAndNothingElse) {
  const TemporaryDirectory directory;
  const std::string old = directory.put("a.h5", "old");
  EXPECT_TRUE(fails(write_block(old + ":/bad/", {1, 1, {1}}), Code::invalid_argument, "expected an absolute path"));
  EXPECT_EQ(bytes_of(old), "old");
  std::filesystem::create_directory(directory / "b.mtx");
  EXPECT_TRUE(fails(write_block(directory / "b.mtx", {1, 1, {1}}), Code::unavailable, "Is a directory"));
  EXPECT_EQ(directory.names().size(), 2u);
}

}  // namespace
}  // namespace sedma::runtime

#include "calibration/hdf5.h"

#include <gtest/gtest.h>
#include <hdf5.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <limits>

#include "tests/temporary_directory.h"

namespace sedma::calibration::hdf5 {
namespace {

using sedma::testing::bytes_of;
using sedma::testing::TemporaryDirectory;

const std::vector<double> six{1, -2.5, 3e300, 4.9e-324, -0.0, 6};

#define EXPECT_OK(expression)                                             \
  do {                                                                    \
    const Status expect_ok_status_ = (expression);                        \
    EXPECT_TRUE(expect_ok_status_.ok()) << expect_ok_status_.to_string(); \
  } while (false)

void expect_failure(const Status& status, Code code, const std::string& fragment) {
  EXPECT_EQ(status.code(), code) << status.to_string();
  EXPECT_NE(status.message().find(fragment), std::string::npos) << status.to_string();
}

Writer create(const std::string& path, bool sealed = false) {
  auto writer = Writer::create(path, sealed);
  EXPECT_TRUE(writer.ok()) << writer.status().to_string();
  return std::move(writer).value();
}

Reader open(const std::string& path) {
  auto reader = Reader::open(path);
  EXPECT_TRUE(reader.ok()) << reader.status().to_string();
  return std::move(reader).value();
}

template <class T>
void expect_round_trip(const std::string& path, const std::string& type, const std::vector<T>& values) {
  Writer writer = create(path);
  EXPECT_OK(writer.write("/deep/group/x", std::span<const T>(values), {values.size()}));
  EXPECT_OK(writer.commit());
  const Reader reader = open(path);
  const auto shape = reader.shape("/deep/group/x");
  ASSERT_TRUE(shape.ok());
  EXPECT_EQ(shape->type, type);
  EXPECT_TRUE(shape->numeric);
  EXPECT_EQ(shape->dims, std::vector<std::uint64_t>{values.size()});
  const auto again = reader.read_all<T>("/deep/group/x");
  ASSERT_TRUE(again.ok()) << again.status().to_string();
  EXPECT_EQ(*again, values);
}

TEST(Hdf5, EveryTypeComesBack) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  expect_round_trip<double>(path, "float64", six);
  expect_round_trip<float>(path, "float32", {1.5f, -1e-45f});
  expect_round_trip<std::uint8_t>(path, "uint8", {0, 255});
  expect_round_trip<std::uint32_t>(path, "uint32", {0, UINT32_MAX});
  expect_round_trip<std::uint64_t>(path, "uint64", {0, UINT64_MAX});
  expect_round_trip<std::int64_t>(path, "int64", {INT64_MIN, INT64_MAX});
  expect_round_trip<double>(path, "float64", {});
}

TEST(Hdf5, RowsAndWindows) {
  const TemporaryDirectory directory;
  Writer writer = create(directory / "a.h5");
  const std::vector<double> values{1, 2, 3, 4, 5, 6};
  EXPECT_OK(writer.write("/m", std::span(values), {3, 2}));
  EXPECT_OK(writer.write("/v", std::span(values), {6}));
  EXPECT_OK(writer.write("/c", std::span(values), {1, 3, 2}));
  EXPECT_OK(writer.commit());
  const Reader reader = open(directory / "a.h5");
  std::vector<double> out(4);
  EXPECT_OK(reader.read_rows<double>("/m", 1, 2, out));
  EXPECT_EQ(out, (std::vector<double>{3, 4, 5, 6}));
  std::vector<std::uint8_t> bytes(2);
  EXPECT_OK(reader.read_window<std::uint8_t>("/m", 1, 1, 2, 1, bytes));
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{4, 6}));
  EXPECT_OK(reader.read_window<std::uint8_t>("/v", 0, 3, 1, 2, bytes));
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{4, 5}));
  std::vector<double> row(6);
  EXPECT_OK(reader.read_rows<double>("/v", 0, 1, row));
  EXPECT_EQ(row, values);
  EXPECT_OK(reader.read_rows<double>("/m", 3, 0, {}));

  expect_failure(reader.read_rows<double>("/m", 2, 2, out), Code::out_of_range, "rows 2..4 and columns 0..2 asked of dataset /m [3, 2]");
  expect_failure(reader.read_rows<double>("/m", UINT64_MAX, 2, out), Code::out_of_range, "asked of dataset /m");
  expect_failure(reader.read_window<double>("/v", 1, 0, 1, 4, out), Code::out_of_range, "asked of dataset /v [6]");
  expect_failure(reader.read_rows<double>("/m", 0, 1, out), Code::invalid_argument, "1 x 2 values of /m do not fit a buffer of 4");
  expect_failure(reader.read_all<double>("/c").status(), Code::invalid_argument, "shape [1, 3, 2], expected 1 or 2 dimensions");
  expect_failure(reader.read_all<double>("/none").status(), Code::invalid_argument,
                 "no dataset '/none'; it has /c [1, 3, 2] float64, /m [3, 2] float64, /v [6] float64");
}

TEST(Hdf5, ValuesThatDoNotFitAreRefusedNotClipped) {
  const TemporaryDirectory directory;
  Writer writer = create(directory / "a.h5");
  const auto put = [&](const char* name, double value) { EXPECT_OK(writer.write(name, std::span<const double>(&value, 1), {1})); };
  put("/large", 300);
  put("/negative", -1);
  put("/half", 0.5);
  put("/nan", std::numeric_limits<double>::quiet_NaN());
  put("/inf", std::numeric_limits<double>::infinity());
  put("/huge", 1e300);
  put("/tenth", 0.1);
  EXPECT_OK(writer.commit());
  const Reader reader = open(directory / "a.h5");
  for (const char* name : {"/large", "/negative", "/half", "/nan", "/inf"}) {
    expect_failure(reader.read_all<std::uint8_t>(name).status(), Code::data_corrupt,
                   std::string("dataset ") + name + " (float64) cannot be read");
  }
  expect_failure(reader.read_all<float>("/huge").status(), Code::data_corrupt, "/huge");
  EXPECT_EQ(reader.read_all<std::uint32_t>("/large")->front(), 300u);
  EXPECT_EQ(reader.read_all<std::int64_t>("/negative")->front(), -1);
  EXPECT_EQ(reader.read_all<float>("/tenth")->front(), 0.1f) << "the nearest value";
  EXPECT_TRUE(std::isinf(reader.read_all<float>("/inf")->front())) << "whether infinity is allowed is the caller's matter";
}

TEST(Hdf5, DatasetsAreListedInTheOrderOfTheirNames) {
  const TemporaryDirectory directory;
  Writer writer = create(directory / "a.h5");
  EXPECT_OK(writer.write("/b/x", std::span(six), {2, 3}));
  EXPECT_OK(writer.write("/a", std::span(six), {6}));
  EXPECT_OK(writer.create_rows("/c", 1000, 1000));
  EXPECT_OK(writer.commit());
  const auto all = open(directory / "a.h5").datasets();
  ASSERT_TRUE(all.ok());
  ASSERT_EQ(all->size(), 3u);
  EXPECT_EQ((*all)[0].path, "/a");
  EXPECT_EQ((*all)[1].path, "/b/x");
  EXPECT_EQ((*all)[1].dims, (std::vector<std::uint64_t>{2, 3}));
  EXPECT_TRUE((*all)[1].chunk.empty());
  EXPECT_EQ((*all)[2].chunk, (std::vector<std::uint64_t>{131, 1000}));
}

TEST(Hdf5, RowsAreFilledPieceByPiece) {
  const TemporaryDirectory directory;
  Writer writer = create(directory / "a.h5");
  EXPECT_OK(writer.create_rows("/m", 3, 2));
  EXPECT_OK(writer.write_rows("/m", 1, std::vector<double>{3, 4, 5, 6}));
  EXPECT_OK(writer.write_rows("/m", 3, {}));
  expect_failure(writer.write_rows("/m", 2, std::vector<double>{1, 2, 3, 4}), Code::out_of_range, "rows 2..4 of dataset /m [3, 2]");
  expect_failure(writer.write_rows("/m", 0, std::vector<double>{1, 2, 3}), Code::invalid_argument, "3 values are no whole rows");
  expect_failure(writer.write_rows("/n", 0, std::vector<double>{1, 2}), Code::invalid_argument, "no dataset /n");
  expect_failure(writer.create_rows("/e", 0, 2), Code::invalid_argument, "dataset /e [0, 2] is empty");
  EXPECT_OK(writer.commit());
  EXPECT_EQ(*open(directory / "a.h5").read_all<double>("/m"), (std::vector<double>{0, 0, 3, 4, 5, 6}));
}

TEST(Hdf5, Attributes) {
  const TemporaryDirectory directory;
  Writer writer = create(directory / "a.h5");
  EXPECT_OK(writer.write("/g/x", std::span(six), {6}));
  const std::string text = "r\xc3\xa9sistance, \"quoted\"\n";
  const std::string large(200000, 'z');
  EXPECT_OK(writer.text_attribute("/g/x", "text", text));
  EXPECT_OK(writer.text_attribute("/", "empty", ""));
  EXPECT_OK(writer.text_attribute("/g", "large", large));
  EXPECT_OK(writer.number_attribute("/g/x", "number", 4.9e-324));
  expect_failure(writer.number_attribute("/g/x", "number", 1), Code::invalid_argument, "cannot write attribute 'number' of /g/x");
  expect_failure(writer.number_attribute("/none", "number", 1), Code::invalid_argument, "of /none");
  EXPECT_OK(writer.commit());
  const Reader reader = open(directory / "a.h5");
  EXPECT_EQ(*reader.text_attribute("/g/x", "text"), text);
  EXPECT_EQ(*reader.text_attribute("/", "empty"), "");
  EXPECT_EQ(*reader.text_attribute("/g", "large"), large);
  EXPECT_EQ(*reader.number_attribute("/g/x", "number"), 4.9e-324);
  EXPECT_TRUE(reader.has_attribute("/g/x", "text"));
  EXPECT_FALSE(reader.has_attribute("/g/x", "none"));
  EXPECT_FALSE(reader.has_attribute("/none", "text"));
  expect_failure(reader.text_attribute("/g/x", "none").status(), Code::invalid_argument, "/g/x has no attribute 'none'");
  expect_failure(reader.text_attribute("/g/x", "number").status(), Code::invalid_argument, "is not one text");
  expect_failure(reader.number_attribute("/g/x", "text").status(), Code::invalid_argument, "is not one number");
}

TEST(Hdf5, AttributesOfOtherProgramsMayBeOfVariableLength) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hid_t type = H5Tcopy(H5T_C_S1), space = H5Screate(H5S_SCALAR);
  H5Tset_size(type, H5T_VARIABLE);
  const hid_t attribute = H5Acreate2(file, "unit", type, space, H5P_DEFAULT, H5P_DEFAULT);
  const char* siemens = "siemens";
  H5Awrite(attribute, type, &siemens);
  H5Aclose(attribute);
  const hid_t number = H5Acreate2(file, "n", H5T_STD_I16BE, space, H5P_DEFAULT, H5P_DEFAULT);
  const int minus = -300;
  H5Awrite(number, H5T_NATIVE_INT, &minus);
  H5Aclose(number);
  H5Sclose(space);
  H5Tclose(type);
  H5Fclose(file);
  EXPECT_EQ(*open(path).text_attribute("/", "unit"), "siemens");
  EXPECT_EQ(*open(path).number_attribute("/", "n"), -300);
}

TEST(Hdf5, WritingRefusesWhatContradictsItself) {
  const TemporaryDirectory directory;
  Writer writer = create(directory / "a.h5");
  EXPECT_OK(writer.write("/x", std::span(six), {2, 3}));
  expect_failure(writer.write("/x", std::span(six), {6}), Code::invalid_argument, "dataset /x exists already");
  expect_failure(writer.write("/x/y", std::span(six), {6}), Code::invalid_argument, "/x of dataset /x/y is no group");
  expect_failure(writer.write("/z", std::span(six), {2, 2}), Code::invalid_argument, "dataset /z [2, 2] given 6 values");
  expect_failure(writer.write("/z", std::span(six), {}), Code::invalid_argument, "dataset /z [] given 6 values");
  expect_failure(writer.write("/z", std::span(six), {1ull << 32, 1ull << 32}), Code::invalid_argument, "given 6 values");
  expect_failure(writer.write("z", std::span(six), {6}), Code::invalid_argument, "expected an absolute path");
  expect_failure(Writer::create(directory / "no/a.h5", true).status(), Code::unavailable, "No such file or directory");
}

TEST(Hdf5, AWriterWithoutCommitLeavesNothing) {
  const TemporaryDirectory directory;
  {
    Writer writer = create(directory / "a.h5", true);
    EXPECT_OK(writer.write("/x", std::span(six), {6}));
    Writer moved = std::move(writer);
    EXPECT_OK(moved.write("/y", std::span(six), {6}));
    EXPECT_EQ(directory.names().size(), 1u);
  }
  EXPECT_TRUE(directory.names().empty());
}

TEST(Hdf5, EqualContentGivesEqualBytes) {
  const TemporaryDirectory directory;
  std::string bytes[2];
  for (std::string& result : bytes) {
    Writer writer = create(directory / "a.h5", true);
    EXPECT_OK(writer.write("/g/x", std::span(six), {6}));
    EXPECT_OK(writer.create_rows("/h/m", 10, 10));
    EXPECT_OK(writer.text_attribute("/", "a", "b"));
    EXPECT_OK(writer.commit());
    result = bytes_of(directory / "a.h5");
    ::usleep(1100000);  // HDF5's time stamps count seconds
  }
  EXPECT_TRUE(bytes[0] == bytes[1]);
}

TEST(Hdf5, SealsFindDamage) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  Writer writer = create(path, true);
  EXPECT_OK(writer.write("/x", std::span(six), {6}));
  EXPECT_OK(writer.commit());
  EXPECT_OK(verify_seal(path));
  EXPECT_TRUE(*has_seal(path));
  EXPECT_EQ(*open(path).read_all<double>("/x"), six) << "ordinary readers are not disturbed";
  const std::string whole = bytes_of(path);
  EXPECT_TRUE(whole.starts_with("SEDMA xxh3-128 ")) << whole.substr(0, 48);

  for (const std::size_t at : {std::size_t{20}, std::size_t{100}, std::size_t{512}, whole.size() - 1}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    expect_failure(verify_seal(directory.put("b.h5", damaged)), Code::data_corrupt, "do not match their checksum");
  }
  expect_failure(verify_seal(directory.put("b.h5", whole + "x")), Code::data_corrupt, "do not match their checksum");
  expect_failure(verify_seal(directory.put("b.h5", whole.substr(0, 300))), Code::data_corrupt, "do not match their checksum");
  expect_failure(verify_seal(directory.put("b.h5", "x" + whole)), Code::data_corrupt, "carries no seal");
  expect_failure(verify_seal(directory / "none"), Code::unavailable, "No such file");
  Writer plain = create(path, false);
  EXPECT_OK(plain.commit());
  expect_failure(verify_seal(path), Code::data_corrupt, "carries no seal of SEDMA");
  EXPECT_FALSE(*has_seal(path));
}

TEST(Hdf5, OpeningSaysWhatIsWrong) {
  const TemporaryDirectory directory;
  expect_failure(Reader::open(directory / "none").status(), Code::unavailable, "No such file or directory");
  expect_failure(Reader::open(directory.path()).status(), Code::unavailable, "is a directory");
  expect_failure(Reader::open(directory.put("empty", "")).status(), Code::data_corrupt, "is not an HDF5 file");
  expect_failure(Reader::open(directory.put("text", "hello")).status(), Code::data_corrupt, "is not an HDF5 file");
  Writer writer = create(directory / "a.h5");
  EXPECT_OK(writer.write("/x", std::span(six), {6}));
  EXPECT_OK(writer.commit());
  const std::string whole = bytes_of(directory / "a.h5");
  const std::string cut = directory.put("cut", whole.substr(0, whole.size() / 2));
  ::testing::internal::CaptureStderr();
  expect_failure(Reader::open(cut).status(), Code::data_corrupt, "cut is a damaged HDF5 file: truncated file: eof = ");
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "") << "HDF5 prints nothing by itself";
}

TEST(Hdf5, AShapeBeyondItsLargestIsDamage) {
  const TemporaryDirectory directory;
  const std::string path = directory / "a.h5";
  // The plain format of HDF5 1.6, whose headers have no checksum.
  const hid_t file = H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  const hsize_t dims[2] = {0x1122, 1};
  const hid_t space = H5Screate_simple(2, dims, nullptr);
  H5Dclose(H5Dcreate2(file, "m", H5T_IEEE_F64LE, space, H5P_DEFAULT, H5P_DEFAULT, H5P_DEFAULT));
  H5Sclose(space);
  H5Fclose(file);
  std::string bytes = bytes_of(path);
  const std::size_t at = bytes.find("\x22\x11");  // the shape; the largest shape follows
  ASSERT_NE(at, std::string::npos);
  bytes[at + 2] = 1;
  const Reader reader = open(directory.put("b.h5", bytes));
  expect_failure(reader.shape("/m").status(), Code::data_corrupt, "its shape [69922, 1] is beyond its largest shape [4386, 1]");
}

TEST(Hdf5, AHeaderThatClaimsTooMuchIsNotBelieved) {
  const TemporaryDirectory directory;
  Writer writer = create(directory / "a.h5");
  EXPECT_OK(writer.create_rows("/m", 1u << 20, 1u << 20));
  EXPECT_OK(writer.commit());
  expect_failure(open(directory / "a.h5").read_all<double>("/m").status(), Code::out_of_range,
                 "claims [1048576, 1048576] values in a file of");
}

TEST(Hdf5, FileLocksAreBestEffortUnlessTheUserSaysOtherwise) {
  const TemporaryDirectory directory;
  create(directory / "a.h5");
  const char* locking = std::getenv("HDF5_USE_FILE_LOCKING");
  ASSERT_NE(locking, nullptr);
  EXPECT_STREQ(locking, "BEST_EFFORT");
}

}  // namespace
}  // namespace sedma::calibration::hdf5

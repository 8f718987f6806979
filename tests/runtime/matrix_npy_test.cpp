// NumPy .npy, from bytes in memory.

#include <gtest/gtest.h>

#include <cstring>

#include "runtime/file_formats.h"
#include "tests/runtime/matrix_testing.h"

namespace sedma::runtime {
namespace {

std::string file(const std::string& dictionary, const std::string& data, char major = 1) {
  std::string bytes("\x93NUMPY");
  bytes += {major, '\0', static_cast<char>(dictionary.size() & 0xff), static_cast<char>(dictionary.size() >> 8)};
  if (major != 1) bytes += std::string(2, '\0');
  return bytes + dictionary + data;
}

std::string dictionary(const std::string& type, const std::string& shape, const std::string& fortran = "False") {
  return "{'descr': '" + type + "', 'fortran_order': " + fortran + ", 'shape': " + shape + ", }\n";
}

template <class T>
std::string raw(const std::vector<T>& values, bool big_endian = false) {
  std::string bytes;
  for (const T value : values) {
    std::string item(sizeof value, '\0');
    std::memcpy(item.data(), &value, sizeof value);
    if (big_endian) std::reverse(item.begin(), item.end());
    bytes += item;
  }
  return bytes;
}

const std::vector<double> six{1, -2, 3, 4, -0.0, 6};

TEST(Npy, EveryVersionIsRead) {
  for (const char major : {'\1', '\2', '\3'}) {
    const auto block = parse_npy(file(dictionary("<f8", "(2, 3)"), raw(six), major), "a.npy");
    ASSERT_TRUE(succeeds(block)) << int{major};
    EXPECT_EQ(block->rows, 2u);
    EXPECT_EQ(block->cols, 3u);
    EXPECT_EQ(bits(block->values), bits(six));
  }
}

TEST(Npy, FortranOrderIsTransposed) {
  const auto block = parse_npy(file(dictionary("<f8", "(2, 3)", "True"), raw<double>({1, 4, 2, 5, 3, 6})), "a.npy");
  ASSERT_TRUE(succeeds(block));
  EXPECT_EQ(block->values, (std::vector<double>{1, 2, 3, 4, 5, 6}));
}

template <class T>
void expect_type(const std::string& kind, std::vector<T> values, std::vector<double> expected) {
  for (const bool big : {false, true}) {
    const std::string type = (sizeof(T) == 1 ? "|" : big ? ">" : "<") + kind + std::to_string(sizeof(T));
    const auto block = parse_npy(file(dictionary(type, "(1, " + std::to_string(values.size()) + ")"), raw(values, big)), "a.npy");
    ASSERT_TRUE(succeeds(block)) << type;
    EXPECT_EQ(bits(block->values), bits(expected)) << type;
  }
}

TEST(Npy, EveryTypeAndByteOrderIsRead) {
  expect_type<double>("f", {1.1, -4.9e-324}, {1.1, -4.9e-324});
  expect_type<float>("f", {1.1f, -1e-45f}, {double{1.1f}, double{-1e-45f}});
  expect_type<std::int8_t>("i", {-128, 127}, {-128, 127});
  expect_type<std::int16_t>("i", {-32768, 258}, {-32768, 258});
  expect_type<std::int32_t>("i", {INT32_MIN, 16909060}, {-2147483648.0, 16909060});
  expect_type<std::int64_t>("i", {INT64_MIN, 72623859790382856}, {-9223372036854775808.0, 72623859790382856.0});
  expect_type<std::uint8_t>("u", {255}, {255});
  expect_type<std::uint16_t>("u", {65535, 1}, {65535, 1});
  expect_type<std::uint32_t>("u", {4294967295u, 1}, {4294967295.0, 1});
  expect_type<std::uint64_t>("u", {UINT64_MAX, (1ull << 53) + 1}, {18446744073709551616.0, 9007199254740992.0});
  expect_type<std::uint8_t>("b", {0, 1, 2}, {0, 1, 1});
}

TEST(Npy, VectorsAreOneRowAndNoMatrix) {
  const std::string bytes = file(dictionary("<f8", "(6,)"), raw(six));
  const auto block = parse_npy(bytes, "v.npy");
  ASSERT_TRUE(succeeds(block));
  EXPECT_EQ(block->rows, 1u);
  EXPECT_EQ(block->cols, 6u);
  EXPECT_TRUE(
      fails(parse_npy_values(bytes, "v.npy", {}, false), Code::invalid_argument, "v.npy: an array of 1 dimensions (6), expected 2"));
}

TEST(Npy, SpellingsOfTheDictionary) {
  for (const char* text :
       {"{'shape': (2, 3), 'descr': '<f8', 'fortran_order': False}", "{\"descr\":\"<f8\",\"fortran_order\":False,\"shape\":(2,3)}",
        "{ 'descr' : '=f8' , 'fortran_order' : False , 'shape' : ( 2L , 3L , ) , }   \n"}) {
    const auto block = parse_npy(file(text, raw(six)), "a.npy");
    ASSERT_TRUE(succeeds(block)) << text;
    EXPECT_EQ(block->rows, 2u);
  }
}

struct Bad {
  std::string bytes;
  Code code;
  const char* fragment;
};

class BadNpy : public ::testing::TestWithParam<Bad> {};
TEST_P(BadNpy, IsRefused) { EXPECT_TRUE(fails(parse_npy(GetParam().bytes, "b.npy"), GetParam().code, GetParam().fragment)); }

Bad header(const char* text, Code code, const char* fragment) { return {file(text, raw(six)), code, fragment}; }
Bad typed(const char* type, Code code, const char* fragment) { return {file(dictionary(type, "(2, 3)"), raw(six)), code, fragment}; }
Bad shaped(const char* shape, Code code, const char* fragment) { return {file(dictionary("<f8", shape), raw(six)), code, fragment}; }

INSTANTIATE_TEST_SUITE_P(
    Table, BadNpy,
    ::testing::Values(
        Bad{"", Code::data_corrupt, "b.npy: byte 0: expected '\\x93NUMPY', found ''"},
        Bad{"\x93NUMP", Code::data_corrupt, "found '\\x93NUMP'"},
        Bad{"\x93NUMPY\x01", Code::data_corrupt, "byte 7: expected a version: truncated"},
        Bad{std::string("\x93NUMPY\x04\0\0\0", 10), Code::unsupported, "version 4.0"},
        Bad{std::string("\x93NUMPY\x01\x01\0\0", 10), Code::unsupported, "version 1.1"},
        Bad{std::string("\x93NUMPY\x02\0\0\0", 10), Code::data_corrupt, "byte 10: expected the header's length: truncated"},
        Bad{std::string("\x93NUMPY\x01\0\x10\0", 10), Code::data_corrupt, "byte 8: a header of 16 bytes, but only 0 follow"},
        Bad{std::string("\x93NUMPY\x02\0\xff\xff\xff\xff", 12), Code::data_corrupt,
            "byte 8: a header of 4294967295 bytes, but only 0 follow"},
        header("", Code::data_corrupt, "byte 10: expected '{' in the header, found ''"),
        header("{'descr': '<f8', 'fortran_order': False}", Code::data_corrupt, "lacks shape"),
        header("{'fortran_order': False, 'shape': (2, 3)}", Code::data_corrupt, "lacks descr"),
        header("{'descr': '<f8', 'shape': (2, 3)}", Code::data_corrupt, "lacks fortran_order"),
        header("{'descr': '<f8', 'descr': '<f8'}", Code::data_corrupt, "found 'descr' twice"),
        header("{'size': 3}", Code::data_corrupt, "found 'size'"),
        header("{descr: '<f8'}", Code::data_corrupt, "byte 11: expected a text in quotes"),
        header("{'descr': '<f8}", Code::data_corrupt, "expected a text in quotes"),
        header("{'descr' '<f8'}", Code::data_corrupt, "byte 19: expected ':' in the header, found ''<f8'}'"),
        header("{'descr': '<f8', 'fortran_order': 0, 'shape': (2, 3)}", Code::data_corrupt,
               "expected True or False in the header, found '0, "),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)", Code::data_corrupt, "expected '}'"),
        header("{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3)} x", Code::data_corrupt,
               "expected nothing more in the header, found 'x'"),
        header("{'descr': [('a', '<f8')], 'fortran_order': False, 'shape': (2, 3)}", Code::unsupported, "structured"),
        typed("<c16", Code::unsupported, "'<c16': complex"), typed("|O", Code::unsupported, "Python objects"),
        typed("<U5", Code::unsupported, "text"), typed("|S5", Code::unsupported, "text"), typed("<M8[ns]", Code::unsupported, "dates"),
        typed("|V8", Code::unsupported, "structured"), typed("<f2", Code::unsupported, "neither single nor double precision"),
        typed("<f16", Code::unsupported, "neither single nor double"),
        typed("f8", Code::data_corrupt, "expected a type such as '<f8', found 'f8'"), typed("<f3", Code::data_corrupt, "found '<f3'"),
        typed("", Code::data_corrupt, "found ''"), typed("<b2", Code::data_corrupt, "found '<b2'"),
        typed("<", Code::data_corrupt, "found '<'"), shaped("()", Code::invalid_argument, "an array of 0 dimensions (), expected 1 or 2"),
        shaped("(1, 2, 3)", Code::invalid_argument, "an array of 3 dimensions (1, 2, 3)"),
        shaped("(0, 3)", Code::invalid_argument, "at least one row and one column, found 0 x 3"),
        shaped("(6)", Code::data_corrupt, "',' after a single dimension"),
        shaped("(-2, 3)", Code::data_corrupt, "expected a dimension in the header, found '-2"),
        shaped("(2.0, 3)", Code::data_corrupt, "expected"), shaped("(2, 3", Code::data_corrupt, "expected"),
        shaped("[2, 3]", Code::data_corrupt, "expected '('"),
        shaped("(2, 99999999999999999999)", Code::out_of_range, "beyond what 64 bits hold"),
        shaped("(4000000000, 1)", Code::out_of_range, "4000000000 rows"),
        shaped("(16000000, 16000000)", Code::out_of_range, "16000000 x 16000000 values"),
        shaped("(4096, 4096)", Code::data_corrupt, "expected 134217728 bytes of values from byte"),
        shaped("(2, 4)", Code::data_corrupt, "(8 x 8 bytes), found 48: truncated"),
        shaped("(2, 2)", Code::data_corrupt, "(4 x 8 bytes), found 48"),
        Bad{file(dictionary("<f8", "(1, 2)"), raw<double>({1, std::numeric_limits<double>::quiet_NaN()})), Code::data_corrupt,
            "the value at (0, 1), counted from 0, is nan"},
        Bad{file(dictionary("<f4", "(1, 1)"), raw<float>({std::numeric_limits<float>::infinity()})), Code::data_corrupt, "is inf"}));

TEST(Npy, EveryTruncationIsRefused) {
  const std::string whole = file(dictionary("<f8", "(2, 3)"), raw(six));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_TRUE(fails(parse_npy(std::string_view(whole).substr(0, length), "t.npy"), Code::data_corrupt, "t.npy: ")) << length;
  }
}

TEST(Npy, IsWrittenAsNumPyDoes) {
  std::string bytes;
  const Sink sink = [&](std::string_view piece) { return bytes += piece, Status(); };
  ASSERT_TRUE(succeeds(format_npy(DenseBlock{2, 3, six}, sink)));
  ASSERT_EQ(bytes.size(), 128 + 48u);
  EXPECT_EQ(bytes.substr(0, 10), std::string("\x93NUMPY\x01\0\x76\0", 10));
  EXPECT_EQ(bytes.substr(10, 60), "{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), } ");
  EXPECT_EQ(bytes[127], '\n');
  EXPECT_EQ(bytes.substr(128), raw(six));
}

}  // namespace
}  // namespace sedma::runtime

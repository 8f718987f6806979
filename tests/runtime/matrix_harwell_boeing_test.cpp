// Harwell-Boeing, from bytes in memory.

#include <gtest/gtest.h>

#include "runtime/file_formats.h"
#include "tests/runtime/matrix_testing.h"

namespace sedma::runtime {
namespace {

/// A file of 2 pointer lines, 1 index line and 2 value lines for
///   1 0 4
///   2 3 0   (the columns hold {1, 2}, {3}, {4})
struct File {
  std::string title = "A matrix that nobody asked for                                          KEY     \n";
  std::string counts = "             5             2             1             2             0\n";
  std::string shape = "RUA                        2             3             4             0\n";
  std::string formats = "(2I8)           (10I8)          (1P,3E20.12)        (1P,3E20.12)        \n";
  std::string line5;
  std::string pointers = "       1       3\n       4       5\n";
  std::string indices = "       1       2       2       1\n";
  std::string values = "  1.000000000000E+00  2.000000000000D+00  3.000000000000+000\n  4.000000000000E+00\n";
  std::string rest;

  std::string text() const { return title + counts + shape + formats + line5 + pointers + indices + values + rest; }
  Result<Matrix> read() const { return parse_harwell_boeing(text(), "a.rua"); }
};

const std::vector<double> expected{1, 0, 4, 2, 3, 0};

TEST(HarwellBoeing, IsRead) {
  const auto matrix = File().read();
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(matrix->rows(), 2u);
  EXPECT_EQ(matrix->cols(), 3u);
  EXPECT_EQ(dense(*matrix), expected);
  EXPECT_TRUE(looks_like_harwell_boeing(File().text()));
}

TEST(HarwellBoeing, IsReadWithCrLf) {
  std::string text;
  for (const char c : File().text()) text += c == '\n' ? std::string("\r\n") : std::string(1, c);
  const auto matrix = parse_harwell_boeing(text, "a.rua");
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(dense(*matrix), expected);
}

TEST(HarwellBoeing, FieldsMayTouch) {
  File file;
  file.formats = "(3I1)           (10I1)          (2D7.1)             \n";
  file.counts = "             5             2             1             2             0\n";
  file.pointers = "134\n5\n";
  file.indices = "1221\n";
  file.values = "1.0D+002.0D+00\n3.0D+004.0D+00\n";
  const auto matrix = file.read();
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(dense(*matrix), expected);
}

TEST(HarwellBoeing, LongColumnsOfManyLinesAndNumbersBehindThem) {
  File file;  // card numbers behind column 16 of the pointers, as punched cards had
  file.pointers = "       1       3  CARD0001\n       4       5  CARD0002\n";
  const auto matrix = file.read();
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(dense(*matrix), expected);
}

TEST(HarwellBoeing, RightHandSidesAreSkipped) {
  File file;
  file.counts = "             7             2             1             2             2\n";
  file.line5 = "F                          1             0\n";
  file.rest = "  9.000000000000E+00  9.000000000000E+00\n garbage that is nobody's business\n";
  const auto matrix = file.read();
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(dense(*matrix), expected);
}

TEST(HarwellBoeing, RutherfordBoeingHeadersAreShorter) {
  File file;
  file.counts = "             5             2             1             2\n";
  file.shape = "rua                        2             3             4\n";
  file.formats = "(2I8)           (10I8)          (3E20.12)           \n";
  const auto matrix = file.read();
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(dense(*matrix), expected);
}

File square() {
  File file;  // lower triangle of 3 x 3: (1,1) (3,1) (3,2)
  file.shape = "RSA                        3             3             3             0\n";
  file.counts = "             4             2             1             1             0\n";
  file.pointers = "       1       3\n       4       4\n";
  file.indices = "       1       3       3\n";
  file.values = "  1.000000000000E+00  2.000000000000E+00  3.000000000000E+00\n";
  return file;
}

TEST(HarwellBoeing, SymmetricTypes) {
  File file = square();
  auto matrix = file.read();
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(dense(*matrix), (std::vector<double>{1, 0, 2, 0, 0, 3, 2, 3, 0}));
  EXPECT_EQ(matrix->nonzeros(), 5u);

  file.shape = "RZA                        3             3             3             0\n";
  EXPECT_TRUE(fails(file.read(), Code::data_corrupt, "entry (1, 1) lies on the diagonal"));
  file.indices = "       2       3       3\n";
  matrix = file.read();
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(dense(*matrix), (std::vector<double>{0, -1, -2, 1, 0, -3, 2, 3, 0}));

  file = square();
  file.shape = "PSA                        3             3             3             0\n";
  file.counts = "             3             2             1             0             0\n";
  file.formats = "(2I8)           (10I8)                              \n";
  file.values.clear();
  matrix = file.read();
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(dense(*matrix), (std::vector<double>{1, 0, 1, 0, 0, 1, 1, 1, 0}));
  file.shape = "PUA                        3             3             3             0\n";
  matrix = file.read();
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(dense(*matrix), (std::vector<double>{1, 0, 0, 0, 0, 0, 1, 1, 0}));

  file = square();
  file.shape = "IUA                        3             3             3             0\n";
  file.formats = "(2I8)           (10I8)          (10I4)              \n";
  file.values = "   1  -2 300\n";
  matrix = file.read();
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(dense(*matrix), (std::vector<double>{1, 0, 0, 0, 0, 0, -2, 300, 0}));
}

struct Change {
  std::string File::*part;
  const char* text;
  Code code;
  const char* fragment;
};

class BadHarwellBoeing : public ::testing::TestWithParam<Change> {};

TEST_P(BadHarwellBoeing, IsRefusedWithTheLine) {
  File file;
  file.*GetParam().part = GetParam().text;
  EXPECT_TRUE(fails(file.read(), GetParam().code, GetParam().fragment)) << file.text();
}

INSTANTIATE_TEST_SUITE_P(
    Table, BadHarwellBoeing,
    ::testing::Values(
        Change{&File::counts, "5 2 1 x 0\n", Code::data_corrupt, "a.rua:2: expected a count, found 'x'"},
        Change{&File::counts, "5 2\n", Code::data_corrupt, "a.rua:2: expected at least 3 counts, found 2"},
        Change{&File::counts, "6 2 1 2 0\n", Code::data_corrupt, "a.rua:2: expected a total of 2 + 1 + 2 + 0 lines, found 6"},
        Change{&File::counts, "6 3 1 2 0\n", Code::data_corrupt, "4 column pointers at 2 a line take 2 lines, but line 2 says 3"},
        Change{&File::counts, "6 2 2 2 0\n", Code::data_corrupt, "4 row indices at 10 a line take 1 lines, but line 2 says 2"},
        Change{&File::counts, "4 2 1 1 0\n", Code::data_corrupt, "4 values at 3 a line take 2 lines, but line 2 says 1"},
        Change{&File::counts, "18446744073709551615 2 1 18446744073709551612 0\n", Code::data_corrupt, "expected line counts below"},
        Change{&File::shape, "\n", Code::data_corrupt, "a.rua:3: expected the matrix type and shape, found a blank line"},
        Change{&File::shape, "RUA 2 3\n", Code::data_corrupt, "a.rua:3: expected at least 3 counts, found 2"},
        Change{&File::shape, "RUA -2 3 4\n", Code::data_corrupt, "expected a count, found '-2'"},
        Change{&File::shape, "RUAX 2 3 4\n", Code::data_corrupt, "expected a matrix type of 3 letters such as RUA, found 'RUAX'"},
        Change{&File::shape, "XUA 2 3 4\n", Code::data_corrupt, "expected a matrix type such as RUA, RSA or PUA, found 'XUA'"},
        Change{&File::shape, "CUA 2 3 4\n", Code::unsupported, "a.rua:3: type CUA: complex values"},
        Change{&File::shape, "RHA 2 3 4\n", Code::unsupported, "Hermitian"},
        Change{&File::shape, "RUE 2 3 4\n", Code::unsupported, "unassembled finite elements"},
        Change{&File::shape, "PZA 2 2 4\n", Code::data_corrupt, "a pattern has no values"},
        Change{&File::shape, "RSA 2 3 4\n", Code::data_corrupt, "is square, found 2 x 3"},
        Change{&File::shape, "RUA 0 3 4\n", Code::invalid_argument, "found 0 x 3"},
        Change{&File::shape, "RUA 4000000000 3 4\n", Code::out_of_range, "4000000000 rows"},
        Change{&File::shape, "RUA 2 16000000 4\n", Code::data_corrupt, "16000000 columns and 4 entries in a file of"},
        Change{&File::shape, "RUA 2 3 1000000000000000000\n", Code::out_of_range, "1000000000000000000 entries; the limit"},
        Change{&File::shape, "RUA 2 3 1000000\n", Code::data_corrupt, "3 columns and 1000000 entries in a file of"},
        Change{&File::formats, "(2I8)           10I8            (1P,3E20.12)\n", Code::data_corrupt,
               "a.rua:4: expected 3 Fortran formats in parentheses, found 2"},
        Change{&File::formats, "(2I8)           (10I8)          \n", Code::data_corrupt,
               "a.rua:4: expected 3 Fortran formats in parentheses, found 2"},
        Change{&File::formats, "(2I8)           (10A8)          (3E20.12)\n", Code::data_corrupt, "found '(10A8)'"},
        Change{&File::formats, "(2I8)           (10E8.1)        (3E20.12)\n", Code::data_corrupt, "expected integer formats"},
        Change{&File::pointers, "       2       3\n       4       5\n", Code::data_corrupt,
               "expected the first column pointer to be 1, found 2"},
        Change{&File::pointers, "       1       3\n       4       4\n", Code::data_corrupt,
               "expected the last column pointer to be 5, found 4"},
        Change{&File::pointers, "       1       4\n       3       5\n", Code::data_corrupt,
               "expected ascending column pointers, found 3 after 4"},
        Change{&File::pointers, "       1       6\n       4       5\n", Code::data_corrupt,
               "a.rua:5: number 2 of the column pointers is 6, outside 1..5"},
        Change{&File::pointers, "       1       *\n       4       5\n", Code::data_corrupt, "expected a count, found '*'"},
        Change{&File::pointers, "       1\n       3       4\n       5\n", Code::data_corrupt,
               "expected 4 column pointers, found a blank field after 1"},
        Change{&File::indices, "       1       2       3       1\n", Code::data_corrupt,
               "a.rua:7: number 3 of the row indices is 3, outside 1..2"},
        Change{&File::indices, "       1       2       0       1\n", Code::data_corrupt, "number 3 of the row indices is 0"},
        Change{&File::values, "  1.000000000000E+00\n", Code::data_corrupt, "a.rua:8: expected 4 values, found a blank field after 1"},
        Change{&File::values, "", Code::data_corrupt, "a.rua:7: expected 4 values, found 0: truncated"},
        Change{&File::values, "                 1.0                 abc                 3.0\n                 4.0\n", Code::data_corrupt,
               "no exponent"},
        Change{&File::values, "               1.0E0                 abc                 3.0\n                 4.0\n", Code::data_corrupt,
               "found 'abc'"},
        Change{&File::values, "             1.0E999                 abc                 3.0\n                 4.0\n", Code::data_corrupt,
               "not finite"},
        Change{&File::rest, "\n  trailing\n", Code::data_corrupt,
               "a.rua:11: expected the end of the file after 4 entries, found '  trailing'"}));

TEST(HarwellBoeing, EveryTruncationIsRefused) {
  const std::string text = File().text();
  const std::size_t essential = text.rfind("4.000000000000E+00");
  for (std::size_t length = 0; length <= essential; ++length) {
    const auto matrix = parse_harwell_boeing(std::string_view(text).substr(0, length), "t.rua");
    ASSERT_FALSE(matrix.ok()) << "cut to " << length << " bytes";
    EXPECT_EQ(matrix.status().code(), Code::data_corrupt) << matrix.status().to_string();
  }
}

TEST(HarwellBoeing, IsWrittenInColumnsThatFortranReads) {
  const auto matrix = Matrix::from_entries("caf\xc3\xa9", 2, 2, {{0, 0, 5}, {1, 0, -1e300}, {1, 1, -2.2250738585072014e-308}});
  ASSERT_TRUE(succeeds(matrix));
  std::string text;
  const Sink sink = [&](std::string_view bytes) { return text += bytes, Status(); };
  ASSERT_TRUE(succeeds(format_harwell_boeing(*matrix, sink)));
  EXPECT_TRUE(text.starts_with("caf?? ")) << text;
  EXPECT_NE(text.find("                        5.                  -1.e+300  -2.2250738585072014e-308\n"), std::string::npos) << text;
  EXPECT_NE(text.find("\nRUA "), std::string::npos);
}

}  // namespace
}  // namespace sedma::runtime

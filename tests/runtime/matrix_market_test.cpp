// Matrix Market, from bytes in memory.

#include <gtest/gtest.h>

#include "runtime/file_formats.h"
#include "tests/runtime/matrix_testing.h"

namespace sedma::runtime {
namespace {

struct Good {
  const char* label;
  const char* text;
  std::uint32_t rows, cols;
  std::vector<double> values;  // row-major
};

class MatrixMarket : public ::testing::TestWithParam<Good> {};

TEST_P(MatrixMarket, IsRead) {
  const Good& good = GetParam();
  const auto matrix = parse_matrix_market(good.text, "dir/good.mtx");
  ASSERT_TRUE(succeeds(matrix));
  EXPECT_EQ(matrix->name(), "good");
  ASSERT_EQ(matrix->rows(), good.rows);
  ASSERT_EQ(matrix->cols(), good.cols);
  EXPECT_EQ(bits(dense(*matrix)), bits(good.values));
  EXPECT_EQ(matrix->nonzeros(),
            static_cast<std::size_t>(std::count_if(good.values.begin(), good.values.end(), [](double v) { return v != 0; })));
}

INSTANTIATE_TEST_SUITE_P(
    Variants, MatrixMarket,
    ::testing::Values(
        Good{"coordinate",
             "%%MatrixMarket matrix coordinate real general\n2 3 3\n1 1 1.5\n2 3 -2\n1 2 4.9e-324\n",
             2,
             3,
             {1.5, 4.9e-324, 0, 0, 0, -2}},
        Good{"any case, comments, blank lines, CR LF, tabs",
             "%%matrixmarket MATRIX Coordinate REAL General\r\n% one\r\n\r\n  % two\r\n2\t2 2\r\n\r\n1 1  3\r\n% three\r\n\t2 2 4 \r\n\r\n",
             2,
             2,
             {3, 0, 0, 4}},
        Good{"no end of the last line", "%%MatrixMarket matrix coordinate real general\n1 1 1\n1 1 2", 1, 1, {2}},
        Good{"no entries", "%%MatrixMarket matrix coordinate real general\n2 2 0\n", 2, 2, {0, 0, 0, 0}},
        Good{"explicit zeros and duplicates",
             "%%MatrixMarket matrix coordinate real general\n2 2 5\n1 1 0\n2 2 1\n1 2 3\n2 2 1\n1 2 -3\n",
             2,
             2,
             {0, 0, 0, 2}},
        Good{"double", "%%MatrixMarket matrix coordinate double general\n1 1 1\n1 1 +1D2\n", 1, 1, {100}},
        Good{"integer", "%%MatrixMarket matrix coordinate integer general\n1 2 2\n1 1 -7\n1 2 +8\n", 1, 2, {-7, 8}},
        Good{"pattern", "%%MatrixMarket matrix coordinate pattern general\n2 2 2\n1 2\n2 1\n", 2, 2, {0, 1, 1, 0}},
        Good{"symmetric counts the diagonal once",
             "%%MatrixMarket matrix coordinate real symmetric\n2 2 3\n1 1 1\n2 1 2\n2 2 3\n",
             2,
             2,
             {1, 2, 2, 3}},
        Good{"symmetric in the upper triangle",
             "%%MatrixMarket matrix coordinate real symmetric\n2 2 3\n1 1 1\n1 2 2\n2 2 3\n",
             2,
             2,
             {1, 2, 2, 3}},
        Good{"symmetric pattern", "%%MatrixMarket matrix coordinate pattern symmetric\n2 2 2\n1 1\n2 1\n", 2, 2, {1, 1, 1, 0}},
        Good{"skew-symmetric", "%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 1 5\n", 2, 2, {0, -5, 5, 0}},
        Good{"array goes down the columns", "%%MatrixMarket matrix array real general\n2 3\n1\n2\n3\n0\n5\n6\n", 2, 3, {1, 3, 5, 2, 0, 6}},
        Good{"array of integers", "%%MatrixMarket matrix array integer general\n1 2\n1\n-2\n", 1, 2, {1, -2}},
        Good{"symmetric array", "%%MatrixMarket matrix array real symmetric\n3 3\n1\n2\n3\n4\n5\n6\n", 3, 3, {1, 2, 3, 2, 4, 5, 3, 5, 6}},
        Good{"skew-symmetric array",
             "%%MatrixMarket matrix array real skew-symmetric\n3 3\n1\n2\n3\n",
             3,
             3,
             {0, -1, -2, 1, 0, -3, 2, 3, 0}},
        Good{"underflow", "%%MatrixMarket matrix coordinate real general\n1 2 2\n1 1 1e-999\n1 2 3e-324\n", 1, 2, {0, 4.9e-324}}),
    [](const auto& test) {
      std::string name = test.param.label;
      std::replace_if(
          name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
      return name;
    });

struct Bad {
  const char* text;
  Code code;
  const char* fragment;
};

class BadMatrixMarket : public ::testing::TestWithParam<Bad> {};

TEST_P(BadMatrixMarket, IsRefusedWithTheLine) {
  EXPECT_TRUE(fails(parse_matrix_market(GetParam().text, "bad.mtx"), GetParam().code, GetParam().fragment)) << GetParam().text;
}

#define REAL "%%MatrixMarket matrix coordinate real general\n"
INSTANTIATE_TEST_SUITE_P(
    Table, BadMatrixMarket,
    ::testing::Values(
        Bad{"", Code::data_corrupt, "bad.mtx:0: the file is empty"},
        Bad{"hello\n", Code::data_corrupt, "bad.mtx:1: expected the banner '%%MatrixMarket matrix ...', found 'hello'"},
        Bad{"%%MatrixMarket matrix coordinate real\n1 1 1\n1 1 1\n", Code::data_corrupt, "bad.mtx:1: expected a banner of 5 words"},
        Bad{"%%MatrixMarket vector coordinate real general\n", Code::unsupported, "object 'vector'"},
        Bad{"%%MatrixMarket matrix sparse real general\n", Code::data_corrupt, "found 'sparse'"},
        Bad{"%%MatrixMarket matrix coordinate quaternion general\n", Code::data_corrupt, "found 'quaternion'"},
        Bad{"%%MatrixMarket matrix coordinate real triangular\n", Code::data_corrupt, "found 'triangular'"},
        Bad{"%%MatrixMarket matrix coordinate Complex general\n", Code::unsupported, "complex"},
        Bad{"%%MatrixMarket matrix coordinate real Hermitian\n", Code::unsupported, "Hermitian"},
        Bad{"%%MatrixMarket matrix array pattern general\n1 1\n1\n", Code::data_corrupt, "pattern has no values"},
        Bad{"%%MatrixMarket matrix coordinate pattern skew-symmetric\n2 2 1\n2 1\n", Code::data_corrupt, "pattern has no values"},
        Bad{REAL, Code::data_corrupt, "bad.mtx:1: expected the size line 'rows columns entries', found the end"},
        Bad{REAL "% only\n", Code::data_corrupt, "bad.mtx:2: expected the size line"},
        Bad{REAL "2 2\n", Code::data_corrupt, "bad.mtx:2: expected the size line 'rows columns entries', found '2 2'"},
        Bad{REAL "2 x 1\n1 1 1\n", Code::data_corrupt, "expected a count, found 'x'"},
        Bad{REAL "-2 2 1\n1 1 1\n", Code::data_corrupt, "expected a count, found '-2'"},
        Bad{REAL "2.0 2 1\n1 1 1\n", Code::data_corrupt, "expected a count, found '2.0'"},
        Bad{REAL "0 2 0\n", Code::invalid_argument, "found 0 x 2"},
        Bad{REAL "4000000000 1 1\n1 1 1\n", Code::out_of_range, "bad.mtx:2: the header asks for 4000000000 rows"},
        Bad{REAL "1 99999999999999999999 1\n1 1 1\n", Code::out_of_range, "beyond what 64 bits hold"},
        Bad{REAL "2147483648 1 1\n1 1 1\n", Code::out_of_range, "rows in a file of 67 bytes"},
        Bad{REAL "2 2 1000000000000000000\n1 1 1\n", Code::out_of_range, "asks for 1000000000000000000 entries; the limit is 2147483648"},
        Bad{REAL "2 2 2147483648\n1 1 1\n", Code::data_corrupt,
            "asks for 2147483648 entries, at least 12884901887 bytes, but only 6 follow"},
        Bad{REAL "2 2 2\n1 1 1\n", Code::data_corrupt, "asks for 2 entries, at least 11 bytes, but only 6 follow"},
        Bad{REAL "2 2 2\n1 1 1.00000\n", Code::data_corrupt, "bad.mtx:3: expected 2 entries, found 1: truncated"},
        Bad{REAL "2 2 1\n1 1 1\n2 2 2\n", Code::data_corrupt, "bad.mtx:4: expected the end of the file after 1 entries, found '2 2 2'"},
        Bad{REAL "4960 4960 1\n4961 1 1\n", Code::data_corrupt, "bad.mtx:3: row index 4961 is outside 1..4960"},
        Bad{REAL "2 2 1\n1 3 1\n", Code::data_corrupt, "bad.mtx:3: column index 3 is outside 1..2"},
        Bad{REAL "2 2 1\n0 1 1\n", Code::data_corrupt, "bad.mtx:3: row index 0 is outside 1..2"},
        Bad{REAL "2 2 1\n-1 1 1\n", Code::data_corrupt, "row index: expected a count, found '-1'"},
        Bad{REAL "2 2 1\n99999999999999999999 1 1\n", Code::data_corrupt, "beyond what 64 bits hold"},
        Bad{REAL "2 2 1\n1 1  \n", Code::data_corrupt, "expected 'row column value', found 2 words"},
        Bad{REAL "2 2 1\n1 1 1 1\n", Code::data_corrupt, "expected 'row column value', found 4 words"},
        Bad{REAL "2 2 1\n1 1 one\n", Code::data_corrupt, "bad.mtx:3: expected a number, found 'one'"},
        Bad{REAL "2 2 1\n1 1 1e999\n", Code::data_corrupt, "bad.mtx:3: '1e999' is not finite"},
        Bad{REAL "2 2 1\n1 1 nan\n", Code::data_corrupt, "'nan' is not finite"},
        Bad{REAL "2 2 2\n1 1 1e308\n1 1 1e308\n", Code::data_corrupt, "entry (row 0, column 0, counted from 0) is inf"},
        Bad{"%%MatrixMarket matrix coordinate integer general\n1 1 1\n1 1 1.5\n", Code::data_corrupt, "expected an integer, found '1.5'"},
        Bad{"%%MatrixMarket matrix coordinate pattern general\n1 1 1\n1 1 1.5\n", Code::data_corrupt,
            "expected 'row column', found 3 words"},
        Bad{"%%MatrixMarket matrix coordinate real symmetric\n2 3 1\n1 1 1\n", Code::data_corrupt, "is square, found 2 x 3"},
        Bad{"%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n2 1 1\n1 2 1\n", Code::data_corrupt,
            "bad.mtx:4: entry (1, 2) lies in the other triangle"},
        Bad{"%%MatrixMarket matrix coordinate real skew-symmetric\n2 2 1\n2 2 1\n", Code::data_corrupt,
            "bad.mtx:3: entry (2, 2) lies on the diagonal"},
        Bad{"%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n", Code::data_corrupt,
            "asks for 4 entries, at least 7 bytes, but only 6 follow"},
        Bad{"%%MatrixMarket matrix array real general\n2 2\n1\n2\n3.000\n", Code::data_corrupt, "bad.mtx:5: expected 4 values, found 3"},
        Bad{"%%MatrixMarket matrix array real general\n2 2\n1 2\n3 4\n", Code::data_corrupt,
            "bad.mtx:3: expected one value a line, column after column, found 2"},
        Bad{"%%MatrixMarket matrix array real general\n1 1\n1\n2\n", Code::data_corrupt, "found '2'"},
        Bad{"%%MatrixMarket matrix array real general\n100000 100000\n1\n", Code::out_of_range, "asks for 10000000000 entries"}));

TEST(MatrixMarketLimits, CountAfterExpansion) {
  const char* text = "%%MatrixMarket matrix coordinate real symmetric\n3 3 3\n2 1 1\n3 1 1\n3 2 1\n";
  ReadLimits limits;
  limits.max_entries = 6;
  EXPECT_TRUE(succeeds(parse_matrix_market(text, "m", limits)));
  limits.max_entries = 5;
  EXPECT_TRUE(fails(parse_matrix_market(text, "m", limits), Code::out_of_range, "m:5: more than 5 entries after the symmetry is expanded"));
  limits = {};
  limits.max_cols = 2;
  EXPECT_TRUE(fails(parse_matrix_market(text, "m", limits), Code::out_of_range, "3 columns; the limit is 2"));
}

TEST(MatrixMarketLimits, TextIsGivenAsItIs) {
  const auto matrix = Matrix::from_entries("m", 2, 2, {{0, 1, 0.1}, {1, 0, -4.9e-324}});
  ASSERT_TRUE(succeeds(matrix));
  std::string text;
  const Sink sink = [&](std::string_view bytes) { return text += bytes, Status(); };
  ASSERT_TRUE(succeeds(format_matrix_market(*matrix, sink)));
  EXPECT_EQ(text, "%%MatrixMarket matrix coordinate real general\n2 2 2\n1 2 0.1\n2 1 -5e-324\n");
}

}  // namespace
}  // namespace sedma::runtime

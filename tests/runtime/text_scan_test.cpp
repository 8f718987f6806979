#include "runtime/text_scan.h"

#include <gtest/gtest.h>

#include "runtime/fortran_format.h"
#include "tests/runtime/matrix_testing.h"

namespace sedma::runtime {
namespace {

TEST(TextScan, LinesEndByLfOrCrLfOrTheEnd) {
  Lines lines("one\r\n\ntwo\rmore\nlast");
  EXPECT_EQ(lines.next(), "one");
  EXPECT_EQ(lines.next(), "");
  EXPECT_EQ(lines.next(), "two\rmore");
  EXPECT_EQ(lines.bytes_left(), 4u);
  EXPECT_EQ(lines.next(), "last");
  EXPECT_EQ(lines.number(), 4u);
  EXPECT_EQ(lines.next(), std::nullopt);
  EXPECT_EQ(lines.number(), 4u);
}

TEST(TextScan, SplitCountsMoreWordsThanItKeeps) {
  const Words words = split("  1\t22 3 4 5 6 7 8 ");
  EXPECT_EQ(words.count, 8u);
  EXPECT_EQ(words.word[1], "22");
  EXPECT_EQ(words.word[5], "6");
  EXPECT_EQ(split(" \t ").count, 0u);
}

TEST(TextScan, InQuotesShowsWhatATerminalCannot) {
  EXPECT_EQ(in_quotes("ab\x01\xff"), "'ab\\x01\\xff'");
  EXPECT_EQ(in_quotes(std::string(41, 'x')), "'" + std::string(40, 'x') + "'...");
}

struct Spelling {
  const char* text;
  double value;
};

class Reals : public ::testing::TestWithParam<Spelling> {};
TEST_P(Reals, AreReadCorrectlyRounded) {
  const auto value = parse_real(GetParam().text);
  ASSERT_TRUE(succeeds(value));
  EXPECT_EQ(std::bit_cast<std::uint64_t>(*value), std::bit_cast<std::uint64_t>(GetParam().value)) << *value;
}
INSTANTIATE_TEST_SUITE_P(
    Spellings, Reals,
    ::testing::Values(Spelling{"1", 1}, Spelling{"+1.5", 1.5}, Spelling{"-0", -0.0}, Spelling{".5", 0.5}, Spelling{"5.", 5},
                      Spelling{"-.5e1", -5}, Spelling{"1.5D10", 1.5e10}, Spelling{"1.5d-10", 1.5e-10}, Spelling{"1.5D+3", 1500},
                      Spelling{"1.5-300", 1.5e-300}, Spelling{"-1.5+300", -1.5e300}, Spelling{"+2D0", 2}, Spelling{"1.E5", 1e5},
                      Spelling{"4.9e-324", 4.9e-324}, Spelling{"4.9D-324", 4.9e-324}, Spelling{"2.4703282292062327e-324", 0.0},
                      Spelling{"2.4703282292062329e-324", 4.9e-324}, Spelling{"-1e-400", -0.0}, Spelling{"1D-400", 0.0},
                      Spelling{"0e999", 0.0}, Spelling{"2.2250738585072011e-308", 2.2250738585072011e-308},
                      Spelling{"1.7976931348623157e308", 1.7976931348623157e308}, Spelling{"9007199254740993", 9007199254740992.0},
                      Spelling{"0.1000000000000000055511151231257827021181583404541015625", 0.1}));

TEST(TextScan, WhatIsNoFiniteRealIsRefused) {
  for (const char* text : {"",        "+",   "-",    ".",     "e5",  "1e", "1e+",   "1.5D", "1.5-",  "+-5", "--5",
                           "1.5E5-3", "1,5", "0x10", "1_000", "1 2", "5f", "1.5.2", "nan5", "infd5", "abc"}) {
    EXPECT_TRUE(fails(parse_real(text), Code::data_corrupt, "expected a number, found '" + std::string(text))) << text;
  }
  for (const char* text : {"inf", "-Infinity", "nan", "1e999", "-1e999", "1D999", "1.5+999"}) {
    EXPECT_TRUE(fails(parse_real(text), Code::data_corrupt, "is not finite")) << text;
  }
}

TEST(TextScan, IntegersAndCounts) {
  EXPECT_EQ(*parse_integer("-12"), -12);
  EXPECT_EQ(*parse_integer("+12"), 12);
  EXPECT_EQ(*parse_integer("18446744073709551616"), 18446744073709551616.0);
  for (const char* text : {"", "-", "1.0", "1e3", "+-1", "1D3"}) {
    EXPECT_TRUE(fails(parse_integer(text), Code::data_corrupt, "expected an integer")) << text;
  }
  EXPECT_EQ(*parse_count("+18446744073709551615"), UINT64_MAX);
  EXPECT_TRUE(fails(parse_count("18446744073709551616"), Code::out_of_range, "beyond what 64 bits hold"));
  for (const char* text : {"", "-1", "1.0", "x", "++1"})
    EXPECT_TRUE(fails(parse_count(text), Code::data_corrupt, "expected a count")) << text;
}

TEST(FortranFormat, ReadsTheFormsInUse) {
  const auto integers = parse_fortran_format("(10I8)");
  ASSERT_TRUE(succeeds(integers));
  EXPECT_EQ(integers->repeat, 10u);
  EXPECT_EQ(integers->width, 8u);
  EXPECT_TRUE(integers->integer());
  const auto scaled = parse_fortran_format(" (1P, 4e20.12E3)");
  ASSERT_TRUE(succeeds(scaled));
  EXPECT_EQ(scaled->repeat, 4u);
  EXPECT_EQ(scaled->width, 20u);
  EXPECT_EQ(scaled->decimals, 12u);
  EXPECT_EQ(scaled->scale, 1);
  EXPECT_FALSE(scaled->integer());
  const auto touching = parse_fortran_format("(-2P5D16.8)");
  ASSERT_TRUE(succeeds(touching));
  EXPECT_EQ(touching->scale, -2);
  EXPECT_EQ(touching->repeat, 5u);
  EXPECT_EQ(parse_fortran_format("(I6)")->repeat, 1u);
  EXPECT_EQ(parse_fortran_format("(3ES25.16)")->width, 25u);
  EXPECT_EQ(parse_fortran_format("(26I3.2)")->decimals, 0u);
}

TEST(FortranFormat, RefusesOthers) {
  for (const char* text : {"", "()", "10I8", "(10I8", "(10)", "(10A8)", "(I)", "(0I8)", "(10I0)", "(99999I8)", "(10I99999)", "(1P)",
                           "(I8,I9)", "(3(E26.18))", "(-5E10.3)", "(5E10.)", "(4294967296I8)"}) {
    EXPECT_TRUE(fails(parse_fortran_format(text), Code::data_corrupt, "found")) << text;
  }
}

TEST(FortranFormat, ValuesThatFortranAndCReadDifferentlyAreRefused) {
  const FortranFormat plain{'E', 3, 20, 12, 0};
  EXPECT_EQ(*parse_fortran_real("   1.5-300 ", plain), 1.5e-300);
  EXPECT_EQ(*parse_fortran_real(" 0", plain), 0);
  EXPECT_TRUE(fails(parse_fortran_real("15", plain), Code::data_corrupt, "no decimal point"));
  EXPECT_TRUE(fails(parse_fortran_real("15E3", plain), Code::data_corrupt, "no decimal point"));
  const FortranFormat no_decimals{'F', 20, 4, 0, 0};
  EXPECT_EQ(*parse_fortran_real("15", no_decimals), 15);
  const FortranFormat scaled{'E', 3, 20, 12, 1};
  EXPECT_EQ(*parse_fortran_real("1.5D0", scaled), 1.5);
  EXPECT_EQ(*parse_fortran_real("1.5+2", scaled), 150);
  EXPECT_TRUE(fails(parse_fortran_real("-1.5", scaled), Code::data_corrupt, "no exponent"));
}

}  // namespace
}  // namespace sedma::runtime

#include "hal/uri.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <random>
#include <string>

namespace sedma::hal {
namespace {

Uri parsed(const std::string& text) {
  auto uri = Uri::parse(text);
  EXPECT_TRUE(uri.ok()) << text << ": " << uri.status().to_string();
  return uri.ok() ? *uri : Uri();
}

TEST(Uri, SplitsSchemeTargetAndOptions) {
  const Uri uri = parsed("emulator:TaOx-HfOx?arrays=64&seed=7");
  EXPECT_EQ(uri.scheme(), "emulator");
  EXPECT_EQ(uri.target(), "TaOx-HfOx");
  EXPECT_EQ(uri.options(), (std::map<std::string, std::string>{{"arrays", "64"}, {"seed", "7"}}));
}

TEST(Uri, TheTargetMayBeAUriOrAPath) {
  const Uri nested = parsed("faulty:emulator:TaOx-HfOx?arrays=4");
  EXPECT_EQ(nested.scheme(), "faulty");
  EXPECT_EQ(nested.target(), "emulator:TaOx-HfOx");
  EXPECT_EQ(parsed("replay:/data/run 1.h5").target(), "/data/run 1.h5");
  EXPECT_EQ(parsed("emulator:").target(), "");
  EXPECT_TRUE(parsed("emulator:x?").options().empty());
}

TEST(Uri, UndoesPercentEscapes) {
  const Uri uri = parsed("replay:a%3Fb%25c?path=1%262%3D%3d&empty=");
  EXPECT_EQ(uri.target(), "a?b%c");
  EXPECT_EQ(uri.options().at("path"), "1&2==");
  EXPECT_EQ(uri.options().at("empty"), "");
  EXPECT_EQ(uri.to_string(), "replay:a%3Fb%25c?empty=&path=1%262==");
}

TEST(Uri, RefusesWhatIsMalformed) {
  const std::string texts[] = {"",         "emulator",  ":x",           "Emulator:x",  "1x:y",        "emu lator:x", "a:b?c", "a:b?=1",
                               "a:b?c=1&", "a:b?&c=1",  "a:b?c=1&&d=2", "a:b?c=1&c=2", "a:%",         "a:%4",        "a:%4g", "a:b?c=%zz",
                               "a:b\n",    "a:b?c=%00", "a:%7f",        "a:b?c d=1",   "a:b?c%20d=1", "a:b?c=\x01"};
  for (const auto& text : texts) {
    const auto uri = Uri::parse(text);
    EXPECT_EQ(uri.status().code(), Code::invalid_argument) << text;
    EXPECT_FALSE(uri.status().message().empty()) << text;
  }
  EXPECT_FALSE(Uri::parse(std::string("a:b\0c", 5)).ok());
  EXPECT_TRUE(Uri::parse("a:" + std::string(4094, 'x')).ok());
  EXPECT_EQ(Uri::parse("a:" + std::string(4095, 'x')).status().code(), Code::invalid_argument);
}

TEST(Uri, PrintedAndParsedAgainIsTheSame) {
  std::mt19937 random(7);
  const std::string alphabet = "ab:/?&=%20+. \xc3\xa9";
  int accepted = 0;
  for (int i = 0; i < 20000; ++i) {
    std::string text = "a:";
    for (auto left = random() % 24; left > 0; --left) text += alphabet[random() % alphabet.size()];
    const auto first = Uri::parse(text);
    if (!first.ok()) continue;
    ++accepted;
    const auto second = Uri::parse(first->to_string());
    ASSERT_TRUE(second.ok()) << text << " -> " << first->to_string();
    EXPECT_EQ(second->target(), first->target());
    EXPECT_EQ(second->options(), first->options());
    EXPECT_LE(first->to_string().size(), text.size());
  }
  EXPECT_GT(accepted, 1000);
}

TEST(Uri, TakesNumbersOnce) {
  Uri uri = parsed("a:b?n=12&x=-1.5e-3");
  EXPECT_EQ(uri.take_unsigned("n", 1, 1, 64).value(), 12u);
  EXPECT_EQ(uri.take_unsigned("n", 1, 1, 64).value(), 1u);
  EXPECT_EQ(uri.take_number("x", 0, -1, 1).value(), -1.5e-3);
  EXPECT_TRUE(uri.options().empty());
}

TEST(Uri, RefusesWhatIsNoNumber) {
  for (const std::string text : {"", "x", "-1", "+1", " 1", "1 ", "0x10", "1.5", "1e2", "65", "0", "99999999999999999999"}) {
    Uri uri;
    uri.set_default("n", text);
    EXPECT_EQ(uri.take_unsigned("n", 1, 1, 64).status().to_string(),
              "invalid_argument: option n=" + text + ": a whole number in [1, 64] is accepted");
  }
  for (const std::string text : {"", "x", "nan", "NaN", "inf", "-inf", "infinity", "0x1p3", "+1", " 1", "1 ", "1e999", "2", "-2", "1,5"}) {
    Uri uri;
    uri.set_default("x", text);
    EXPECT_EQ(uri.take_number("x", 0, -1, 1).status().code(), Code::invalid_argument) << text;
  }
}

TEST(Uri, ANumberIsFiniteEvenWithoutBounds) {
  for (const std::string text : {"inf", "-inf", "nan", "1e999"}) {
    Uri uri;
    uri.set_default("x", text);
    EXPECT_FALSE(uri.take_number("x", 0, -HUGE_VAL, HUGE_VAL).ok()) << text;
  }
}

TEST(Uri, TakesChoicesSwitchesAndText) {
  Uri uri = parsed("a:b?cell=1R&on=on&off=off&bad=yes&text=t");
  EXPECT_EQ(uri.take_choice("cell", "1T1R", {"1R", "1T1R"}).value(), "1R");
  EXPECT_EQ(uri.take_choice("cell", "1T1R", {"1R", "1T1R"}).value(), "1T1R");
  EXPECT_TRUE(uri.take_switch("on", false).value());
  EXPECT_FALSE(uri.take_switch("off", true).value());
  EXPECT_TRUE(uri.take_switch("absent", true).value());
  EXPECT_EQ(uri.take_switch("bad", true).status().message(), "option bad=yes: on or off is accepted");
  EXPECT_EQ(uri.take_text("text", "none"), "t");
  EXPECT_EQ(uri.take_text("text", "none"), "none");
  Uri wrong = parsed("a:b?cell=2R");
  EXPECT_EQ(wrong.take_choice("cell", "1T1R", {"1R", "1T1R"}).status().message(), "option cell=2R: one of 1R, 1T1R is accepted");
}

TEST(Uri, TakesPrefixedOptions) {
  Uri uri = parsed("a:b?fault.rate=1&fault.kind=nan&fault.=3&faults=4");
  EXPECT_EQ(uri.take_prefixed("fault."), (std::map<std::string, std::string>{{"rate", "1"}, {"kind", "nan"}}));
  EXPECT_EQ(uri.options(), (std::map<std::string, std::string>{{"fault.", "3"}, {"faults", "4"}}));
}

TEST(Uri, WhatIsLeftIsAnError) {
  EXPECT_TRUE(parsed("a:b").expect_empty({"x"}).ok());
  EXPECT_EQ(parsed("a:b?foo=1").expect_empty({"adc_bits", "arrays"}).message(), "unknown option 'foo'; known: adc_bits, arrays");
  EXPECT_EQ(parsed("a:b?y=1&x=2").expect_empty({}).message(), "unknown options 'x', 'y'; known: none");
}

TEST(Uri, ADefaultDoesNotReplaceWhatIsGiven) {
  Uri uri = parsed("a:b?x=1");
  uri.set_default("x", "2");
  uri.set_default("y", "a&b");
  EXPECT_EQ(uri.to_string(), "a:b?x=1&y=a%26b");
}

}  // namespace
}  // namespace sedma::hal

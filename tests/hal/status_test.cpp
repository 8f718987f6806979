#include "hal/status.h"

#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>

namespace sedma {
namespace {

TEST(Status, DefaultIsOk) {
  const Status status;
  EXPECT_TRUE(status.ok());
  EXPECT_EQ(status.code(), Code::ok);
  EXPECT_EQ(status.to_string(), "ok");
  EXPECT_TRUE(status.with_context("anything").ok());
}

TEST(Status, FailureNamesCodeAndMessage) {
  const Status status = fail(Code::out_of_range, "{} V exceed {} V", 0.7, 0.5);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.to_string(), "out_of_range: 0.7 V exceed 0.5 V");
  EXPECT_EQ(status.with_context("mvm").to_string(), "out_of_range: mvm: 0.7 V exceed 0.5 V");
}

TEST(Status, EveryCodeHasItsOwnName) {
  std::set<std::string_view> names;
  for (auto code = static_cast<unsigned>(Code::ok); code <= static_cast<unsigned>(Code::internal); ++code) {
    names.insert(name(static_cast<Code>(code)));
  }
  EXPECT_EQ(names.size(), 10u);
  EXPECT_EQ(names.count("unknown"), 0u);
  EXPECT_EQ(name(static_cast<Code>(200)), "unknown");
}

Result<std::unique_ptr<int>> boxed(int value) {
  if (value < 0) return fail(Code::invalid_argument, "{} is negative", value);
  return std::make_unique<int>(value);
}

Result<int> twice(int value) {
  SEDMA_ASSIGN_OR_RETURN(const std::unique_ptr<int> box, boxed(value));
  return 2 * *box;
}

Status accept(int value) {
  SEDMA_RETURN_IF_ERROR(twice(value).status());
  return {};
}

TEST(Result, CarriesAMoveOnlyValueOrTheFailure) {
  EXPECT_EQ(twice(21).value(), 42);
  EXPECT_EQ(twice(-1).status().to_string(), "invalid_argument: -1 is negative");
  EXPECT_TRUE(accept(1).ok());
  EXPECT_EQ(accept(-3).code(), Code::invalid_argument);
}

using StatusDeathTest = testing::Test;

TEST(StatusDeathTest, ValueOfAFailureEndsTheProcess) {
  EXPECT_DEATH(static_cast<void>(twice(-1).value()), "invalid_argument: -1 is negative");
}

TEST(StatusDeathTest, AResultNeedsAFailedStatus) { EXPECT_DEATH(static_cast<void>(Result<int>(Status())), "Result from an ok Status"); }

TEST(StatusDeathTest, CheckPrintsExpressionAndValues) {
  const int rows = 3, cols = 4;
  SEDMA_CHECK(rows < cols, rows, cols);
  EXPECT_DEATH(SEDMA_CHECK(rows == cols, rows, cols), "check failed: rows == cols; 3, 4");
}

TEST(StatusDeathTest, TheAbortHandlerIsCalledAndMayBePutBack) {
  const AbortHandler before = set_abort_handler([](const char* text) {
    std::fprintf(stderr, "handled: %s", text);
    std::_Exit(3);
  });
  EXPECT_EXIT(SEDMA_CHECK(false), testing::ExitedWithCode(3), "handled: .*check failed: false");
  set_abort_handler(before);
  EXPECT_DEATH(SEDMA_CHECK(false), "check failed: false");
}

}  // namespace
}  // namespace sedma

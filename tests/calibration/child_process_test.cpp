#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <stdexcept>
#include <vector>

#include "calibration/hdf5.h"
#include "tests/sanitizer.h"

namespace sedma::calibration::hdf5 {
namespace {

using sedma::testing::sanitized;

Status in_child(const std::function<Status()>& body, double seconds = 20) { return in_child_process("a.h5", seconds, body); }

TEST(ChildProcess, ReturnsWhatTheBodyReturns) {
  EXPECT_TRUE(in_child([] { return Status(); }).ok());
  EXPECT_EQ(in_child([] { return fail(Code::unsupported, "no such thing"); }).to_string(), "unsupported: a.h5: no such thing");
  EXPECT_EQ(in_child([] { return fail(Code::out_of_range, "a.h5 is large"); }).to_string(), "out_of_range: a.h5 is large");
  const std::string longer(1 << 20, 'x');  // more than a pipe holds
  EXPECT_EQ(in_child([&] { return fail(Code::internal, "{}", longer); }).message(), "a.h5: " + longer);
}

TEST(ChildProcess, AnswersInBytesAndTellsOnTheWay) {
  std::string answer(3 << 20, 't');  // looks like what is told, and is more than a pipe holds
  answer[5] = '\0';
  std::vector<std::uint64_t> told;
  const auto body = [&](const Tell& tell) -> Result<std::string> {
    for (std::uint64_t done = 1; done <= 30000; ++done) tell(done << 32);
    return answer;
  };
  const auto result = ask_child_process("a.h5", 20, body, [&](std::uint64_t done) {
    told.push_back(done >> 32);
    return true;
  });
  ASSERT_TRUE(result.ok()) << result.status().to_string();
  EXPECT_TRUE(*result == answer);
  ASSERT_EQ(told.size(), 30000u);
  for (std::uint64_t k = 0; k < told.size(); ++k) ASSERT_EQ(told[k], k + 1);
  EXPECT_TRUE(ask_child_process("a.h5", 20, body).ok()) << "nobody need listen";
}

TEST(ChildProcess, WhoeverIsToldCanStopIt) {
  const auto endless = [](const Tell& tell) -> Result<std::string> {
    for (std::uint64_t done = 0;; ++done) tell(done);
  };
  const auto result = ask_child_process("a.h5", 20, endless, [](std::uint64_t done) { return done < 1000; });
  EXPECT_EQ(result.status().to_string(), "aborted: a.h5: stopped while it was read");
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "the child is gone";
}

TEST(ChildProcess, NothingTheBodyDoesReachesTheParent) {
  int value = 1;
  const pid_t parent = ::getpid();
  std::fputs("", stdout);
  ::testing::internal::CaptureStderr();
  EXPECT_TRUE(in_child([&] {
                value = 2;
                std::fputs("noise\n", stderr);
                return ::getpid() != parent ? Status() : fail(Code::internal, "same process");
              }).ok());
  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "");
  EXPECT_EQ(value, 1);
  errno = 0;
  EXPECT_EQ(::waitpid(-1, nullptr, WNOHANG), -1) << "the child is gone";
  EXPECT_EQ(errno, ECHILD);
}

TEST(ChildProcess, ACrashIsACorruptFile) {
  const Status segment = in_child([] {
    ::raise(SIGSEGV);
    return Status();
  });
  EXPECT_EQ(segment.code(), Code::data_corrupt);
  EXPECT_EQ(segment.message(), "a.h5: reading it crashed (Segmentation fault); the file is damaged");
  const Status aborted = in_child([]() -> Status { std::abort(); });
  EXPECT_EQ(aborted.message(), "a.h5: reading it crashed (Aborted); the file is damaged");
  const Status left = in_child([]() -> Status { ::_exit(3); });
  EXPECT_EQ(left.to_string(), "data_corrupt: a.h5: reading it ended without an answer; the file is damaged");
  const Status thrown = in_child([]() -> Status { throw std::runtime_error("thrown"); });
  EXPECT_EQ(thrown.to_string(), "data_corrupt: a.h5: reading it failed: thrown");
}

TEST(ChildProcess, AHangIsStopped) {
  const auto begin = std::chrono::steady_clock::now();
  const Status asleep = in_child(
      []() -> Status {
        ::signal(SIGTERM, SIG_IGN);  // nothing that asks politely will do
        for (;;) ::pause();
      },
      0.1);
  EXPECT_EQ(asleep.to_string(), "data_corrupt: a.h5: reading it took more than 0.1 s and was stopped");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(15));
}

TEST(ChildProcess, AnOverlargeAllocationIsACorruptFile) {
  if (sanitized) GTEST_SKIP() << "a sanitizer's shadow memory leaves no room for a limit";
  const Status status = in_child([]() -> Status {
    const std::vector<char> large(std::size_t{4} << 30, 'x');
    return fail(Code::internal, "held {} bytes", large.size());
  });
  EXPECT_EQ(status.to_string(), "data_corrupt: a.h5: it asks for more than 2048 MiB of memory");
  EXPECT_TRUE(in_child([]() -> Status {
                const std::vector<char> moderate(std::size_t{256} << 20, 'x');
                return moderate.back() == 'x' ? Status() : fail(Code::internal, "lost");
              }).ok());
}

}  // namespace
}  // namespace sedma::calibration::hdf5

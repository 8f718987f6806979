#pragma once
// Processes that write into one memory, and their sudden end.

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "tests/runtime/pattern_testing.h"

namespace sedma::test {

/// A child that runs `body` and exits with 0 if it returned true.
inline pid_t spawn(const std::function<bool()>& body) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(body() ? 0 : 1);
  return child;
}
inline bool succeeded(pid_t child) {
  int status = 0;
  return child > 0 && ::waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// Kills a child at `kills` random moments while it remembers and flushes, then asks the memory for all that was acknowledged.
inline void expect_survives_kills(const std::string& where, std::uint64_t kills) {
  const runtime::Pattern counter = pattern_number(999'999'999);
  std::uint64_t acknowledged = 0, longest = 0;
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t trial = 0; trial < kills; ++trial) {
    int ends[2];
    ASSERT_EQ(::pipe(ends), 0);
    const pid_t child = spawn([&] {
      ::close(ends[0]);
      auto memory = runtime::EpisodicMemory::open(where);
      if (!memory.ok()) return false;
      for (std::uint64_t number = 1000 * trial;; ++number) {
        (*memory)->remember(pattern_number(number));
        runtime::Pattern once = counter;
        once.evidence = 1;
        (*memory)->remember(once);
        if (!(*memory)->flush().ok()) return false;
        if (::write(ends[1], &number, sizeof number) != sizeof number) return false;
      }
    });
    ::close(ends[1]);
    std::this_thread::sleep_for(std::chrono::microseconds(5000 + pick(trial, 50, 60000)));
    ::kill(child, SIGKILL);
    EXPECT_FALSE(succeeded(child));
    for (std::uint64_t number = 0; ::read(ends[0], &number, sizeof number) == sizeof number; ++acknowledged) numbers.push_back(number);
    ::close(ends[0]);
    auto memory = runtime::EpisodicMemory::open(where);
    ASSERT_TRUE(memory.ok()) << memory.status().to_string();
    for (const std::uint64_t number : numbers) {
      const runtime::Pattern* found = (*memory)->find(key_of(pattern_number(number)));
      ASSERT_NE(found, nullptr) << "pattern " << number << " was acknowledged and is lost after kill " << trial;
      ASSERT_TRUE(same(*found, pattern_number(number)));
    }
    longest = acknowledged + trial + 1;  // at most one of every trial was written but not acknowledged
    const runtime::Pattern* counted = (*memory)->find(key_of(counter));
    ASSERT_EQ(counted == nullptr, acknowledged == 0 && counted == nullptr);
    if (counted != nullptr) {
      EXPECT_GE(counted->evidence, acknowledged);
      EXPECT_LE(counted->evidence, longest);
    }
  }
  EXPECT_GT(acknowledged, kills) << "too few writes to say anything";
}

/// Two processes add to the same patterns at once; nothing of either is lost.
inline void expect_two_add_up(const std::string& where) {
  constexpr std::uint64_t patterns = 12, times = 25;
  const auto work = [&](std::uint64_t worker) {
    auto memory = runtime::EpisodicMemory::open(where);
    if (!memory.ok()) return false;
    for (std::uint64_t k = 0; k < times; ++k) {
      for (std::uint64_t number = 0; number < patterns; ++number) {
        runtime::Pattern pattern = pattern_number(number);
        pattern.evidence = 1 + worker;
        pattern.found.vector_joules = worker == 0 ? 1 : 4;
        (*memory)->remember(pattern);
      }
      if (k % 5 == worker && !(*memory)->flush().ok()) return false;
      if (k == 12 && !(*memory)->refresh().ok()) return false;
    }
    return true;
  };
  const pid_t first = spawn([&] { return work(0); }), second = spawn([&] { return work(1); });
  EXPECT_TRUE(succeeded(first));
  EXPECT_TRUE(succeeded(second));
  auto memory = runtime::EpisodicMemory::open(where).value();
  EXPECT_EQ(memory->stats().patterns, patterns);
  for (std::uint64_t number = 0; number < patterns; ++number) {
    const runtime::Pattern* found = memory->find(key_of(pattern_number(number)));
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->evidence, times * 3);
    EXPECT_NEAR(found->found.vector_joules, 3, 1e-9);  // (1 * 1 + 2 * 4) / 3
  }
}

}  // namespace sedma::test

// What a long run leaves behind.

#include "runtime/run_log.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <random>

#include "runtime/digest.h"
#include "tests/temporary_directory.h"

namespace sedma::runtime {
namespace {

using testing::bytes_of;
using testing::TemporaryDirectory;
using State = RunStanding::State;

void expect_failure(const Status& status, Code code, const std::string& fragment) {
  EXPECT_EQ(status.code(), code) << status.to_string();
  EXPECT_NE(status.message().find(fragment), std::string::npos) << status.to_string();
}

void overwrite(const std::string& path, const std::string& bytes) {
  std::filesystem::remove(path);  // a new file: some file systems flush one that is truncated and written again
  std::ofstream(path, std::ios::binary) << bytes;
}

void flip(const std::string& path, std::size_t at) {
  std::string bytes = bytes_of(path);
  ASSERT_LT(at, bytes.size()) << path;
  bytes[at] = static_cast<char>(bytes[at] ^ 0x04);
  overwrite(path, bytes);
}

const RunIdentity run_a{"fem \xff\"9\"", 0xfedcba9876543210, 77, 60, 5, 2, "--slices 1\n"};

/// y of vectors [first, first + count), different for each entry and each `flavour`.
std::vector<double> y_of(std::uint64_t first, std::uint64_t count, double flavour = 0) {
  std::vector<double> y(count * run_a.rows);
  for (std::size_t i = 0; i < y.size(); ++i) y[i] = static_cast<double>(first * run_a.rows + i) * 1.1 + flavour;
  return y;
}

class RunLogTest : public ::testing::Test {
 protected:
  RunLog create(const RunIdentity& identity = run_a) const {
    auto log = RunLog::create(path_, identity);
    if (!log.ok()) ADD_FAILURE() << log.status().to_string();
    return std::move(log).value();
  }
  RunLog resume() const {
    auto log = RunLog::resume(path_, run_a);
    if (!log.ok()) ADD_FAILURE() << log.status().to_string();
    return std::move(log).value();
  }
  /// Appends and notes vectors [first, first + count).
  static void keep(RunLog& log, std::uint64_t first, std::uint64_t count, double flavour = 0) {
    expect_ok(log.append(first, y_of(first, count, flavour)));
    note(log, first + count);
  }
  static void note(RunLog& log, std::uint64_t vectors_done, State state = State::running) {
    RunStanding standing = log.standing();
    standing.vectors_done = vectors_done;
    standing.programmings = vectors_done + 1;
    standing.state = state;
    expect_ok(log.note(standing));
  }
  static void expect_ok(const Status& status) { EXPECT_TRUE(status.ok()) << status.to_string(); }
  static void expect_products(const RunLog& log, const std::vector<double>& expected) {
    const auto y = log.products();
    ASSERT_TRUE(y.ok()) << y.status().to_string();
    EXPECT_TRUE(*y == expected);
  }

  TemporaryDirectory directory_;
  const std::string path_ = directory_ / "log";
};

TEST_F(RunLogTest, GoesOnWhereItWasLeft) {
  {
    RunLog log = create();
    EXPECT_EQ(log.standing().starts, 1u);
    expect_products(log, {});
    keep(log, 0, 2);
    keep(log, 2, 2);
    RunStanding standing = log.standing();
    standing.coordinator_host = "n0";
    standing.lost_hosts = {"n1", "", std::string("\xff\0\n\"", 4)};
    standing.state = State::stopped;
    standing.message = std::string("why\0\xc3", 5);
    expect_ok(log.note(standing));
  }
  const auto found = RunLog::standing(path_);
  ASSERT_TRUE(found.ok() && found->has_value());
  EXPECT_EQ((*found)->vectors_done, 4u);
  EXPECT_EQ((*found)->programmings, 5u);
  EXPECT_EQ((*found)->state, State::stopped);
  EXPECT_EQ((*found)->message, std::string("why\0\xc3", 5));
  EXPECT_EQ((*found)->coordinator_host, "n0");
  EXPECT_EQ((*found)->lost_hosts, (std::vector<std::string>{"n1", "", std::string("\xff\0\n\"", 4)}));

  RunLog log = resume();
  EXPECT_EQ(log.standing().starts, 2u);
  EXPECT_EQ(log.standing().vectors_done, 4u);
  EXPECT_EQ(log.standing().programmings, 5u);
  EXPECT_EQ(log.standing().lost_hosts.size(), 3u);
  EXPECT_EQ((*RunLog::standing(path_))->state, State::running) << "a supervisor sees that it began";
  keep(log, 4, 1);
  note(log, 5, State::done);
  expect_products(log, y_of(0, 5));
  EXPECT_EQ(log.cells_path(3), path_ + "/cells-1.h5");
  EXPECT_NE(log.cells_path(3), log.cells_path(4)) << "the state of the start before stays";
}

TEST_F(RunLogTest, WhatWasNotNotedIsComputedAgain) {
  {
    RunLog log = create();
    keep(log, 0, 2);
    expect_ok(log.append(2, y_of(2, 4, 1000)));
    expect_products(log, y_of(0, 2));
  }
  RunLog log = resume();
  EXPECT_EQ(log.standing().vectors_done, 2u);
  note(log, 3);
  expect_failure(log.products().status(), Code::data_corrupt, "vector 2 of 3 done is in no whole record");
  keep(log, 2, 1, 7);
  std::vector<double> expected = y_of(0, 2);
  for (const double y : y_of(2, 1, 7)) expected.push_back(y);
  expect_products(log, expected);
}

TEST_F(RunLogTest, ATornStandingIsPassedOver) {
  RunLog log = create();  // standing.1
  keep(log, 0, 2);        // standing.0
  keep(log, 2, 2);        // standing.1
  const std::string newest = bytes_of(path_ + "/standing.1");
  for (const std::size_t length : {std::size_t{0}, std::size_t{10}, newest.size() / 2, newest.size() - 1}) {
    overwrite(path_ + "/standing.1", newest.substr(0, length));
    EXPECT_EQ((*RunLog::standing(path_))->vectors_done, 2u) << length;
  }
  for (std::size_t at = 0; at < newest.size(); ++at) {
    overwrite(path_ + "/standing.1", newest);
    flip(path_ + "/standing.1", at);
    EXPECT_EQ((*RunLog::standing(path_))->vectors_done, 2u) << at;
  }
  RunLog again = resume();  // standing.1, the damaged one
  EXPECT_EQ(again.standing().vectors_done, 2u);
  flip(path_ + "/standing.1", 100);
  EXPECT_EQ((*RunLog::standing(path_))->vectors_done, 2u) << "the good one was kept until the new one was there";
  flip(path_ + "/standing.0", 100);
  expect_failure(RunLog::standing(path_).status(), Code::data_corrupt, "standing.1 is damaged");
  expect_failure(RunLog::resume(path_, run_a).status(), Code::data_corrupt, "standing.0 is damaged");
  expect_failure(RunLog::create(path_, run_a).status(), Code::data_corrupt, "holds a run already");
}

TEST_F(RunLogTest, DamagedResultsAreFound) {
  RunLog log = create();
  keep(log, 0, 2);
  keep(log, 2, 2);
  const std::string results = path_ + "/results-000001", whole = bytes_of(results);
  ASSERT_EQ(whole.size(), 40u + 2 * (40 + 2 * 5 * 8));
  std::mt19937 random(11);
  for (int i = 0; i < 300; ++i) {
    overwrite(results, whole);
    flip(results, random() % whole.size());
    expect_failure(log.products().status(), Code::data_corrupt, "results-000001: the record at byte");
  }
  for (std::size_t length = 0; length < whole.size(); ++length) {
    overwrite(results, whole.substr(0, length));
    expect_failure(log.products().status(), Code::data_corrupt, "vector ");
  }
  overwrite(results, whole);
  expect_products(log, y_of(0, 4));
}

TEST_F(RunLogTest, DamageDoesNotBringBackWhatWasReplaced) {
  {
    RunLog log = create();
    expect_ok(log.append(0, y_of(0, 1, 1000)));
  }
  RunLog log = resume();
  keep(log, 0, 1);
  expect_products(log, y_of(0, 1));
  flip(path_ + "/results-000002", 100);
  expect_failure(log.products().status(), Code::data_corrupt, "vector 0 of 1 done is in no whole record: ");
}

TEST_F(RunLogTest, AnotherRunIsRefusedFieldByField) {
  {
    RunLog log = create();
    keep(log, 0, 2);
  }
  RunIdentity other = run_a;
  other.vectors = 200;
  other.options = "--slices 2";
  expect_failure(RunLog::resume(path_, other).status(), Code::invalid_argument,
                 "vectors is '60' there, '200' asked; options is '--slices 1\n' there, '--slices 2' asked");
  const auto expect_differs = [&](auto member, auto value, const std::string& text) {
    RunIdentity changed = run_a;
    changed.*member = value;
    expect_failure(RunLog::resume(path_, changed).status(), Code::invalid_argument, text);
  };
  expect_differs(&RunIdentity::matrix, "x", "matrix is 'fem \xff\"9\"' there, 'x' asked");
  expect_differs(&RunIdentity::content, 1u, "content is 'fedcba9876543210' there, '0000000000000001' asked");
  expect_differs(&RunIdentity::inputs, 1u, "inputs is '000000000000004d' there");
  expect_differs(&RunIdentity::rows, 6u, "rows is '5' there, '6' asked");
  expect_differs(&RunIdentity::each, 1u, "each is '2' there, '1' asked");
  EXPECT_EQ((*RunLog::standing(path_))->starts, 1u) << "a refusal changes nothing";
  expect_failure(RunLog::create(path_, run_a).status(), Code::invalid_argument,
                 "holds a run already: fem \xff\"9\", 2 of 60 vectors done, running");
}

TEST_F(RunLogTest, DirectoriesThatHoldNoRun) {
  EXPECT_FALSE(RunLog::standing(path_)->has_value());
  expect_failure(RunLog::resume(path_, run_a).status(), Code::unavailable, "there is no run in");
  expect_failure(RunLog::create(path_ + "/a/b", run_a).status(), Code::unavailable, "No such file or directory");
  directory_.put("log", "a file");
  expect_failure(RunLog::create(path_, run_a).status(), Code::unavailable, "a file has this name");
  expect_failure(RunLog::resume(path_, run_a).status(), Code::unavailable, "there is no run in");
  std::filesystem::remove(path_);
  std::filesystem::create_directory(path_);
  directory_.put("log/thesis.tex", "work");
  expect_failure(RunLog::create(path_, run_a).status(), Code::invalid_argument, "is not empty: it holds thesis.tex");
  EXPECT_EQ(bytes_of(path_ + "/thesis.tex"), "work");
  std::filesystem::remove(path_ + "/thesis.tex");
  directory_.put("log/results-000001", "");  // of a create() that was cut short
  directory_.put("log/identity.tmp-1-1", "");
  EXPECT_EQ(create().standing().starts, 2u);
  EXPECT_FALSE(std::filesystem::exists(path_ + "/identity.tmp-1-1"));
}

/// A record with its checksum.
std::string sealed(std::string body) {
  body.resize((body.size() + 7) / 8 * 8, ' ');
  std::vector<double> words(body.size() / 8);
  std::memcpy(words.data(), body.data(), body.size());
  return "SEDMA run log, xxh3-128 " + digest(words) + "\n" + body;
}

TEST_F(RunLogTest, NewerVersionsAndOtherRecordsAreRefused) {
  { RunLog log = create(); }
  const std::string standing = path_ + "/standing.1", identity = path_ + "/identity", whole = bytes_of(standing);
  overwrite(standing, sealed(R"({"version": 2})"));
  expect_failure(RunLog::standing(path_).status(), Code::unsupported, "standing.1 has version 2, this SEDMA reads up to 1");
  expect_failure(RunLog::resume(path_, run_a).status(), Code::unsupported, "has version 2");
  for (const char* body : {"", "[]", "{", "{}", R"({"version": "1"})", R"({"version": 1})", R"({"version": 1, "sequence": "x"})"}) {
    overwrite(standing, sealed(body));
    expect_failure(RunLog::standing(path_).status(), Code::data_corrupt, "standing.1");
  }
  overwrite(standing, whole);
  overwrite(identity, sealed(R"({"version": 7})"));
  expect_failure(RunLog::resume(path_, run_a).status(), Code::unsupported, "identity has version 7");
  overwrite(identity, sealed(R"({"version": 1, "matrix": [300]})"));
  expect_failure(RunLog::resume(path_, run_a).status(), Code::data_corrupt, "identity");
}

TEST_F(RunLogTest, WhatIsNoProductOfTheRunIsRefused) {
  RunLog log = create();
  expect_failure(log.append(0, std::vector<double>(6)), Code::invalid_argument,
                 "6 values from vector 0 on are no products of 60 vectors of 5 rows");
  expect_failure(log.append(59, y_of(0, 2)), Code::invalid_argument, "10 values from vector 59 on");
  expect_failure(log.append(UINT64_MAX, y_of(0, 1)), Code::invalid_argument, "from vector 18446744073709551615 on");
  expect_ok(log.append(60, {}));
  expect_products(log, {});
}

TEST_F(RunLogTest, TheLaterWriterTakesOver) {
  RunLog first = create();
  keep(first, 0, 2);
  RunLog second = resume();
  expect_failure(first.append(2, y_of(2, 1, 1000)), Code::aborted, "was taken over by another process, its start 2");
  expect_failure(first.note(first.standing()), Code::aborted, "was taken over");
  keep(second, 2, 1);
  expect_products(second, y_of(0, 3));
}

TEST_F(RunLogTest, AFullDiskIsToldAndPassedBy) {
  RunLog log = create();
  keep(log, 0, 2);
  const auto previous = std::signal(SIGXFSZ, SIG_IGN);
  rlimit limit{};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit full{300, limit.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &full), 0);
  const Status appended = log.append(2, y_of(2, 20));
  const Status noted = log.note({9, 22, 0, State::running, std::string(300, 'x'), "", {}});
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
  std::signal(SIGXFSZ, previous);
  expect_failure(appended, Code::unavailable, "File too large");
  expect_failure(noted, Code::unavailable, "File too large");
  EXPECT_EQ(log.standing().vectors_done, 2u);
  EXPECT_EQ((*RunLog::standing(path_))->vectors_done, 2u);
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(path_), {}), 4) << "identity, two standings, results";
  keep(log, 2, 1);  // shorter than the torn one
  expect_products(log, y_of(0, 3));
  keep(log, 3, 20);
  expect_products(log, y_of(0, 23));
}

/// Appends and notes until it is killed or done, and tells after each step; the exit code says what went wrong.
[[noreturn]] void work(const std::string& path, bool first, int tell) {
  const auto step = [tell](bool ok, int exit_code) {
    if (!ok || ::write(tell, "", 1) != 1) ::_exit(exit_code);
  };
  auto log = first ? RunLog::create(path, run_a) : RunLog::resume(path, run_a);
  step(log.ok(), 1);
  for (std::uint64_t next = log->standing().vectors_done; next < run_a.vectors; ++next) {
    step(log->append(next, y_of(next, 1)).ok(), 2);
    RunStanding standing = log->standing();
    standing.vectors_done = next + 1;
    step(log->note(standing).ok(), 3);
  }
  ::_exit(0);
}

/// Kills a worker after so many steps, somewhere in the next one. Returns its wait status.
int kill_after(const std::string& path, bool first, unsigned steps, unsigned microseconds) {
  int ends[2];
  if (::pipe(ends) != 0) return -1;
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    work(path, first, ends[1]);
  }
  ::close(ends[1]);
  char byte = 0;
  while (steps-- > 0 && ::read(ends[0], &byte, 1) == 1) {
  }
  ::usleep(microseconds);  // where in the step: any place is right
  ::kill(child, SIGKILL);
  int status = 0;
  ::waitpid(child, &status, 0);
  ::close(ends[0]);
  return status;
}

TEST_F(RunLogTest, NothingNotedIsLostWhenItsWriterIsKilled) {
  std::mt19937 random(13);
  std::uint64_t done = 0;
  int killed = 0;
  for (int round = 0; done < run_a.vectors; ++round) {
    ASSERT_LT(round, 1000);
    const auto before = RunLog::standing(path_);
    ASSERT_TRUE(before.ok()) << before.status().to_string();
    const auto steps = static_cast<unsigned>(random() % 20), microseconds = static_cast<unsigned>(random() % 3000);
    const int status = kill_after(path_, !before->has_value(), steps, microseconds);
    ASSERT_TRUE(WIFSIGNALED(status) || WEXITSTATUS(status) == 0) << "round " << round << " ended with " << WEXITSTATUS(status);
    killed += WIFSIGNALED(status) ? 1 : 0;
    const auto after = RunLog::standing(path_);
    ASSERT_TRUE(after.ok()) << after.status().to_string();
    if (!after->has_value()) continue;  // killed before it began
    // Told of a note: it counts. Every other step of a start is one, the first being the start itself.
    ASSERT_GE((*after)->vectors_done, std::min(run_a.vectors, done + (steps == 0 ? 0 : (steps - 1) / 2)));
    done = (*after)->vectors_done;
  }
  EXPECT_GT(killed, 3);
  expect_products(resume(), y_of(0, run_a.vectors));
  for (const auto& entry : std::filesystem::directory_iterator(path_))
    EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path() << " was left behind";
}

}  // namespace
}  // namespace sedma::runtime

// The memory in a file. Seconds: 12, most of them for processes that are killed.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "runtime/memory/sqlite.h"
#include "runtime/memory/write_behind.h"
#include "tests/runtime/memory_process.h"
#include "tests/sanitizer.h"
#include "tests/temporary_directory.h"

namespace sedma::test {
namespace {

using namespace runtime;
using testing::bytes_of;

class MemoryFile : public ::testing::Test {
 protected:
  EpisodicOptions telling() {
    EpisodicOptions options;
    options.log = [this](const std::string& sentence) { told_ += sentence + "\n"; };
    return options;
  }
  Result<std::unique_ptr<EpisodicMemory>> open() { return EpisodicMemory::open(path_, telling()); }
  void fill(std::uint64_t count) {
    auto memory = open().value();
    for (std::uint64_t number = 0; number < count; ++number) memory->remember(pattern_number(number));
    ASSERT_TRUE(memory->flush().ok());
  }
  void run_sql(const std::string& text) {
    SqliteFile file;
    file.path = path_;
    ASSERT_TRUE(connect_sqlite(file, false).value()->run(text).ok());
  }
  testing::TemporaryDirectory directory_;
  std::string path_ = directory_ / "memory.sqlite", told_;
};

TEST_F(MemoryFile, RemembersOverOpenings) {
  path_ = directory_ / "new/folders/memory.sqlite";
  fill(300);
  auto memory = open().value();
  const EpisodicStats stats = memory->stats();
  EXPECT_EQ(stats.patterns, 300u);
  EXPECT_EQ(stats.store, path_);
  EXPECT_EQ(stats.schema_version, 1);
  EXPECT_EQ(stats.materials, 4u);
  EXPECT_GT(stats.bytes, 50'000u);
  for (std::uint64_t number = 0; number < 300; ++number) {
    const Pattern* found = memory->find(key_of(pattern_number(number)));
    ASSERT_NE(found, nullptr);
    EXPECT_TRUE(same(*found, pattern_number(number)));
  }
  EXPECT_TRUE(memory->forget(key_of(pattern_number(7))));
  EXPECT_FALSE(memory->forget(key_of(pattern_number(7))));
  memory->remember(pattern_number(8));
  memory->reward(key_of(pattern_number(9)), 5);
  memory.reset();  // flushes
  memory = open().value();
  EXPECT_EQ(memory->find(key_of(pattern_number(7))), nullptr);
  EXPECT_EQ(memory->find(key_of(pattern_number(8)))->evidence, 2 * pattern_number(8).evidence);
  EXPECT_GT(memory->find(key_of(pattern_number(9)))->usefulness, 5);
  EXPECT_TRUE(told_.empty()) << told_;
}

TEST_F(MemoryFile, ForgottenAndRememberedAgainStartsAfresh) {
  fill(3);
  auto memory = open().value();
  memory->remember(pattern_number(1));
  memory->forget(key_of(pattern_number(1)));
  memory->remember(pattern_number(1));
  memory.reset();
  memory = open().value();
  EXPECT_EQ(memory->find(key_of(pattern_number(1)))->evidence, pattern_number(1).evidence);
}

TEST_F(MemoryFile, RefreshTakesOverWhatOthersWrote) {
  auto first = open().value(), second = open().value();
  first->remember(pattern_number(1));
  second->remember(pattern_number(1));
  second->remember(pattern_number(2));
  ASSERT_TRUE(second->flush().ok());
  EXPECT_EQ(first->find(key_of(pattern_number(2))), nullptr);
  ASSERT_TRUE(first->refresh().ok());
  ASSERT_NE(first->find(key_of(pattern_number(2))), nullptr);
  EXPECT_EQ(first->find(key_of(pattern_number(1)))->evidence, 2 * pattern_number(1).evidence);
}

TEST_F(MemoryFile, EvictsInTheFileToo) {
  EpisodicOptions options = telling();
  options.capacity = 128;
  {
    auto memory = EpisodicMemory::open(path_, options).value();
    for (std::uint64_t number = 0; number < 500; ++number) memory->remember(pattern_number(number));
  }
  const std::size_t kept = open().value()->stats().patterns;  // with room for 10,000
  EXPECT_LE(kept, 128u);
  EXPECT_GE(kept, 120u);
}

TEST_F(MemoryFile, NothingAcknowledgedIsLostWhenKilled) { expect_survives_kills(path_, 50); }

TEST_F(MemoryFile, TwoProcessesAddUp) { expect_two_add_up(path_); }

// Whatever page is destroyed: what was there is kept aside as it was, and a new memory begins.
TEST_F(MemoryFile, DamagedAtEveryPage) {
  fill(60);
  const std::string whole = bytes_of(path_);
  constexpr std::size_t page = 4096;
  ASSERT_EQ(whole.size() % page, 0u);
  for (std::size_t at = 0; at < whole.size(); at += page) {
    for (const bool zeros : {false, true}) {
      std::string damaged = whole;
      for (std::size_t k = at; k < at + page; ++k) damaged[k] = static_cast<char>(zeros ? 0 : pick(k, 60, 256));
      directory_.put("memory.sqlite", damaged);
      told_.clear();
      auto memory = open();
      ASSERT_TRUE(memory.ok()) << at / page << ": " << memory.status().to_string();
      EXPECT_EQ((*memory)->stats().patterns, 0u) << at / page;
      EXPECT_NE(told_.find(".damaged-"), std::string::npos) << at / page << told_;
      (*memory)->remember(pattern_number(1));
      EXPECT_TRUE((*memory)->flush().ok());
      memory->reset();
      EXPECT_EQ(open().value()->stats().patterns, 1u);
      std::size_t aside = 0;
      for (const std::string& name : directory_.names()) {
        if (name.find("damaged-") == std::string::npos) continue;
        ++aside;
        EXPECT_TRUE(bytes_of(directory_ / name) == damaged);
        std::filesystem::remove(directory_ / name);
      }
      EXPECT_EQ(aside, 1u);
    }
  }
}

// A database notices damage of its structure, not of a number: checksums of rows do.
TEST_F(MemoryFile, NoFlippedBitIsBelieved) {
  fill(60);
  const std::string whole = bytes_of(path_);
  for (std::uint64_t trial = 0; trial < 150; ++trial) {
    std::string damaged = whole;
    damaged[pick(trial, 1, static_cast<std::uint32_t>(whole.size()))] ^= static_cast<char>(1u << pick(trial, 2, 8));
    directory_.put("memory.sqlite", damaged);
    auto memory = open();
    if (!memory.ok()) {
      EXPECT_NE(memory.status().message().find(path_), std::string::npos);
      continue;
    }
    for (const Recalled& each : (*memory)->all()) {
      const Pattern original = pattern_number(each.pattern->choice.choice.tile_rows);
      EXPECT_TRUE(same(*each.pattern, original));
    }
  }
}

TEST_F(MemoryFile, DamageFoundLaterLosesNothingThatIsKnown) {
  fill(1000);
  auto memory = open().value();
  std::string bytes = bytes_of(path_);
  for (std::size_t k = 4096; k < bytes.size(); ++k) bytes[k] = static_cast<char>(pick(k, 60, 256));
  std::fstream(path_, std::ios::in | std::ios::out | std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  for (std::uint64_t number = 1000; number < 1020; ++number) memory->remember(pattern_number(number));
  ASSERT_TRUE(memory->refresh().ok());
  EXPECT_EQ(memory->stats().patterns, 1020u);
  EXPECT_NE(told_.find(".damaged-"), std::string::npos) << told_;
  memory.reset();
  memory = open().value();
  for (std::uint64_t number = 0; number < 1020; ++number) {
    const Pattern* found = memory->find(key_of(pattern_number(number)));
    ASSERT_NE(found, nullptr) << number;
    EXPECT_TRUE(same(*found, pattern_number(number))) << number;
  }
}

TEST_F(MemoryFile, AFileOfSomethingElseIsLeftAlone) {
  for (const std::string& bytes : {std::string("a letter to my aunt\n"), std::string("\x89HDF\r\n\x1a\n") + std::string(5000, 'x'),
                                   std::string("SQLite format 3") + std::string(3000, '\0')}) {
    directory_.put("memory.sqlite", bytes);
    const auto refused = open();
    ASSERT_EQ(refused.status().code(), Code::invalid_argument) << refused.status().to_string();
    EXPECT_NE(refused.status().message().find(path_), std::string::npos);
    EXPECT_TRUE(bytes_of(path_) == bytes);
    EXPECT_EQ(directory_.names().size(), 1u);
  }
  directory_.put("memory.sqlite", "");  // nothing is lost of an empty file
  EXPECT_TRUE(open().ok());
}

TEST_F(MemoryFile, ADatabaseOfAnotherProgramIsLeftAlone) {
  fill(1);
  run_sql("ALTER TABLE sedma_store RENAME TO accounts");
  const auto refused = open();
  EXPECT_EQ(refused.status().code(), Code::invalid_argument);
  EXPECT_NE(refused.status().message().find("another program"), std::string::npos) << refused.status().message();
}

TEST_F(MemoryFile, ANewerVersionIsRefusedAndUntouched) {
  fill(3);
  run_sql("UPDATE sedma_store SET schema_version = 7");
  const std::string before = bytes_of(path_);
  const auto refused = open();
  EXPECT_EQ(refused.status().code(), Code::unsupported);
  for (const char* part : {"schema version 7", "knows 1", "memory.sqlite"})
    EXPECT_NE(refused.status().message().find(part), std::string::npos) << refused.status().message();
  EXPECT_TRUE(bytes_of(path_) == before);
}

TEST_F(MemoryFile, OnANetworkFileSystemThereIsNoLogAndItSaysSo) {
  fill(5);  // with one
  SqliteFile file;
  file.path = path_;
  file.log = [&](const std::string& sentence) { told_ = sentence; };
  file.is_remote = [](const std::string&) { return true; };
  auto sql = connect_sqlite(file, false).value();
  EXPECT_FALSE(sql->wal());
  EXPECT_NE(told_.find("network file system"), std::string::npos) << told_;
  auto store = SqlStore::open(std::move(sql), 100, {}).value();
  EXPECT_EQ(store->load().value().size(), 5u);
  Changes changes;
  changes[key_of(pattern_number(9))] = {false, pattern_number(9)};
  EXPECT_TRUE(store->apply(changes, "w", 1).ok());
  EXPECT_TRUE(store->apply(changes, "w", 1).ok()) << "sent again";
  EXPECT_EQ(store->load().value().size(), 6u);
  EXPECT_FALSE(std::filesystem::exists(path_ + "-wal"));
  EXPECT_FALSE(on_network_file_system("/proc/self/status"));
}

TEST_F(MemoryFile, WhatCannotBeWrittenIsUnavailable) {
  for (const std::string& path : {std::string("/proc/memory.sqlite"), directory_.path(), std::string("/dev/null/memory.sqlite")}) {
    path_ = path;
    const auto refused = open();
    EXPECT_EQ(refused.status().code(), Code::unavailable) << refused.status().to_string();
  }
}

TEST_F(MemoryFile, AReadOnlyFileIsUnavailable) {
  if (::getuid() != 0 || testing::sanitized) GTEST_SKIP() << "needs to become another user";
  fill(2);
  ::chmod(directory_.path().c_str(), 0755);
  ::chmod(path_.c_str(), 0444);
  EXPECT_TRUE(succeeded(spawn([&] {
    if (::setuid(65534) != 0) return false;
    const auto refused = EpisodicMemory::open(path_);
    return refused.status().code() == Code::unavailable && refused.status().message().find(path_) != std::string::npos;
  })));
}

TEST_F(MemoryFile, ALockedFileDelaysNoWork) {
  SqliteFile file;
  file.path = path_;
  file.busy_milliseconds = 50;
  auto holder = connect_sqlite(file, false).value();
  WriteBehindOptions options;
  options.log = [&](const std::string& sentence) { told_ += sentence; };
  options.first_retry = std::chrono::milliseconds(5);
  WriteBehind writer(
      SqlStore::open(connect_sqlite(file, false).value(), 100, {}).value(), [&](bool damaged) { return connect_sqlite(file, damaged); },
      options);
  ASSERT_TRUE(holder->begin().ok());
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t number = 0; number < 50; ++number) writer.change({{key_of(pattern_number(number)), {false, pattern_number(number)}}});
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(testing::sanitized ? 500 : 50));
  const Status locked = writer.flush();
  EXPECT_EQ(locked.code(), Code::unavailable);
  EXPECT_NE(locked.message().find("locked"), std::string::npos) << locked.message();
  ASSERT_TRUE(holder->run("COMMIT").ok());
  ASSERT_TRUE(writer.flush().ok());
  EXPECT_EQ(writer.reload().value().size(), 50u);
}

/// Fails some statements; of a COMMIT it does the work first, as a server does whose answer is lost.
class Faulty final : public Sql {
 public:
  Faulty(std::unique_ptr<Sql> sql, int& count) : sql_(std::move(sql)), count_(count) {}
  Status run(const std::string& text, std::span<const FieldValue> parameters, const TakeRow& take) override {
    const bool fails = fraction(static_cast<std::uint64_t>(++count_), 70) < 0.15 && text != "ROLLBACK";
    if (fails && text != "COMMIT") return Status(Code::unavailable, "the disk is full");
    const Status status = sql_->run(text, parameters, take);
    return fails ? Status(Code::unavailable, "the line is dead") : status;
  }
  Status begin() override { return sql_->begin(); }
  const std::string& place() const override { return sql_->place(); }
  std::uint64_t bytes() const override { return sql_->bytes(); }
  bool wal() const override { return sql_->wal(); }

 private:
  std::unique_ptr<Sql> sql_;
  int& count_;
};

TEST_F(MemoryFile, EveryBatchCountsOnceWhateverFails) {
  SqliteFile file;
  file.path = path_;
  int count = 0;
  const Connect connect = [&](bool damaged) -> Result<std::unique_ptr<Sql>> {
    SEDMA_ASSIGN_OR_RETURN(auto sql, connect_sqlite(file, damaged));
    return std::unique_ptr<Sql>(std::make_unique<Faulty>(std::move(sql), count));
  };
  auto first = SqlStore::open(connect(false).value(), 100, {});
  while (!first.ok()) first = SqlStore::open(connect(false).value(), 100, {});
  WriteBehindOptions options;
  options.first_retry = options.longest_retry = std::chrono::milliseconds(1);
  int failures = 0;
  {
    WriteBehind writer(std::move(first).value(), connect, options);
    for (int k = 0; k < 40; ++k) {
      Pattern pattern = pattern_number(1);
      pattern.evidence = 1;
      writer.change({{key_of(pattern), {false, pattern}}});
      while (!writer.flush().ok()) ++failures;
    }
  }
  EXPECT_GT(failures, 10);
  EXPECT_EQ(open().value()->find(key_of(pattern_number(1)))->evidence, 40u);
}

TEST_F(MemoryFile, WhatWaitsIsBounded) {
  WriteBehindOptions options;
  options.capacity = 100;
  options.log = [&](const std::string& sentence) { told_ += sentence; };
  SqliteFile file;
  file.path = path_;
  file.busy_milliseconds = 1;
  auto holder = connect_sqlite(file, false).value();
  WriteBehind writer(
      SqlStore::open(connect_sqlite(file, false).value(), 1000, {}).value(), [&](bool damaged) { return connect_sqlite(file, damaged); },
      options);
  ASSERT_TRUE(holder->begin().ok());
  for (std::uint64_t number = 0; number < 1000; ++number)
    writer.change({{key_of(pattern_number(number)), {false, pattern_number(number)}}});
  EXPECT_NE(told_.find("dropped"), std::string::npos) << told_;
  ASSERT_TRUE(holder->run("COMMIT").ok());
  ASSERT_TRUE(writer.flush().ok());
  const std::size_t kept = writer.reload().value().size();
  EXPECT_LE(kept, 400u);
  EXPECT_GE(kept, 98u);
}

TEST(MemoryPath, FollowsTheEnvironment) {
  EXPECT_TRUE(succeeded(spawn([] {
    ::unsetenv("SEDMA_MEMORY");
    ::setenv("HOME", "/home/user", 1);
    ::unsetenv("XDG_DATA_HOME");
    if (default_memory_path() != "/home/user/.local/share/sedma/memory.sqlite") return false;
    ::setenv("XDG_DATA_HOME", "/data", 1);
    if (default_memory_path() != "/data/sedma/memory.sqlite") return false;
    ::setenv("SEDMA_MEMORY", "none", 1);
    return default_memory_path() == "none";
  })));
}

}  // namespace
}  // namespace sedma::test

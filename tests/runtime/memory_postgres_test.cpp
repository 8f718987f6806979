// The memory on a server. Every test starts a PostgreSQL (2 s). Seconds: 15.
#include <gtest/gtest.h>

#include <memory>

#include "runtime/memory/postgres.h"
#include "tests/runtime/memory_process.h"
#include "tests/runtime/postgres_server.h"
#include "tests/sanitizer.h"

namespace sedma::test {
namespace {

using namespace runtime;

class MemoryServer : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = PostgresServer::absent(); !why.empty()) GTEST_SKIP() << why;
    server_ = std::make_unique<PostgresServer>();
  }
  Result<std::unique_ptr<EpisodicMemory>> open() { return EpisodicMemory::open(server_->uri()); }
  std::unique_ptr<PostgresServer> server_;
};

TEST_F(MemoryServer, RemembersEvictsForgetsAndRefusesNewerVersions) {
  EpisodicOptions options;
  options.capacity = 128;
  {
    auto memory = EpisodicMemory::open(server_->uri(), options).value();
    for (std::uint64_t number = 0; number < 200; ++number) memory->remember(pattern_number(number));
    ASSERT_TRUE(memory->flush().ok());
    ASSERT_TRUE(memory->refresh().ok());
    EXPECT_TRUE(memory->forget(key_of(pattern_number(199))));
    EXPECT_GT(memory->stats().bytes, 8192u);
  }
  auto memory = open().value();
  EXPECT_LE(memory->stats().patterns, 128u);
  EXPECT_GE(memory->stats().patterns, 110u);
  EXPECT_EQ(memory->find(key_of(pattern_number(199))), nullptr);
  for (const Recalled& each : memory->all()) EXPECT_TRUE(same(*each.pattern, pattern_number(each.pattern->choice.choice.tile_rows)));
  EXPECT_EQ(memory->stats().store.find("open-sesame"), std::string::npos);
  memory.reset();
  ASSERT_TRUE(connect_postgres(server_->uri()).value()->run("UPDATE sedma_store SET schema_version = 7").ok());
  const auto refused = open();
  EXPECT_EQ(refused.status().code(), Code::unsupported);
  EXPECT_NE(refused.status().message().find("schema version 7"), std::string::npos) << refused.status().message();
}

TEST_F(MemoryServer, TwoProcessesAddUp) { expect_two_add_up(server_->uri()); }

TEST_F(MemoryServer, NothingAcknowledgedIsLostWhenAClientIsKilled) { expect_survives_kills(server_->uri(), 10); }

TEST_F(MemoryServer, NothingAcknowledgedIsLostWhenTheServerIsKilled) {
  auto memory = open().value();
  std::uint64_t number = 0;
  for (int kill = 0; kill < 2; ++kill) {
    for (std::uint64_t k = 0; k < 40; ++k) memory->remember(pattern_number(number++));
    ASSERT_TRUE(memory->flush().ok());
    server_->stop(SIGKILL);
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t k = 0; k < 40; ++k) memory->remember(pattern_number(number++));
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(testing::sanitized ? 500 : 50));
    const Status away = memory->flush();
    EXPECT_EQ(away.code(), Code::unavailable);
    EXPECT_EQ(away.message().find("open-sesame"), std::string::npos) << away.message();
    std::this_thread::sleep_for(std::chrono::milliseconds(300));  // the server's own children see that it is gone
    server_->run();
    if (HasFatalFailure()) return;
    ASSERT_TRUE(memory->flush().ok()) << "what waited is written";
  }
  memory.reset();
  memory = open().value();
  ASSERT_EQ(memory->stats().patterns, number);
  for (std::uint64_t k = 0; k < number; ++k) EXPECT_TRUE(same(*memory->find(key_of(pattern_number(k))), pattern_number(k))) << k;
}

TEST_F(MemoryServer, ASilentServerDelaysNoWork) {
  auto memory = open().value();
  ::kill(server_->pid(), SIGSTOP);
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t k = 0; k < 500; ++k) memory->remember(pattern_number(k));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(testing::sanitized ? 1000 : 100));
  ::kill(server_->pid(), SIGCONT);
  EXPECT_TRUE(memory->flush().ok());
}

TEST(MemoryUri, NoMessageHoldsThePassword) {
  for (const char* uri : {"postgresql://ada:open-sesame@/db?host=/nowhere", "postgresql://ada:open-sesame@localhost:99999999/db",
                          "postgresql://ada:open-sesame%@localhost/db", "postgresql://ada@/db?host=/nowhere&password=open-sesame",
                          "postgresql://ada:open-sesame@/db?host=/nowhere&nonsense=1"}) {
    const auto refused = EpisodicMemory::open(uri);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.status().message().find("sesame"), std::string::npos) << refused.status().message();
    EXPECT_NE(refused.status().message().find("postgresql://"), std::string::npos) << refused.status().message();
  }
}

}  // namespace
}  // namespace sedma::test

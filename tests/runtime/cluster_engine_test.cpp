// Sessions of several ranks on emulated boards, over a network in memory: the bits of one process. 3 s.

#include <gtest/gtest.h>

#include "memory_job.h"
#include "runtime/comm/traffic_forecast.h"
#include "runtime/digest.h"
#include "runtime/saved_cells.h"
#include "support.h"
#include "tests/temporary_directory.h"

namespace sedma::runtime {
namespace {

const std::string board = "emulator:TaOx-HfOx?identity=tile&adc_bits=10&dac_bits=10&rows=32&cols=32&seed=11&arrays=";

// The boards outlive the workers, which end with the job.
struct BoardJob {
  BoardJob(int ranks, const Matrix& matrix, int ranks_with_matrix, std::uint32_t arrays) : job(ranks, matrix, ranks_with_matrix) {
    for (std::size_t rank = 0; rank < job.facts.size(); ++rank) {
      devices.push_back(test::open_device(board + std::to_string(arrays)));
      job.locals[rank].device = devices.back().get();
      job.facts[rank].capabilities = devices.back()->capabilities();
    }
    job.serve(make_engine_bench);
  }
  std::vector<std::unique_ptr<hal::Device>> devices;
  test::MemoryJob job;
};

class ClusterEngine : public ::testing::Test {
 protected:
  ClusterEngine() {
    options.choice.slices = 1;
    options.choice.passes = 20;
  }
  // y of all vectors, two products of two vectors, and a programming between.
  template <class S>
  std::string digest_of(S& session, const std::function<void(std::size_t)>& before_product = {}) {
    std::vector<double> all;
    for (int round = 0; round < 2; ++round) {
      EXPECT_TRUE(session.program().ok());
      const Status status = session.multiply_each(x, 6, 2, [&](std::size_t first, Product&& product) {
        if (before_product) before_product(first + 6 * static_cast<std::size_t>(round));
        all.insert(all.end(), product.y.begin(), product.y.end());
        return Status();
      });
      EXPECT_TRUE(status.ok()) << status.to_string();
    }
    EXPECT_EQ(all.size(), 2 * 6 * 120u);
    return digest(all);
  }
  std::string one_process(std::uint32_t arrays) {
    const auto device = test::open_device(board + std::to_string(arrays));
    auto session = Session::open(*device, matrix, options);
    EXPECT_TRUE(session.ok()) << session.status().to_string();
    return digest_of(*session);
  }

  SessionOptions options;
  const Matrix matrix = test::random_matrix(120, 100, 0.3, 4);
  const std::vector<double> x = random_inputs(2, 6, 100);
};

TEST_F(ClusterEngine, SameBitsForAnyNumberOfRanks) {
  const std::string right = one_process(200);
  for (const int ranks : {1, 2, 3, 4, 7}) {
    BoardJob boards(ranks, matrix, ranks == 4 ? 2 : 1, 200);
    test::MemoryJob& job = boards.job;
    auto session = Session::open(job.job(0), matrix, options);
    ASSERT_TRUE(session.ok()) << session.status().to_string();
    EXPECT_EQ(digest_of(*session), right) << ranks << " ranks";
  }
}

TEST_F(ClusterEngine, SameBitsInTurns) {
  const std::string right = one_process(200);
  BoardJob boards(3, matrix, 1, 3);
  test::MemoryJob& job = boards.job;
  auto session = Session::open(job.job(0), matrix, options);
  ASSERT_TRUE(session.ok()) << session.status().to_string();
  EXPECT_EQ(digest_of(*session), right);
}

TEST_F(ClusterEngine, SameBitsAfterLossesAndAReturn) {
  for (const std::uint32_t arrays : {200u, 30u}) {
    const std::string right = one_process(arrays);
    BoardJob boards(4, matrix, 1, arrays);
    test::MemoryJob& job = boards.job;
    auto session = Session::open(job.job(0), matrix, options);
    ASSERT_TRUE(session.ok()) << session.status().to_string();
    const std::string lossy = digest_of(*session, [&](std::size_t first) {
      if (first == 0) job.network.lose(2);
      if (first == 2) job.network.heal(2);
      if (first == 6) job.network.kill(3);
      if (first == 8) job.network.lose(2);
    });
    EXPECT_EQ(lossy, right);
    EXPECT_GE(session->losses().size(), 2u);
    EXPECT_GT(session->losses()[0].recovery_seconds, 0.0);
  }
}

// The conversion in force when a product began is that of all its parts, those that move after a loss too.
TEST_F(ClusterEngine, SameBitsForConversionsThatChange) {
  const std::vector<Conversion> conversions = {{0.5, 3}, {}, {0.25, 1}, {1, 2}};
  const auto digest_over = [&](Session& session, const std::function<void(std::size_t)>& before_product) {
    std::vector<double> all;
    for (std::size_t k = 0; k < conversions.size(); ++k) {
      EXPECT_TRUE(session.set_conversion(conversions[k]).ok());
      const Status status = session.multiply_each(x, 6, 2, [&](std::size_t, Product&& product) {
        all.insert(all.end(), product.y.begin(), product.y.end());
        before_product(k);
        return Status();
      });
      EXPECT_TRUE(status.ok()) << status.to_string();
    }
    return digest(all);
  };
  const auto device = test::open_device(board + "200");
  auto alone = Session::open(*device, matrix, options).value();
  const std::string right = digest_over(alone, [](std::size_t) {});
  BoardJob boards(4, matrix, 1, 200);
  auto session = Session::open(boards.job.job(0), matrix, options);
  ASSERT_TRUE(session.ok()) << session.status().to_string();
  EXPECT_EQ(digest_over(*session,
                        [&](std::size_t k) {
                          if (k == 0) boards.job.network.kill(2);
                          if (k == 2) boards.job.network.kill(3);
                        }),
            right);
  EXPECT_EQ(session->losses().size(), 2u);
  EXPECT_EQ(session->multiplying().products % 12, 0u);
}

TEST_F(ClusterEngine, TheForecastOfItsTrafficIsRight) {
  for (const std::uint32_t arrays : {200u, 3u}) {
    BoardJob boards(3, matrix, 1, arrays);
    test::MemoryJob& job = boards.job;
    const auto forecast = forecast_traffic(job.facts, matrix, options, 6, 4);
    ASSERT_TRUE(forecast.ok());
    auto session = Session::open(job.job(0), matrix, options);
    ASSERT_TRUE(session.ok());
    ASSERT_TRUE(session->multiply_each(x, 6, 4, [](std::size_t, Product&&) { return Status(); }).ok());
    const auto ranks = session->ranks();
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      EXPECT_EQ(ranks[rank].traffic.messages_sent, (*forecast)[rank].messages_sent);
      EXPECT_EQ(ranks[rank].traffic.bytes_sent, (*forecast)[rank].bytes_sent);
      EXPECT_EQ(ranks[rank].traffic.messages_received, (*forecast)[rank].messages_received);
      EXPECT_EQ(ranks[rank].traffic.bytes_received, (*forecast)[rank].bytes_received);
    }
  }
}

TEST_F(ClusterEngine, CostsLayoutsAndHashesAreThoseOfOneProcess) {
  const auto device = test::open_device(board + "200");
  auto alone = Session::open(*device, matrix, options);
  ASSERT_TRUE(alone.ok());
  ASSERT_TRUE(alone->program().ok());
  BoardJob boards(3, matrix, 1, 200);
  test::MemoryJob& job = boards.job;
  auto session = Session::open(job.job(0), matrix, options);
  ASSERT_TRUE(session.ok());
  ASSERT_TRUE(session->program().ok());
  EXPECT_EQ(session->programming().pulses, alone->programming().pulses);
  EXPECT_EQ(session->programming().cells, alone->programming().cells);
  EXPECT_NEAR(session->programming().joules.total(), alone->programming().joules.total(), 1e-9 * alone->programming().joules.total());
  EXPECT_EQ(session->tile_hashes(), alone->tile_hashes());
  std::size_t placements = 0;
  for (const Layout& layout : session->layouts()) placements += layout.placements.size();
  EXPECT_EQ(placements, alone->layouts()[0].placements.size());
}

TEST_F(ClusterEngine, WhatWasSavedIsReadByTheRankOfTheSameBoard) {
  options.keep_cells = true;
  const sedma::testing::TemporaryDirectory directory;
  const std::string path = directory / "cells";
  BoardJob boards(2, matrix, 1, 200);
  test::MemoryJob& job = boards.job;
  {
    auto session = Session::open(job.job(0), matrix, options);
    ASSERT_TRUE(session.ok());
    ASSERT_TRUE(session->program().ok());
    ASSERT_TRUE(session->save(path).ok());
  }
  EXPECT_TRUE(read_saved_cells(path + ".0").ok());
  EXPECT_TRUE(read_saved_cells(path + ".1").ok());
  auto session = Session::open(job.job(0), matrix, options);
  ASSERT_TRUE(session.ok());
  EXPECT_TRUE(session->restore(path).ok());
  EXPECT_TRUE(session->program().ok());
}

}  // namespace
}  // namespace sedma::runtime

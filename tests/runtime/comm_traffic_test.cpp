// What the dry run says is sent, is what is sent. 0.5 s.

#include <gtest/gtest.h>

#include "memory_job.h"
#include "runtime/comm/traffic_forecast.h"

namespace sedma::runtime {
namespace {

struct Case {
  int ranks, with_matrix;
  std::uint32_t arrays;  // 1: turns
  double density;
  std::uint64_t batch, each;
};

TEST(TrafficForecast, EqualsTheCountsOfTheTransport) {
  for (const Case& c : {Case{1, 1, 4, 0.2, 3, 2}, Case{2, 1, 40, 0.2, 5, 2}, Case{3, 2, 40, 0.9, 4, 4}, Case{4, 4, 40, 0.05, 7, 3},
                        Case{7, 1, 40, 0.02, 1, 1}, Case{3, 1, 1, 0.3, 4, 2}}) {
    const Matrix matrix = test::whole_matrix(100, 80, c.density, 3);
    test::MemoryJob job(c.ranks, matrix, c.with_matrix, c.arrays);
    const auto forecast = forecast_traffic(job.facts, matrix, {}, c.batch, c.each);
    ASSERT_TRUE(forecast.ok()) << forecast.status().to_string();
    for (test::FakeControl& control : job.controls) control.turns = c.arrays == 1;
    auto core = job.open({});
    ASSERT_TRUE(core.ok());
    ASSERT_TRUE((*core)->program(0).ok());
    for (std::uint64_t vector = 0; vector < c.batch; vector += c.each) {
      const std::size_t batch = std::min(c.each, c.batch - vector);
      const auto x = test::whole_vectors(batch, matrix.cols(), 5);
      ASSERT_TRUE((*core)->start({x, batch, 0}).ok());
      ASSERT_TRUE(test::finish_and_compare(**core, matrix, x, batch, 0, 0).ok());
    }
    const auto ranks = (*core)->ranks();
    for (std::size_t rank = 0; rank < ranks.size(); ++rank) {
      const Traffic &real = ranks[rank].traffic, &said = (*forecast)[rank];
      EXPECT_EQ(real.messages_sent, said.messages_sent) << c.ranks << " ranks, rank " << rank;
      EXPECT_EQ(real.messages_received, said.messages_received) << c.ranks << " ranks, rank " << rank;
      EXPECT_EQ(real.bytes_sent, said.bytes_sent) << c.ranks << " ranks, rank " << rank;
      EXPECT_EQ(real.bytes_received, said.bytes_received) << c.ranks << " ranks, rank " << rank;
    }
    EXPECT_EQ(c.ranks > 1, (*forecast)[0].bytes_sent > 0);
  }
}

TEST(TrafficForecast, OnlyTheColumnsThatARankNeedsAreSentToIt) {
  // Two blocks on the diagonal: each rank needs half of x.
  std::vector<Matrix::Entry> entries;
  for (std::uint32_t i = 0; i < 64; ++i) entries.push_back({i, i, 1.0});
  const auto matrix = Matrix::from_entries("diagonal", 64, 64, std::move(entries));
  test::MemoryJob job(2, *matrix, 2, 40);
  const auto one = forecast_traffic(job.facts, *matrix, {}, 1, 1), two = forecast_traffic(job.facts, *matrix, {}, 2, 2);
  const std::uint64_t more = (*two)[1].bytes_received - (*one)[1].bytes_received;
  EXPECT_EQ(more, (32 + 1) * sizeof(double));  // 32 columns and max|x|
  EXPECT_EQ((*two)[1].bytes_sent - (*one)[1].bytes_sent, 32 * sizeof(std::int64_t));
}

TEST(TrafficForecast, WhoHasTheMatrixGetsNoValues) {
  const Matrix matrix = test::whole_matrix(100, 80, 0.9, 3);
  test::MemoryJob with(2, matrix, 2, 40), without(2, matrix, 1, 40);
  const auto less = forecast_traffic(with.facts, matrix, {}, 1, 1), more = forecast_traffic(without.facts, matrix, {}, 1, 1);
  EXPECT_GT((*more)[1].bytes_received, (*less)[1].bytes_received + matrix.nonzeros() * sizeof(double) / 3);
}

TEST(TrafficForecast, ProductsOfNoVectorsAreRefused) {
  const Matrix matrix = test::whole_matrix(10, 8, 0.9, 3);
  test::MemoryJob job(2, matrix, 1);
  EXPECT_EQ(forecast_traffic(job.facts, matrix, {}, 1, 0).status().code(), Code::invalid_argument);
}

}  // namespace
}  // namespace sedma::runtime

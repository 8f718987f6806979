// Sessions over a longer course: product after product, and on from where another one ended.

#include <gtest/gtest.h>

#include "runtime/session.h"
#include "tests/runtime/matrix_testing.h"
#include "tests/runtime/support.h"

namespace sedma::runtime {
namespace {

using test::open_device;

constexpr std::size_t batch = 7;

class Course : public ::testing::Test {
 protected:
  Matrix matrix_ = test::random_matrix(60, 50, 0.4, 2);
  std::vector<double> x_ = random_inputs(4, batch, 50);
  std::span<const double> part(std::size_t first, std::size_t count) const { return std::span(x_).subspan(first * 50, count * 50); }

  static SessionOptions one_slice() {
    SessionOptions options;
    options.choice.slices = 1;
    return options;
  }
  // All products of `each` vectors, as one.
  std::vector<double> each(Session& session, std::size_t size) const {
    std::vector<double> all;
    EXPECT_TRUE(succeeds(session.multiply_each(x_, batch, size, [&](std::size_t first, Product&& product) {
      EXPECT_EQ(first * 60, all.size()) << "in order";
      EXPECT_EQ(product.batch, std::min(size, batch - first));
      all.insert(all.end(), product.y.begin(), product.y.end());
      return Status();
    })));
    return all;
  }
};

TEST_F(Course, OneByOneIsTheBatch) {
  for (const std::string board : {"emulator:TaOx-HfOx?rows=32&cols=40", "emulator:TaOx-HfOx?rows=32&cols=40&arrays=3",
                                  "emulator:TaOx-HfOx?rows=32&cols=40&read_noise=0.02"}) {
    std::vector<double> whole;
    for (const std::size_t size : {batch, batch + 1, std::size_t{3}, std::size_t{1}}) {
      const auto device = open_device(board);
      auto session = Session::open(*device, matrix_, one_slice()).value();
      const std::vector<double> y = each(session, size);
      if (whole.empty()) whole = session.multiply(x_, batch).ok() ? y : whole;
      EXPECT_EQ(y, whole) << board << ", " << size << " at a time";
    }
  }
}

TEST_F(Course, TheTakerCanEndIt) {
  const auto device = open_device("emulator:TaOx-HfOx?rows=32&cols=40&read_noise=0.02");
  const auto other = open_device("emulator:TaOx-HfOx?rows=32&cols=40&read_noise=0.02");
  auto session = Session::open(*device, matrix_, {}).value(), plain = Session::open(*other, matrix_, {}).value();
  const Status full = session.multiply_each(
      x_, batch, 2, [](std::size_t first, Product&&) { return first == 2 ? Status(Code::unavailable, "disk full") : Status(); });
  EXPECT_TRUE(fails(full, Code::unavailable, "disk full"));
  ASSERT_TRUE(plain.multiply(part(0, 4), 4).ok());
  EXPECT_EQ(session.multiply(part(4, 3), 3)->y, plain.multiply(part(4, 3), 3)->y) << "four vectors were multiplied";
  EXPECT_EQ(session.multiply_each(x_, batch, 0, {}).code(), Code::invalid_argument);
  EXPECT_EQ(session.multiply_each(x_, batch + 1, 1, {}).code(), Code::invalid_argument);
}

TEST_F(Course, GoesOnWhereAnotherEnded) {
  SessionOptions products;
  products.products = true;
  for (const SessionOptions& options : {one_slice(), products}) {
    const std::string board = "emulator:TaOx-HfOx?rows=64&cols=128&read_noise=0.02&d2d=0.05&stuck=0.01&arrays=6";
    const auto device = open_device(board);
    auto whole = Session::open(*device, matrix_, options).value();
    for (std::uint64_t programmings = 1; programmings <= 2; ++programmings) {
      ASSERT_TRUE(succeeds(whole.program()));
      ASSERT_TRUE(succeeds(whole.multiply(part(0, 4), 4)));
      const auto expected = whole.multiply(part(4, 3), 3);
      ASSERT_TRUE(expected.ok());
      const auto another = open_device(board);
      auto rest = Session::open(*another, matrix_, options).value();
      rest.continue_from(programmings == 1 ? 4 : 7 + 4, programmings);
      const auto found = rest.multiply(part(4, 3), 3);
      ASSERT_TRUE(found.ok());
      EXPECT_EQ(found->y, expected->y) << programmings << " programmings";
    }
  }
}

TEST_F(Course, GoesOnWhereLinesHaveResistance) {
  const std::string board = "emulator:TaOx-HfOx?rows=64&cols=128&read_noise=0.02&arrays=4&wires=exact";
  const auto device = open_device(board), another = open_device(board);
  auto whole = Session::open(*device, matrix_, one_slice()).value(), rest = Session::open(*another, matrix_, one_slice()).value();
  ASSERT_TRUE(succeeds(whole.multiply(part(0, 4), 4)));
  rest.continue_from(4, 1);
  EXPECT_EQ(rest.multiply(part(4, 3), 3)->y, whole.multiply(part(4, 3), 3)->y);
}

TEST_F(Course, SaysWhatItsRankDid) {
  const auto device = open_device("emulator:TaOx-HfOx?rows=32&cols=40");
  auto session = Session::open(*device, matrix_, one_slice()).value();
  EXPECT_EQ(session.ranks().at(0).busy_seconds, 0);
  ASSERT_TRUE(succeeds(session.multiply(x_, batch)));
  const std::vector<RankReport> ranks = session.ranks();
  ASSERT_EQ(ranks.size(), 1u);
  EXPECT_FALSE(ranks[0].host.empty());
  EXPECT_EQ(ranks[0].tiles, session.plan().tiles.size());
  EXPECT_GT(ranks[0].busy_seconds, 0);
  EXPECT_GE(ranks[0].wait_seconds, 0);
  EXPECT_GT(ranks[0].peak_bytes, 0u);
  EXPECT_EQ(ranks[0].traffic.messages_sent, 0u);
  EXPECT_TRUE(session.losses().empty());
  EXPECT_EQ(session.layouts().at(0).placements.size(), 2 * session.plan().tiles.size());
  for (const TileHash& hash : session.tile_hashes()) EXPECT_NE(hash, TileHash{});
}

}  // namespace
}  // namespace sedma::runtime

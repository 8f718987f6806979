// Messages of the coordinator and the workers: they come out as they went in, and damaged ones are refused. 0.5 s.

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <random>

#include "memory_job.h"
#include "runtime/comm/parcels.h"
#include "runtime/comm/tile_store.h"

namespace sedma::runtime {
namespace {

ClusterPlan plan_of(const Matrix& matrix) {
  test::MemoryJob job(3, matrix, 1);
  auto planned = plan_cluster(job.facts, matrix, {});
  EXPECT_TRUE(planned.ok()) << planned.status().to_string();
  return std::move(planned).value();
}

std::vector<std::uint32_t> all_groups(const Plan& plan) {
  std::vector<std::uint32_t> groups;
  for (std::uint32_t group = 0; group < plan.groups.size(); ++group) groups.push_back(group);
  return groups;
}

OpenMessage some_open() {
  OpenMessage open;
  open.session = 7;
  open.rows = 100;
  open.cols = 80;
  open.content = 0x123456789abcdef0;
  open.roots = {{0, 7}, {3, 8}};
  open.choice = {Partition::clustered, 2, 16, 8, kernels::Encoding::offset, kernels::Scale::tile, 2, 21, 0.25, 0.125f, 99, 3, {1.5, 4}};
  open.geometry = {64, 32, true};
  open.tile_rows = 16;
  open.tiles = 5;
  open.groups = 4;
  open.wait_seconds = 2.5;
  open.deadline_nanoseconds = 600'000'000'000;
  open.keep_cells = true;
  return open;
}

DoneMessage some_done() {
  DoneMessage done{7, 12, {}, {1, 2, 8}};
  done.report.status = Status(Code::device_fault, "array 3");
  done.report.programming.joules = {1, 2, 3, 4, 5};
  done.report.programming.pulses = 77;
  done.report.multiplying.seconds = 0.5;
  done.report.multiplying.commands = 3;
  done.report.busy_seconds = 1.25;
  done.report.peak_bytes = 1u << 30;
  done.report.hashes = {{3, {4, 5}}, {9, {6, 7}}};
  return done;
}

// Encoding what was decoded gives the same bytes: nothing is left out or mixed up that another field does not hide.
template <class Decode>
void expect_same_bytes(const Bytes& body, const Decode& decode) {
  const auto message = decode(body);
  ASSERT_TRUE(message.ok()) << message.status().to_string();
  EXPECT_EQ(encode(*message), body);
}

TEST(Messages, ComeOutAsTheyWentIn) {
  expect_same_bytes(encode(some_open()), decode_open);
  const auto open = decode_open(encode(some_open()));
  EXPECT_EQ(open->choice.passes, 21u);
  EXPECT_EQ(open->choice.conversion.headroom, 1.5);
  EXPECT_EQ(open->choice.conversion.repeats, 4u);
  EXPECT_EQ(open->choice.partition, Partition::clustered);
  EXPECT_EQ(open->choice.sharing, 2u);
  EXPECT_EQ(open->choice.scale, kernels::Scale::tile);
  EXPECT_TRUE(open->geometry.apart);
  EXPECT_EQ(open->groups, 4u);
  EXPECT_TRUE(open->keep_cells);
  expect_same_bytes(encode(some_done()), decode_done);
  const auto done = decode_done(encode(some_done()));
  EXPECT_EQ(done->report.status.to_string(), "device_fault: array 3");
  EXPECT_EQ(done->report.programming.joules.verify, 5);
  EXPECT_EQ(done->report.hashes, some_done().report.hashes);
  EXPECT_EQ(done->groups, some_done().groups);
  expect_same_bytes(encode(DropMessage{{3, 1}}), decode_drop);
  expect_same_bytes(encode(ProgramMessage{1, 2, {3, 4}}), decode_program);
  expect_same_bytes(encode(MultiplyMessage{1, 2, 2, {0.5, 4}, 4u, {3}, {0.5, 9}, {1, 2, 3, 4, 5, 6}}), decode_multiply);
  expect_same_bytes(encode(FileMessage{5, "a/b"}), decode_file);
  expect_same_bytes(encode(RecallMessage{3}), decode_recall);
  expect_same_bytes(encode(StateMessage{2, 7, {{1, 2, 3}, {4, 5, StateMessage::restored}}}), decode_state);
  expect_same_bytes(encode(FailedMessage{7, Status(Code::internal, "no")}), decode_failed);
  EXPECT_EQ(decode_end(encode(EndMessage{Status(Code::aborted, "stop")}))->verdict.to_string(), "aborted: stop");
  EXPECT_TRUE(decode_end(encode(EndMessage{}))->verdict.ok());
}

TEST(Messages, AMatrixPartWithoutItsFlagIsRefused) {
  const MultiplyMessage whole{1, 2, 2, {0.5, 4}, std::nullopt, {3}, {0.5, 9}, {1, 2, 3, 4, 5, 6}};
  MultiplyMessage first = whole;
  first.matrix_part = 0u;
  const Bytes without = encode(whole), with = encode(first);
  EXPECT_FALSE(decode_multiply(without)->matrix_part.has_value());
  EXPECT_EQ(decode_multiply(with)->matrix_part, 0u);
  const auto flag = static_cast<std::size_t>(std::mismatch(with.begin(), with.end(), without.begin()).first - with.begin());
  Bytes damaged = without;
  damaged[flag + 1] = std::byte{1};  // the part, which nothing says is there
  EXPECT_EQ(decode_multiply(damaged).status().code(), Code::data_corrupt);
}

TEST(Messages, TheEndIsACodeAndAText) {
  const Bytes body = encode(EndMessage{Status(Code::unavailable, "xy")});
  ASSERT_EQ(body.size(), 3u);
  EXPECT_EQ(static_cast<Code>(body[0]), Code::unavailable);
  EXPECT_EQ(static_cast<char>(body[2]), 'y');
  EXPECT_EQ(static_cast<std::uint32_t>(MessageKind::end), 0u);
}

TEST(Messages, SumsTakeEightBytesWhereTheyFitAndSixteenElse) {
  for (const double value : {3.0, -3.0, 1e6, -1e6}) {  // over the bound of 1 by 2^20: 2^80
    Accumulator y(2, 5);
    for (std::size_t b = 0; b < 2; ++b)
      for (std::size_t i = 0; i < 5; ++i) y.set_bound(b, i, 1.0);
    y.add(1, 4, value);
    y.add(0, 2, -0.25);
    PartialMessage message;
    message.batch = 2;
    const std::vector<std::uint32_t> rows{2, 4};
    const Bytes body = encode(message, y, rows);
    const auto partial = decode_partial(body);
    ASSERT_TRUE(partial.ok());
    EXPECT_EQ(partial->wide, std::abs(value) > 8);
    EXPECT_EQ(partial->sums.size(), partial->wide ? 64u : 32u);
    EXPECT_EQ(body.size(), partial_bytes(2, 2, 0) + (partial->wide ? 32 : 0));
    Accumulator sum = y;
    read_sums(*partial, rows, sum);
    EXPECT_EQ(sum.value(1, 4), 2 * value);
    EXPECT_EQ(sum.value(0, 2), -0.5);
    EXPECT_EQ(sum.value(0, 4), 0.0);
  }
}

TEST(Messages, AFailedPartHasNoSums) {
  Accumulator y(2, 5);
  PartialMessage message;
  message.batch = 2;
  message.report.status = Status(Code::device_fault, "");
  EXPECT_EQ(decode_partial(encode(message, y, std::vector<std::uint32_t>{1, 2}))->outputs, 0u);
}

TEST(Messages, SizesAreKnownWithoutMakingThem) {
  for (const double density : {0.02, 0.3, 1.0}) {
    const Matrix matrix = test::whole_matrix(100, 80, density, 4);
    const ClusterPlan planned = plan_of(matrix);
    const auto groups = all_groups(planned.plan);
    for (const bool with_values : {false, true}) {
      const auto message = hold_message(planned.plan, matrix, groups, with_values);
      ASSERT_TRUE(message.ok());
      EXPECT_EQ(encode(*message).size(), hold_bytes(planned.plan, groups, with_values, matrix.rows())) << density;
    }
  }
  EXPECT_EQ(encode(MultiplyMessage{1, 2, 2, {0.5, 4}, 4u, {3}, {0.5, 9}, {1, 2, 3, 4, 5, 6}}).size(), multiply_bytes(2, 1, 3));
}

TEST(Messages, LargeTilesTravelInSeveralParcels) {
  const Matrix matrix = test::whole_matrix(1500, 1500, 1.0, 4);  // 18 MB
  test::MemoryJob job(1, matrix, 1, 100, 256);
  const auto planned = plan_cluster(job.facts, matrix, {});
  ASSERT_TRUE(planned.ok());
  const auto groups = all_groups(planned->plan);
  const auto runs = parcels(planned->plan, groups, true);
  EXPECT_GE(runs.size(), 4u);
  std::vector<std::uint32_t> sent;
  for (const auto& run : runs) {
    sent.insert(sent.end(), run.begin(), run.end());
    EXPECT_TRUE(run.size() == 1 || hold_bytes(planned->plan, run, true, matrix.rows()) < (5u << 20));
  }
  EXPECT_EQ(sent, groups);
  EXPECT_EQ(parcels(planned->plan, groups, false).size(), 1u);
  EXPECT_TRUE(parcels(planned->plan, {}, true).empty());
}

TEST(TileStore, HandsOutWhatWasSentSparseAndDense) {
  for (const double density : {0.05, 1.0}) {
    const Matrix matrix = test::whole_matrix(60, 50, density, 4);
    const Plan plan = plan_of(matrix).plan;
    const auto groups = all_groups(plan);
    OpenMessage open = open_message(plan, matrix, {}, 1);
    TileStore store(open, nullptr, nullptr);
    auto hold = decode_hold(encode(*hold_message(plan, matrix, groups, true)));
    ASSERT_TRUE(hold.ok());
    ASSERT_TRUE(store.hold(std::move(hold).value()).ok());
    for (std::uint32_t t = 0; t < plan.tiles.size(); ++t) {
      const Tile& tile = plan.tiles[t];
      EXPECT_EQ(store.plan().tiles[t].rows, tile.rows);
      std::vector<double> sent(tile.rows.size() * tile.cols.size(), -1), own(sent.size());
      ASSERT_TRUE(store.gather(t, sent.data()).ok());
      ASSERT_TRUE(matrix.gather(tile.rows, tile.cols, own.data()).ok());
      EXPECT_EQ(sent, own);
      for (const std::uint32_t row : tile.rows) EXPECT_EQ(store.row_bound(row), matrix.row_bounds()[row]);
    }
    store.drop(std::vector<std::uint32_t>{0});
    EXPECT_FALSE(store.holds(std::vector<std::uint32_t>{0}));
    std::vector<double> values(4096);
    EXPECT_EQ(store.gather(plan.groups[0].tiles[0], values.data()).code(), Code::internal);
  }
}

TEST(TileStore, RefusesWhatDoesNotFitTheSession) {
  const Matrix matrix = test::whole_matrix(60, 50, 0.3, 4);
  const Plan plan = plan_of(matrix).plan;
  const OpenMessage open = open_message(plan, matrix, {}, 1);
  const HoldMessage good = *hold_message(plan, matrix, all_groups(plan), true);
  const auto refuses = [&](const std::function<void(HoldMessage&)>& damage) {
    HoldMessage bad = good;
    damage(bad);
    TileStore store(open, nullptr, nullptr);
    const bool refused = !store.hold(std::move(bad)).ok();
    return refused && store.held().empty();
  };
  EXPECT_FALSE(refuses([](HoldMessage&) {}));
  EXPECT_TRUE(refuses([](HoldMessage& m) { m.groups[0].index = 1000; }));
  EXPECT_TRUE(refuses([](HoldMessage& m) { m.groups[0].tiles[0].index = 1000; }));
  EXPECT_TRUE(refuses([](HoldMessage& m) { m.groups[0].tiles[0].tile.rows.back() = 60; }));
  EXPECT_TRUE(refuses([](HoldMessage& m) { m.groups[0].tiles[0].tile.cols.back() = 50; }));
  EXPECT_TRUE(refuses([](HoldMessage& m) { m.groups[0].group.spots[0].tile = 999; }));
  EXPECT_TRUE(refuses([](HoldMessage& m) { m.groups[0].tiles.clear(); }));
  EXPECT_TRUE(refuses([](HoldMessage& m) { m.bound_rows.back() = 60; }));
  EXPECT_TRUE(refuses([](HoldMessage& m) { m.with_values = false; }));  // and this rank has no matrix
}

TEST(Messages, AChangedMatrixIsRefusedWhenItsTilesArePacked) {
  const Tile tile{1, 2, {0, 1}, {0, 1}, 3};
  EXPECT_TRUE(pack_block(tile, std::vector<double>{1, 0, 2, 3}).ok());
  EXPECT_EQ(pack_block(tile, std::vector<double>{1, 0, 0, 3}).status().code(), Code::data_corrupt);
}

// The sanitizers of other builds see what these do to memory.
TEST(Messages, DamagedBytesAreRefusedOrDecoded) {
  const Matrix matrix = test::whole_matrix(40, 30, 0.1, 4);
  const Plan plan = plan_of(matrix).plan;
  Accumulator y(2, 5);
  const std::vector<Bytes> bodies{encode(some_open()),
                                  encode(*hold_message(plan, matrix, all_groups(plan), true)),
                                  encode(ProgramMessage{1, 2, {3, 4}}),
                                  encode(MultiplyMessage{1, 2, 2, {0.5, 4}, 4u, {3}, {0.5, 9}, {1, 2, 3, 4}}),
                                  encode(some_done()),
                                  encode(StateMessage{1, 7, {{1, 2, 3}}}),
                                  encode(FailedMessage{7, Status(Code::internal, "no")}),
                                  encode(PartialMessage{}, y, std::vector<std::uint32_t>{1, 2})};
  const auto decode_all = [](const Bytes& body) {
    return static_cast<int>(decode_open(body).ok()) + decode_hold(body).ok() + decode_program(body).ok() + decode_multiply(body).ok() +
           decode_done(body).ok() + decode_state(body).ok() + decode_failed(body).ok() + decode_partial(body).ok() +
           decode_drop(body).ok() + decode_file(body).ok() + decode_end(body).ok() + decode_recall(body).ok();
  };
  std::mt19937 random(3);
  for (const Bytes& body : bodies) {
    EXPECT_GT(decode_all(body), 0);
    for (std::size_t size = 0; size < std::min<std::size_t>(body.size(), 300); ++size)
      decode_all(Bytes(body.begin(), body.begin() + static_cast<std::ptrdiff_t>(size)));
    for (int round = 0; round < 2000; ++round) {
      Bytes damaged = body;
      for (std::size_t n = 1 + random() % 4; n > 0; --n) damaged[random() % damaged.size()] = static_cast<std::byte>(random() % 256);
      decode_all(damaged);
    }
  }
}

}  // namespace
}  // namespace sedma::runtime

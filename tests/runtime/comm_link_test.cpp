#include <gtest/gtest.h>

#include <random>
#include <utility>

#include "runtime/comm/link.h"

namespace sedma::runtime {
namespace {

Bytes filled(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (auto& byte : bytes) byte = static_cast<std::byte>(random());
  return bytes;
}

Message text(std::uint32_t kind, std::size_t size) { return {Role::coordinator, kind, filled(size, kind)}; }

TEST(Link, MessagesOfAnySizeComeOutAsTheyWentIn) {
  const std::vector<std::size_t> sizes = {0, 1, chunk_bytes - 1, chunk_bytes, chunk_bytes + 1, 0, 3 * chunk_bytes, 5 << 20, 7};
  Outgoing out;
  Incoming in;
  for (std::size_t k = 0; k < sizes.size(); ++k) out.push(text(static_cast<std::uint32_t>(k), sizes[k]));
  std::size_t whole = 0, chunks = 0, expected_chunks = 0;
  for (const std::size_t size : sizes) expected_chunks += std::max<std::size_t>(1, (size + chunk_bytes - 1) / chunk_bytes);
  while (const auto bytes = out.next({})) {
    const auto frame = split(*bytes);
    ASSERT_TRUE(frame);
    EXPECT_LE(frame->body.size(), chunk_bytes);
    ASSERT_TRUE(in.take(*frame));
    ++chunks;
    if (auto message = in.whole()) {
      ASSERT_LT(whole, sizes.size());
      EXPECT_EQ(message->kind, whole);
      EXPECT_EQ(message->role, Role::coordinator);
      EXPECT_TRUE(message->body == filled(sizes[whole], static_cast<unsigned>(whole)));
      ++whole;
    }
    EXPECT_FALSE(in.whole()) << "a message is handed out once";
    EXPECT_TRUE(out.acknowledge(in.received()));
  }
  EXPECT_EQ(whole, sizes.size());
  EXPECT_EQ(chunks, expected_chunks);
  EXPECT_TRUE(out.idle());
}

TEST(Link, OnlyAWindowIsUnacknowledged) {
  Outgoing out;
  out.push(text(1, 10 << 20));
  std::uint64_t sent = 0, bytes = 0;
  const auto drain = [&] {
    while (const auto frame = out.next({})) {
      bytes += frame->size();
      ++sent;
    }
  };
  drain();
  EXPECT_GT(bytes, window_bytes - most_frame_bytes);
  EXPECT_LE(bytes, window_bytes);
  EXPECT_FALSE(out.acknowledge(0)) << "no news";
  EXPECT_FALSE(out.acknowledge(sent + 1)) << "never sent";
  const std::uint64_t before = sent;
  EXPECT_TRUE(out.acknowledge(1));
  drain();
  EXPECT_EQ(sent, before + 1);
  EXPECT_TRUE(out.unacknowledged());
  out.clear();
  EXPECT_TRUE(out.idle());
}

TEST(Link, ChunksOutOfOrderChangeNothing) {
  Outgoing out;
  Incoming in;
  out.push(text(4, 3 * chunk_bytes));
  std::vector<Bytes> frames;
  while (auto frame = out.next({})) frames.push_back(std::move(*frame));
  ASSERT_EQ(frames.size(), 3u);
  EXPECT_FALSE(in.take(*split(frames[1])));
  EXPECT_TRUE(in.take(*split(frames[0])));
  EXPECT_FALSE(in.take(*split(frames[0]))) << "twice";
  EXPECT_FALSE(in.take(*split(frames[2]))) << "one is missing";
  EXPECT_TRUE(in.take(*split(frames[1])));
  Frame other = *split(frames[2]);
  other.header.kind = 5;
  EXPECT_FALSE(in.take(other)) << "of another message";
  EXPECT_TRUE(in.take(*split(frames[2])));
  EXPECT_TRUE(in.whole()->body == filled(3 * chunk_bytes, 4));
  EXPECT_EQ(in.received(), 3u);
}

TEST(Link, WhatIsNoFrameIsRefused) {
  FrameHeader header;
  header.type = FrameType::data;
  header.total = 10;
  const Bytes body(10), good = join(header, body);
  ASSERT_TRUE(split(good));
  EXPECT_FALSE(split(std::span(good).first(sizeof header - 1)));
  EXPECT_FALSE(split({}));
  const auto refused = [&](auto change) {
    FrameHeader bad = header;
    change(bad);
    return !split(join(bad, body));
  };
  EXPECT_TRUE(refused([](FrameHeader& h) { h.magic ^= 1; }));
  EXPECT_TRUE(refused([](FrameHeader& h) { h.type = static_cast<FrameType>(9); }));
  EXPECT_TRUE(refused([](FrameHeader& h) { h.role = static_cast<Role>(2); }));
  EXPECT_TRUE(refused([](FrameHeader& h) { h.total = 9; }));
  EXPECT_TRUE(refused([](FrameHeader& h) { h.offset = 1; }));
  EXPECT_TRUE(refused([](FrameHeader& h) { h.total = ~std::uint64_t{0}; }));
  EXPECT_FALSE(split(Bytes(most_frame_bytes + 1)));
  std::mt19937_64 random(1);
  for (int k = 0; k < 2000; ++k) {  // whatever the bytes are, nothing is read past them
    Bytes bytes = good;
    bytes[random() % bytes.size()] = static_cast<std::byte>(random());
    bytes.resize(random() % (bytes.size() + 1));
    if (const auto frame = split(bytes)) {
      Incoming in;
      if (in.take(*frame)) in.whole();
    }
  }
}

}  // namespace
}  // namespace sedma::runtime

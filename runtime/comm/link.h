#pragma once
// One direction of the way between two ranks: messages cut into chunks, and put together again. Chunks are counted; a message is whole when
// all of its chunks came in order. Internal.

#include <cstdint>
#include <deque>
#include <optional>

#include "runtime/comm/frame.h"
#include "runtime/comm/transport.h"

namespace sedma::runtime {

struct Message {
  Role role = Role::worker;
  std::uint32_t kind = 0;
  Bytes body;
};

/// Bytes on their way to a rank at most, so that a heartbeat never waits long behind data.
inline constexpr std::size_t window_bytes = std::size_t{1} << 20;

class Outgoing {
 public:
  void push(Message message) { queue_.push_back(std::move(message)); }
  /// The next chunk as a frame, if there is one and the window lets it go. `header` says epoch and acknowledgement.
  std::optional<Bytes> next(FrameHeader header);
  /// The other side has received the first `count` chunks. Returns whether that is news.
  bool acknowledge(std::uint64_t count);
  bool unacknowledged() const noexcept { return !flying_.empty(); }
  bool idle() const noexcept { return queue_.empty() && flying_.empty(); }
  /// Forgets all messages and counts from 0 again.
  void clear() { *this = {}; }

 private:
  std::deque<Message> queue_;
  std::size_t offset_ = 0;  // sent of the first
  std::deque<std::size_t> flying_;
  std::size_t flying_bytes_ = 0;
  std::uint64_t sent_ = 0;
};

class Incoming {
 public:
  /// False: this is not the next chunk, and nothing has changed.
  bool take(const Frame& frame);
  /// The message that the last chunk has completed, once.
  std::optional<Message> whole();
  std::uint64_t received() const noexcept { return received_; }
  void clear() { *this = {}; }

 private:
  std::uint64_t received_ = 0;
  bool begun_ = false;
  Message message_;
  std::uint64_t total_ = 0;
};

}  // namespace sedma::runtime

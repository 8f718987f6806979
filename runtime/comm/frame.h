#pragma once
// What goes over the wire between two ranks: a header, and a piece of a message. Both ends are the same program on the same kind of
// machine. Internal.

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "hal/status.h"
#include "runtime/comm/transport.h"

namespace sedma::runtime {

enum class FrameType : std::uint8_t {
  data,       ///< a chunk of a message
  note,       ///< heartbeat and acknowledgement
  bye,        ///< from rank 0: the job is over; from another: it leaves. The body is the text of the verdict
  bye_heard,  ///< a worker's last frame
};

struct FrameHeader {
  static constexpr std::uint32_t magic_number = 0x534d4131;

  std::uint32_t magic = magic_number;
  std::uint32_t epoch = 0;
  std::uint32_t kind = 0;   ///< of the message
  std::uint32_t stage = 0;  ///< of the pulse
  FrameType type = FrameType::note;
  Role role = Role::worker;  ///< whom the message is for
  Code code = Code::ok;      ///< of a bye
  std::uint8_t intact = 1;   ///< of a bye: nobody was ever lost
  std::uint8_t stop_asked = 0;
  std::uint8_t stuck = 0;  ///< what the sender sent has not been acknowledged for too long
  std::uint16_t reserved = 0;
  std::uint64_t sequence = 0;           ///< of a chunk: counts those of its epoch, from 0
  std::uint64_t acknowledged = 0;       ///< chunks of this epoch that the sender of this frame has received
  std::uint64_t offset = 0, total = 0;  ///< of the chunk in its message; bytes of the message
  std::uint64_t done = 0, out_of = 0;   ///< of the pulse
};

struct Frame {
  FrameHeader header;
  std::span<const std::byte> body;
};

/// Most bytes of a message in one frame, and the most that a frame has.
inline constexpr std::size_t chunk_bytes = std::size_t{256} << 10;
inline constexpr std::size_t most_frame_bytes = sizeof(FrameHeader) + chunk_bytes;

Bytes join(const FrameHeader& header, std::span<const std::byte> body = {});
/// Nothing if these bytes are no frame. The body lies in `bytes`.
std::optional<Frame> split(std::span<const std::byte> bytes);

}  // namespace sedma::runtime

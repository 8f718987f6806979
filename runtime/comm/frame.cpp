#include "runtime/comm/frame.h"

#include <cstring>
#include <type_traits>

namespace sedma::runtime {

static_assert(std::is_trivially_copyable_v<FrameHeader> && std::has_unique_object_representations_v<FrameHeader>);

Bytes join(const FrameHeader& header, std::span<const std::byte> body) {
  Bytes bytes(sizeof header + body.size());
  std::memcpy(bytes.data(), &header, sizeof header);
  if (!body.empty()) std::memcpy(bytes.data() + sizeof header, body.data(), body.size());
  return bytes;
}

std::optional<Frame> split(std::span<const std::byte> bytes) {
  constexpr std::uint64_t most_message_bytes = std::uint64_t{1} << 40;
  if (bytes.size() < sizeof(FrameHeader) || bytes.size() > most_frame_bytes) return {};
  Frame frame;
  std::memcpy(&frame.header, bytes.data(), sizeof frame.header);
  frame.body = bytes.subspan(sizeof frame.header);
  const FrameHeader& header = frame.header;
  if (header.magic != FrameHeader::magic_number || header.type > FrameType::bye_heard || header.role > Role::coordinator) return {};
  if (header.code > Code::internal || header.total > most_message_bytes || header.offset > header.total) return {};
  if (header.type == FrameType::data && frame.body.size() > header.total - header.offset) return {};
  return frame;
}

}  // namespace sedma::runtime

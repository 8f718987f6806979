#include "runtime/comm/link.h"

#include <algorithm>
#include <utility>

namespace sedma::runtime {
namespace {

// What is taken on the word of one frame.
constexpr std::uint64_t most_reserved_bytes = std::uint64_t{256} << 20;

}  // namespace

std::optional<Bytes> Outgoing::next(FrameHeader header) {
  if (queue_.empty()) return {};
  const Message& message = queue_.front();
  const std::size_t size = std::min(chunk_bytes, message.body.size() - offset_);
  const std::size_t weight = sizeof header + size;
  if (!flying_.empty() && flying_bytes_ + weight > window_bytes) return {};
  header.type = FrameType::data;
  header.role = message.role;
  header.kind = message.kind;
  header.sequence = sent_++;
  header.offset = offset_;
  header.total = message.body.size();
  Bytes frame = join(header, std::span(message.body).subspan(offset_, size));
  flying_.push_back(weight);
  flying_bytes_ += weight;
  offset_ += size;
  if (offset_ == message.body.size()) {
    queue_.pop_front();
    offset_ = 0;
  }
  return frame;
}

bool Outgoing::acknowledge(std::uint64_t count) {
  const std::uint64_t known = sent_ - flying_.size();
  if (count <= known || count > sent_) return false;
  for (std::uint64_t k = known; k < count; ++k) {
    flying_bytes_ -= flying_.front();
    flying_.pop_front();
  }
  return true;
}

bool Incoming::take(const Frame& frame) {
  const FrameHeader& header = frame.header;
  if (header.sequence != received_) return false;
  if (begun_) {
    if (header.offset != message_.body.size() || header.total != total_ || header.kind != message_.kind || header.role != message_.role)
      return false;
  } else {
    if (header.offset != 0) return false;
    message_ = {header.role, header.kind, {}};
    message_.body.reserve(std::min<std::uint64_t>(header.total, most_reserved_bytes));
    total_ = header.total;
    begun_ = true;
  }
  message_.body.insert(message_.body.end(), frame.body.begin(), frame.body.end());
  ++received_;
  return true;
}

std::optional<Message> Incoming::whole() {
  if (!begun_ || message_.body.size() < total_) return {};
  begun_ = false;
  return std::exchange(message_, {});
}

}  // namespace sedma::runtime

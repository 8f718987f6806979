// A message comes from another process: whatever its bytes are, decoding ends with a refusal or with a message that is encoded to the same
// bytes. The first byte chooses the kind.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "runtime/comm/messages.h"

namespace {

using namespace sedma::runtime;

template <class T>
void check(const sedma::Result<T>& message, std::span<const std::byte> body) {
  if (!message.ok()) {
    SEDMA_CHECK(message.status().code() == sedma::Code::data_corrupt, message.status().to_string());
    return;
  }
  const Bytes again = encode(*message);
  SEDMA_CHECK(std::equal(again.begin(), again.end(), body.begin(), body.end()), again.size(), body.size());
}

void check_partial(std::span<const std::byte> body) {
  const auto partial = decode_partial(body);
  if (!partial.ok()) {
    SEDMA_CHECK(partial.status().code() == sedma::Code::data_corrupt, partial.status().to_string());
    return;
  }
  if (partial->outputs == 0 || partial->outputs > 64 || partial->batch > 64) return;
  std::vector<std::uint32_t> rows(partial->outputs);
  for (std::uint32_t row = 0; row < rows.size(); ++row) rows[row] = row;
  Accumulator y(partial->batch, rows.size());
  read_sums(*partial, rows, y);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::span<const std::byte> body(reinterpret_cast<const std::byte*>(data + 1), size - 1);
  switch (static_cast<MessageKind>(data[0])) {
    case MessageKind::end:
      static_cast<void>(decode_end(body).ok());  // a text with the code ok is forgotten
      break;
    case MessageKind::open: check(decode_open(body), body); break;
    case MessageKind::hold: check(decode_hold(body), body); break;
    case MessageKind::drop: check(decode_drop(body), body); break;
    case MessageKind::program: check(decode_program(body), body); break;
    case MessageKind::multiply: check(decode_multiply(body), body); break;
    case MessageKind::save: check(decode_file(body), body); break;
    case MessageKind::recall: check(decode_recall(body), body); break;
    case MessageKind::done:
      static_cast<void>(decode_done(body).ok());  // as above
      break;
    case MessageKind::partial: check_partial(body); break;
    case MessageKind::state: check(decode_state(body), body); break;
    case MessageKind::failed: check(decode_failed(body), body); break;
    default: break;
  }
  return 0;
}

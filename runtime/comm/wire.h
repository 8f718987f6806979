#pragma once
// Numbers and texts as bytes of a message and back. Little-endian, without padding; ranks of one job are of one build. Internal.

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "hal/status.h"
#include "runtime/comm/transport.h"

namespace sedma::runtime {

static_assert(std::endian::native == std::endian::little, "messages are little-endian");

template <class T>
concept Plain = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// Appends to the body of a message. Lists and texts begin with their length.
class ByteWriter {
 public:
  explicit ByteWriter(std::size_t expected_bytes = 0) { bytes_.reserve(expected_bytes); }

  template <Plain T>
  void put(T value) {
    append(&value, sizeof value);
  }
  /// Without a length.
  template <Plain T>
  void put_all(std::span<const T> values) {
    append(values.data(), values.size_bytes());
  }
  template <Plain T>
  void put_list(const std::vector<T>& values) {
    put<std::uint64_t>(values.size());
    put_all(std::span<const T>(values));
  }
  void put_text(std::string_view text) {
    put<std::uint64_t>(text.size());
    append(text.data(), text.size());
  }
  Bytes take() { return std::move(bytes_); }

 private:
  void append(const void* data, std::size_t size) {
    const auto* first = static_cast<const std::byte*>(data);
    bytes_.insert(bytes_.end(), first, first + size);
  }
  Bytes bytes_;
};

/// Reads what a ByteWriter wrote. Whatever the bytes are: reading beyond the end gives zeros and empty lists, and ok() is false from then
/// on.
class ByteReader {
 public:
  explicit ByteReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  template <Plain T>
  T get() {
    T value{};
    copy(&value, sizeof value);
    return value;
  }
  /// One byte as an enumerator not above `last`.
  template <class E>
  E get_enum(E last) {
    const auto value = get<std::uint8_t>();
    if (value > static_cast<std::uint8_t>(last)) ok_ = false;
    return ok_ ? static_cast<E>(value) : E{};
  }
  bool get_bool() {
    const auto value = get<std::uint8_t>();
    if (value > 1) ok_ = false;
    return ok_ && value == 1;
  }
  /// Without a length: `count` values.
  template <Plain T>
  std::vector<T> get_all(std::uint64_t count) {
    if (!has(count, sizeof(T))) return {};
    std::vector<T> values(static_cast<std::size_t>(count));
    copy(values.data(), values.size() * sizeof(T));
    return values;
  }
  template <Plain T>
  std::vector<T> get_list() {
    return get_all<T>(get<std::uint64_t>());
  }
  std::string get_text() {
    const auto size = get<std::uint64_t>();
    if (!has(size, 1)) return {};
    std::string text(static_cast<std::size_t>(size), '\0');
    copy(text.data(), text.size());
    return text;
  }
  /// The length of a list whose items take `item_bytes` or more.
  std::size_t get_count(std::size_t item_bytes) {
    const auto count = get<std::uint64_t>();
    return has(count, item_bytes) ? static_cast<std::size_t>(count) : 0;
  }
  /// What is left, in the bytes read from.
  std::span<const std::byte> rest() const noexcept { return bytes_.subspan(at_); }
  void refuse() noexcept { ok_ = false; }
  bool ok() const noexcept { return ok_; }
  /// All was there, and nothing is left.
  bool finished() const noexcept { return ok_ && at_ == bytes_.size(); }

 private:
  bool has(std::uint64_t count, std::size_t item_bytes) {
    if (count > (bytes_.size() - at_) / item_bytes) ok_ = false;
    return ok_;
  }
  void copy(void* out, std::size_t size) {
    if (!has(size, 1) || size == 0) return;
    std::memcpy(out, bytes_.data() + at_, size);
    at_ += size;
  }
  std::span<const std::byte> bytes_;
  std::size_t at_ = 0;
  bool ok_ = true;
};

/// All of a body, read by `read`. Errors: data_corrupt (too short, too long, or refused; names the message).
template <class T, class Read>
Result<T> whole(std::span<const std::byte> body, std::string_view name, const Read& read) {
  ByteReader in(body);
  T message = read(in);
  if (in.finished()) return message;
  return fail(Code::data_corrupt, "a message `{}` of {} bytes is damaged", name, body.size());
}

}  // namespace sedma::runtime

#include "runtime/npy_header.h"

#include <algorithm>
#include <string>

#include "runtime/file_formats.h"
#include "runtime/text_scan.h"

namespace sedma::runtime {
namespace {

constexpr std::size_t max_dimensions = 32;  // of NumPy

/// A cursor over the dictionary {'descr': '<f8', 'fortran_order': False, 'shape': (3, 4), }.
class Dictionary {
 public:
  Dictionary(std::string_view text, std::size_t offset) : text_(text), offset_(offset) {}

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t')) ++at_;
  }
  bool at_end() {
    skip_blanks();
    return at_ == text_.size();
  }
  /// Whether `symbol` comes next; if so, it is passed.
  bool take(std::string_view symbol) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(symbol)) return false;
    at_ += symbol.size();
    return true;
  }
  Status expect(std::string_view symbol) { return take(symbol) ? Status() : unexpected(fmt::format("'{}'", symbol)); }
  bool next_is(char c) {
    skip_blanks();
    return at_ < text_.size() && text_[at_] == c;
  }
  Status unexpected(std::string_view expected) const {
    return fail(Code::data_corrupt, "byte {}: expected {} in the header, found {}", offset_ + at_, expected, in_quotes(text_.substr(at_)));
  }
  Result<std::string_view> text() {
    skip_blanks();
    const char mark = at_ < text_.size() ? text_[at_] : '\0';
    const std::size_t end = mark == '\'' || mark == '"' ? text_.find(mark, at_ + 1) : std::string_view::npos;
    if (end == std::string_view::npos) return unexpected("a text in quotes");
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    return value;
  }
  Result<std::uint64_t> count() {
    skip_blanks();
    const std::size_t end = std::min(text_.find_first_not_of("0123456789", at_), text_.size());
    const Result<std::uint64_t> value = parse_count(text_.substr(at_, end - at_));
    if (!value.ok()) {
      if (value.status().code() == Code::data_corrupt) return unexpected("a dimension");
      return value.status().with_context(fmt::format("byte {}", offset_ + at_));
    }
    at_ = end;
    take("L");  // as Python 2 wrote long integers
    return *value;
  }

 private:
  std::string_view text_;
  std::size_t offset_, at_ = 0;
};

/// Why this type is not read; empty if it may be.
std::string_view refusal(std::string_view type) {
  switch (type.empty() ? '\0' : type.front()) {
    case 'c': return "complex values; SEDMA multiplies real matrices";
    case 'O': return "Python objects";
    case 'S':
    case 'a':
    case 'U': return "text";
    case 'M':
    case 'm': return "dates or times";
    case 'V': return "structured or raw records";
    default: return {};
  }
}

Status parse_descr(std::string_view descr, NpyHeader& header) {
  const std::size_t order = descr.empty() ? std::string_view::npos : std::string_view("<>|=").find(descr.front());
  const std::string_view type = descr.substr(order == std::string_view::npos ? 0 : 1);
  if (const std::string_view why = refusal(type); !why.empty()) {
    return fail(Code::unsupported, "an array of type {}: {}", in_quotes(descr), why);
  }
  static constexpr std::string_view readable[] = {"f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8", "b1"};
  if (type == "f2" || type == "f12" || type == "f16") {
    return fail(Code::unsupported, "an array of type {}: neither single nor double precision; convert it with astype('f8')",
                in_quotes(descr));
  }
  if (order == std::string_view::npos || std::find(std::begin(readable), std::end(readable), type) == std::end(readable)) {
    return fail(Code::data_corrupt, "expected a type such as '<f8', found {}", in_quotes(descr));
  }
  header.kind = type[0];
  header.item_bytes = static_cast<std::size_t>(type[1] - '0');
  header.big_endian = descr[0] == '>';
  return {};
}

Status parse_shape(Dictionary& dictionary, NpyHeader& header) {
  SEDMA_RETURN_IF_ERROR(dictionary.expect("("));
  header.shape.clear();
  while (!dictionary.take(")")) {
    if (header.shape.size() == max_dimensions) return dictionary.unexpected("at most 32 dimensions");
    SEDMA_ASSIGN_OR_RETURN(const std::uint64_t side, dictionary.count());
    header.shape.push_back(side);
    if (dictionary.take(",")) continue;
    if (header.shape.size() == 1) return dictionary.unexpected("',' after a single dimension");  // (3) is a number in Python
    SEDMA_RETURN_IF_ERROR(dictionary.expect(")"));
    break;
  }
  return {};
}

Status parse_order(Dictionary& dictionary, NpyHeader& header) {
  header.fortran_order = dictionary.take("True");
  return header.fortran_order || dictionary.take("False") ? Status() : dictionary.unexpected("True or False");
}

Status parse_dictionary(Dictionary& dictionary, NpyHeader& header) {
  bool descr = false, order = false, shape = false;
  SEDMA_RETURN_IF_ERROR(dictionary.expect("{"));
  while (!dictionary.take("}")) {
    SEDMA_ASSIGN_OR_RETURN(const std::string_view key, dictionary.text());
    bool* seen = key == "descr" ? &descr : key == "fortran_order" ? &order : key == "shape" ? &shape : nullptr;
    if (seen == nullptr || *seen) {
      return fail(Code::data_corrupt, "expected the keys descr, fortran_order and shape, each once; found {}{}", in_quotes(key),
                  seen != nullptr ? " twice" : "");
    }
    *seen = true;
    SEDMA_RETURN_IF_ERROR(dictionary.expect(":"));
    if (seen == &descr) {
      if (dictionary.next_is('[')) return fail(Code::unsupported, "a structured array; save one field of it");
      SEDMA_ASSIGN_OR_RETURN(const std::string_view type, dictionary.text());
      SEDMA_RETURN_IF_ERROR(parse_descr(type, header));
    } else {
      SEDMA_RETURN_IF_ERROR(seen == &order ? parse_order(dictionary, header) : parse_shape(dictionary, header));
    }
    if (dictionary.take(",")) continue;
    SEDMA_RETURN_IF_ERROR(dictionary.expect("}"));
    break;
  }
  if (!dictionary.at_end()) return dictionary.unexpected("nothing more");
  if (descr && order && shape) return {};
  return fail(Code::data_corrupt, "the header lacks {}", !descr ? "descr" : !order ? "fortran_order" : "shape");
}

}  // namespace

Result<NpyHeader> parse_npy_header(std::string_view bytes) {
  constexpr std::size_t version_at = 6;
  if (!bytes.starts_with(npy_magic)) {
    return fail(Code::data_corrupt, "byte 0: expected {}, found {}", in_quotes(npy_magic), in_quotes(bytes.substr(0, version_at)));
  }
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(bytes[at]); };
  if (bytes.size() < version_at + 2) return fail(Code::data_corrupt, "byte {}: expected a version: truncated", bytes.size());
  const unsigned major = byte(version_at);
  if (major < 1 || major > 3 || byte(version_at + 1) != 0) {
    return fail(Code::unsupported, "version {}.{} of the format; 1.0, 2.0 and 3.0 are read", major, byte(version_at + 1));
  }
  const std::size_t length_bytes = major == 1 ? 2 : 4;
  const std::size_t start = version_at + 2 + length_bytes;
  if (bytes.size() < start) return fail(Code::data_corrupt, "byte {}: expected the header's length: truncated", bytes.size());
  std::size_t length = 0;
  for (std::size_t i = 0; i < length_bytes; ++i) length |= std::size_t{byte(version_at + 2 + i)} << (8 * i);
  if (length > bytes.size() - start) {
    return fail(Code::data_corrupt, "byte {}: a header of {} bytes, but only {} follow: truncated", version_at + 2, length,
                bytes.size() - start);
  }
  NpyHeader header;
  header.data_offset = start + length;
  Dictionary dictionary(bytes.substr(start, length), start);
  SEDMA_RETURN_IF_ERROR(parse_dictionary(dictionary, header));
  return header;
}

}  // namespace sedma::runtime

// What a file or a table claims to be a pattern: values of any type, in any number.
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "runtime/memory/fields.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace sedma::runtime;
  static const Pattern plain = {};
  std::vector<FieldValue> values = fields_from(plain);
  while (size > 0) {  // a field, a type, a value
    const std::size_t field = data[0] % values.size();
    const unsigned type = size > 1 ? data[1] % 4u : 0;
    data += size > 1 ? 2 : 1;
    size -= size > 1 ? 2 : 1;
    const std::size_t taken = size < 8 ? size : 8;
    std::uint64_t bits = 0;
    std::memcpy(&bits, data, taken);
    double number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (type == 0) values[field] = FieldValue();
    if (type == 1) values[field] = static_cast<std::int64_t>(bits);
    if (type == 2) values[field] = number;
    if (type == 3) values[field] = std::string(reinterpret_cast<const char*>(data), taken);
    data += taken;
    size -= taken;
  }
  const auto pattern = pattern_from(values);
  if (!pattern.ok()) {
    SEDMA_CHECK(pattern.status().code() == sedma::Code::invalid_argument && !pattern.status().message().empty());
    return 0;
  }
  const auto again = pattern_from(fields_from(*pattern));
  SEDMA_CHECK(again.ok(), again.status().to_string());
  SEDMA_CHECK(key_of(again->context, again->choice) == key_of(pattern->context, pattern->choice));
  return 0;
}

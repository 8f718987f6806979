// Harwell-Boeing files: fixed-width fields under formats that the file itself gives, so every field can lie.
#include <cstddef>
#include <cstdint>

#include "runtime/file_formats.h"
#include "tests/fuzz/fuzz_matrix.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = sedma::fuzz::text(data, size);
  sedma::fuzz::check_format(bytes, sedma::runtime::parse_harwell_boeing, sedma::runtime::format_harwell_boeing);
  static_cast<void>(sedma::runtime::looks_like_harwell_boeing(bytes));
  return 0;
}

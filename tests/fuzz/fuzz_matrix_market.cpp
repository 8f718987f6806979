// Matrix Market text, as somebody's file holds it: parsing ends with a matrix or a reason, and what is written parses to the same bits.
#include <cstddef>
#include <cstdint>

#include "runtime/file_formats.h"
#include "tests/fuzz/fuzz_matrix.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using sedma::runtime::Matrix;
  using sedma::runtime::Sink;
  sedma::fuzz::check_format(sedma::fuzz::text(data, size), sedma::runtime::parse_matrix_market,
                            [](const Matrix& matrix, const Sink& sink) { return sedma::runtime::format_matrix_market(matrix, sink); });
  return 0;
}

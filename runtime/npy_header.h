#pragma once
// The header of a NumPy .npy file. Internal to runtime's file formats.

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "hal/status.h"

namespace sedma::runtime {

struct NpyHeader {
  char kind = 'f';  ///< f floating point, i signed, u unsigned, b boolean
  std::size_t item_bytes = 8;
  bool big_endian = false, fortran_order = false;
  std::vector<std::uint64_t> shape;
  std::size_t data_offset = 0;  ///< where the values start
};

/// Reads magic, version, length and the Python dictionary. Errors, with the byte where it went wrong: data_corrupt (truncated or
/// malformed), unsupported (another version; complex, structured, half, long double, text, date and object arrays, by name).
Result<NpyHeader> parse_npy_header(std::string_view bytes);

}  // namespace sedma::runtime

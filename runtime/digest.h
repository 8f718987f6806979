#pragma once
// Content hashes.

#include <span>
#include <string>

namespace sedma::runtime {

/// xxh3-128 of the bytes of `values` (native, little endian doubles), 32 hexadecimal digits.
std::string digest(std::span<const double> values);

}  // namespace sedma::runtime

#pragma once
// The Fortran formats that head a Harwell-Boeing file. Internal to runtime's file formats.

#include <cstdint>
#include <string>
#include <string_view>

#include "hal/status.h"

namespace sedma::runtime {

/// One repeated edit descriptor: (10I8), (1P,4E20.12), (5D16.8).
struct FortranFormat {
  char letter = 'I';           ///< I, E, D, F or G
  std::uint32_t repeat = 1;    ///< fields a line
  std::uint32_t width = 0;     ///< characters a field
  std::uint32_t decimals = 0;  ///< digits after an implied decimal point
  int scale = 0;               ///< k of kP

  bool integer() const noexcept { return letter == 'I'; }
};

/// Errors: data_corrupt (not of this form).
Result<FortranFormat> parse_fortran_format(std::string_view text);

/// A real number in a field of `format`. A value that Fortran and C programs read differently (no decimal point under d > 0, or no
/// exponent under a scale factor) is refused rather than guessed. Errors: data_corrupt.
Result<double> parse_fortran_real(std::string_view field, const FortranFormat& format);

}  // namespace sedma::runtime

#pragma once
// What the tests of matrices and their files share.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "hal/status.h"
#include "runtime/matrix.h"
#include "runtime/matrix_file.h"

namespace sedma::runtime {

/// Passes if `result` failed with `code` and a message that contains `fragment`.
template <class T>
::testing::AssertionResult fails(const Result<T>& result, Code code, std::string_view fragment) {
  if (result.ok()) return ::testing::AssertionFailure() << "succeeded, expected " << name(code) << " with '" << fragment << "'";
  const Status& status = result.status();
  if (status.code() == code && status.message().find(fragment) != std::string::npos) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << status.to_string() << "\n  expected " << name(code) << " with '" << fragment << "'";
}

inline ::testing::AssertionResult fails(const Status& status, Code code, std::string_view fragment) {
  return fails(status.ok() ? Result<int>(0) : Result<int>(status), code, fragment);
}

template <class T>
::testing::AssertionResult succeeds(const Result<T>& result) {
  return result.ok() ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << result.status().to_string();
}

inline ::testing::AssertionResult succeeds(const Status& status) {
  return status.ok() ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << status.to_string();
}

inline std::vector<std::uint64_t> bits(std::span<const double> values) {
  std::vector<std::uint64_t> result;
  for (const double value : values) result.push_back(std::bit_cast<std::uint64_t>(value));
  return result;
}

/// The whole matrix, row-major.
inline std::vector<double> dense(const Matrix& matrix) {
  std::vector<double> values(std::size_t{matrix.rows()} * matrix.cols(), -1);
  matrix.copy_window(0, 0, matrix.rows(), matrix.cols(), values.data());
  return values;
}

/// Same shape, same places, same bits.
inline ::testing::AssertionResult same(const Matrix& a, const Matrix& b) {
  if (a.rows() != b.rows() || a.cols() != b.cols()) {
    return ::testing::AssertionFailure() << a.rows() << " x " << a.cols() << " and " << b.rows() << " x " << b.cols();
  }
  const auto equal = [](auto x, auto y) { return std::equal(x.begin(), x.end(), y.begin(), y.end()); };
  if (!equal(a.row_offsets(), b.row_offsets()) || !equal(a.columns(), b.columns())) {
    return ::testing::AssertionFailure() << "other places: " << a.nonzeros() << " and " << b.nonzeros() << " entries";
  }
  if (bits(a.values()) != bits(b.values())) return ::testing::AssertionFailure() << "other values";
  return ::testing::AssertionSuccess();
}

/// A double of any magnitude, denormals included, or a round one.
inline double any_double(std::mt19937_64& random) {
  for (;;) {
    const std::uint64_t pattern = random();
    if (pattern % 8 == 0) return static_cast<double>(static_cast<std::int64_t>(pattern >> 8) % 1000) / 4;
    if (pattern % 8 == 1) return std::bit_cast<double>(pattern & 0x800fffffffffffffu);  // denormal
    const double value = std::bit_cast<double>(pattern);
    if (std::isfinite(value)) return value;
  }
}

}  // namespace sedma::runtime

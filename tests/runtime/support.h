#pragma once
// Random matrices and emulated boards for the tests of runtime.

#include <gtest/gtest.h>

#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "backends/backends.h"
#include "hal/registry.h"
#include "runtime/matrix.h"
#include "runtime/session.h"

namespace sedma::test {

inline std::unique_ptr<hal::Device> open_device(const std::string& uri) {
  hal::Registry registry;
  backends::register_all(registry);
  auto device = registry.open(uri);
  EXPECT_TRUE(device.ok()) << uri << ": " << device.status().to_string();
  return device.ok() ? std::move(device).value() : nullptr;
}

/// A matrix with about density * rows * cols entries, standard normal.
inline runtime::Matrix random_matrix(std::uint32_t rows, std::uint32_t cols, double density, std::uint32_t seed) {
  std::mt19937 random(seed);
  std::uniform_real_distribution<double> uniform;
  std::normal_distribution<double> normal;
  std::vector<runtime::Matrix::Entry> entries;
  for (std::uint32_t r = 0; r < rows; ++r)
    for (std::uint32_t c = 0; c < cols; ++c)
      if (uniform(random) < density) entries.push_back({r, c, normal(random)});
  auto matrix = runtime::Matrix::from_entries("random", rows, cols, std::move(entries));
  EXPECT_TRUE(matrix.ok()) << matrix.status().to_string();
  return std::move(matrix).value();
}

inline std::vector<double> reference(const runtime::Matrix& matrix, const std::vector<double>& x, std::size_t batch) {
  std::vector<double> y(batch * matrix.rows());
  EXPECT_TRUE(matrix.multiply(x, y, batch).ok());
  return y;
}

struct Run {
  runtime::Product product;
  runtime::ProductError error;
  std::vector<double> exact, expected;
  runtime::StageCost programming, multiplying;
  runtime::Plan plan;
  runtime::Layout layout;
};

/// Opens, programs and multiplies `batch` random vectors; fails the test if anything fails.
inline Run run(hal::Device& device, const runtime::Matrix& matrix, const runtime::SessionOptions& options, std::size_t batch,
               std::uint64_t seed = 1) {
  Run result;
  auto session = runtime::Session::open(device, matrix, options);
  EXPECT_TRUE(session.ok()) << session.status().to_string();
  if (!session.ok()) return result;
  const auto x = runtime::random_inputs(seed, batch, matrix.cols());
  auto product = session->multiply(x, batch);
  EXPECT_TRUE(product.ok()) << product.status().to_string();
  if (!product.ok()) return result;
  result.product = std::move(product).value();
  result.exact = reference(matrix, x, batch);
  result.error = runtime::compare(result.product.y, result.exact);
  result.expected = session->expected_error(x, batch);
  result.programming = session->programming();
  result.multiplying = session->multiplying();
  result.plan = session->plan();
  result.layout = session->layouts().front();
  return result;
}

/// The folder of shared data, or empty.
inline std::string shared_dir() {
  const char* dir = std::getenv("SEDMA_SHARED_DIR");
  return dir != nullptr ? dir : "";
}

}  // namespace sedma::test

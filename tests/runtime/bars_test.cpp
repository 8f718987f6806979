// The figures that the design promises, on real matrices; skipped where the shared data are absent.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>

#include "runtime/matrix_file.h"
#include "support.h"

namespace sedma::runtime {
namespace {

// Relative l2 error of a numpy model of this way of computing on bcsstk02, by material, slices and converter bits (8, 12, none).
struct Bar {
  const char* material;
  double figure[3][3];
};
const Bar bars[] = {{"Ag-aSi", {{1.4e-2, 8.2e-3, 8.1e-3}, {1.2e-2, 7.5e-4, 7.3e-5}, {1.2e-2, 7.5e-4, 8.6e-7}}},
                    {"AlOx-HfO2", {{2.4e-2, 2.1e-2, 2.1e-2}, {1.2e-2, 8.2e-4, 3.3e-4}, {1.2e-2, 7.8e-4, 5.7e-6}}},
                    {"EpiRAM", {{1.2e-2, 5.2e-3, 5.1e-3}, {1.2e-2, 7.0e-4, 6.8e-5}, {1.2e-2, 7.1e-4, 6.8e-7}}},
                    {"TaOx-HfOx", {{3.6e-2, 3.4e-2, 3.4e-2}, {1.2e-2, 1.1e-3, 6.8e-4}, {1.2e-2, 7.2e-4, 1.5e-5}}}};
constexpr int bits[] = {8, 12, 0};

double median_error(const Matrix& matrix, const std::string& uri, std::uint32_t slices) {
  const auto device = test::open_device(uri);
  SessionOptions options;
  options.choice.slices = slices;
  options.choice.passes = 100;
  auto session = Session::open(*device, matrix, options);
  EXPECT_TRUE(session.ok());
  std::vector<double> errors;
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    const auto x = random_inputs(seed, 1, matrix.cols());
    const auto y = session->multiply(x, 1);
    EXPECT_TRUE(y.ok());
    errors.push_back(compare(y->y, test::reference(matrix, x, 1)).relative_l2);
  }
  std::sort(errors.begin(), errors.end());
  return 0.5 * (errors[3] + errors[4]);
}

TEST(Bars, Bcsstk02ReachesTheModelsErrors) {
  if (test::shared_dir().empty()) GTEST_SKIP() << "bcsstk02 lies in the shared data, which is absent";
  const auto matrix = read_matrix(test::shared_dir() + "/data/matrices/bcsstk02.mtx");
  ASSERT_TRUE(matrix.ok());
  std::printf("bcsstk02, 100 passes, C2C on, seed 1, median of 8 inputs: error (bar), then with the transistor and an 8-bit DAC\n");
  for (const Bar& bar : bars)
    for (std::uint32_t k = 0; k < 3; ++k)
      for (int b = 0; b < 3; ++b) {
        const double found =
            median_error(*matrix, fmt::format("emulator:{}?adc_bits={}&dac_bits=0&transistor=off", bar.material, bits[b]), k);
        const double real = median_error(*matrix, fmt::format("emulator:{}?adc_bits={}&dac_bits=8", bar.material, bits[b]), k);
        const double limit = bar.figure[k][b] * (k == 2 && bits[b] == 0 ? 3.0 : 1.3);
        std::printf("%-10s k=%u adc_bits=%-2d %.2e (%.2e)  %.2e\n", bar.material, k, bits[b], found, limit, real);
        EXPECT_LE(found, limit) << bar.material << " slices " << k << " adc_bits " << bits[b];
      }
}

// Root mean square over all outputs of 4 vectors of error / expected standard deviation; outputs without entries must be exact.
double ratio_to_first_principles(const Matrix& matrix, const char* material, std::uint32_t slices) {
  const auto device = test::open_device(fmt::format("emulator:{}", material));
  SessionOptions options;
  options.choice.slices = slices;
  const auto run = test::run(*device, matrix, options, 4);
  double sum = 0;
  std::size_t count = 0;
  for (std::size_t k = 0; k < run.exact.size(); ++k) {
    if (run.expected[k] == 0) {
      EXPECT_EQ(run.product.y[k], run.exact[k]) << k;
      continue;
    }
    sum += std::pow((run.product.y[k] - run.exact[k]) / run.expected[k], 2);
    ++count;
  }
  return std::sqrt(sum / static_cast<double>(count));
}

TEST(Bars, EveryMatrixErrsAsFirstPrinciplesSay) {
  if (test::shared_dir().empty()) GTEST_SKIP() << "the matrices lie in the shared data, which is absent";
  int products = 0, refused = 0;
  for (const auto& entry : std::filesystem::directory_iterator(test::shared_dir() + "/data/matrices")) {
    if (entry.path().extension() != ".mtx") continue;
    const std::string name = entry.path().stem().string();
    const auto matrix = read_matrix(entry.path().string());
    if (!matrix.ok()) {
      EXPECT_EQ(name, "young1c") << matrix.status().to_string();
      EXPECT_NE(matrix.status().message().find("complex"), std::string::npos) << matrix.status().message();
      ++refused;
      continue;
    }
    if (name == "add32") {
      EXPECT_EQ(matrix->nonzeros(), 19848u);
    }
    for (const Bar& bar : bars)
      for (const std::uint32_t slices : {0u, 1u}) {
        const double ratio = ratio_to_first_principles(*matrix, bar.material, slices);
        std::printf("%-14s %-10s slices %u ratio to first principles %.2f\n", name.c_str(), bar.material, slices, ratio);
        EXPECT_GE(ratio, 0.5) << name << " on " << bar.material;
        EXPECT_LE(ratio, 1.5) << name << " on " << bar.material;
      }
    ++products;
  }
  EXPECT_EQ(products, 20);
  EXPECT_EQ(refused, 1);
}

}  // namespace
}  // namespace sedma::runtime

#include <gtest/gtest.h>

#include <vector>

#include "kernels/crossbar.h"
#include "tests/kernels/allocation_count.h"
#include "tests/kernels/product_case.h"
#include "tests/sanitizer.h"

namespace sedma::kernels {
namespace {

using hal::Sense;

TEST(CrossbarAllocation, NoneOnceTheLargestShapeWasSeen) {
  if (testing::sanitized) GTEST_SKIP() << "the sanitizer's operator new does not count";
  for (const Path path : {Path::integer, Path::floating}) {
    for (const bool with_sd : {false, true}) {
      ProductCase big({.batch = 70, .rows = 200, .cols = 130, .path = path, .with_sd = with_sd});
      ProductCase small({.batch = 3, .rows = 20, .cols = 30, .sense = Sense::pair, .path = path, .with_sd = with_sd});
      ProductCase one({.batch = 1, .rows = 200, .cols = 130, .sense = Sense::reference, .path = path});
      ProductCase turned({.batch = 5, .rows = 100, .cols = 90, .transpose = true, .path = path, .with_sd = with_sd});
      std::vector<float> amps(70 * 200);
      ProductScratch scratch;
      const auto run = [&] {
        for (ProductCase* c : {&big, &small, &one, &turned}) {
          c->job.amps = {amps.data(), c->shape.batch, c->outputs()};
          c->job.noise = {0.1, 1e-7};
          crossbar_product(c->job, scratch);
        }
      };
      run();
      const std::size_t before = allocations();
      run();
      EXPECT_EQ(allocations(), before);
    }
  }
  const std::size_t before = allocations();
  const std::vector<int> counted(1);
  EXPECT_EQ(allocations(), before + counted.size());
}

}  // namespace
}  // namespace sedma::kernels

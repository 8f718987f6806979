// Short-term memory: trends of known series, and how soon and how wrongly a change is seen. About 1 s.
#include "runtime/memory/working.h"

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/random.h"

namespace sedma::runtime {
namespace {

Moment moment(double error) {
  Moment result;
  result.vectors = result.checked = 8;
  result.error = error;
  return result;
}
double noise_at(std::uint64_t series, std::uint64_t product) {
  return double{kernels::normals4({series}, kernels::Use::test, static_cast<std::uint32_t>(product), 0)[0]};
}

TEST(WorkingMemory, TrendsOfSeriesWorkedByHand) {
  WorkingMemory memory;
  for (const double error : {1.0, 2.0, 3.0, 100.0, 5.0}) memory.remember(moment(error));
  // Ten pairs: six of them among 1, 2, 3, 5 with slope 1; four with 100, of slopes -95, 97, 49, 33.
  EXPECT_DOUBLE_EQ(memory.error().slope_per_product, 1.0);
  EXPECT_DOUBLE_EQ(memory.error().change, 5.0 / 26.5);
  WorkingMemory still;
  for (int i = 0; i < 250; ++i) still.remember(moment(0.25));
  EXPECT_EQ(still.size(), WorkingMemory::capacity);
  EXPECT_DOUBLE_EQ(still.error().slope_per_product, 0.0);
  EXPECT_NEAR(still.error().level, 0.25, 1e-12);
  EXPECT_NEAR(still.error().change, 1.0, 1e-12);
  EXPECT_FALSE(still.stepped());
}

TEST(WorkingMemory, FalseAlarmsAreRarerThanOneInAThousandProducts) {
  std::uint64_t products = 0, alarms = 0;
  for (std::uint64_t series = 1; series <= 400; ++series) {
    WorkingMemory memory;
    for (std::uint64_t product = 0; product < 200; ++product, ++products) {
      memory.remember(moment(0.01 * std::exp(0.05 * noise_at(series, product))));
      if (!memory.stepped()) continue;
      ++alarms;
      memory.settle();
    }
  }
  EXPECT_LE(alarms * 1000, products);
}

TEST(WorkingMemory, StepsAreFoundInAFewProductsAndSteadyCountsThem) {
  for (const double factor : {1.25, 0.8}) {
    double delay = 0, taken_too_many = 0;
    for (std::uint64_t series = 1; series <= 100; ++series) {
      WorkingMemory memory;
      std::uint64_t product = 0;
      for (; product < 30; ++product) memory.remember(moment(0.01 * std::exp(0.05 * noise_at(series, product))));
      memory.settle();
      for (; product < 60; ++product) memory.remember(moment(0.01 * std::exp(0.05 * noise_at(series, product))));
      while (!memory.stepped() && product < 100) memory.remember(moment(factor * 0.01 * std::exp(0.05 * noise_at(series, product++))));
      delay += static_cast<double>(product - 60) / 100;
      taken_too_many += (static_cast<double>(memory.steady()) - static_cast<double>(product - 60)) / 100;
    }
    EXPECT_LE(delay, 6) << factor;
    EXPECT_LE(std::abs(taken_too_many), 4) << factor;
  }
}

TEST(WorkingMemory, ALeapIsAStepOnlyWhenItIsConfirmed) {
  for (const double factor : {20.0, 0.05}) {
    WorkingMemory memory;
    for (std::uint64_t product = 0; product < 12; ++product) memory.remember(moment(0.01 * (product % 2 == 0 ? 1.05 : 0.95)));
    EXPECT_FALSE(memory.confirm_leap());  // nothing leapt
    EXPECT_FALSE(memory.stepped());
    memory.remember(moment(0.01 * factor));
    EXPECT_FALSE(memory.stepped());  // one product, which may be an odd one
    EXPECT_TRUE(memory.confirm_leap());
    EXPECT_TRUE(memory.stepped());
    EXPECT_EQ(memory.steady(), 1u);
    memory.remember(moment(0.01 * factor));
    EXPECT_EQ(memory.steady(), 2u);
    memory.clear();
    EXPECT_FALSE(memory.confirm_leap());
  }
}

TEST(WorkingMemory, CountsOnlyWhatWasChecked) {
  WorkingMemory memory;
  EXPECT_EQ(memory.off_target(10), 0);
  Moment checked = moment(1);
  checked.off_target = 2;
  memory.remember(checked);
  memory.remember(Moment{});
  EXPECT_DOUBLE_EQ(memory.off_target(2), 0.25);
  EXPECT_DOUBLE_EQ(memory.off_target(1), 0);
  memory.clear();
  EXPECT_EQ(memory.size(), 0u);
}

}  // namespace
}  // namespace sedma::runtime

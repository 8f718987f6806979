// What the kernels do, counted: allocations, passes over memory, pulses. Never time.

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "bench/allocations.h"
#include "bench/page_traffic.h"
#include "bench/product_case.h"
#include "bench/write_case.h"

namespace sedma::bench {
namespace {

std::vector<ProductOptions> all_options() {
  std::vector<ProductOptions> all;
  for (const Path path : {Path::integer, Path::floating})
    for (const Wires wires : {Wires::none, Wires::exact})
      for (const Noise noise : {Noise::level, Noise::constant}) {
        const ProductOptions options{path, wires, noise};
        all.push_back(options);
      }
  return all;
}

std::string title(const ProductOptions& options) {
  return std::string(name(options.path)) + " wires " + std::string(name(options.wires)) + " noise " + std::string(name(options.noise));
}

TEST(Counts, AllocationsAreSeen) {
  const std::uint64_t before = allocations();
  const std::vector<double> some(1000);
  const auto one = std::make_unique<int>(static_cast<int>(some.size()));
  EXPECT_EQ(allocations() - before, 2u) << *one;
}

TEST(Counts, AWarmProductAllocatesNothing) {
  ASSERT_FALSE(all_options().empty());
  for (const ProductOptions& options : all_options()) {
    for (const std::size_t batch : {1u, 64u, 100u}) {
      ProductCase product(96, 80, batch, options);
      product.run();
      const std::uint64_t before = allocations();
      for (int i = 0; i < 3; ++i) product.run();
      EXPECT_EQ(allocations() - before, 0u) << title(options) << " batch " << batch;
    }
  }
}

// The counter itself, on reads whose number is known.
TEST(Counts, PassesOverMemoryAreSeen) {
  const std::size_t pages = 1024;
  std::vector<char> memory((pages + 1) * 4096, 1);
  const auto read = [&](std::size_t from, std::size_t count) {
    long sum = 0;
    for (std::size_t i = from; i < from + count; i += 64) sum += *const_cast<const volatile char*>(&memory[i]);
    return sum;
  };
  PageTraffic traffic({{memory.data(), memory.size()}});
  EXPECT_DOUBLE_EQ(traffic.passes([&] { read(0, memory.size()); }), 1.0);
  EXPECT_DOUBLE_EQ(traffic.passes([&] {
    read(0, memory.size());
    read(0, memory.size());
  }),
                   2.0);
  EXPECT_NEAR(traffic.passes([&] { read(0, memory.size() / 2); }), 0.5, 0.01);
  // 128 pages fit into the window: they are fetched once however often they are read.
  EXPECT_NEAR(traffic.passes([&] {
    for (int i = 0; i < 10; ++i) read(0, std::size_t{128} * 4096);
  }),
              128.0 / 1024, 0.01);
  EXPECT_EQ(traffic.passes([] {}), 0.0);
}

// More than fits the counter's window; wide rows, so that a kernel which works on blocks of columns touches a page once. 5 % for pages at
// the edge of two blocks.
TEST(Counts, AProductReadsItsMatrixAsOftenAsItMust) {
  for (const ProductOptions& options : all_options()) {
    for (const std::size_t batch : {1u, 64u}) {
      ProductCase product(48, 32768, batch, options);
      product.run();
      const std::vector<float> before(product.amps().begin(), product.amps().end());
      PageTraffic traffic(product.matrix());
      const double passes = traffic.passes([&] { product.run(); });
      EXPECT_GE(passes, 0.99) << title(options) << " batch " << batch;
      EXPECT_LE(passes, ProductCase::most_passes(options, batch) * 1.05) << title(options) << " batch " << batch;
      EXPECT_TRUE(std::equal(before.begin(), before.end(), product.amps().begin())) << title(options);
    }
  }
}

struct Written {
  const char* material;
  std::uint64_t pulses, reads;
};

// The pulse law, the random numbers and the stop rule together: a change of any of them shows here.
TEST(Counts, PulsesOfWriteVerifyArePinned) {
  for (const Written& expected : {Written{"TaOx-HfOx", 4746967, 722799}, Written{"Ag-aSi", 2410427, 648170},
                                  Written{"AlOx-HfO2", 1028163, 494725}, Written{"EpiRAM", 8470804, 787180}}) {
    for (const int threads : {1, 2}) {
      WriteCase write(expected.material, 256, 21);
      const auto& totals = write.run(threads);
      EXPECT_EQ(totals.pulses, expected.pulses) << expected.material << " threads " << threads;
      EXPECT_EQ(totals.verify_reads, expected.reads) << expected.material << " threads " << threads;
    }
  }
}

TEST(Counts, CellsAtTheirTargetCostOneReadAndNoPulse) {
  WriteCase write("TaOx-HfOx", 64, 21);
  write.reach_targets();
  const auto& totals = write.run(1);
  EXPECT_EQ(totals.pulses, 0u);
  EXPECT_EQ(totals.verify_reads, 64u * 64);
  EXPECT_EQ(totals.unconverged, 0u);
}

}  // namespace
}  // namespace sedma::bench

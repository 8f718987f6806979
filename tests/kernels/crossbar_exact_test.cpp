// Path::integer: the same bits as plain loops in 64-bit whole numbers, whatever computes them and however the work is cut.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <utility>
#include <vector>

#include "kernels/crossbar.h"
#include "kernels/product_layout.h"
#include "kernels/threads.h"
#include "tests/kernels/product_case.h"

namespace sedma::kernels {
namespace {

using hal::Sense;

// Runs `body` at every instruction set of this machine and puts back the one that was chosen.
template <class Body>
void at_every_isa(Body body) {
  const std::string chosen = isa_name();
  for (const char* name : supported_isas()) {
    ASSERT_TRUE(use_isa(name).ok());
    SCOPED_TRACE(name);
    body();
  }
  ASSERT_TRUE(use_isa(chosen).ok());
}

// Puts back the number of threads.
struct Threads {
  int before = threads();
  ~Threads() { use_threads(before); }
};

CaseShape integer_shape(std::mt19937& generator, unsigned round) {
  CaseShape shape = random_shape(generator, round, {});
  if (round % 3 == 0) shape.batch = 1;
  if (round % 5 == 0) shape.rows = 120 + generator() % 300;  // over several blocks of rows
  shape.with_sd = round % 4 == 1;
  return shape;
}

TEST(CrossbarExact, EqualsThePlainReferenceOverShapesAndInstructionSets) {
  std::mt19937 generator(11);
  for (unsigned round = 0; round < 40; ++round) {
    ProductCase c(integer_shape(generator, round));
    c.job.converters.dac_bits = static_cast<std::uint8_t>(2 + round % 7);
    c.job.converters.adc_bits = static_cast<std::uint8_t>(round % 2 == 0 ? 0 : 2 + generator() % 15);
    if (round % 6 != 0) c.job.noise = {round % 6 == 1 ? 0.0 : 0.05, round % 6 == 2 ? 0.0 : 3e-7};
    c.job.vector = round % 2 == 0 ? 0 : (std::uint64_t{1} << 40);
    const std::vector<float> gain(c.outputs(), 0.01f), offset(c.outputs(), -0.02f);
    if (round % 7 == 0) {
      c.job.adc_gain_error = gain;
      c.job.adc_offset = offset;
    }
    ProductTotals plain;
    const auto expected = c.run(true, &plain);
    ProductTotals first;
    c.run(false, &first);
    at_every_isa([&] {
      ProductTotals totals;
      ASSERT_EQ(c.run(false, &totals), expected) << round;
      EXPECT_EQ(totals.volts_squared, first.volts_squared);
      EXPECT_EQ(totals.volts_squared_conductance, first.volts_squared_conductance);
      EXPECT_NEAR(totals.volts_squared / plain.volts_squared, 1, 1e-6);
      EXPECT_NEAR(totals.volts_squared_conductance / plain.volts_squared_conductance, 1, 1e-6);
      EXPECT_EQ(totals.driven_rows, plain.driven_rows);
      EXPECT_EQ(totals.conversions, plain.conversions);
    });
  }
}

TEST(CrossbarExact, HoweverABatchIsCut) {
  for (const bool with_sd : {false, true}) {
    ProductCase c({.batch = 130, .rows = 151, .cols = 46, .sense = Sense::pair, .row = 1, .col = 3, .with_sd = with_sd});
    c.job.noise = {0.02, 1e-7};
    const auto whole = c.run();
    at_every_isa([&] {
      for (const std::size_t size : {1u, 2u, 5u, 63u, 64u, 65u, 130u}) EXPECT_EQ(c.run_in_parts(size), whole) << size;
    });
  }
}

TEST(CrossbarExact, WhereverTheWindowLies) {
  CaseShape shape{.batch = 3, .rows = 133, .cols = 50, .sense = Sense::reference};
  ProductCase alone(shape);
  alone.job.noise = {0.02, 1e-7};
  const auto expected = alone.run();
  for (const auto& [row, col] : {std::pair{0u, 1u}, {1u, 0u}, {2u, 32u}, {7u, 31u}, {129u, 77u}}) {
    shape.row = row;
    shape.col = col;
    shape.below = row % 3;
    shape.right = col % 5;
    ProductCase moved(shape);
    moved.job.noise = alone.job.noise;
    EXPECT_EQ(moved.run(), expected) << row << " " << col;
  }
}

TEST(CrossbarExact, ForAnyNumberOfThreads) {
  const Threads restore;
  for (const std::size_t batch : {1u, 9u}) {
    for (const Path path : {Path::integer, Path::floating}) {
      for (const bool with_sd : {false, true}) {
        for (const auto& [sense, col] : {std::pair{Sense::pair, 5u}, {Sense::pair, 6u}, {Sense::single, 5u}, {Sense::reference, 1u}}) {
          ProductCase c(
              {.batch = batch, .rows = 517, .cols = 1030, .sense = sense, .path = path, .row = 1, .col = col, .with_sd = with_sd});
          c.job.noise = {0.02, 1e-7};
          use_threads(1);
          ProductTotals one, many;
          const auto expected = c.run(false, &one);
          for (const int count : {2, 7}) {
            use_threads(count);
            EXPECT_EQ(c.run(false, &many), expected) << count;
            EXPECT_EQ(many.volts_squared_conductance, one.volts_squared_conductance);
          }
        }
      }
    }
    ProductCase turned({.batch = batch, .rows = 1030, .cols = 517, .transpose = true, .path = Path::floating});
    turned.job.noise = {0.02, 1e-7};
    use_threads(1);
    const auto expected = turned.run();
    use_threads(2);
    EXPECT_EQ(turned.run(), expected);
  }
}

// The largest sums there are: every entry and every code at the top. 65536 rows fill 512 blocks of 128.
TEST(CrossbarExact, TheLargestSumsDoNotOverflow) {
  constexpr std::size_t rows = 65536, cols = 3;
  ProductMatrix matrix(Path::integer, rows, cols, 1, 1);
  std::vector<float> ones(rows * cols, 1);
  matrix.set(0, 0, {ones.data(), rows, cols});
  matrix.set_sd(0, 0, {ones.data(), rows, cols});
  ProductMatrix without_sd(Path::integer, rows, cols, 1);
  without_sd.set(0, 0, {ones.data(), rows, cols});
  for (const float sign : {1.0f, -1.0f}) {
    std::vector<float> volts(2 * rows, sign * 127), amps(2 * cols), noisy(2 * cols);
    for (const ProductMatrix* m : {&matrix, &without_sd}) {
      for (const std::size_t batch : {1u, 2u}) {
        ProductJob job;
        job.matrix = m;
        job.rows = rows;
        job.cols = cols;
        job.volts = {volts.data(), batch, rows};
        job.amps = {amps.data(), batch, cols};
        job.converters = {8, 0, 127};
        job.key = Key{3};
        at_every_isa([&] {
          ProductScratch scratch;
          job.noise = {};
          job.amps = {amps.data(), batch, cols};
          crossbar_product(job, scratch);
          EXPECT_EQ(amps[0], sign * 127 * rows);
          job.noise = {1, 0};
          job.amps = {noisy.data(), batch, cols};
          crossbar_product(job, scratch);
          const double sd = 127 * 256;  // sqrt(sum of v^2)
          for (std::size_t i = 0; i < batch * cols; ++i) {
            const float z = normals4(job.key, Use::read_noise, 0, i / cols)[i % cols];
            EXPECT_NEAR(noisy[i] - amps[i], sd * static_cast<double>(z), 1e-4 * sd * std::abs(static_cast<double>(z)) + 1) << i;
          }
        });
      }
    }
  }
}

// Blocks of rows whose squares just fit before they lose one more bit, every entry at the top.
TEST(CrossbarExact, SumsOfSquaresAtTheLimitDoNotOverflow) {
  for (const std::uint32_t row : {0u, 1u}) {
    ProductCase c({.batch = 130, .rows = 600, .cols = 34, .row = row, .seed = 5});
    std::fill(c.siemens.begin(), c.siemens.end(), static_cast<float>(case_full_siemens));
    c.set_window();
    for (std::size_t b = 0; b < c.shape.batch; ++b) {
      // The first b rows of every block at the top and the others at 0.
      for (std::size_t i = 0; i < c.shape.rows; ++i) c.volts[b * c.shape.rows + i] = i % 128 < b ? 0.5f : 0.0f;
    }
    c.job.converters.adc_bits = 0;
    c.job.noise = {10, 0};
    EXPECT_EQ(c.run(), c.run(true));
    EXPECT_EQ(c.run_in_parts(1), c.run(true));
  }
}

TEST(CrossbarExact, OneCell) {
  for (const std::size_t batch : {1u, 2u, 3u}) {
    ProductCase c({.batch = batch, .rows = 1, .cols = 1});
    c.job.noise = {0.1, 1e-7};
    EXPECT_EQ(c.run(), c.run(true));
  }
}

}  // namespace
}  // namespace sedma::kernels

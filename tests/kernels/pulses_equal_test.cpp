// write_verify against write_verify_reference: the same bits at every instruction set and for any number of threads.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>
#include <vector>

#include "kernels/threads.h"
#include "tests/kernels/pulses_window.h"

namespace sedma::kernels {
namespace {

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

void expect_same(const WriteTotals& got, const WriteTotals& want) {
  EXPECT_EQ(got.pulses, want.pulses);
  EXPECT_EQ(got.verify_reads, want.verify_reads);
  EXPECT_EQ(got.unconverged, want.unconverged);
  EXPECT_EQ(got.masked, want.masked);
  EXPECT_EQ(got.pulse_joules, want.pulse_joules);
  EXPECT_EQ(got.bit_line_pulses_up, want.bit_line_pulses_up);
  EXPECT_EQ(got.bit_line_pulses_down, want.bit_line_pulses_down);
  EXPECT_EQ(got.word_line_selects, want.word_line_selects);
  EXPECT_EQ(got.pulse_seconds, want.pulse_seconds);
  EXPECT_EQ(got.read_joules, want.read_joules);
  EXPECT_EQ(got.row_reads, want.row_reads);
  EXPECT_EQ(got.conversion_slots, want.conversion_slots);
}

void expect_same(const TestWindow& got, const TestWindow& want) {
  EXPECT_TRUE(same_bits(got.bare, want.bare));
  EXPECT_TRUE(same_bits(got.readback, want.readback));
  EXPECT_TRUE(same_bits(got.pulses, want.pulses));
  EXPECT_TRUE(same_bits(got.outcome, want.outcome));
}

// Start states all over the range, a few beyond it.
void scatter_states(TestWindow& window) {
  const Material& m = window.model.material;
  for (std::size_t i = 0; i < window.bare.size(); ++i) {
    const double u = uniform(philox({99}, Use::test, static_cast<std::uint32_t>(i), 1)[0]);
    window.bare[i] = static_cast<float>(m.g_min_siemens + (1.1 * u - 0.05) * (m.g_max_siemens - m.g_min_siemens));
  }
}

// Configuration number `i`: every option in turn, in changing company.
TestWindow window_of(std::uint32_t i, std::size_t rows, std::size_t cols) {
  const auto word = philox({1234}, Use::test, i, 0);
  const auto bit = [&](unsigned b) { return (word[0] >> b & 1u) != 0; };
  CellModel model = model_of(published_materials()[i % 4]);
  model.cycle_to_cycle = bit(0) || bit(1);
  model.series_ohms = bit(2) ? access_transistor_ohms : 0;
  model.read_noise = bit(3) ? 0.02 : 0;
  model.device_to_device = bit(4) ? 0.3 : 0;
  model.stuck_fraction = bit(5) ? 0.05 : 0;
  TestWindow window(model, rows, cols, i);
  if (bit(6)) scatter_states(window);
  window.job.erase = bit(7);
  window.job.settle = bit(8) ? 0.0f : 3.75f;
  window.job.passes = 1 + word[1] % 30;
  window.job.max_pulses_per_cell = bit(9) ? 1 + word[2] % 60 : 1u << 20;
  window.job.tolerance_siemens *= bit(10) ? 0.25f : 1.0f;
  window.job.step_fraction = bit(11) ? 1.0f : 0.3f;
  window.job.columns_per_adc = 1 + word[3] % 16;
  window.job.ids.event = word[3];
  window.job.ids.first = word[2];
  if (bit(12)) {
    window.mask.resize(rows * cols);
    for (std::size_t c = 0; c < window.mask.size(); ++c)
      window.mask[c] = uniform(philox({5}, Use::test, static_cast<std::uint32_t>(c), i)[0]) < 0.3;
  }
  return window;
}

TEST(WriteVerifyEqual, EveryIsaGivesTheBitsOfTheReference) {
  for (std::uint32_t i = 0; i < 120; ++i) {
    const std::size_t cols = i < 70 ? 1 + i : 37 + 7 * (i - 70);
    const TestWindow start = window_of(i, 3, cols);
    TestWindow want = start;
    const WriteTotals want_totals = want.write_reference();
    for (const char* isa : supported_isas()) {
      ASSERT_TRUE(use_isa(isa).ok());
      SCOPED_TRACE(testing::Message() << isa << " configuration " << i << ", " << cols << " columns");
      TestWindow got = start;
      expect_same(got.write(), want_totals);
      expect_same(got, want);
      if (HasFailure()) break;
    }
    ASSERT_TRUE(use_isa(supported_isas().front()).ok());
    ASSERT_FALSE(HasFailure());
  }
}

// The same bits for every compiler and every version: no rounding here is left to either. A change of the rule changes the number.
TEST(WriteVerifyEqual, BitsAreThoseOfOtherBuilds) {
  std::uint64_t hash = 14695981039346656037ull;  // FNV-1a
  for (std::uint32_t i = 0; i < 16; ++i) {
    TestWindow window = window_of(i, 5, 43);
    window.write();
    for (const std::vector<float>& values : {window.bare, window.readback}) {
      for (const float v : values) hash = (hash ^ std::bit_cast<std::uint32_t>(v)) * 1099511628211ull;
    }
  }
  EXPECT_EQ(hash, 8586466033900359282ull);
}

TEST(WriteVerifyEqual, AnyNumberOfThreadsGivesTheSameBits) {
  const int before = kernels::threads();
  for (std::uint32_t i = 0; i < 8; ++i) {
    const TestWindow start = window_of(200 + i, 301, 257);  // above the size from which threads are used
    TestWindow want = start;
    kernels::use_threads(1);
    const WriteTotals want_totals = want.write();
    for (const int threads : {2, 3, 5}) {
      SCOPED_TRACE(threads);
      kernels::use_threads(threads);
      TestWindow got = start;
      expect_same(got.write(), want_totals);
      expect_same(got, want);
    }
  }
  kernels::use_threads(before);
}

// A window inside a larger array: strides, cell numbers by array row, and nothing beside the window touched.
TEST(WriteVerifyEqual, WindowOfAnArrayWritesItsCellsOnly) {
  const CellModel model = model_of(published_materials()[1]);
  TestWindow whole(model, 40, 50);
  TestWindow part = whole;
  whole.write();
  std::vector<float> array(40 * 64, -1.0f);
  WriteVerify job = part.job;
  for (std::size_t r = 0; r < 40; ++r) std::fill_n(array.begin() + static_cast<std::ptrdiff_t>(r * 64 + 3), 50, part.bare[0]);
  job.bare_siemens = {array.data() + 3, 40, 50, 64};
  job.target_siemens = hal::View<const float>(part.target.data(), 40, 50);
  write_verify(model, job);
  for (std::size_t r = 0; r < 40; ++r) {
    EXPECT_TRUE(std::equal(array.data() + r * 64 + 3, array.data() + r * 64 + 53, whole.bare.data() + r * 50)) << r;
    for (const std::size_t c : {0u, 1u, 2u, 53u, 54u, 63u}) EXPECT_EQ(array[r * 64 + c], -1.0f);
  }
}

// identity=board: the lower half of a window, written alone by its own cell numbers, is what it is in the whole.
TEST(WriteVerifyEqual, CellsDependOnTheirNumbersOnly) {
  CellModel model = model_of(published_materials()[2]);
  model.device_to_device = 0.1;
  TestWindow whole(model, 20, 33);
  TestWindow half(model, 10, 33);
  std::copy(whole.target.begin() + 10 * 33, whole.target.end(), half.target.begin());
  half.job.ids.first = 10 * 33;
  whole.write();
  half.write();
  EXPECT_TRUE(same_bits(half.bare, std::vector<float>(whole.bare.begin() + 10 * 33, whole.bare.end())));
}

TEST(WriteVerifyEqual, EmptyWindowsCostNothing) {
  TestWindow none(model_of(published_materials()[0]), 0, 5);
  EXPECT_EQ(none.write().verify_reads, 0u);
  TestWindow masked(model_of(published_materials()[0]), 2, 20);
  masked.mask.assign(40, 1);
  const WriteTotals totals = masked.write();
  EXPECT_EQ(totals.masked, 40u);
  EXPECT_EQ(totals.verify_reads + totals.pulses + totals.row_reads, 0u);
}

}  // namespace
}  // namespace sedma::kernels

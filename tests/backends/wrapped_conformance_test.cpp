// Wrapping a board leaves it a conforming board.

#include <gtest/gtest.h>

#include "backends/backends.h"
#include "hal/conformance.h"
#include "tests/temporary_directory.h"

namespace sedma::testing {
namespace {

hal::ConformanceReport conformance(const std::string& uri) {
  hal::Registry registry;
  backends::register_all(registry);
  hal::ConformanceOptions options;
  options.pulses = 20'000'000;
  options.read_relative_sigma = 0.01;
  return hal::run_conformance([&] { return registry.open(uri); }, options);
}

void expect_all_pass(const hal::ConformanceReport& report) {
  EXPECT_TRUE(report.passed());
  for (const auto& c : report.cases) {
    const bool absent = c.outcome == hal::ConformanceCase::Outcome::feature_absent;
    EXPECT_TRUE(absent || c.outcome == hal::ConformanceCase::Outcome::passed) << c.name << ": " << c.message;
  }
}

TEST(BackendsConformance, RecordedEmulator) {
  const TemporaryDirectory directory;
  expect_all_pass(conformance("record:emulator:TaOx-HfOx?arrays=4&rows=64&cols=48&read_noise=0.01&record.file=" + (directory / "run.h5")));
}

TEST(BackendsConformance, EmulatorBehindFaultsThatDoNotHappen) {
  expect_all_pass(conformance("faulty:emulator:EpiRAM?arrays=3&rows=40&cols=48&read_noise=0.01&identity=board"));
}

}  // namespace
}  // namespace sedma::testing

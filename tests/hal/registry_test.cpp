#include "hal/registry.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "tests/hal/stub_device.h"

namespace sedma::hal {
namespace {

Result<std::unique_ptr<Device>> open_stub(Uri uri, const Limits& limits, const Registry&) {
  SEDMA_RETURN_IF_ERROR(uri.expect_empty({}));
  return std::unique_ptr<Device>(std::make_unique<StubDevice>(limits));
}

Registry stub_registry() {
  Registry registry;
  EXPECT_TRUE(registry.add({"stub", "a board of the tests", "stub:", open_stub}).ok());
  // A driver that wraps another: the target is a URI itself.
  const auto open_wrapped = [](Uri uri, const Limits& limits, const Registry& all) { return all.open(uri.target(), limits); };
  EXPECT_TRUE(registry.add({"wrap", "another board", "wrap:stub:", open_wrapped}).ok());
  return registry;
}

TEST(Registry, OpensByScheme) {
  const Registry registry = stub_registry();
  const auto device = registry.open("stub:x");
  ASSERT_TRUE(device.ok()) << device.status().to_string();
  EXPECT_EQ((*device)->capabilities().board_id, "stub");
  ASSERT_EQ(registry.drivers().size(), 2u);
  EXPECT_EQ(registry.drivers()[0]->scheme, "stub");
}

TEST(Registry, LimitsReachTheInnermostDevice) {
  Limits limits;
  limits.max_total_pulses = 12;
  const auto device = stub_registry().open("wrap:wrap:stub:x", limits);
  ASSERT_TRUE(device.ok()) << device.status().to_string();
  EXPECT_EQ((*device)->limits().max_total_pulses, 12u);
}

TEST(Registry, SaysWhatItKnows) {
  EXPECT_EQ(stub_registry().open("foo:x").status().to_string(), "invalid_argument: no driver for 'foo'; known: stub, wrap");
  EXPECT_EQ(Registry().open("foo:x").status().message(), "no driver for 'foo'; known: none");
  EXPECT_EQ(stub_registry().open("nothing").status().code(), Code::invalid_argument);
  EXPECT_EQ(stub_registry().open("stub:x?colour=red").status().message(), "unknown option 'colour'; known: none");
}

TEST(Registry, RefusesBadDrivers) {
  Registry registry = stub_registry();
  EXPECT_EQ(registry.add({"stub", "", "", open_stub}).message(), "driver 'stub' is registered already");
  for (const char* scheme : {"", "Stub", "a:b", "1", "a b"}) {
    EXPECT_EQ(registry.add({scheme, "", "", open_stub}).code(), Code::invalid_argument) << scheme;
  }
  EXPECT_EQ(registry.add({"none", "", "", nullptr}).code(), Code::invalid_argument);
  EXPECT_EQ(registry.drivers().size(), 2u);
}

TEST(Registry, RefusesBadLimitsBeforeOpening) {
  Limits limits;
  limits.max_cell_volts = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(stub_registry().open("stub:x", limits).status().code(), Code::invalid_argument);
}

TEST(Registry, ADriverThatThrowsOrOpensNothingIsADefect) {
  Registry registry;
  ASSERT_TRUE(
      registry
          .add({"throws", "", "",
                [](Uri, const Limits&, const Registry&) -> Result<std::unique_ptr<Device>> { throw std::runtime_error("no luck"); }})
          .ok());
  ASSERT_TRUE(registry
                  .add({"empty", "", "",
                        [](Uri, const Limits&, const Registry&) -> Result<std::unique_ptr<Device>> { return std::unique_ptr<Device>(); }})
                  .ok());
  EXPECT_EQ(registry.open("throws:").status().to_string(), "internal: driver 'throws' threw: no luck");
  EXPECT_EQ(registry.open("empty:").status().code(), Code::internal);
}

}  // namespace
}  // namespace sedma::hal

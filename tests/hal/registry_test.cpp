#include "hal/registry.h"

#include <gtest/gtest.h>

#include <limits>
#include <stdexcept>

#include "tests/hal/scripted_device.h"

namespace sedma::hal {
namespace {

Result<std::unique_ptr<Device>> open_scripted(Uri uri, const Limits& limits, const Registry&) {
  SEDMA_RETURN_IF_ERROR(uri.expect_empty({}));
  return std::unique_ptr<Device>(std::make_unique<ScriptedDevice>(limits));
}

Registry scripted_registry() {
  Registry registry;
  EXPECT_TRUE(registry.add({"scripted", "a board of the tests", "scripted:", open_scripted}).ok());
  // A driver that wraps another: the target is a URI itself.
  const auto open_wrapped = [](Uri uri, const Limits& limits, const Registry& all) { return all.open(uri.target(), limits); };
  EXPECT_TRUE(registry.add({"wrap", "another board", "wrap:scripted:", open_wrapped}).ok());
  return registry;
}

TEST(Registry, OpensByScheme) {
  const Registry registry = scripted_registry();
  const auto device = registry.open("scripted:x");
  ASSERT_TRUE(device.ok()) << device.status().to_string();
  EXPECT_EQ((*device)->capabilities().board_id, "scripted");
  ASSERT_EQ(registry.drivers().size(), 2u);
  EXPECT_EQ(registry.drivers()[0]->scheme, "scripted");
}

TEST(Registry, LimitsReachTheInnermostDevice) {
  Limits limits;
  limits.max_total_pulses = 12;
  const auto device = scripted_registry().open("wrap:wrap:scripted:x", limits);
  ASSERT_TRUE(device.ok()) << device.status().to_string();
  EXPECT_EQ((*device)->limits().max_total_pulses, 12u);
}

TEST(Registry, SaysWhatItKnows) {
  EXPECT_EQ(scripted_registry().open("foo:x").status().to_string(), "invalid_argument: no driver for 'foo'; known: scripted, wrap");
  EXPECT_EQ(Registry().open("foo:x").status().message(), "no driver for 'foo'; known: none");
  EXPECT_EQ(scripted_registry().open("nothing").status().code(), Code::invalid_argument);
  EXPECT_EQ(scripted_registry().open("scripted:x?colour=red").status().message(), "unknown option 'colour'; known: none");
}

TEST(Registry, RefusesBadDrivers) {
  Registry registry = scripted_registry();
  EXPECT_EQ(registry.add({"scripted", "", "", open_scripted}).message(), "driver 'scripted' is registered already");
  for (const char* scheme : {"", "Scripted", "a:b", "1", "a b"}) {
    EXPECT_EQ(registry.add({scheme, "", "", open_scripted}).code(), Code::invalid_argument) << scheme;
  }
  EXPECT_EQ(registry.add({"none", "", "", nullptr}).code(), Code::invalid_argument);
  EXPECT_EQ(registry.drivers().size(), 2u);
}

TEST(Registry, RefusesBadLimitsBeforeOpening) {
  Limits limits;
  limits.max_cell_volts = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(scripted_registry().open("scripted:x", limits).status().code(), Code::invalid_argument);
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

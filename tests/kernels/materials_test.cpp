#include "kernels/materials.h"

#include <gtest/gtest.h>

namespace sedma::kernels {
namespace {

TEST(Materials, FourInTableOrder) {
  const auto all = published_materials();
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[0].name, "Ag-aSi");
  EXPECT_EQ(all[1].name, "AlOx-HfO2");
  EXPECT_EQ(all[2].name, "EpiRAM");
  EXPECT_EQ(all[3].name, "TaOx-HfOx");
}

TEST(Materials, NonLinearityLabelsTimesLevels) {
  const Material silver = find_material("Ag-aSi").value();
  EXPECT_DOUBLE_EQ(silver.a_up_pulses, 0.499181 * 97);
  EXPECT_DOUBLE_EQ(silver.a_down_pulses, -0.200303 * 100);
  const Material tantalum = find_material("TaOx-HfOx").value();
  EXPECT_DOUBLE_EQ(tantalum.a_up_pulses, 31.566827 * 128);
  EXPECT_DOUBLE_EQ(tantalum.a_down_pulses, -1.997332 * 128);
}

TEST(Materials, EveryNumberHasItsSignAndOrder) {
  for (const Material& material : published_materials()) {
    EXPECT_GT(material.g_min_siemens, 0) << material.name;
    EXPECT_GT(material.g_max_siemens, material.g_min_siemens) << material.name;
    EXPECT_GT(material.levels_up, 1u) << material.name;
    EXPECT_GT(material.levels_down, 1u) << material.name;
    EXPECT_GT(material.a_up_pulses, 0) << material.name;
    EXPECT_LT(material.a_down_pulses, 0) << material.name;
    EXPECT_GT(material.write_up_volts, material.read_volts) << material.name;
    EXPECT_LT(material.write_down_volts, -material.read_volts) << material.name;
    EXPECT_GT(material.write_width_seconds, material.read_seconds) << material.name;
  }
}

TEST(Materials, FindIgnoresCaseAndListsWhatThereIs) {
  EXPECT_EQ(find_material("taox-HFOX").value().name, "TaOx-HfOx");
  for (const char* name : {"", "TaOx", "TaOx-HfOxx", "unobtainium"}) {
    const auto result = find_material(name);
    ASSERT_FALSE(result.ok()) << name;
    EXPECT_EQ(result.status().code(), Code::invalid_argument);
    EXPECT_NE(result.status().message().find("Ag-aSi, AlOx-HfO2, EpiRAM, TaOx-HfOx"), std::string::npos) << result.status().message();
  }
}

// The published window shrinks through the 15 kOhm transistor: 1 / (1 + G R).
TEST(Materials, TransistorShrinksTheWindow) {
  const auto share = [](const char* name) {
    const double g = find_material(name).value().g_max_siemens;
    return terminal_siemens(g, access_transistor_ohms) / g;
  };
  EXPECT_NEAR(share("AlOx-HfO2"), 0.53, 0.005);
  EXPECT_NEAR(share("TaOx-HfOx"), 0.87, 0.005);
  EXPECT_NEAR(share("EpiRAM"), 0.844, 0.005);
  EXPECT_NEAR(share("Ag-aSi"), 0.9994, 0.0001);
}

TEST(Materials, BareIsTheInverseOfTerminal) {
  for (const Material& material : published_materials()) {
    for (const double g : {material.g_min_siemens, material.g_max_siemens}) {
      EXPECT_NEAR(bare_siemens(terminal_siemens(g, access_transistor_ohms), access_transistor_ohms) / g, 1, 1e-12);
      EXPECT_EQ(terminal_siemens(g, 0), g);
    }
  }
}

}  // namespace
}  // namespace sedma::kernels

// What an emulator URI may say.
#include <gtest/gtest.h>

#include "kernels/materials.h"
#include "tests/backends/emulator_bench.h"

namespace sedma::backends {
namespace {

using namespace emulator_bench;

void expect_refused(const std::string& uri, Code code, const std::vector<std::string>& said) {
  const auto device = try_open(uri);
  ASSERT_FALSE(device.ok()) << uri;
  EXPECT_EQ(device.status().code(), code) << device.status().to_string();
  for (const std::string& text : said) EXPECT_NE(device.status().message().find(text), std::string::npos) << device.status().message();
}

TEST(EmulatorOptions, Defaults) {
  const auto device = open("emulator:TaOx-HfOx");
  const hal::Capabilities& board = device->capabilities();
  EXPECT_EQ(board.board_id, "emulator-TaOx-HfOx-256x256x256-seed1");
  EXPECT_EQ(board.material, "TaOx-HfOx");
  EXPECT_EQ(board.arrays, 256u);
  EXPECT_EQ(board.rows, 256u);
  EXPECT_EQ(board.cols, 256u);
  EXPECT_EQ(board.levels, 128u);
  EXPECT_EQ(board.adc_bits, 8);
  EXPECT_EQ(board.dac_bits, 8);
  EXPECT_EQ(board.cell, hal::Cell::one_t_one_r);
  EXPECT_EQ(board.cell_volts.min, -1.6);
  EXPECT_EQ(board.cell_volts.max, 1.6);
  EXPECT_EQ(board.read_volts.min, -0.5);
  EXPECT_EQ(board.read_volts.max, 0.5);
  EXPECT_EQ(board.width_seconds.max, 50e-9);
  EXPECT_TRUE(board.gate_volts.empty());
  EXPECT_TRUE(board.compliance_amps.empty());
  for (const hal::Feature feature : {hal::Feature::verify_on_board, hal::Feature::parallel_arrays, hal::Feature::transpose,
                                     hal::Feature::deterministic, hal::Feature::raw_pulses, hal::Feature::analog_subtract}) {
    EXPECT_TRUE(board.has(feature));
  }
  for (const hal::Feature feature : {hal::Feature::physical, hal::Feature::measures_energy, hal::Feature::senses_temperature}) {
    EXPECT_FALSE(board.has(feature));
  }
}

TEST(EmulatorOptions, AllAtOnce) {
  const auto device = open(
      "emulator:ag-ASI?arrays=3&rows=10&cols=20&seed=18446744073709551615&adc_bits=0&dac_bits=16&c2c=off&transistor=off&read_noise=0.1"
      "&stuck=0.2&d2d=0.3&lanes=inline&identity=board&adc_joules_per_code=1e-15&adc_seconds_per_bit=2e-9&columns_per_adc=4"
      "&dac_joules_per_code=3e-15&wire_farads=4e-16");
  EXPECT_EQ(device->capabilities().board_id, "emulator-Ag-aSi-10x20x3-seed18446744073709551615");
  EXPECT_EQ(device->capabilities().levels, 97u);
  EXPECT_EQ(device->capabilities().erase_pulses, 100u) << "down takes more pulses than up";
  EXPECT_EQ(device->capabilities().cell, hal::Cell::one_r);
  EXPECT_EQ(device->capabilities().adc_bits, 0);
  const auto a = assumptions(*device);
  ASSERT_TRUE(a.has_value());
  EXPECT_EQ(a->adc_joules_per_code, 1e-15);
  EXPECT_EQ(a->adc_joules, 0) << "an ideal converter is free";
  EXPECT_EQ(a->adc_seconds, 0);
  EXPECT_EQ(a->columns_per_adc, 4u);
  EXPECT_DOUBLE_EQ(a->dac_joules, 3e-15 * 65536);
  EXPECT_EQ(a->wire_farads, 4e-16);
  EXPECT_EQ(a->transistor_ohms, 0);
  EXPECT_EQ(a->write_width_seconds, 300e-6);
  EXPECT_FALSE(a->cycle_to_cycle);
  EXPECT_EQ(a->read_noise, 0.1);
  EXPECT_EQ(a->stuck_fraction, 0.2);
  EXPECT_EQ(a->device_to_device, 0.3);
  EXPECT_EQ(a->identity, "board");
  EXPECT_EQ(a->seed, UINT64_MAX);
}

TEST(EmulatorOptions, ABoardWithReadNoiseIsNotDeterministic) {
  const auto deterministic = [](const char* options) {
    return open(std::string("emulator:EpiRAM?arrays=1&") + options)->capabilities().has(hal::Feature::deterministic);
  };
  EXPECT_TRUE(deterministic("identity=board"));
  EXPECT_TRUE(deterministic("read_noise=0.1"));
  EXPECT_FALSE(deterministic("read_noise=0.1&identity=board"));
}

TEST(EmulatorOptions, ConvertersOfEightBits) {
  const auto a = assumptions(*open("emulator:EpiRAM?arrays=1"));
  ASSERT_TRUE(a.has_value());
  EXPECT_DOUBLE_EQ(a->adc_joules, 25e-15 * 256);
  EXPECT_DOUBLE_EQ(a->adc_seconds, 8e-9);
  EXPECT_DOUBLE_EQ(a->dac_joules, 10e-15 * 256);
  EXPECT_EQ(a->transistor_ohms, 15e3);
  EXPECT_EQ(a->identity, "tile");
}

TEST(EmulatorOptions, ResponseIsPublishedUnlessTheUriSaysOtherwise) {
  for (const kernels::Material& material : kernels::published_materials()) {
    const std::string uri = "emulator:" + std::string(material.name) + "?arrays=1";
    const auto published = assumptions(*open(uri)), own = assumptions(*open(uri + "&c2c_scale=1.4&nonlinearity=1.5"));
    EXPECT_EQ(published->sigma_c2c, material.sigma_c2c);
    EXPECT_EQ(published->nonlinearity, 1);
    EXPECT_DOUBLE_EQ(own->sigma_c2c, 1.4 * material.sigma_c2c);
    EXPECT_EQ(own->nonlinearity, 1.5);
    EXPECT_EQ(assumptions(*open(uri + "&c2c=off"))->sigma_c2c, 0);
  }
  expect_refused("emulator:EpiRAM?c2c=off&c2c_scale=0.1", Code::invalid_argument, {"c2c_scale=0.1", "c2c=off"});
}

TEST(EmulatorOptions, UnknownNamesListWhatThereIs) {
  expect_refused("emulator:HfO2", Code::invalid_argument, {"'HfO2'", "Ag-aSi, AlOx-HfO2, EpiRAM, TaOx-HfOx"});
  expect_refused("emulator:", Code::invalid_argument, {"AlOx-HfO2"});
  expect_refused("emulator:EpiRAM?colour=red", Code::invalid_argument, {"'colour'", "adc_bits", "wire_farads"});
}

TEST(EmulatorOptions, ValuesOutOfRangeAreNamed) {
  const std::pair<const char*, const char*> cases[] = {{"arrays=0", "[1, 65536]"},
                                                       {"arrays=65537", "[1, 65536]"},
                                                       {"rows=0", "[1, 65536]"},
                                                       {"cols=-1", "[1, 65536]"},
                                                       {"seed=x", "[0,"},
                                                       {"adc_bits=17", "[0, 16]"},
                                                       {"dac_bits=-1", "[0, 16]"},
                                                       {"adc_bits=1", "2 to 16"},
                                                       {"dac_bits=1", "2 to 16"},
                                                       {"read_noise=1.1", "[0, 1]"},
                                                       {"read_noise=nan", "[0, 1]"},
                                                       {"stuck=-0.1", "[0, 1]"},
                                                       {"d2d=inf", "[0, 1]"},
                                                       {"c2c=yes", "on or off"},
                                                       {"c2c_scale=5", "[0, 4]"},
                                                       {"nonlinearity=0", "[0.1, 3]"},
                                                       {"transistor=1", "on or off"},
                                                       {"lanes=many", "inline, threads"},
                                                       {"identity=cell", "tile, board"},
                                                       {"columns_per_adc=0", "[1,"},
                                                       {"wire_farads=-1", "[0, 1]"},
                                                       {"adc_joules_per_code=2", "[0, 1]"},
                                                       {"rows=", "[1, 65536]"},
                                                       {"seed=18446744073709551616", "[0,"}};
  for (const auto& [option, accepted] : cases) {
    const std::string text(option);
    expect_refused("emulator:TaOx-HfOx?" + text, Code::invalid_argument, {text.substr(0, text.find('=')), accepted});
  }
}

// The board may be larger than the memory, because arrays are made when they are written.
TEST(EmulatorOptions, LargeBoardsOpenAtOnce) {
  const auto device = open("emulator:TaOx-HfOx?arrays=65536&rows=1024&cols=1024");
  const auto cells = read(*device, {65535, 1000, 1000, 2, 2});
  for (const float siemens : cells) EXPECT_NEAR(siemens / device->capabilities().g_min_siemens, 1, 1e-6);
}

TEST(EmulatorOptions, AssumptionsOfOtherDevicesAreUnknown) {
  class Wrapped final : public hal::Device {
   public:
    Wrapped() : hal::Device(hal::Capabilities{}, hal::Limits{}) {}
    void cancel() override {}

   private:
    Result<std::unique_ptr<hal::Operation>> do_submit(const hal::Command&, hal::Clock::time_point) override {
      return Status(Code::unavailable, "nothing");
    }
  };
  EXPECT_FALSE(assumptions(Wrapped()).has_value());
}

TEST(EmulatorOptions, TransistorShrinksTheWindowOfEveryMaterial) {
  const std::pair<const char*, double> shares[] = {{"Ag-aSi", 0.9994}, {"AlOx-HfO2", 0.53}, {"EpiRAM", 0.844}, {"TaOx-HfOx", 0.87}};
  for (const auto& [name, share] : shares) {
    const kernels::Material material = kernels::find_material(name).value();
    const auto with = open(std::string("emulator:") + name + "?arrays=1&rows=2&cols=2&c2c=off");
    const auto without = open(std::string("emulator:") + name + "?arrays=1&rows=2&cols=2&c2c=off&transistor=off");
    EXPECT_NEAR(with->capabilities().g_max_siemens / material.g_max_siemens, share, 0.005) << name;
    EXPECT_DOUBLE_EQ(without->capabilities().g_max_siemens, material.g_max_siemens) << name;
    EXPECT_DOUBLE_EQ(without->capabilities().g_min_siemens, material.g_min_siemens) << name;
    EXPECT_EQ(with->capabilities().levels, std::min(material.levels_up, material.levels_down)) << name;
    // A cell driven to the top is read at the top of the window.
    for (const auto& device : {with.get(), without.get()}) {
      pulse(*device, {0, 0, 0, 2, 2}, 2000);
      for (const float siemens : read(*device, {0, 0, 0, 2, 2})) {
        EXPECT_NEAR(siemens / device->capabilities().g_max_siemens, 1, 1e-6) << name;
      }
    }
  }
}

}  // namespace
}  // namespace sedma::backends

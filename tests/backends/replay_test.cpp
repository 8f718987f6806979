// Recording and replay: what came out comes out again, and nothing else does.

#include "backends/replay/replay.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "backends/backends.h"
#include "backends/faulty/faulty.h"
#include "backends/replay/record.h"
#include "calibration/hdf5.h"
#include "tests/hal/tiny_device.h"
#include "tests/temporary_directory.h"

namespace sedma::testing {
namespace {

using namespace std::chrono_literals;

hal::Registry registry(const TinyOptions& tiny = {}) {
  hal::Registry r;
  backends::register_all(r);
  EXPECT_TRUE(r.add(tiny_driver(tiny)).ok());
  return r;
}

std::unique_ptr<hal::Device> open(const std::string& uri, const TinyOptions& tiny = {}, const hal::Limits& limits = {}) {
  auto device = registry(tiny).open(uri, limits);
  EXPECT_TRUE(device.ok()) << device.status().to_string();
  return device.ok() ? std::move(*device) : nullptr;
}

/// One of each command on an array, with its outputs.
struct Session {
  std::vector<float> target = std::vector<float>(6, 6e-6f), readback = std::vector<float>(6), siemens = std::vector<float>(24);
  std::vector<float> volts = std::vector<float>(6, 0.2f), amps = std::vector<float>(4), scale = {1e-5f};
  std::vector<std::int32_t> counts = {1, 0, -2, 3, 0, 1};
  std::vector<std::uint32_t> pulses = std::vector<std::uint32_t>(6);
  std::vector<hal::Outcome> outcome = std::vector<hal::Outcome>(6, hal::Outcome::masked);
  std::vector<hal::Reading> readings;
  std::vector<Result<hal::Completion>> results;

  hal::Program program(std::uint32_t array) {
    hal::Program p;
    p.array = {array};
    p.siemens = {target.data(), 3, 2};
    p.row = 2;
    p.tolerance_siemens = 2e-7f;
    p.passes = 30;
    p.max_pulses_per_cell = 200;
    p.readback_siemens = {readback.data(), 3, 2};
    p.pulses = {pulses.data(), 3, 2};
    p.outcome = {outcome.data(), 3, 2};
    return p;
  }
  hal::Read read(std::uint32_t array) {
    hal::Read r;
    r.array = {array};
    r.siemens = {siemens.data(), 6, 2, 4};
    r.row = 2;
    r.rows = 3;
    r.cols = 2;
    r.volts = 0.3;
    r.repeats = 2;
    return r;
  }
  hal::Mvm mvm(std::uint32_t array) {
    hal::Mvm m;
    m.array = {array};
    m.row = 2;
    m.rows = 3;
    m.cols = 2;
    m.volts = {volts.data(), 2, 3};
    m.amps = {amps.data(), 2, 2};
    m.full_scale_amps = scale;
    return m;
  }
  void run(hal::Device& device, std::uint32_t array = 1) {
    const hal::Pulse pulse{{array}, {counts.data(), 3, 2}, 2, 0, {1.5f, 0, 1e-7f, 0}, {-1.5f, 0, 1e-7f, 0}};
    for (const hal::Command& command : {hal::Command(program(array)), hal::Command(pulse), hal::Command(read(array)),
                                        hal::Command(mvm(array)), hal::Command(hal::Idle{0.5}), hal::Command(hal::SelfTest{&readings})})
      results.push_back(device.run(command, 10s));
  }
};

void expect_same(const Session& a, const Session& b) {
  EXPECT_EQ(a.readback, b.readback);
  EXPECT_EQ(a.siemens, b.siemens);
  EXPECT_EQ(a.amps, b.amps);
  EXPECT_EQ(a.pulses, b.pulses);
  EXPECT_EQ(a.outcome, b.outcome);
  ASSERT_EQ(a.readings.size(), b.readings.size());
  for (std::size_t i = 0; i < a.readings.size(); ++i) EXPECT_EQ(a.readings[i].name, b.readings[i].name);
  ASSERT_EQ(a.results.size(), b.results.size());
  for (std::size_t i = 0; i < a.results.size(); ++i) {
    ASSERT_EQ(a.results[i].status().to_string(), b.results[i].status().to_string());
    if (!a.results[i].ok()) continue;
    const hal::Stats &s = a.results[i]->stats, &t = b.results[i]->stats;
    EXPECT_EQ(s.seconds, t.seconds);
    EXPECT_EQ(s.joules.total(), t.joules.total());
    EXPECT_EQ(s.pulses, t.pulses);
    EXPECT_EQ(s.conversions, t.conversions);
    EXPECT_EQ(s.device_time_seconds, t.device_time_seconds);
    EXPECT_EQ(s.begin_utc_ns, t.begin_utc_ns);
    EXPECT_EQ(a.results[i]->unconverged, b.results[i]->unconverged);
    EXPECT_EQ(std::isnan(a.results[i]->temperature_kelvin), std::isnan(b.results[i]->temperature_kelvin));
  }
}

TEST(Replay, AnswersAsRecorded) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  Session recorded, replayed;
  TinyOptions tiny;
  tiny.read_noise = 0.05;
  recorded.run(*open("record:tiny:?record.file=" + file, tiny));
  for (const auto& result : recorded.results) EXPECT_TRUE(result.ok()) << result.status().to_string();
  const auto device = open("replay:" + file);
  ASSERT_NE(device, nullptr);
  EXPECT_EQ(device->capabilities().board_id, "tiny");
  EXPECT_EQ(device->capabilities().features, TinyOptions().features);
  EXPECT_EQ(device->capabilities().g_max_siemens, 1e-5);
  EXPECT_EQ(device->capabilities().cell_volts.min, -1.5);
  EXPECT_TRUE(device->capabilities().gate_volts.empty());
  replayed.run(*device);
  expect_same(recorded, replayed);
  EXPECT_NE(recorded.siemens[0], recorded.siemens[12]);  // noise, recorded
}

TEST(Replay, OutputsThatOnlyTheReplayAsksForAreThere) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  Session recorded, replayed;
  hal::Program without = recorded.program(1);
  without.readback_siemens = {};
  without.pulses = {};
  without.outcome = {};
  ASSERT_TRUE(open("record:tiny:?record.file=" + file)->run(without).ok());
  ASSERT_TRUE(open("replay:" + file)->run(replayed.program(1)).ok());
  EXPECT_NEAR(replayed.readback[0], 6e-6, 2e-7);
  EXPECT_GT(replayed.pulses[0], 0u);
  EXPECT_EQ(replayed.outcome[0], hal::Outcome::converged);
}

TEST(Replay, OrderIsKeptPerArrayAndFreeAcrossArrays) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  Session first, second;
  {
    const auto device = open("record:tiny:?record.file=" + file);
    first.run(*device, 0);
    second.run(*device, 2);
  }
  Session first_again, second_again;
  const auto device = open("replay:" + file);
  second_again.run(*device, 2);  // the other way round
  first_again.run(*device, 0);
  EXPECT_EQ(first.amps, first_again.amps);
  EXPECT_EQ(second.siemens, second_again.siemens);
  for (const auto& result : first_again.results) EXPECT_TRUE(result.ok()) << result.status().to_string();
}

TEST(Replay, ADifferentCommandIsNamedAndTheRightOneStillAnswered) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  Session s;
  {
    const auto device = open("record:tiny:?record.file=" + file);
    ASSERT_TRUE(device->run(s.read(0)).ok());
    ASSERT_TRUE(device->run(s.mvm(1)).ok());
  }
  const auto device = open("replay:" + file);
  const Status kind = device->run(s.program(1)).status();
  EXPECT_EQ(kind.code(), Code::invalid_argument);
  EXPECT_NE(kind.message().find("command 1"), std::string::npos) << kind.message();
  EXPECT_NE(kind.message().find("recorded as mvm"), std::string::npos) << kind.message();
  EXPECT_NE(kind.message().find("asked is program"), std::string::npos) << kind.message();
  s.volts[4] = 0.1f;
  const Status inputs = device->run(s.mvm(1)).status();
  EXPECT_EQ(inputs.code(), Code::invalid_argument);
  EXPECT_NE(inputs.message().find("other inputs"), std::string::npos) << inputs.message();
  s.volts[4] = 0.2f;
  EXPECT_TRUE(device->run(s.mvm(1)).ok());
  const Status end = device->run(s.mvm(1)).status();
  EXPECT_EQ(end.code(), Code::unavailable);
  EXPECT_NE(end.message().find("ended after 1 commands"), std::string::npos) << end.message();
  EXPECT_EQ(device->run(s.mvm(2)).status().code(), Code::unavailable);
}

TEST(Replay, EveryInputIsPartOfTheHash) {
  Session s;
  std::vector<std::uint8_t> mask(6, 0);
  const auto base = backends::replay::fingerprint(s.mvm(1), 4);
  const auto differs = [&](auto command, auto change) {
    const auto before = backends::replay::fingerprint(command, 4);
    change(command);
    EXPECT_NE(backends::replay::fingerprint(command, 4).hash, before.hash);
  };
  differs(s.mvm(1), [](hal::Mvm& m) { m.row = 1; });
  differs(s.mvm(1), [](hal::Mvm& m) { m.stream = 1; });
  differs(s.mvm(1), [](hal::Mvm& m) { m.vector = 1; });
  differs(s.mvm(1), [](hal::Mvm& m) { m.sense = hal::Sense::pair; });
  differs(s.mvm(1), [](hal::Mvm& m) { m.transpose = true; });
  differs(s.mvm(1), [](hal::Mvm& m) { m.full_scale_amps = {}; });
  differs(s.program(1), [](hal::Program& p) { p.erase = true; });
  differs(s.program(1), [](hal::Program& p) { p.tolerance_siemens *= 2; });
  differs(s.program(1), [](hal::Program& p) { p.schedule.step_fraction = 0.5f; });
  differs(s.program(1), [&](hal::Program& p) { p.mask = {mask.data(), 3, 2}; });
  differs(s.read(1), [](hal::Read& r) { r.volts = 0.1; });
  differs(s.read(1), [](hal::Read& r) { r.discard = 1; });
  differs(s.read(1), [](hal::Read& r) { r.interval_seconds = 1; });
  differs(hal::Idle{1}, [](hal::Idle& i) { i.seconds = 2; });
  hal::Mvm strided = s.mvm(1);  // the layout in memory is no input
  std::vector<float> wide = {0.2f, 0.2f, 0.2f, 9, 0.2f, 0.2f, 0.2f, 9};
  strided.volts = {wide.data(), 2, 3, 4};
  EXPECT_EQ(backends::replay::fingerprint(strided, 4).hash, base.hash);
  EXPECT_EQ(base.lane, 1u);
  EXPECT_EQ(backends::replay::fingerprint(hal::Idle{1}, 4).lane, 4u);
}

TEST(Replay, FailuresAndRefusalsAreRecordedToo) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  const std::string uri =
      "record:faulty:tiny:?fault.error=0.3&fault.garbage=0.2&fault.hang=0.1&fault.lost_after=40&fault.seed=5&record.file=" + file;
  const auto statuses = [](hal::Device& device) {
    std::vector<std::string> all;
    for (std::uint32_t i = 0; i < 45; ++i) {
      Session s;
      all.emplace_back(name(device.run(s.read(i % 3), 20ms).status().code()));
    }
    return all;
  };
  const std::vector<std::string> recorded = statuses(*open(uri));
  EXPECT_EQ(recorded[44], "unavailable");
  for (const char* kind : {"ok", "device_fault", "data_corrupt", "deadline_exceeded"})
    EXPECT_NE(std::find(recorded.begin(), recorded.end(), kind), recorded.end()) << kind;
  EXPECT_EQ(statuses(*open("replay:" + file)), recorded);
}

TEST(Replay, FlushWritesWhileOpenAndAgainAtTheEnd) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  Session s;
  auto device = open("record:tiny:?record.file=" + file);
  EXPECT_FALSE(std::filesystem::exists(file));
  auto* recording = dynamic_cast<backends::RecordingDevice*>(device.get());
  ASSERT_NE(recording, nullptr);
  ASSERT_TRUE(recording->flush().ok());  // nothing yet
  EXPECT_EQ(open("replay:" + file)->run(s.read(0)).status().code(), Code::unavailable);
  ASSERT_TRUE(device->run(s.read(0)).ok());
  ASSERT_TRUE(recording->flush().ok());
  EXPECT_TRUE(open("replay:" + file)->run(s.read(0)).ok());
  ASSERT_TRUE(device->run(s.mvm(0)).ok());
  device.reset();
  const auto replay = open("replay:" + file);
  EXPECT_TRUE(replay->run(s.read(0)).ok());
  EXPECT_TRUE(replay->run(s.mvm(0)).ok());
  EXPECT_EQ(directory.names(), (std::vector<std::string>{"run.h5"}));
}

TEST(Replay, OutputsAreCopiedBeforeACancelReturns) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  Session s;
  ASSERT_TRUE(open("tiny:")->run(s.mvm(0)).ok());
  const std::vector<float> right = s.amps;
  {
    const auto device = open("record:tiny:?record.file=" + file);  // inline: over when submitted
    auto pending = device->submit(s.mvm(0));
    ASSERT_TRUE(pending.ok());
    device->cancel();
    std::fill(s.amps.begin(), s.amps.end(), 42.0f);  // the caller's again
    ASSERT_TRUE(pending->wait(10s).ok());
    auto dropped = device->submit(s.read(0));
    ASSERT_TRUE(dropped.ok());
  }
  const auto replay = open("replay:" + file);
  ASSERT_TRUE(replay->run(s.mvm(0)).ok());
  EXPECT_EQ(s.amps, right);
}

TEST(Replay, ConcurrentRecordingReplays) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  TinyOptions tiny;
  tiny.threads = 2;
  const auto work = [](hal::Device& device, std::vector<float>& amps) {
    std::vector<std::thread> threads;
    std::vector<std::vector<float>> all(3);
    for (std::uint32_t array = 0; array < 3; ++array)
      threads.emplace_back([&, array] {
        Session s;
        for (int i = 0; i < 20; ++i) {
          s.volts[0] = 0.01f * static_cast<float>(i);
          if (!device.run(s.mvm(array)).ok()) s.amps[0] = -1;
          all[array].insert(all[array].end(), s.amps.begin(), s.amps.end());
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (const auto& each : all) amps.insert(amps.end(), each.begin(), each.end());
  };
  std::vector<float> recorded, replayed;
  work(*open("record:tiny:?record.file=" + file, tiny), recorded);
  work(*open("replay:" + file), replayed);
  EXPECT_EQ(recorded, replayed);
  EXPECT_EQ(std::count(recorded.begin(), recorded.end(), -1.0f), 0);
}

TEST(Replay, LimitsAreRecordedAndTightened) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  hal::Limits limits;
  limits.max_total_pulses = (std::uint64_t{1} << 60) + 1;  // more digits than a double has
  limits.max_read_volts = 0.31;
  limits.max_pulses_per_cell = 1000;
  Session s, t;
  s.run(*open("record:tiny:?record.file=" + file, {}, limits));
  hal::Limits tighter;
  tighter.max_read_volts = 0.25;
  const auto device = open("replay:" + file, {}, tighter);
  EXPECT_EQ(device->limits().max_total_pulses, limits.max_total_pulses);
  EXPECT_EQ(device->limits().max_pulses_per_cell, limits.max_pulses_per_cell);
  EXPECT_EQ(device->run(s.read(1)).status().code(), Code::out_of_range);
  t.run(*open("replay:" + file));
  expect_same(s, t);
}

TEST(Replay, DamagedAndForeignFilesAreDataCorrupt) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  Session s;
  s.run(*open("record:tiny:?record.file=" + file));
  std::ifstream in(file, std::ios::binary);
  const std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  const auto code = [&](const std::string& uri) { return registry().open(uri).status().code(); };
  EXPECT_EQ(code("replay:" + (directory / "absent.h5")), Code::unavailable);
  EXPECT_EQ(code("replay:" + directory.put("text.h5", "not a recording at all")), Code::data_corrupt);
  EXPECT_EQ(code("replay:" + directory.put("half.h5", std::string_view(bytes).substr(0, bytes.size() / 2))), Code::data_corrupt);
  for (std::size_t at = 600; at < bytes.size(); at += bytes.size() / 40) {
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    EXPECT_EQ(code("replay:" + directory.put("damaged.h5", damaged)), Code::data_corrupt) << at;
  }
  const std::string other = directory / "other.h5";
  auto writer = calibration::hdf5::Writer::create(other, true);
  ASSERT_TRUE(writer.ok());
  ASSERT_TRUE(writer->number_attribute("/", "version", 1).ok());
  ASSERT_TRUE(writer->commit().ok());
  EXPECT_EQ(code("replay:" + other), Code::data_corrupt);
  EXPECT_EQ(code("replay:" + file + "?speed=2"), Code::invalid_argument);
}

TEST(Replay, SealedFilesWithImpossibleContentsAreDataCorrupt) {
  const TemporaryDirectory directory;
  const std::string file = directory / "run.h5";
  backends::replay::Recording recording;
  recording.capabilities = TinyDevice(TinyOptions{}).capabilities();
  recording.entries.resize(1);
  recording.entries[0].print.kind = 9;
  ASSERT_TRUE(backends::replay::save(recording, file).ok());
  EXPECT_EQ(backends::replay::load(file).status().code(), Code::data_corrupt);
  recording.entries[0].print.kind = 3;
  recording.entries[0].print.lane = 77;
  ASSERT_TRUE(backends::replay::save(recording, file).ok());
  EXPECT_EQ(backends::replay::load(file).status().code(), Code::data_corrupt);
  Session s;
  recording.entries[0].print = backends::replay::fingerprint(s.mvm(1), recording.capabilities.arrays);
  recording.entries[0].outputs.resize(3);  // too few for this product
  ASSERT_TRUE(backends::replay::save(recording, file).ok());
  std::fill(s.amps.begin(), s.amps.end(), 42.0f);
  EXPECT_EQ(open("replay:" + file)->run(s.mvm(1)).status().code(), Code::data_corrupt);
  EXPECT_EQ(s.amps[0], 42.0f);
}

TEST(Record, OptionsAndDirectoryAreCheckedAtOnce) {
  const TemporaryDirectory directory;
  const auto code = [&](const std::string& uri) { return registry().open(uri).status().code(); };
  EXPECT_EQ(code("record:tiny:"), Code::invalid_argument);
  EXPECT_EQ(code("record:tiny:?record.file=x.h5&record.speed=2"), Code::invalid_argument);
  EXPECT_EQ(code("record:tiny:?record.file=" + (directory / "absent/run.h5")), Code::unavailable);
  EXPECT_EQ(code("record:tiny:?speed=2&record.file=" + (directory / "run.h5")), Code::invalid_argument);
  EXPECT_TRUE(directory.names().empty());
}

}  // namespace
}  // namespace sedma::testing
